"""What is wrong in the books after a storm of payments: ours, the tills', and what was told of both."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from payment_storm import TELLER, VENDORS, Bill, PaymentStorm, link_of
from simulators.till import Payment as There
from simulators.till import State
from svyazka.engine.journal import documents as journal
from svyazka.engine.paying.oddities import is_odd
from svyazka.engine.rules.paying import may_change
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import EventRecord, EventStatus, EventType
from svyazka.model.payments import (
    IN_FLIGHT,
    OddityKind,
    Payment,
    PaymentState,
    TransactionKind,
    TransactionStatus,
    numbered,
)
from svyazka.model.problems import Problem


class Books:
    """Those of one storm, once it is quiet."""

    def __init__(self, storm: PaymentStorm) -> None:
        self._storm = storm

    def faults(self) -> list[str]:
        """What is wrong."""
        found: list[str] = []
        by_order: dict[str, list[Payment]] = defaultdict(list)
        for payment in self._storm.payments():
            by_order[payment.order].append(payment)
        theirs: dict[str, list[tuple[str, There]]] = defaultdict(list)
        for vendor in VENDORS:
            for there in self._storm.till(vendor).payments.values():
                named = numbered(there.number)
                if named is None:
                    found.append(f"{vendor} has {there.number}, which is no number of ours")
                else:
                    theirs[named[0]].append((vendor, there))
        open_ = [one for one in self._cards() if one.state == "open"]
        cards = {one.cause for one in open_}
        folded = {one.connection for one in open_ if one.folded}
        for order, bill in self._storm.bills.items():
            payments = by_order[order]
            if len(payments) > 1 or (not payments and not bill.cancelled):
                found.append(f"{order}: {len(payments)} payments")
            for payment in payments:
                found += [
                    f"{order}: {fault}" for fault in self._wrong(bill, payment, theirs[payment.id], cards, folded)
                ]
        return [*found, *self._untold()]

    def _wrong(
        self, bill: Bill, ours: Payment, theirs: list[tuple[str, There]], cards: set[str], folded: set[str | None]
    ) -> Iterator[str]:
        paid = [it for _, it in theirs if it.state is State.PAID]
        came, went = sum(it.amount for it in paid), sum(it.refunded for it in paid)
        kinds = {one.kind for one in ours.oddities}
        gone = OddityKind.SAID_OTHERWISE in kinds and "gone" in bill.wild
        # T-Bank doesn't say which part refunds came through: those are cards.
        slow = sum(one.amount.kopecks for one in ours.transactions if one.status in IN_FLIGHT and one.kind == "refund")
        slow = slow if OddityKind.REFUND_LONG in kinds else 0
        agree = ours.captured.kopecks == came and went - slow <= ours.refunded.kopecks <= went
        if not gone and not agree:
            yield f"{came} came and {went} went back, the journal says {ours.captured.text} and {ours.refunded.text}"
        if "gone" in bill.wild and ours.captured and not gone:
            yield "money that is gone again is no card"
        if len(paid) > bill.paid:
            yield f"paid {len(paid)} times, by a payer who did {bill.paid} times"
        if len(paid) > 1 and OddityKind.PAID_TWICE not in kinds:
            yield "paid twice, and nobody is told"
        if "sum" in bill.wild and came and not kinds & {OddityKind.PAID_LESS, OddityKind.PAID_MORE}:
            yield "another sum than was asked for, and nobody is told"
        for kind in kinds:
            cause = f"{kind}:{ours.id}"
            if not folded and is_odd(ours, cause) != (cause in cards):
                yield f"{kind} is {'no card' if is_odd(ours, cause) else 'a card still, though mended'}"
        if ours.state in (PaymentState.FAILED, PaymentState.CANCELLED):
            alive = [it for _, it in theirs if it.state is State.WAITS and self._is_shown(ours, it)]
            if alive and not ours.closed:
                yield f"{ours.state}, and {len(alive)} links that somebody holds can be paid"
        for one in ours.transactions:
            attempt = next(it for it in ours.attempts if it.n == one.attempt)
            there = [it for vendor, it in theirs if vendor == attempt.vendor]
            waits = any(it.state is State.WAITS or _may_be_paid_again(attempt.vendor, it) for it in there) or any(
                refund.state is State.WAITS for it in there for refund in it.refunds
            )
            known = OddityKind.UNKNOWN_LONG in kinds or OddityKind.REFUND_LONG in kinds
            if one.status in IN_FLIGHT and not waits and not known and may_change(ours):
                yield f"{one.kind} {one.id} is {one.status} at {attempt.vendor}, where nothing waits"
            if one.kind is TransactionKind.REFUND and ours.refunded > ours.captured:
                yield "more went back than came"

    def _is_shown(self, ours: Payment, there: There) -> bool:
        return any(it.shown_at and there.id in (it.external_id, *link_of(it.external_id)) for it in ours.attempts)

    def _cards(self) -> list[Problem]:
        return [journal.read(Problem, one).model for one in self._storm.store.by_kind["problems"].values()]

    def _untold(self) -> Iterator[str]:
        """Every movement is an event of its own, once; every event is planned; every payer is told once."""
        told: Counter[tuple[str, str]] = Counter()
        for document in self._storm.store.by_kind["events"].values():
            record = journal.read(EventRecord, document).model
            if record.status is EventStatus.ACCEPTED:
                yield f"{record.event.type} {record.event.id} was never planned"
            if record.event.type in (EventType.PAYMENT_SUCCEEDED, EventType.PAYMENT_REFUNDED):
                told[str(record.event.data["payment"]), record.event.type.value] += 1
        for payment in self._storm.payments():
            done = [one for one in payment.transactions if one.status is TransactionStatus.DONE]
            came = sum(one.kind is TransactionKind.PURCHASE for one in done)
            went = sum(one.kind is TransactionKind.REFUND for one in done)
            found = (told[payment.id, "payment.succeeded"], told[payment.id, "payment.refunded"])
            if found != (came, went):
                yield f"{payment.order}: {found} told of {(came, went)} movements"
        for document in self._storm.store.by_kind["deliveries"].values():
            one = journal.read(Delivery, document).model
            if one.vendor == TELLER.vendor and one.status is not Status.SUCCEEDED:
                yield f"{one.subject}: its payer's message is {one.status}"
        texts = Counter(
            effect["text"] for effect in self._storm.vendors.of(TELLER.vendor).effects if effect.get("text")
        )
        yield from (f"told {count} times: {text}" for text, count in texts.items() if count > 1 and "Оплачено" in text)


def _may_be_paid_again(vendor: str, there: There) -> bool:
    """CloudPayments' link takes another card after one that was declined."""
    return vendor == "cloudpayments" and there.state is State.OVER and there.why not in ("off", None)
