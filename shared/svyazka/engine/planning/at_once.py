"""One event carried out while somebody waits: planned, its deliveries performed, and how it stands told."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from svyazka.engine.asking.holds import Holds
from svyazka.engine.delivering.attempts import Attempts
from svyazka.engine.delivering.patience import while_somebody_waits
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.paying.giving_way import give_way
from svyazka.engine.paying.looking import Looking
from svyazka.engine.paying.opening import payment_of, refusal_in
from svyazka.engine.paying.showing import shown
from svyazka.engine.planning.planner import Planner
from svyazka.model.bookings import Slot
from svyazka.model.commands import BookVisit, MoveVisit, PutRecord
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import ConfigError
from svyazka.model.events import Event, EventRecord, EventType
from svyazka.model.standing import LEAD_ID, Paying, Standing, Step, WentWrong

MOST_ROUNDS = 12
"""A chain has ten steps at most, and each may give way to another channel."""

SOON = timedelta(milliseconds=500)

WAITING = frozenset({Status.PENDING, Status.RETRYING, Status.PARKED, Status.BLOCKED})
"""States in which a booking is still to be carried out: its time is neither had nor refused."""


class AtOnce:
    """Does now what the queue would do in a moment; whoever comes second finds it done."""

    def __init__(self, hub: Hub, planner: Planner, attempts: Attempts, looking: Looking) -> None:
        self._hub, self._planner, self._attempts, self._looking = hub, planner, attempts, looking
        self._holds = Holds(hub)

    async def carry_out(self, event_id: str) -> Standing | None:
        """Plan an event and perform what is due of it, step after step; how it stands then. None: there is no such
        event. Raises Unavailable."""
        with while_somebody_waits():
            return await self._carried_out(event_id)

    async def _carried_out(self, event_id: str) -> Standing | None:
        await self._planner.plan(event_id)
        held = await journal.load(self._hub.store, EventRecord, event_id)
        if held is None:
            return None
        deliveries = await self._deliveries(held.model.deliveries)
        tried: set[tuple[str, str | None]] = set()
        for _ in range(MOST_ROUNDS):
            due = [one for one in deliveries if _is_due(one.model, self._hub.clock.now())]
            new = [one for one in due if (one.model.id, one.version) not in tried]
            for one in new:
                tried.add((one.model.id, one.version))
                await self._attempts.perform(one.model.id)
            gave_way = await give_way(self._hub, [one.model.id for one in deliveries])
            if not new and not gave_way:
                break
            deliveries = await self._deliveries(held.model.deliveries)
        with suppress(ConfigError):  # then nothing is carried out either, and its card says so
            await self._held_meanwhile(held.model.event, [one.model for one in deliveries])
        standing = self._standing(held.model, [one.model for one in deliveries])
        if held.model.event.type not in (EventType.PAYMENT_REQUESTED, EventType.REFUND_REQUESTED):
            return standing
        return standing.model_copy(update={"payment": await self._paying(held.model.event)})

    async def _paying(self, event: Event) -> Paying | None:
        """How the payment stands that was asked for, with the link that was made for it just now."""
        record = await journal.load(self._hub.store, EventRecord, event.id)
        code, why = refusal_in(record.model.reason if record is not None else None)
        id_ = await payment_of(self._hub, event)
        payment = await self._looking.look(id_, ask=False) if id_ is not None else None
        if payment is None:
            return Paying(id="", state="refused", amount="", currency="", order=str(event.data.get("order") or ""),
                          paid="", refunded="", code=code, why=why) if code is not None else None  # fmt: skip
        return shown(payment).model_copy(update={"code": code, "why": why})

    async def _deliveries(self, ids: Iterable[str]) -> list[Versioned[Delivery]]:
        """An event's deliveries in the order of its plan, each followed by what it gave way to."""
        waiting, found, seen = list(ids), [], set()
        while waiting:
            key = waiting.pop(0)
            one = await journal.load(self._hub.store, Delivery, key) if key not in seen else None
            seen.add(key)
            if one is None:
                continue
            found.append(one)
            if one.model.successor is not None:
                waiting.insert(0, one.model.successor)
        return found

    async def _held_meanwhile(self, event: Event, deliveries: Iterable[Delivery]) -> None:
        """A time whose calendar hasn't answered yet is offered to nobody else for a while; a booking that is called off
        lets go of it."""
        if event.type is EventType.BOOKING_CANCEL_REQUESTED:
            asked = await journal.load(self._hub.store, EventRecord, str(event.data.get("booking")))
            if asked is not None and asked.model.event.tenant == event.tenant:
                await self._let_go(asked.model)
        for one in deliveries:
            command = one.command
            if not isinstance(command, BookVisit) or one.status not in WAITING:
                continue
            account = await self._hub.directory.account(one.tenant, one.connection)
            if account is not None:
                slot = Slot(starts_at=command.starts_at, staff=command.staff)
                await self._holds.place(account, slot, _visitor(command.person))

    async def _let_go(self, asked: EventRecord) -> None:
        for one in await self._deliveries(asked.deliveries):
            command = one.model.command
            account = await self._hub.directory.account(one.model.tenant, one.model.connection)
            if isinstance(command, BookVisit) and account is not None:
                await self._holds.free(account, _visitor(command.person))

    def _standing(self, record: EventRecord, deliveries: Iterable[Delivery]) -> Standing:
        """Codes and ids, nothing of a person."""
        steps = tuple(_step(one, self._id_word(one.vendor)) for one in deliveries)
        return Standing(event=record.event.id, status=record.status.value, reason=record.reason, deliveries=steps)

    def _id_word(self, vendor: str) -> str:
        records = self._hub.directory.manifests(vendor).records
        return records.deal_id if records is not None else LEAD_ID


def _visitor(person: Contact) -> str:
    """By whom a time is held: whoever comes."""
    return person.phone or person.email or ""


def _is_due(delivery: Delivery, now: datetime) -> bool:
    ready = delivery.status in (Status.PENDING, Status.RETRYING)
    return ready and (delivery.next_attempt_at is None or delivery.next_attempt_at <= now + SOON)


def _step(delivery: Delivery, id_word: str) -> Step:
    command = delivery.command
    return Step(
        id=delivery.id, flow=delivery.flow, step=delivery.step, command=command.kind if command else None,
        record=command.record.value if isinstance(command, PutRecord) else None, connection=delivery.connection,
        vendor=delivery.vendor, status=delivery.status.value, external_id=delivery.external_id,
        produced=delivery.produced, id_word=id_word,
        starts_at=command.starts_at.iso if isinstance(command, BookVisit | MoveVisit) else None,
        error=WentWrong(code=delivery.last_error.code) if delivery.last_error else None,
    )  # fmt: skip
