"""What an outcome makes of a delivery, and what a late one is merged into: the whole table."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from svyazka.engine.rules.beginning import WAKE_GRACE, fallback_time
from svyazka.engine.rules.transitions import (
    Surroundings,
    fallback_of,
    has_arrived,
    merged,
    parked,
    receipt_settles,
    settled,
    waiting,
    wants_fallback,
)
from svyazka.model.commands import Guards, QuietHours, Repeat, SendMessage, Step
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import FINAL, Attempt, Delivery, LastError, Status
from svyazka.model.events import ReceiptState
from svyazka.model.outcomes import Blocked, GaveBack, Outcome, Refused, Retry, Succeeded, Unknown

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
S = Status


def delivery(status: Status = S.IN_FLIGHT, **changes: Any) -> Delivery:
    made = Delivery(
        id="dlv_1", event="evt_1", tenant="kofe", flow="review_request", step="review/sms", connection="sms",
        vendor="sms", subject="order:1", command=SendMessage(to=Contact(phone="+79991234567"), text="Спасибо!"),
        repeat=Repeat.UNSAFE, guards=Guards(), created_at=NOW, base_at=NOW, status=status, claim=1,
        attempts=(attempt(1),), attempt_count=1, lease_until=NOW, wake_at=NOW,
    )  # fmt: skip
    return made.model_copy(update=changes)


def attempt(number: int, outcome: str | None = None) -> Attempt:
    return Attempt(number=number, generation=1, started_at=NOW, outcome=outcome)


STEP = Step(
    name="review/mail", connection="mail", vendor="mail", repeat=Repeat.IDEMPOTENT,
    command=SendMessage(to=Contact(email="ivan@example.org"), text="Спасибо!"),
)  # fmt: skip

UNHEARD_OF = LastError(code="no_receipt", message="nobody said that it arrived")

SETTLED: list[tuple[Outcome, bool, Status, str | None, datetime | None]] = [
    # outcome, outage open -> status, code, next attempt
    (Succeeded(external_id="m1"), False, S.SUCCEEDED, None, None),
    (Succeeded(external_id="m1"), True, S.SUCCEEDED, None, None),
    (Refused(code="202", message="no"), False, S.FAILED, "202", None),
    (Refused(code="215", message="no", opt_out=True), False, S.FAILED, "215:opt-out", None),
    (Unknown(code="timeout", message="?"), False, S.UNKNOWN, "timeout", None),
    (Unknown(code="timeout", message="?"), True, S.UNKNOWN, "timeout", None),
    (Blocked(code="201", message="no money", remedy="top up"), True, S.BLOCKED, "201", None),
    (GaveBack(), False, S.PENDING, None, NOW + timedelta(seconds=2)),
    (Retry(code="500", message="down"), False, S.RETRYING, "500", NOW + timedelta(seconds=30)),
    (Retry(code="429", message="slower", after=600.0), False, S.RETRYING, "429", NOW + timedelta(seconds=606)),
    (Retry(code="500", message="down"), True, S.PARKED, "500", None),
]


@pytest.mark.parametrize(("outcome", "outage", "status", "code", "due"), SETTLED)
def test_each_outcome_leads_where_the_table_says(
    outcome: Outcome, outage: bool, status: Status, code: str | None, due: datetime | None
) -> None:
    after = settled(delivery(), outcome, attempt(1, outcome.kind), Surroundings(NOW, parked=outage))
    assert after.status is status
    assert (after.last_error and after.last_error.code) == code
    assert after.next_attempt_at == due
    assert after.lease_until is None
    assert after.wake_at == (due + WAKE_GRACE if due else None)
    assert [a.outcome for a in after.attempts] == [outcome.kind]
    assert (after.settled_at, after.expire_at) == (
        (NOW, NOW + timedelta(days=400)) if status in FINAL else (None, None)
    )


def test_failures_are_counted_from_the_first_and_the_horizon_ends_them() -> None:
    down = Retry(code="500", message="down")
    after = settled(delivery(failures=3, first_failed_at=NOW - HOUR), down, attempt(1), Surroundings(NOW))
    assert (after.failures, after.first_failed_at) == (4, NOW - HOUR)
    for open_outage in (False, True):
        long = delivery(failures=200, first_failed_at=NOW - timedelta(days=7))
        assert settled(long, down, attempt(1), Surroundings(NOW, parked=open_outage)).status is S.DEAD


def test_what_was_given_back_or_blocked_is_no_failure() -> None:
    for outcome in (GaveBack(), Blocked(code="201", message="no money", remedy="top up")):
        after = settled(delivery(), outcome, attempt(1), Surroundings(NOW))
        assert (after.failures, after.first_failed_at) == (0, None)


@pytest.mark.parametrize("wait", [waiting, parked])
def test_no_wait_sleeps_past_the_expiry_or_the_next_channels_time(wait: Any) -> None:
    guards = Guards(expires_at=NOW + 2 * HOUR)
    for changes, due in (({}, 2 * HOUR), ({"fallback_at": NOW + HOUR}, HOUR)):
        one = delivery(S.PENDING, guards=guards, **changes)
        if wait is waiting:
            assert waiting(one, S.RETRYING, NOW + 9 * HOUR).next_attempt_at == NOW + due
        else:
            assert parked(one, S.PARKED, None).wake_at == NOW + due


def test_what_is_parked_without_a_deadline_is_not_woken() -> None:
    assert parked(delivery(S.PENDING), S.PARKED, None).wake_at is None


# Late words

LATE: list[tuple[Status, Outcome, Status, bool]] = [
    # what others made of it, our late word -> what it is then, and whether that was one too many
    *((status, Succeeded(external_id="m1"), S.SUCCEEDED, False) for status in Status if status is not S.SUCCEEDED),
    (S.SUCCEEDED, Succeeded(external_id="other"), S.SUCCEEDED, True),
    (S.SUCCEEDED, Succeeded(external_id="mine"), S.SUCCEEDED, False),
    (S.SUCCEEDED, Succeeded(external_id="other", already=True), S.SUCCEEDED, False),
    (S.SUCCEEDED, Succeeded(), S.SUCCEEDED, False),
    *((status, Retry(code="500", message="down"), status, False) for status in Status),
    *((status, Refused(code="202", message="no"), status, False) for status in Status),
    *((status, Unknown(code="timeout", message="?"), status, False) for status in Status),
    *((status, GaveBack(), status, False) for status in Status),
]


@pytest.mark.parametrize(("status", "outcome", "after", "twice"), LATE)
def test_a_late_word_is_merged_and_proof_of_success_beats_all(
    status: Status, outcome: Outcome, after: Status, twice: bool
) -> None:
    external_id = "mine" if status is S.SUCCEEDED else None
    current = delivery(
        status, claim=2, external_id=external_id, attempts=(attempt(1), attempt(2, "x")), attempt_count=2
    )
    one = merged(current, outcome, attempt(1, outcome.kind), NOW)
    assert (one.status, one.duplicate_effect) == (after, twice)
    assert [a.outcome for a in one.attempts] == [outcome.kind, "x"], "its attempt stands in the story"
    if after is S.SUCCEEDED and status is not S.SUCCEEDED:
        assert (one.external_id, one.wake_at, one.next_attempt_at, one.last_error) == ("m1", None, None, None)


def test_a_success_that_a_receipt_or_an_operator_told_before_us_is_one_and_the_same() -> None:
    told = delivery(S.SUCCEEDED, external_id=None)
    one = merged(told, Succeeded(external_id="m1", cost=4.5), attempt(1, "succeeded"), NOW)
    assert (one.external_id, one.cost, one.duplicate_effect) == ("m1", 4.5, False)


# The next channel


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"status": S.FAILED}, True), ({"status": S.DEAD}, True), ({"status": S.EXPIRED}, False),
        ({"status": S.CANCELLED}, False), ({"status": S.UNKNOWN}, False), ({"status": S.SUCCEEDED}, False),
        ({"status": S.RETRYING}, False), ({"status": S.IN_FLIGHT}, False),
        ({"status": S.SUCCEEDED, "receipt": ReceiptState.UNDELIVERED}, True),
        ({"status": S.SUCCEEDED, "receipt": ReceiptState.DELIVERED}, False),
        ({"status": S.FAILED, "last_error": LastError(code="215:opt-out", message="")}, False),
        ({"status": S.FAILED, "successor": "dlv_2"}, False), ({"status": S.FAILED, "fallbacks": ()}, False),
    ],
)  # fmt: skip
def test_which_ends_call_for_the_next_channel(changes: dict[str, Any], wanted: bool) -> None:
    assert wants_fallback(delivery(**{"fallbacks": (STEP,), **changes})) is wanted


def test_the_next_channel_has_the_same_guards_but_need_not_wait_for_its_beginning() -> None:
    guards = Guards(not_before=NOW + HOUR, expires_at=NOW + 2 * HOUR, opt_out=True)
    third = STEP.model_copy(update={"name": "review/tg"})
    older = delivery(S.FAILED, guards=guards, fallbacks=(STEP, third), fallback_seconds=600.0, people=("p",))
    next_one = fallback_of(older, NOW)
    assert next_one is not None
    assert (next_one.step, next_one.connection, next_one.repeat) == ("review/mail", "mail", Repeat.IDEMPOTENT)
    assert (next_one.subject, next_one.flow, next_one.people) == (older.subject, older.flow, ("p",))
    assert next_one.guards == guards.model_copy(update={"not_before": None})
    assert (next_one.fallbacks, next_one.fallback_at) == ((third,), NOW + timedelta(minutes=10))
    assert (next_one.predecessor, next_one.status, next_one.attempts) == (older.id, S.PENDING, ())
    last = fallback_of(next_one, NOW)
    assert last is not None
    assert (last.fallbacks, last.fallback_at) == ((), None)
    assert fallback_of(last, NOW) is None


def test_time_that_a_channel_may_not_use_is_not_counted_against_it() -> None:
    night = QuietHours(zone="UTC", start=time(11), end=time(18))
    assert fallback_time(Guards(), NOW, 600.0) == NOW + timedelta(minutes=10)
    assert fallback_time(Guards(not_before=NOW + HOUR), NOW, 600.0) == NOW + HOUR + timedelta(minutes=10)
    assert fallback_time(Guards(quiet_hours=night), NOW, 600.0) == NOW + 6 * HOUR + timedelta(minutes=10)
    assert fallback_time(Guards(), NOW, None) is None


@pytest.mark.parametrize(
    ("changes", "arrived"),
    [
        ({"status": S.SUCCEEDED}, True), ({"status": S.FAILED}, False), ({"status": S.CANCELLED}, False),
        ({"status": S.SUCCEEDED, "receipt": ReceiptState.UNDELIVERED}, False),
        ({"status": S.SUCCEEDED, "last_error": UNHEARD_OF}, False),
        ({"status": S.SUCCEEDED, "last_error": UNHEARD_OF, "receipt": ReceiptState.READ}, True),
    ],
)  # fmt: skip
def test_whether_a_channel_did_its_work_after_all(changes: dict[str, Any], arrived: bool) -> None:
    assert has_arrived(delivery(**changes)) is arrived


# Receipts


@pytest.mark.parametrize("status", [S.UNKNOWN, S.IN_FLIGHT, S.RETRYING, S.PARKED, S.FAILED, S.DEAD, S.EXPIRED])
@pytest.mark.parametrize(
    "state", [ReceiptState.SENT, ReceiptState.DELIVERED, ReceiptState.READ, ReceiptState.UNDELIVERED]
)
def test_any_receipt_proves_that_the_vendor_had_taken_it(status: Status, state: ReceiptState) -> None:
    assert receipt_settles(delivery(status), state, NOW).status is S.SUCCEEDED


def test_no_receipt_proves_nothing() -> None:
    unknown = delivery(S.UNKNOWN)
    assert receipt_settles(unknown, ReceiptState.NONE, NOW) is unknown
