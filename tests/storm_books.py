"""What is wrong in the books after a storm of payments: ours, the tills', and what was told of both."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from payment_storm import TELLER, VENDORS, Bill, PaymentStorm, back_by, link_of
from simulators.till import Payment as There
from simulators.till import State
from svyazka.engine.journal import documents as journal
from svyazka.engine.paying.oddities import is_odd
from svyazka.engine.rules.paying import is_held, may_change
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import EventRecord, EventStatus, EventType
from svyazka.model.payments import (
    IN_FLIGHT,
    Attempt,
    OddityKind,
    Payment,
    PaymentState,
    RefundedToday,
    TransactionKind,
    TransactionStatus,
    numbered,
)
from svyazka.model.problems import Problem

TAKES = (TransactionKind.PURCHASE, TransactionKind.CAPTURE)
FOR_PEOPLE = frozenset(
    {
        OddityKind.CANCELLED_LATE, OddityKind.BACK_OVER_LIMIT, OddityKind.NOT_GIVEN_BACK, OddityKind.PAID_AFTER_CANCEL,
        OddityKind.REFUND_REFUSED, OddityKind.REFUND_LONG,
    }
)  # fmt: skip
"""Cards by which people hear that the money of a cancelled order hasn't gone back."""


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
        return [*found, *self._untold(), *self._over_the_day()]

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
        odd_sum = came > bill.kopecks or not ours.two_step  # less may be taken of what was held
        if "sum" in bill.wild and came and odd_sum and not kinds & {OddityKind.PAID_LESS, OddityKind.PAID_MORE}:
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
        yield from self._wrongly_held(bill, ours, theirs)
        if not bill.wild:
            yield from self._wrongly_given_back(bill, ours, paid)

    def _wrongly_held(self, bill: Bill, ours: Payment, theirs: list[tuple[str, There]]) -> Iterator[str]:
        """What is held there is held here; and is let go of where nobody wants it, or is a card."""
        held = {one.n: one for one in ours.attempts if is_held(ours, one.n)}
        there = [(vendor, it) for vendor, it in theirs if it.state is State.HELD]
        for n, one in held.items():
            if not any(vendor == one.vendor and _is_its(one, it) for vendor, it in there):
                yield f"the journal has money held by attempt {n}, at {one.vendor} there is none"
        kinds = {one.kind for one in ours.oddities if not one.closed}
        for vendor, it in there:
            if not any(vendor == one.vendor and _is_its(one, it) for one in held.values()):
                yield f"{it.id} is held at {vendor}, and the journal doesn't know it: {ours.state}"
        came = sum(it.state is State.PAID for _, it in theirs)
        if there and len(there) + came > 1 and OddityKind.HOLD_STAYS not in kinds:
            yield "money is held beside what came or is held already, and nobody is told"
        gives_back = self._storm.sites[bill.site].back is not None
        if there and bill.cancelled and gives_back and not kinds & {*FOR_PEOPLE, OddityKind.HOLD_STAYS}:
            yield "money of a cancelled order is held still, and nobody is told"

    def _wrongly_given_back(self, bill: Bill, ours: Payment, paid: list[There]) -> Iterator[str]:
        """Of a cancelled order goes back what its site has said, once; else it is a card."""
        back, by = self._storm.sites[bill.site].back, f"flow:{back_by(bill.site)}"
        asked = [one for one in ours.transactions if one.by == by]
        if back is None or not bill.cancelled:
            if asked:
                yield "the flow gave back what nobody had cancelled"
            return
        came = [one for one in ours.transactions if one.status is TransactionStatus.DONE and one.kind in TAKES]
        share = (sum(it.amount for it in paid) * back.percent + 50) // 100
        for attempt in ours.attempts:
            if sum(one.attempt == attempt.n for one in asked) > 1:
                yield f"asked attempt {attempt.n}'s money back {by} more than once"
        if sum(one.amount.kopecks for one in asked) > share:
            yield f"{by} gave back more than {back.percent} %"
        took = max((it.captured_at or 0.0 for it in paid), default=0.0)
        first = next((one for one in bill.cancelled if one.timestamp() >= took), None)
        for one in asked:
            at = next(it.at for it in came if it.attempt == one.attempt)  # T-Bank's API shows no times
            if back.within is not None and all(said > at + back.within for said in bill.cancelled):
                yield f"{by} gave back what was cancelled too late"
        kinds = {one.kind for one in ours.oddities}
        went = sum(it.refunded for it in paid)
        if came and first is not None and went < share and not kinds & FOR_PEOPLE:
            waits = any(refund.state is State.WAITS for it in paid for refund in it.refunds)
            if not waits:
                yield f"cancelled, {went} of {share} went back, and nobody is told"

    def _over_the_day(self) -> Iterator[str]:
        """No flow gives back more in a day than it may."""
        for document in self._storm.store.by_kind["refunded_today"].values():
            for by, kopecks in journal.read(RefundedToday, document).model.kopecks.items():
                backs = [one.back for site, one in self._storm.sites.items() if by == f"flow:{back_by(site)}"]
                yield from (f"{by} gave back {kopecks} in a day" for one in backs if one and kopecks > one.a_day)

    def _is_shown(self, ours: Payment, there: There) -> bool:
        return any(it.shown_at and _is_its(it, there) for it in ours.attempts)

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
            came = sum(one.kind in TAKES for one in done)
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


def _is_its(attempt: Attempt, there: There) -> bool:
    return there.id in (attempt.external_id, *link_of(attempt.external_id))


def _may_be_paid_again(vendor: str, there: There) -> bool:
    """CloudPayments' link takes another card after one that was declined."""
    return vendor == "cloudpayments" and there.state is State.OVER and there.why not in ("off", None)
