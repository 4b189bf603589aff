"""Which fiscal receipts a payment owes: one for each movement of money, and one for its settlement. Pure.

Whoever registers them was decided when the payment began. Sums add up to the kopeck, and what goes back is never more
than what its sale's receipt says.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime

from svyazka.engine.rules.receipts import with_state
from svyazka.engine.rules.splitting import lines_back
from svyazka.model.money import Money, sum_of
from svyazka.model.orders import Method, OrderLine, Subject, fitted, total_of
from svyazka.model.payments import IN_FLIGHT, Attempt, Payment, Transaction, TransactionKind, TransactionStatus
from svyazka.model.receipts import Fiscaliser, ReceiptIntent, ReceiptKind, ReceiptTry, TryState, receipt_id

K = TransactionKind

TAKES = (K.PURCHASE, K.CAPTURE)


def owed(payment: Payment, now: datetime) -> tuple[Payment, list[ReceiptIntent]]:
    """The payment with the receipts that it owes by now noted, and those of them that aren't written down yet."""
    if payment.fiscaliser is None and not payment.receipt:
        return payment, []
    new = due(payment, now, but=payment.receipts)
    if (settlement := _settlement(payment)) is not None:
        payment = payment.model_copy(update={"settled": settlement})
    if new:
        receipts = (*payment.receipts, *(one.id for one in new))
        payment = payment.model_copy(update={"receipts": receipts, "changed_at": now})
    return payment, new


def due(payment: Payment, now: datetime, but: Container[str] = ()) -> list[ReceiptIntent]:
    """What its money owes by now, written down or not, whoever is to register it; `but` those of these ids."""
    moved: list[tuple[Transaction | None, ReceiptKind, Money]] = [*_of_movements(payment)]
    settled = payment.settled if payment.settled is not None else _settlement(payment)
    if settled:
        moved.append((None, ReceiptKind.SETTLEMENT, settled))
    return [
        _intent(payment, one, kind, amount, now)
        for one, kind, amount in moved
        if receipt_id(payment.id, one.id if one else None, kind) not in but
    ]


def handed_over(payment: Payment, at: datetime) -> Payment | None:
    """The payment with what it was for handed over; None where that changes nothing."""
    if not payment.prepaid or payment.handed_over is not None:
        return None
    return payment.model_copy(update={"handed_over": at, "wake_at": at, "expire_at": None})


def _of_movements(payment: Payment) -> Iterator[tuple[Transaction, ReceiptKind, Money]]:
    done = [one for one in payment.transactions if one.status is TransactionStatus.DONE]
    yield from ((one, ReceiptKind.SALE, one.amount) for one in done if one.kind in TAKES)
    noted = {id_: place for place, id_ in enumerate(payment.receipts)}

    def turn(one: Transaction) -> int:
        """A receipt that is written down says what it says: whoever comes after it gets what is left."""
        return noted.get(receipt_id(payment.id, one.id, ReceiptKind.REFUND), len(noted))

    left = payment.captured
    for one in sorted((one for one in done if one.kind is K.REFUND), key=turn):
        # More went back than had come: a card tells of it, and no receipt may.
        amount = min(one.amount, left)
        left -= amount
        if amount:
            yield one, ReceiptKind.REFUND, amount


def _settlement(payment: Payment) -> Money | None:
    """What an advance's settlement is of, once what it was for is handed over: what came and didn't go back. Not while
    a refund may still come true: it would be settled and given back."""
    if not payment.prepaid or payment.handed_over is None or payment.settled is not None or not payment.captured:
        return None
    refunds = [one for one in payment.transactions if one.kind is K.REFUND]
    if any(one.status in IN_FLIGHT for one in refunds):
        return None
    gone = sum_of([one.amount for one in refunds if one.status is TransactionStatus.DONE], payment.amount.currency)
    return max(payment.captured - gone, Money(kopecks=0, currency=payment.amount.currency))


def _intent(
    payment: Payment, one: Transaction | None, kind: ReceiptKind, amount: Money, now: datetime
) -> ReceiptIntent:
    attempt = next(it for it in payment.attempts if one is None or it.n == one.attempt)
    by = payment.fiscaliser or Fiscaliser(connection=attempt.connection, vendor=attempt.vendor)
    since = (one.at if one is not None else payment.handed_over) or now
    intent = ReceiptIntent(
        id=receipt_id(payment.id, one.id if one else None, kind), tenant=payment.tenant, payment=payment.id,
        transaction=one.id if one else None, kind=kind, connection=by.connection, vendor=by.vendor,
        by_provider=payment.fiscaliser is None, flow=payment.flow, event=payment.event, order=payment.order,
        description=payment.description, amount=amount,
        lines=_lines(payment, kind, amount, one), person=payment.person, inn=payment.inn,
        after=_before(payment, one, kind),
        of=tuple(id_ for id_ in (attempt.external_id, one.external_id if one else None) if id_),
        owed_since=since, created_at=now, changed_at=now, wake_at=now, people=payment.people,
        blank_at=payment.blank_at,
    )  # fmt: skip
    return _with_provider(intent, attempt, one, now) if intent.by_provider else intent


def _with_provider(intent: ReceiptIntent, attempt: Attempt, one: Transaction | None, now: datetime) -> ReceiptIntent:
    """What was asked for along with the money: its provider is at work on it, under the money's own ids."""
    number = (one.number if one is not None else None) or attempt.number
    external_id = (one.external_id if one is not None else None) or attempt.external_id or attempt.number
    asked = ReceiptTry(n=1, number=number, state=TryState.WAITS, external_id=external_id, at=now)
    return with_state(intent.model_copy(update={"tries": (asked,), "after": ()}))


def _before(payment: Payment, one: Transaction | None, kind: ReceiptKind) -> tuple[str, ...]:
    """What is registered first: of a refund its sale, and its settlement where it is settled; of a settlement what was
    paid in advance."""
    if kind is ReceiptKind.SALE:
        return ()
    sales = tuple(
        receipt_id(payment.id, it.id, ReceiptKind.SALE)
        for it in payment.transactions
        if it.kind in TAKES and it.status is TransactionStatus.DONE and (one is None or it.attempt == one.attempt)
    )
    settled = (receipt_id(payment.id, None, ReceiptKind.SETTLEMENT),) if payment.settled else ()
    return sales if one is None else (*sales, *settled)


def _lines(payment: Payment, kind: ReceiptKind, amount: Money, one: Transaction | None = None) -> tuple[OrderLine, ...]:
    """Lines that cost exactly so much; of a refund, as much of each as it takes. An advance says so, with the tax of an
    advance; what is handed over, and what comes back of it, are the full payment's."""
    fits = payment.lines and total_of(payment.lines)
    whole = (OrderLine.of(payment.description or payment.order, amount, subject=Subject.ANOTHER),)
    lines = fitted(payment.lines, amount) if fits else whole
    if fits and one is not None and sum(one.lines) == amount.kopecks and len(one.lines) == len(payment.lines):
        lines = lines_back(payment, one.lines)
    advance = payment.prepaid and kind is not ReceiptKind.SETTLEMENT and not payment.settled
    if not advance:
        return lines
    return tuple(
        line.model_copy(update={"method": Method.FULL_PREPAYMENT, "vat": line.vat.of_advance}) for line in lines
    )
