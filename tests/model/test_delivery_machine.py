"""The state machine of a delivery: every way that it has, and no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svyazka.model.commands import Guards, Repeat, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import FINAL, KEPT_ATTEMPTS, OPEN, TRANSITIONS, WAITING, Attempt, Delivery, Status
from svyazka.model.errors import IllegalTransition
from svyazka.model.events import RECEIPT_RANK, Receipt, ReceiptState

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)


def delivery(status: Status = Status.PENDING, **changes: object) -> Delivery:
    made = Delivery(
        id="dlv_1", event="evt_1", tenant="kofe", flow="review_request", step="review/sms", connection="sms",
        vendor="sms", subject="order:1", command=SendMessage(to=Contact(phone="+79991234567"), text="Спасибо!"),
        repeat=Repeat.UNSAFE, guards=Guards(), created_at=NOW, base_at=NOW, status=status,
    )  # fmt: skip
    return made.model_copy(update=changes)


def test_a_state_is_open_or_final() -> None:
    assert frozenset(Status) == OPEN | FINAL
    assert not OPEN & FINAL
    assert WAITING < OPEN
    assert set(TRANSITIONS) == set(Status)


@pytest.mark.parametrize("before", list(Status))
@pytest.mark.parametrize("after", list(Status))
def test_every_way_that_the_machine_does_not_have_is_refused(before: Status, after: Status) -> None:
    if after in TRANSITIONS[before]:
        assert delivery(before).moved(after).status is after
    else:
        with pytest.raises(IllegalTransition):
            delivery(before).moved(after)


@pytest.mark.parametrize("final", sorted(FINAL))
def test_what_is_final_is_corrected_by_proof_of_success_only(final: Status) -> None:
    assert TRANSITIONS[final] == (frozenset() if final is Status.SUCCEEDED else {Status.SUCCEEDED})


@pytest.mark.parametrize("status", sorted(OPEN))
def test_proof_of_success_beats_every_open_state(status: Status) -> None:
    assert delivery(status).moved(Status.SUCCEEDED).status is Status.SUCCEEDED


def test_what_is_unknown_is_never_claimed_again() -> None:
    assert Status.IN_FLIGHT not in TRANSITIONS[Status.UNKNOWN]


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.IN_FLIGHT}))
def test_reopened_it_is_a_new_generation_that_remembers_by_whom_and_why(status: Status) -> None:
    before = delivery(
        status, failures=7, first_failed_at=NOW, receipt=ReceiptState.UNDELIVERED, receipt_stands=True,
        external_id="m1", settled_at=NOW, expire_at=NOW, reservation="rsv_1", notes=("generation 1",),
    )  # fmt: skip
    after = before.reopened("root", "the guest asked", NOW)
    assert (after.status, after.generation, after.key) == (Status.PENDING, 2, "dlv_1.2")
    assert (after.failures, after.first_failed_at, after.receipt, after.receipt_stands) == (
        0,
        None,
        ReceiptState.NONE,
        False,
    )
    assert (after.external_id, after.settled_at, after.expire_at, after.next_attempt_at) == (None, None, None, NOW)
    assert after.notes == ("generation 1", "generation 2 by root: the guest asked")


def test_what_is_being_carried_out_cannot_be_reopened() -> None:
    with pytest.raises(IllegalTransition):
        delivery(Status.IN_FLIGHT).reopened("root", "why", NOW)


# Receipts


@given(st.lists(st.sampled_from(list(ReceiptState)), max_size=8))
def test_a_receipt_only_moves_forward(states: list[ReceiptState]) -> None:
    moved = delivery(Status.SUCCEEDED)
    for state in states:
        before = moved
        moved = moved.with_receipt(Receipt(state=state))
        assert RECEIPT_RANK[moved.receipt] >= RECEIPT_RANK[before.receipt]
    assert moved.receipt is max(states, key=RECEIPT_RANK.__getitem__, default=ReceiptState.NONE)


def test_an_older_receipt_changes_nothing_at_all() -> None:
    read = delivery(Status.SUCCEEDED, receipt=ReceiptState.READ)
    assert read.with_receipt(Receipt(state=ReceiptState.DELIVERED, external_id="m1")) is read


def test_the_vendors_last_word_stands_against_what_was_told_before_and_comes_later() -> None:
    bounced = delivery(Status.SUCCEEDED, receipt=ReceiptState.DELIVERED).with_receipt(
        Receipt(state=ReceiptState.UNDELIVERED, last_word=True, code="bounce")
    )
    assert bounced.receipt is ReceiptState.UNDELIVERED
    assert bounced.with_receipt(Receipt(state=ReceiptState.READ)) is bounced


def test_a_receipt_gives_its_id_only_where_we_had_none() -> None:
    told = Receipt(state=ReceiptState.SENT, external_id="theirs")
    assert delivery().with_receipt(told).external_id == "theirs"
    assert delivery(external_id="ours").with_receipt(told).external_id == "ours"


def test_undelivered_says_why_and_delivered_takes_it_back() -> None:
    undelivered = delivery(Status.SUCCEEDED).with_receipt(Receipt(state=ReceiptState.UNDELIVERED, code="absent"))
    assert undelivered.last_error is not None
    assert undelivered.last_error.code == "absent"
    assert undelivered.with_receipt(Receipt(state=ReceiptState.DELIVERED)).last_error is None


# Attempts


def attempt(number: int, outcome: str | None = None) -> Attempt:
    return Attempt(number=number, generation=1, started_at=NOW + timedelta(minutes=number), outcome=outcome)


def test_a_told_attempt_takes_the_place_of_its_beginning() -> None:
    told = delivery().with_attempt(attempt(1)).with_attempt(attempt(2)).with_attempt(attempt(1, "succeeded"))
    assert [(a.number, a.outcome) for a in told.attempts] == [(1, "succeeded"), (2, None)]
    assert told.attempt_count == 2


def test_a_long_story_keeps_its_first_attempt_and_its_last_ones_and_the_whole_count() -> None:
    story = delivery()
    for number in range(1, 101):
        story = story.with_attempt(attempt(number))
    assert story.attempt_count == 100
    assert [a.number for a in story.attempts] == [1, *range(101 - KEPT_ATTEMPTS, 101)]
