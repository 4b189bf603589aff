"""Business time never runs back, whatever the machine's clock does; and nothing waits for a clock that was wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes import House, order
from svyazka.backends.local import clock as local
from svyazka.backends.local.store import LocalStore
from svyazka.engine.ports.clock import SystemClock, real_at
from svyazka.engine.rules.deadlines import LEASE, TAKE_OVER_GRACE
from svyazka.model.deliveries import Status

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR, TEN_YEARS = timedelta(hours=1), timedelta(days=3650)


class Machine:
    """A machine's clock, to be set."""

    def __init__(self) -> None:
        self.real = NOON


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(SystemClock, "real", lambda clock: made.real)
    return made


@pytest.mark.parametrize("speed", [1.0, 60.0])
@pytest.mark.parametrize("wrong", [timedelta(minutes=2), TEN_YEARS])
def test_set_back_while_it_runs_it_goes_on_from_where_it_had_come_to(
    machine: Machine, wrong: timedelta, speed: float
) -> None:
    clock = SystemClock(speed)
    machine.real += wrong
    ahead = clock.now()
    machine.real = NOON
    assert clock.now() == ahead
    machine.real += HOUR
    assert clock.now() == ahead + HOUR * speed


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_what_was_long_ago_in_business_time_was_less_long_ago_for_a_vendor(machine: Machine, speed: float) -> None:
    clock = SystemClock(speed)
    machine.real += HOUR
    assert real_at(clock, clock.now()) == machine.real
    assert real_at(clock, clock.now() - HOUR) == machine.real - HOUR / speed


def test_jitter_stands_still_and_leaves_no_trace(machine: Machine) -> None:
    clock = SystemClock()
    machine.real += timedelta(milliseconds=300)
    ahead = clock.now()
    machine.real -= timedelta(milliseconds=200)
    assert clock.now() == ahead
    machine.real += HOUR
    assert clock.now() == machine.real


@pytest.mark.parametrize("speed", [None, 1.0, 60.0])
async def test_neither_does_it_over_a_restart(machine: Machine, tmp_path: Path, speed: float | None) -> None:
    store = LocalStore.open(tmp_path)
    machine.real += TEN_YEARS
    clock = local.load_clock(store)
    await local.ClockKeeper(store, clock).keep()
    ahead = clock.now()
    machine.real = NOON
    again = local.load_clock(store, speed)
    assert again.now() == ahead
    machine.real += HOUR
    assert again.now() == ahead + HOUR * (speed or 1)
    await store.close()


async def test_a_lease_of_a_clock_that_was_wrong_does_not_hold_for_ever(house: House) -> None:
    """Claimed while the machine's clock was ten years ahead; its worker died, and the clock was put right."""
    house.clock.frozen_real = TEN_YEARS

    def dies(command: object, key: str) -> None:
        raise KeyboardInterrupt

    house.sms.safety = house.mail.safety
    house.sms.script.append(dies)  # type: ignore[arg-type]
    await house.post(order())
    with pytest.raises(KeyboardInterrupt):
        await house.run()
    house.start()
    house.clock.frozen_real = timedelta()
    await house.pass_time(LEASE + TAKE_OVER_GRACE + 120)
    assert [delivery.status for delivery in house.deliveries()] == [Status.SUCCEEDED]
