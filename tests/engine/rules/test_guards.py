"""Guards: their order, what each says, and that no wait sleeps past the expiry."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svyazka.engine.rules.guards import Go, GuardFacts, Stop, Verdict, Wait, addresses, verdict, wants_newest
from svyazka.model.commands import Guards, OncePer, QuietHours, StillTrue
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.events import EventType

NOW = datetime(2026, 3, 14, 20, tzinfo=UTC)  # 23:00 in Moscow
HOUR = timedelta(hours=1)
NIGHT = QuietHours(zone="Europe/Moscow", start=time(21), end=time(10))
MORNING = datetime(2026, 3, 15, 7, tzinfo=UTC)
ONCE = OncePer(key="review:phone:+79991234567", period=timedelta(days=30))
DONE = StillTrue(subject="order:1", types=(EventType.ORDER_COMPLETED,))

# Each guard as it stops or holds a command back: its settings, what is known, and what it says.
EACH: dict[str, tuple[dict[str, object], dict[str, object], Verdict]] = {
    "expires_at": ({"expires_at": NOW}, {}, Stop(Status.EXPIRED, "expired", "too late to be of use")),
    "not_before": ({"not_before": NOW + HOUR}, {}, Wait(NOW + HOUR, "not before its time")),
    "quiet_hours": ({"quiet_hours": NIGHT}, {}, Wait(MORNING, "quiet hours")),
    "opt_out": (
        {"opt_out": True}, {"opted_out": True},
        Stop(Status.CANCELLED, "opted_out", "this person asked not to be contacted"),
    ),
    "once_per": (
        {"once_per": ONCE}, {"reserved_until": NOW + HOUR},
        Stop(Status.CANCELLED, "at_most_once_per", "this person had one within the period"),
    ),
    "still_true": (
        {"still_true": DONE}, {"newest": EventType.ORDER_CANCELLED},
        Stop(Status.CANCELLED, "no_longer_true", "meanwhile it became order.cancelled"),
    ),
}  # fmt: skip
ORDER = list(EACH)


def of(*names: str) -> tuple[Guards, GuardFacts]:
    settings = {key: value for name in names for key, value in EACH[name][0].items()}
    known = {key: value for name in names for key, value in EACH[name][1].items()}
    return Guards.model_validate(settings), GuardFacts(**known)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ORDER)
def test_each_guard_alone_says_its_own(name: str) -> None:
    assert verdict(*of(name), NOW) == EACH[name][2]


@pytest.mark.parametrize(("first", "second"), list(combinations(ORDER, 2)))
def test_of_two_the_earlier_in_the_order_of_the_house_speaks(first: str, second: str) -> None:
    assert verdict(*of(second, first), NOW) == EACH[first][2]


def test_without_guards_and_with_all_of_them_satisfied_it_goes() -> None:
    assert verdict(Guards(), GuardFacts(opted_out=True), NOW) == Go()
    day = NOW.replace(hour=9)
    content = Guards(
        not_before=day, expires_at=day + HOUR, quiet_hours=NIGHT, opt_out=True, once_per=ONCE, still_true=DONE
    )
    assert verdict(content, GuardFacts(newest=EventType.ORDER_COMPLETED), day) == Go()


def test_a_reservation_that_ran_out_holds_nobody_back() -> None:
    guards, _ = of("once_per")
    assert verdict(guards, GuardFacts(reserved_until=NOW), NOW) == Go()


def test_what_was_not_asked_stops_nothing() -> None:
    guards, _ = of("still_true", "once_per", "opt_out")
    assert verdict(guards, GuardFacts(), NOW) == Go()


@given(
    st.integers(-3000, 3000), st.none() | st.integers(-3000, 3000), st.none() | st.integers(-3000, 3000), st.booleans()
)
def test_a_wait_is_in_the_future_and_never_past_the_expiry(
    minutes: int, not_before: int | None, expires: int | None, night: bool
) -> None:
    now = NOW + timedelta(minutes=minutes)
    guards = Guards(
        not_before=None if not_before is None else NOW + timedelta(minutes=not_before),
        expires_at=None if expires is None else NOW + timedelta(minutes=expires),
        quiet_hours=NIGHT if night else None,
    )
    said = verdict(guards, GuardFacts(), now)
    if isinstance(said, Wait):
        assert said.until > now
        assert guards.expires_at is None or said.until <= guards.expires_at
    if guards.expires_at is not None and now >= guards.expires_at:
        assert said == Stop(Status.EXPIRED, "expired", "too late to be of use")


def test_whether_it_is_still_true_is_asked_only_once_the_world_may_have_changed() -> None:
    assert not wants_newest(DONE, NOW, NOW + timedelta(seconds=60))
    assert wants_newest(DONE, NOW, NOW + timedelta(seconds=61))
    assert not wants_newest(None, NOW, NOW + HOUR)


def test_a_persons_addresses_are_all_of_them_and_normalised() -> None:
    contact = Contact(phone="8 (999) 123-45-67", email="Ivan@Mail.ru", chats={"telegram": "5", "max": "6"})
    assert addresses(contact) == ["+79991234567", "ivan@mail.ru", "max:6", "telegram:5"]
    assert addresses(Contact(phone="нет", email="нет")) == []
