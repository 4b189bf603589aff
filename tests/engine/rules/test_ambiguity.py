"""How long a repeat stays safe, and from when on a vendor's "there is none" means something: the whole table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from svyazka.engine.rules.ambiguity import ask_at, cannot_ask, repeat_now
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import KEPT_ATTEMPTS, Attempt, Delivery

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
R = Repeat


def tried(number: int, began: datetime, outcome: str | None = "retry", maybe: bool = True, **more: object) -> Attempt:
    known = {"number": number, "generation": 1, "started_at": began, "outcome": outcome, "maybe_sent": maybe, **more}
    return Attempt.model_validate(known)


@pytest.mark.parametrize(
    ("repeat", "key_life", "doubted", "now"),
    [
        (R.IDEMPOTENT, None, 400 * DAY, R.IDEMPOTENT),
        (R.IDEMPOTENT, DAY, 21.5 * HOUR, R.IDEMPOTENT), (R.IDEMPOTENT, DAY, 21.7 * HOUR, R.CHECKABLE),
        (R.IDEMPOTENT, 55 * MINUTE, 49 * MINUTE, R.IDEMPOTENT), (R.IDEMPOTENT, 55 * MINUTE, 50 * MINUTE, R.CHECKABLE),
        (R.CHECKABLE, None, MINUTE, R.CHECKABLE), (R.CHECKABLE, DAY, 3 * DAY, R.CHECKABLE),
        (R.UNSAFE, None, MINUTE, R.UNSAFE), (R.UNSAFE, DAY, 3 * DAY, R.UNSAFE),
    ],
)  # fmt: skip
def test_a_key_protects_for_nine_tenths_of_its_life(
    repeat: Repeat, key_life: timedelta | None, doubted: timedelta, now: Repeat
) -> None:
    assert repeat_now(Delivery.model_construct(repeat=repeat), NOW - doubted, NOW, key_life) is now


@pytest.mark.parametrize(
    ("repeat", "attempts", "at"),
    [
        (R.CHECKABLE, (), None),
        (R.CHECKABLE, (tried(1, NOW, maybe=False),), None),
        (R.CHECKABLE, (tried(1, NOW, generation=2),), None),
        (R.CHECKABLE, (tried(1, NOW),), NOW + 2 * MINUTE),
        (R.CHECKABLE, (tried(1, NOW, ended_at=NOW + MINUTE),), NOW + 3 * MINUTE),
        # It was found lost long after its call had ended.
        (R.CHECKABLE, (tried(1, NOW, "lost", ended_at=NOW + HOUR),), NOW + 2 * MINUTE),
        # The latest may be missing still, whatever is known of the first.
        (R.CHECKABLE, (tried(1, NOW), tried(2, NOW + HOUR)), NOW + HOUR + 2 * MINUTE),
        (R.CHECKABLE, (tried(1, NOW), tried(2, NOW + HOUR, maybe=False)), NOW + 2 * MINUTE),
        (R.IDEMPOTENT, (tried(1, NOW),), None), (R.UNSAFE, (tried(1, NOW),), None),
    ],
)  # fmt: skip
def test_nothing_is_asked_before_the_vendor_would_show_it(
    repeat: Repeat, attempts: tuple[Attempt, ...], at: datetime | None
) -> None:
    delivery = Delivery.model_construct(repeat=repeat, generation=1, ask_after=2 * MINUTE, attempts=attempts)
    assert ask_at(delivery) == at


def test_what_can_not_be_asked_says_why() -> None:
    codes = {repeat: cannot_ask(Delivery.model_construct(repeat=repeat)).code for repeat in (R.IDEMPOTENT, R.CHECKABLE)}
    assert codes == {R.IDEMPOTENT: "key_forgotten", R.CHECKABLE: "cannot_ask"}


def test_the_first_doubt_of_a_generation_is_remembered_however_many_attempts_follow() -> None:
    delivery = Delivery.model_construct(repeat=R.IDEMPOTENT, generation=2, attempts=(), attempt_count=0)
    for number in range(1, 101):
        generation = 1 if number < 3 else 2
        delivery = delivery.with_attempt(
            tried(number, NOW + number * HOUR, maybe=number in (1, 5, 50), generation=generation)
        )
    assert [a.number for a in delivery.attempts] == [1, 5, *range(101 - KEPT_ATTEMPTS, 101)]
