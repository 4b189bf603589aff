"""Things end (DESIGN 5.13): payload is emptied after its retention; ids, states, times and keyed hashes stay."""

from __future__ import annotations

from datetime import datetime, timedelta

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    STALE_DELIVERIES,
    STALE_EVENTS,
    STALE_PAYMENTS,
    STALE_RAWS,
    STALE_RECEIPTS,
    STALE_SEALED,
    STALE_SUBSCRIPTIONS,
)
from svyazka.engine.journal.tasks import retain_task
from svyazka.engine.journal.transition import replace_delivery
from svyazka.engine.keeping.sealed import SealedValues
from svyazka.engine.ports.blobs import LIVES
from svyazka.engine.ports.store import Document, Write
from svyazka.engine.rules.paying import may_change
from svyazka.engine.support.each_due import each_due
from svyazka.engine.support.logs import log
from svyazka.model.checks import SettleCheck
from svyazka.model.commands import (
    AddNote,
    AddTask,
    BookVisit,
    CancelVisit,
    Command,
    Forward,
    MoveVisit,
    PutRecord,
    SendMessage,
    SendVisitCode,
    SyncObject,
)
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.events import EventRecord, EventStatus, RawRecord
from svyazka.model.paying import CancelPayment, CapturePayment, ChargeSaved, MakeLink, RefundPayment
from svyazka.model.payments import Payment
from svyazka.model.receipts import IntentState, ReceiptIntent, RegisterReceipt
from svyazka.model.sealed import SealedBatch
from svyazka.model.subscriptions import Subscription

RETAIN_LIMIT = 20.0
"""Real seconds that one run takes for each kind of document; what is left then is the next one's, at once."""

PATIENCE = timedelta(days=1)
"""What is still open is looked at again so much later."""


class Retention:
    """Empties what is past its retention."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._sealed = SealedValues(hub)
        self._strays_at: datetime | None = None

    async def retain(self) -> int:
        """One run; how many documents were emptied."""
        blanked, finished = 0, True
        stale = (STALE_EVENTS, STALE_RAWS, STALE_DELIVERIES, STALE_PAYMENTS, STALE_RECEIPTS, STALE_SUBSCRIPTIONS)
        for query in stale:
            through = await each_due(self._hub.store, query, self._hub.clock.now(), RETAIN_LIMIT, self._blank)
            blanked, finished = blanked + through.done, finished and through.finished
        blanked += await self._blobs()
        if blanked:
            await self._hub.store.scrub()
        if not finished:
            await self._hub.queue.enqueue([retain_task()])
        return blanked

    async def _blobs(self) -> int:
        """Sealed values past their life, and what nobody names. Where the blobs are out of reach, the rest goes on."""
        now, gone = self._hub.clock.now(), 0
        try:
            gone = (await each_due(self._hub.store, STALE_SEALED, now, RETAIN_LIMIT, self._end)).done
            if self._strays_at is None or now - self._strays_at >= PATIENCE:
                gone += await self._remove_strays(now)
                self._strays_at = now
        except Unavailable as error:
            log("ERROR", "blobs could not be removed", error=type(error).__name__)
        return gone

    async def _end(self, document: Document) -> bool:
        """Sealed values have no skeleton: they go altogether."""
        try:
            await self._sealed.remove(journal.read(SealedBatch, document))
        except Conflict:
            return False
        return True

    async def _remove_strays(self, now: datetime) -> int:
        """Blobs past their life, whoever left them behind. In the cloud the bucket does it too, a day later."""
        gone = 0
        for purpose, life in LIVES.items():
            after = ""
            while page := await self._hub.blobs.list(f"{purpose}/", after):
                after = page[-1].name
                old = [one.name for one in page if now - one.put_at >= life]
                await self._hub.blobs.delete(old)
                gone += len(old)
        return gone

    async def _blank(self, document: Document) -> bool:
        try:
            await self._hub.store.commit([blanked_write(document)])
        except Conflict:
            return False  # somebody moved it: looked at again in the next run
        return True


def blanked_write(document: Document) -> Write:
    """The document without its payload; what is open is left until it is settled."""
    if document.kind == "raws":
        raw = journal.read(RawRecord, document)
        bare_request = raw.model.model_copy(update={"request": None, "blank_at": None})
        return journal.replace(bare_request, raw.version)
    if document.kind == "events":
        held = journal.read(EventRecord, document)
        record = held.model
        if record.status is EventStatus.ACCEPTED:
            return journal.replace(record.model_copy(update={"blank_at": _later(record)}), held.version)
        emptied = record.model_copy(update={"event": record.event.blanked(), "request": None, "blank_at": None})
        return journal.replace(emptied, held.version)
    if document.kind == "payments":
        payment = journal.read(Payment, document)
        if may_change(payment.model):
            return journal.replace(
                payment.model.model_copy(update={"blank_at": _later(payment.model)}), payment.version
            )
        return journal.replace(payment.model.blanked(), payment.version)
    if document.kind == "receipts":
        receipt = journal.read(ReceiptIntent, document)
        if receipt.model.state is not IntentState.DONE:  # it is owed, and without its lines nobody could register it
            return journal.replace(
                receipt.model.model_copy(update={"blank_at": _later(receipt.model)}), receipt.version
            )
        return journal.replace(receipt.model.blanked(), receipt.version)
    if document.kind == "subscriptions":
        subscription = journal.read(Subscription, document)
        return journal.replace(subscription.model.blanked(), subscription.version)
    one = journal.read(Delivery, document)
    if one.model.is_open:
        return replace_delivery(one, one.model.model_copy(update={"blank_at": _later(one.model)}))
    return replace_delivery(one, blank(one.model))


def _later(model: EventRecord | Delivery | Payment | ReceiptIntent) -> datetime | None:
    return model.blank_at + PATIENCE if model.blank_at else None


def blank(delivery: Delivery) -> Delivery:
    """A settled delivery without text, contact and exchanges, nor words of a vendor's or an operator's."""
    attempts = tuple(attempt.model_copy(update={"exchanges": (), "message": None}) for attempt in delivery.attempts)
    problem = delivery.last_error
    return delivery.model_copy(
        update={
            "command": blank_command(delivery.command), "attempts": attempts, "fallbacks": (), "notes": (),
            "last_error": problem.model_copy(update={"message": ""}) if problem else None, "seen": None,
            # The key of a reservation is made of the person's address.
            "guards": delivery.guards.model_copy(update={"once_per": None}), "reservation": None, "blank_at": None,
        }
    )  # fmt: skip


def blank_command(command: Command) -> Command:
    """A command of the same kind with nothing in it."""
    match command:
        case SendMessage():
            return SendMessage(to=Contact(), text="")
        case Forward():
            return Forward(type=command.type, payload={}, occurred_at=command.occurred_at)
        case PutRecord():
            return PutRecord(record=command.record)
        case AddNote():
            return AddNote(on=command.on, text="")
        case AddTask():
            return AddTask(on=command.on, text="", due_at=command.due_at)
        case BookVisit():
            return BookVisit(services=command.services, starts_at=command.starts_at, person=Contact())
        case SendVisitCode():
            return SendVisitCode(person=Contact())
        case MoveVisit():
            return MoveVisit(visit="", starts_at=command.starts_at)
        case CancelVisit():
            return CancelVisit(visit="")
        case SyncObject():
            return command  # ids only
        case SettleCheck():
            return command  # a table's number and a sum: nothing of a person
        case CapturePayment() | CancelPayment() | MakeLink() | ChargeSaved() | RefundPayment() | RegisterReceipt():
            bare = {name: value for name, value in BARE_MONEY.items() if name in type(command).model_fields}
            return command.model_copy(update=bare)


BARE_MONEY = {"description": "", "person": None, "inn": None, "lines": (), "token": "", "return_url": None}
"""What a command that moves money tells of people; sums and numbers stay, for months are compared by them."""


def is_blank(delivery: Delivery) -> bool:
    """Whether its payload was emptied: there is nothing left to carry out."""
    # What is to be made equal was never in the command.
    never = (SyncObject, SettleCheck)
    return delivery.command == blank_command(delivery.command) and not isinstance(delivery.command, never)
