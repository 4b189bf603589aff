"""When to try again: the promise to the businesses, and its bounds whatever a vendor says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svyazka.engine.rules.retry import (
    DAY,
    DEFAULT_POLICY,
    HOUR,
    MINUTE,
    THROTTLED,
    RetryPolicy,
    next_delay,
    parse_retry_after,
    sweep_delay,
)

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
CHANCE = st.floats(0, 1, exclude_max=True)
CODES = st.sampled_from(["500", "timeout", "429", "not_connected"])


def schedule(policy: RetryPolicy = DEFAULT_POLICY, chance: float = 0.5) -> list[float]:
    """Seconds since the first failure at which every further attempt is made."""
    times, elapsed, failures = [], 0.0, 1
    while (delay := next_delay(failures, elapsed, "500", policy=policy, chance=chance)) is not None:
        elapsed += delay
        failures += 1
        times.append(elapsed)
    return times


def test_the_promise_30_s_then_5_10_15_minutes_every_15_to_6_hours_then_hourly_to_7_days() -> None:
    times = schedule()
    gaps = [round(b - a) for a, b in zip([0.0, *times], times, strict=False)]
    assert gaps[:4] == [30, 300, 600, 900]
    early = [gap for gap, time in zip(gaps, times, strict=True) if 900 < time <= 6 * HOUR]
    assert set(early[1:]) == {900}
    assert set(gaps[len([t for t in times if t <= 6 * HOUR]) + 1 : -1]) == {3600}
    assert times[-1] == 7 * DAY
    assert 150 < len(times) < 200


@given(st.integers(1, 500), st.floats(0, 8 * DAY), CODES, st.none() | st.floats(0, 400 * DAY), CHANCE)
def test_a_delay_keeps_its_bounds(
    failures: int, elapsed: float, code: str, retry_after: float | None, chance: float
) -> None:
    policy = DEFAULT_POLICY
    delay = next_delay(failures, elapsed, code, retry_after, policy, chance)
    if elapsed >= policy.horizon:
        assert delay is None
        return
    assert delay is not None
    left = max(policy.horizon - elapsed, 1.0)
    assert 0 < delay <= left
    if delay < left:
        least = 0.8 * min(*policy.delays, policy.steady, policy.slow)
        assert delay >= least
        if code in THROTTLED:
            assert delay >= MINUTE
        if retry_after:
            assert delay >= min(retry_after, policy.longest_wait)
    assert delay <= policy.longest_wait + 0.2 * MINUTE


@given(st.integers(1, 60), CHANCE, CHANCE)
def test_jitter_is_a_fifth_to_either_side_and_chance_decides_it(failures: int, one: float, other: float) -> None:
    middle = next_delay(failures, 0, "500", chance=0.5)
    assert middle is not None
    delays = [next_delay(failures, 0, "500", chance=chance) for chance in (one, other)]
    assert all(delay is not None and 0.8 * middle <= delay <= 1.2 * middle for delay in delays)
    if one < other:
        assert delays[0] <= delays[1]  # type: ignore[operator]


@given(CHANCE)
def test_whatever_chance_says_it_goes_on_to_the_horizon_and_not_past_it(chance: float) -> None:
    times = schedule(chance=chance)
    assert times[-1] == pytest.approx(7 * DAY)
    assert all(a < b for a, b in pairwise(times))


@pytest.mark.parametrize("code", sorted(THROTTLED))
def test_after_429_and_time_outs_at_least_a_minute_passes(code: str) -> None:
    assert next_delay(1, 0, code, chance=0.0) == MINUTE
    assert next_delay(2, 0, code, chance=0.5) == 5 * MINUTE


def test_what_a_vendor_asks_for_is_never_undercut_and_spread_a_little() -> None:
    assert next_delay(1, 0, "429", retry_after=600, chance=0.0) == 600
    spread = next_delay(1, 0, "429", retry_after=600, chance=0.99)
    assert spread is not None
    assert 600 < spread <= 612


def test_a_vendor_is_believed_up_to_a_day() -> None:
    assert next_delay(1, 0, "429", retry_after=30 * DAY, chance=0.0) == DAY


def test_a_connections_own_delays_take_the_place_of_the_houses() -> None:
    own = RetryPolicy(delays=(60.0, 120.0), horizon=HOUR)
    assert [next_delay(n, 0, "500", policy=own) for n in (1, 2)] == [60, 120]
    assert next_delay(3, HOUR, "500", policy=own) is None
    assert schedule(own)[-1] == HOUR


# Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0), (" 7 ", 7.0), ("1.5", 1.5), ("0", 0.0), (None, None), ("", None), ("-5", None), ("soon", None),
        ("nan", None), ("inf", None), ("99999999999", None), ("Sat, 14 Mar 2026 12:02:00 GMT", 120.0),
        ("Sat, 14 Mar 2026 15:02:00 +0300", 120.0), ("Sat, 14 Mar 2026 11:00:00 GMT", None),
        ("Sat, 14 Mar 2026 12:02:00 -0000", None), ("Sat, 99 Mar 2026 12:02:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_both_forms_and_nonsense_is_none(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.integers(0, 365 * 86400))
def test_seconds_and_date_mean_the_same(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(date, NOW) == parse_retry_after(str(seconds), NOW) == seconds


@given(st.text(max_size=40))
def test_no_header_breaks_it(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds < 366 * DAY


# The sweep's patience


def test_the_sweep_doubles_its_patience_from_a_minute_to_six_hours() -> None:
    assert [sweep_delay(step).total_seconds() for step in range(10)] == [
        60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600,
    ]  # fmt: skip
    assert sweep_delay(10_000) == timedelta(hours=6)
