"""What becomes of a receipt: every pair is decided, by this table; what a payment owes, to the kopeck."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from svyazka.engine.rules.receipts import MERGED, NEXT, Evidence, Next, begun_anew, looks_again, next_of, with_evidence
from svyazka.engine.rules.receipts_due import handed_over, owed
from svyazka.engine.rules.reconciling_receipts import expected
from svyazka.model.money import Money
from svyazka.model.orders import Method, OrderLine, total_of
from svyazka.model.payments import Attempt, By, Payment, Transaction, TransactionKind, TransactionStatus
from svyazka.model.receipts import (
    Fiscaliser,
    IntentState,
    ReceiptIntent,
    ReceiptKind,
    TryState,
    receipt_id,
    receipt_numbered,
    try_number,
)
from svyazka.model.seen import ReceiptSeen, Shown
from svyazka.model.vat import Vat

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAY = "pay_" + "0a" * 12

TABLE = """
            not_sent    maybe_sent  refused  waits  done  over
pending     never_sent  unknown     refused  waits  done  failed
unknown     unknown     unknown     unknown  waits  done  failed
waits       waits       waits       waits    waits  done  failed
done        done        done        done     done   done  done
failed      failed      failed      failed   failed done  failed
refused     refused     refused     refused  waits  done  failed
never_sent  never_sent  unknown     refused  waits  done  failed
"""


def test_every_pair_of_a_try_and_what_is_found_of_it_is_decided() -> None:
    found, *rows = [line.split() for line in TABLE.strip().splitlines()]
    expected = {
        (TryState(row[0]), Evidence(name)): TryState(after)
        for row in rows
        for name, after in zip(found, row[1:], strict=True)
    }
    assert expected == MERGED
    assert set(MERGED) == set(product(TryState, Evidence))


def intent(*states: TryState, again: bool = False, amount: str = "100.00") -> ReceiptIntent:
    id_ = receipt_id(PAY, "t1", ReceiptKind.SALE)
    one = ReceiptIntent(
        id=id_, tenant="kofe", payment=PAY, transaction="t1", kind=ReceiptKind.SALE, connection="cheki", vendor="atol",
        flow="pay", event="evt_1", order="42", amount=Money.read(amount), owed_since=NOW, created_at=NOW,
        changed_at=NOW,
    )  # fmt: skip
    for state in states:
        one = begun_anew(one, NOW)
        last = one.tries[-1].model_copy(update={"state": state, "again": again})
        one = one.model_copy(update={"tries": (*one.tries[:-1], last)})
    return one


@pytest.mark.parametrize("state", TryState)
def test_what_is_done_next_follows_from_the_last_try(state: TryState) -> None:
    assert next_of(intent(state), ready=True) is NEXT[state]
    assert next_of(intent(), ready=True) is Next.BEGIN
    assert next_of(intent(), ready=False) is Next.WAIT
    assert next_of(intent(TryState.DONE, state), ready=True) is Next.NOTHING
    assert (looks_again(intent(state), NOW) is None) == (state is TryState.DONE)


def test_a_new_number_is_begun_only_after_a_report_of_the_tills_trouble_and_not_for_ever() -> None:
    assert next_of(intent(TryState.FAILED, again=True), ready=True) is Next.ANEW
    assert next_of(intent(*[TryState.FAILED] * 2, again=True), ready=True) is Next.ANEW
    assert next_of(intent(*[TryState.FAILED] * 3, again=True), ready=True) is Next.PERSON
    for state in set(TryState) - {TryState.FAILED}:
        assert next_of(intent(state, again=True), ready=True) is not Next.ANEW


def test_a_document_of_another_sum_proves_nothing() -> None:
    seen = ReceiptSeen(external_id="u", state=Shown.DONE, amount=Money.read("99.99"))
    after = with_evidence(intent(TryState.WAITS), 1, Evidence.DONE, NOW, seen)
    assert (after.state, after.tries[0].code) == (IntentState.REGISTERING, "other_amount")


def test_a_number_names_its_receipt() -> None:
    for transaction, kind in (("t1", ReceiptKind.SALE), (None, ReceiptKind.SETTLEMENT), ("t12", ReceiptKind.REFUND)):
        id_ = receipt_id(PAY, transaction, kind)
        assert {receipt_numbered(try_number(id_, n)) for n in (1, 2, 17)} == {id_}
    for foreign in (None, "", "hub-order-10482-sell", f"p{'0a' * 12}-1", f"p{'0a' * 12}-1-r2"):
        assert receipt_numbered(foreign) is None


# What a payment owes

K, T = TransactionKind, TransactionStatus


def payment(*moved: tuple[TransactionKind, TransactionStatus, int], prepaid: bool = False, **more: object) -> Payment:
    given: dict[str, object] = {
        "id": PAY, "tenant": "kofe", "connection": "site", "flow": "pay", "event": "evt_1", "order": "42",
        "amount": Money(kopecks=10_000), "fiscaliser": Fiscaliser(connection="cheki", vendor="atol"),
        "prepaid": prepaid, "created_at": NOW, "changed_at": NOW, "description": "Заказ 42",
        "attempts": (Attempt(n=1, connection="kassa", vendor="yookassa", by=By.LINK, number="p-1"),),
        "transactions": tuple(
            Transaction(id=f"t{n}", kind=kind, attempt=1, status=status, amount=Money(kopecks=kopecks), at=NOW)
            for n, (kind, status, kopecks) in enumerate(moved, start=1)
        ),
    }  # fmt: skip
    return Payment.model_validate({**given, **more})


def test_nothing_is_owed_before_the_money_has_moved_or_where_the_provider_registers() -> None:
    for status in set(T) - {T.DONE}:
        assert owed(payment((K.PURCHASE, status, 10_000)), NOW)[1] == []
    assert owed(payment((K.AUTHORISE, T.DONE, 10_000)), NOW)[1] == []
    assert owed(payment((K.PURCHASE, T.DONE, 10_000), fiscaliser=None), NOW)[1] == []
    assert owed(payment((K.PURCHASE, T.DONE, 10_000), (K.CHARGEBACK, T.DONE, 10_000)), NOW)[1][1:] == []


def test_an_advance_bears_its_rate_and_is_settled_once_by_what_didnt_go_back() -> None:
    lines = (OrderLine.of("Курс", Money(kopecks=10_000), vat=Vat.V22),)
    before = payment((K.PURCHASE, T.DONE, 10_000), (K.REFUND, T.DONE, 3_000), prepaid=True, lines=lines)
    noted, first = owed(before, NOW)
    assert [(one.kind, one.lines[0].method, one.lines[0].vat) for one in first] == [
        (ReceiptKind.SALE, Method.FULL_PREPAYMENT, Vat.V22_122),
        (ReceiptKind.REFUND, Method.FULL_PREPAYMENT, Vat.V22_122),
    ]
    over = handed_over(noted, NOW + timedelta(days=3))
    assert over is not None
    settled, (settlement,) = owed(over, NOW)
    assert (settlement.amount.kopecks, settlement.lines[0].method, settlement.lines[0].vat) == (
        7_000, Method.FULL_PAYMENT, Vat.V22,
    )  # fmt: skip
    assert owed(settled, NOW)[1] == []
    assert handed_over(settled, NOW) is None
    later = settled.model_copy(
        update={"transactions": (*settled.transactions, Transaction(
            id="t3", kind=K.REFUND, attempt=1, status=T.DONE, amount=Money(kopecks=7_000), at=NOW))}
    )  # fmt: skip
    _, (back,) = owed(later, NOW)
    assert (back.lines[0].method, settlement.id in back.after) == (Method.FULL_PAYMENT, True)


def test_nothing_is_settled_while_a_refund_may_come_true_and_nothing_of_what_all_went_back() -> None:
    for status in (T.PENDING, T.UNKNOWN):
        one = payment((K.PURCHASE, T.DONE, 10_000), (K.REFUND, status, 10_000), prepaid=True, handed_over=NOW)
        noted, new = owed(one, NOW)
        assert ([it.kind for it in new], noted.settled) == ([ReceiptKind.SALE], None)
    one = payment((K.PURCHASE, T.DONE, 10_000), (K.REFUND, T.DONE, 10_000), prepaid=True, handed_over=NOW)
    noted, new = owed(one, NOW)
    assert ({it.kind for it in new}, noted.settled) == ({ReceiptKind.SALE, ReceiptKind.REFUND}, Money(kopecks=0))


@given(
    prices=some.lists(some.tuples(some.integers(1, 10**6), some.sampled_from(["1", "3", "0.350"])), max_size=6),
    paid=some.integers(1, 10**6), backs=some.lists(some.integers(1, 10**6), max_size=4), prepaid=some.booleans(),
)  # fmt: skip
def test_lines_are_the_sum_to_the_kopeck_and_refunds_are_never_above_the_sale(
    prices: list[tuple[int, str]], paid: int, backs: list[int], prepaid: bool
) -> None:
    lines = tuple(OrderLine.of(f"Строка {n}", Money(kopecks=at), many) for n, (at, many) in enumerate(prices))
    moved = [(K.PURCHASE, T.DONE, paid), *((K.REFUND, T.DONE, back) for back in backs)]
    noted, receipts = owed(payment(*moved, prepaid=prepaid, lines=lines, handed_over=NOW if prepaid else None), NOW)
    assert all(total_of(one.lines) == one.amount for one in receipts)
    sums = {kind: sum(one.amount.kopecks for one in receipts if one.kind is kind) for kind in ReceiptKind}
    assert sums[ReceiptKind.SALE] == paid
    assert sums[ReceiptKind.REFUND] == min(sum(backs), paid)
    assert sums[ReceiptKind.SETTLEMENT] == (paid - sums[ReceiptKind.REFUND] if prepaid else 0)
    assert len({one.id for one in receipts}) == len(receipts) == len(noted.receipts)
    assert owed(noted, NOW)[1] == []


def test_a_refund_that_is_done_late_is_cut_and_those_before_it_stand() -> None:
    purchase, *refunds = payment((K.PURCHASE, T.DONE, 10_000), (K.REFUND, T.PENDING, 6_000), (K.REFUND, T.DONE, 6_000),
                                 ).transactions  # fmt: skip
    noted, first = owed(payment(transactions=(purchase, *refunds)), NOW)
    done = refunds[0].model_copy(update={"status": T.DONE})
    _, late = owed(noted.model_copy(update={"transactions": (purchase, done, refunds[1])}), NOW)
    assert [one.amount.kopecks for one in (*first, *late)] == [10_000, 6_000, 4_000]


def test_a_month_wants_the_settlement_that_was_made_whatever_went_back_since() -> None:
    before = payment((K.PURCHASE, T.DONE, 10_000), prepaid=True, handed_over=NOW)
    settled, _ = owed(before, NOW)
    back = Transaction(id="t2", kind=K.REFUND, attempt=1, status=T.DONE, amount=Money(kopecks=3_000), at=NOW)
    later, _ = owed(settled.model_copy(update={"transactions": (*settled.transactions, back)}), NOW)
    wanted = expected([later], NOW, NOW + timedelta(days=1))
    assert {one.kind: one.amount.kopecks for one, _ in wanted} == {
        ReceiptKind.SALE: 10_000, ReceiptKind.SETTLEMENT: 10_000, ReceiptKind.REFUND: 3_000
    }  # fmt: skip
