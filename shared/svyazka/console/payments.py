"""Payments: the list, one payment's whole story with its buttons, and what a refund would be before it is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from svyazka.console.rendering import page, tone
from svyazka.console.stories import REASON_LONG, looked
from svyazka.console.surroundings import Visit
from svyazka.console.turning import turned
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal import kinds
from svyazka.engine.paying.by_hand import why_not_paid
from svyazka.engine.paying.taking_in import awaited
from svyazka.engine.ports.store import ANY_OF_MOST, AnyOf
from svyazka.engine.rules.paying import as_it_stands, free_to_refund, may_change, refunded_by
from svyazka.model.deliveries import Delivery
from svyazka.model.events import EventRecord, EventType
from svyazka.model.ids import event_id
from svyazka.model.money import Money
from svyazka.model.orders import Order, order_id
from svyazka.model.payments import Attempt, By, Oddity, Payment, PaymentState, Transaction
from svyazka.model.receipts import ReceiptIntent
from svyazka.reading.paid_words import (
    DECLINES,
    METHODS,
    MOVE_STATES,
    MOVES,
    ODDITIES,
    RECEIPT_KINDS,
    RECEIPT_STATES,
    STATES,
)

ROWS = 50

QUERIES = {
    "": kinds.RECENT_PAYMENTS, "tenant": kinds.PAYMENTS_OF_TENANT, "status": kinds.RECENT_PAYMENTS_BY_STATUS,
    "tenant+status": kinds.PAYMENTS_BY_STATUS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, in its place in the story."""

    at: datetime
    what: str
    """`asked`, `try`, `move`, `told`, `follows` or `odd`."""
    attempt: Attempt | None = None
    move: Transaction | None = None
    event: EventRecord | None = None
    delivery: Delivery | None = None
    odd: Oddity | None = None
    receipt: ReceiptIntent | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A payment with everything that is known of it, the oldest first."""

    payment: Payment
    receipts: Sequence[ReceiptIntent] = ()
    moments: Sequence[Moment] = field(default_factory=tuple)

    @property
    def free(self) -> Money:
        """What can still be given back."""
        return free_to_refund(self.payment)

    @property
    def shown(self) -> str:
        """The mark of what this page shows: a button decides about that and nothing else."""
        return as_it_stands(self.payment)

    @property
    def may_be_noted(self) -> bool:
        """Whether somebody may say that it was paid past its provider."""
        return why_not_paid(self.payment) is None

    @property
    def may_be_asked(self) -> bool:
        """Whether its providers have anything to say that isn't known."""
        return any(one.by is not By.HAND for one in self.payment.attempts)

    @property
    def may_be_settled(self) -> bool:
        """Whether what an advance was for may be noted as handed over."""
        return self.payment.prepaid and not self.payment.handed_over and bool(self.payment.captured)

    @property
    def may_change(self) -> bool:
        return may_change(self.payment)


async def story_of(visit: Visit, id_: str) -> Story:
    """Three questions, whatever number of providers know the payment by an id of their own."""
    held = await journal.load(visit.store, Payment, id_)
    if held is None:
        raise HTTPException(404)
    payment = held.model
    visit.check(payment.tenant)
    own = [("deliveries", key) for key in awaited(payment)]
    followed = [("events", key) for key in dict.fromkeys([payment.event, *_told(payment)])]
    owed = [("receipts", key) for key in payment.receipts]
    documents = [one for one in await visit.store.get_many([*own, *followed, *owed]) if one is not None]
    receipts = [journal.read(ReceiptIntent, one).model for one in documents if one.kind == "receipts"]
    deliveries = {one.id: journal.read(Delivery, one).model for one in documents if one.kind == "deliveries"}
    events = {one.id: journal.read(EventRecord, one).model for one in documents if one.kind == "events"}
    heard: list[EventRecord] = []
    theirs = dict.fromkeys(f"payment:{one.external_id}" for one in payment.attempts if one.external_id)
    if theirs:
        where: dict[str, str | AnyOf] = {"tenant": payment.tenant, "subject": tuple(theirs)[-ANY_OF_MOST:]}
        found = await visit.store.find(kinds.EVENTS_OF_ANY_SUBJECT, equal=where, limit=ROWS)
        heard += [one.model for one in journal.known(EventRecord, found.documents)]
    heard = [one for one in heard if one.event.type == EventType.PAYMENT_CHANGED]
    moments = [
        *_moments(payment, deliveries, events, heard),
        *(Moment(one.owed_since, "receipt", receipt=one) for one in receipts),
    ]  # fmt: skip
    return Story(payment, receipts, sorted(moments, key=lambda one: one.at))


def _told(payment: Payment) -> Iterator[str]:
    """Ids of the events by which the payment's changes were told: see `engine/paying/telling.py`."""
    connection = {one.n: one.connection for one in payment.attempts}
    for one in payment.transactions:
        yield event_id(payment.tenant, connection[one.attempt], "payment", payment.id, one.id)


def _moments(
    payment: Payment, deliveries: dict[str, Delivery], events: dict[str, EventRecord], heard: Sequence[EventRecord]
) -> Iterator[Moment]:
    attempts = {one.n: one for one in payment.attempts}
    yield Moment(payment.created_at, "asked", event=events.get(payment.event))
    for attempt in payment.attempts:
        if attempt.by is not By.HAND and not payment.of_attempt(attempt.n):
            continue  # a link in reserve, which nobody has needed
        delivery = deliveries.get(attempt.delivery or "")
        if attempt.by is not By.HAND:
            begun = attempt.shown_at or (delivery.created_at if delivery else payment.created_at)
            yield Moment(begun, "try", attempt=attempt, delivery=delivery)
    for move in payment.transactions:
        yield Moment(
            move.at, "move", attempt=attempts[move.attempt], move=move, delivery=deliveries.get(move.delivery or "")
        )
    for told in heard:
        yield Moment(told.event.received_at, "told", event=told)
    for id_, follows in events.items():
        if id_ != payment.event:
            yield Moment(follows.event.received_at, "follows", event=follows)
    for odd in payment.oddities:
        yield Moment(odd.since, "odd", odd=odd)


# Pages


async def payments(visit: Visit) -> Response:
    """`/payments`: newest first."""
    tenant, status = visit.tenant(), visit.asked("status")
    status = status if status in set(PaymentState) else ""
    equal = {name: value for name, value in (("tenant", tenant or ""), ("status", status)) if value}
    found = await turned(visit, QUERIES["+".join(equal)], equal, ROWS)
    rows = [one.model for one in journal.known(Payment, found.documents) if one.model.tenant in visit.tenants]
    more = urlencode({**equal, "after": found.more}) if found.more else None
    return page(
        "payments.html", visit,
        {"rows": rows, "more": more, "tenant": tenant, "status": status, "states": list(PaymentState),
         "is_odd": is_odd, **worded(visit)},
    )  # fmt: skip


def is_odd(payment: Payment) -> bool:
    """Whether something about it waits for somebody."""
    return any(not one.closed for one in payment.oddities)


async def payment(visit: Visit) -> Response:
    """`/payments/<id>`, its payer masked."""
    return await _shown(visit, reveal=False)


async def revealed(visit: Visit) -> Response:
    """The same with the payer as he is, once, for a reason that the audit keeps."""
    return await _shown(visit, reveal=True)


async def _shown(visit: Visit, reveal: bool) -> Response:
    story = await story_of(visit, visit.request.path_params["id"])
    tenant = story.payment.tenant
    why = (await visit.form()).get("why", "").strip()[:200] if reveal else ""
    reveal = reveal and len(why) >= REASON_LONG and visit.may(tenant)
    if reveal:
        await visit.store.commit([journal.create(looked(visit, tenant, story.payment.id, why))])
    masker = visit.masker(reveal)
    payer = [str(value) for value in (masker.contact(story.payment.person) or {}).values() if value]
    return page(
        "payment.html", visit,
        {"story": story, "payer": payer, "masker": masker, "tenant": tenant, "reveal": reveal, **worded(visit)},
    )  # fmt: skip


async def receipt(visit: Visit) -> Response:
    """`/receipts/<id>`: it stands in its payment's story."""
    held = await journal.load(visit.store, ReceiptIntent, visit.request.path_params["id"])
    if held is None:
        raise HTTPException(404)
    visit.check(held.model.tenant)
    return RedirectResponse(f"/payments/{held.model.payment}", 303)


async def refund(visit: Visit) -> Response:
    """`/payments/<id>/refund?amount=`: what would go back, through whom, and what would be left. Nothing is written."""
    held = await journal.load(visit.store, Payment, visit.request.path_params["id"])
    if held is None:
        raise HTTPException(404)
    found = held.model
    visit.check(found.tenant)
    if not visit.may(found.tenant):
        raise HTTPException(403)
    free, amount, typed = free_to_refund(found), None, visit.asked("amount").replace(",", ".").replace(" ", "")
    try:
        amount = Money.read(typed) if typed else free
    except ValueError:
        amount = None
    fits = amount is not None and bool(amount) and amount <= free
    through = refunded_by(found, amount) if fits and amount is not None else None
    return page(
        "refund.html", visit,
        {"payment": found, "tenant": found.tenant, "free": free, "amount": amount if fits else None, "typed": typed,
         "through": through, "shown": as_it_stands(found), **worded(visit)},
    )  # fmt: skip


# Search


async def payments_of_person(visit: Visit, among: Sequence[str], address: str) -> list[Payment]:
    """What somebody was to pay, found by the keyed hash of a phone or an e-mail."""
    found: list[Payment] = []
    for tenant in among:
        for person in visit.around.keyring.person_ever(tenant, address):
            page_ = await visit.store.find(kinds.PAYMENTS_OF_PERSON, contains=person, limit=ROWS)
            found += [one.model for one in journal.known(Payment, page_.documents) if one.model.tenant == tenant]
    return sorted(found, key=lambda one: one.created_at, reverse=True)


async def payments_by_name(visit: Visit, among: Sequence[str], sought: str) -> list[Payment]:
    """By an id, or how it begins; else by the order's number, which each connection has for itself."""
    if sought.startswith("pay_"):
        keys = [("payments", one) for one in await visit.store.ids("payments", sought)]
    else:
        orders = [
            ("orders", order_id(tenant, connection, sought))
            for tenant in among if sought for connection in visit.tenants[tenant].connections
        ]  # fmt: skip
        known = [journal.read(Order, one).model for one in await visit.store.get_many(orders) if one is not None]
        keys = [("payments", id_) for order in known for id_ in order.payments.values()]
    documents = await visit.store.get_many(keys) if keys else []
    found = [journal.read(Payment, one).model for one in documents if one is not None]
    return [one for one in found if one.tenant in among]


# Words


def worded(visit: Visit) -> dict[str, Any]:
    """What templates about money call things."""
    return {
        "rub": partial(rub, visit.language), "payment_states": STATES, "moves": MOVES, "move_states": MOVE_STATES,
        "declines": DECLINES, "oddities": ODDITIES, "looks": looks, "methods": METHODS, "receipt_kinds": RECEIPT_KINDS,
        "receipt_states": RECEIPT_STATES,
    }  # fmt: skip


def looks(state: str) -> str:
    """Money that is held is no trouble."""
    return "later" if state == PaymentState.HELD else tone(state)


def rub(language: str, amount: Money) -> str:
    """`1 049,30 ₽`."""
    whole, kopecks = divmod(abs(amount.kopecks), 100)
    spaced, point = f"{whole:,}".replace(",", "\u202f"), "," if language == "ru" else "."
    sign = "−" if amount.kopecks < 0 else ""
    return f"{sign}{spaced}{point}{kopecks:02}\u00a0₽" if kopecks else f"{sign}{spaced}\u00a0₽"
