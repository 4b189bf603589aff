"""What vendors later say became of a message: applied to its delivery, forwards only."""

from __future__ import annotations

from datetime import timedelta

from svyazka.catalogue import N_
from svyazka.engine.delivering.recording import Recorder
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import DELIVERIES_BY_STATUS, DELIVERY_BY_EXTERNAL_ID
from svyazka.engine.journal.transition import ended
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.transitions import receipt_settles
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import SvyazkaError
from svyazka.model.events import Event, EventRecord, Receipt, ReceiptState

GUESS_WINDOW = timedelta(hours=24)
"""How long after an unknown attempt a receipt that names no message of ours may be taken for its own."""

PATIENT_TRIES = 4
CLOCK_SKEW = timedelta(minutes=2)


class ReceiptNotYet(SvyazkaError):
    """The receipt's message isn't ours yet: its settle may be on the way."""


class Receipts:
    """Applies receipts."""

    def __init__(self, hub: Hub, recorder: Recorder) -> None:
        self._hub = hub
        self._recorder = recorder

    async def apply(self, event: Event, record: EventRecord) -> tuple[str | None, list[Write], list[Task], list[str]]:
        """The reason where nothing follows, the writes and tasks of what follows, and the delivery's id.

        Raises ReceiptNotYet while a settle that would explain it may be on the way.
        """
        receipt = event.receipt
        assert receipt is not None
        held, how = await self._find(event, receipt), None
        if held is None:
            # Whoever is in flight now may be the one: only when nobody is may it be taken for an unknown one's.
            may_come = await self._may_come(event)
            held = await self._find(event, receipt)
            if held is None and may_come and record.plan_attempts < PATIENT_TRIES:
                raise ReceiptNotYet(N_("a receipt ahead of our own settle: looked at again soon"))
            if held is None and receipt.external_id and not may_come:
                held, how = await self._only_unknown(event)
        if held is None:
            return N_("not a message of ours"), [], [], []
        delivery = held.model
        writes: list[Write] = []
        if _is_of_an_earlier_try(receipt, delivery):
            return N_("of a try before the present one"), writes, [], [delivery.id]
        moved = delivery.with_receipt(receipt)
        if receipt.opt_out:
            writes += self._recorder.optout_writes(delivery, f"{event.vendor}: {receipt.code or 'opted out'}")
        if moved is delivery:
            return N_("an older state than the one known"), writes, [], [delivery.id]
        moved = receipt_settles(moved, receipt.state, self._hub.clock.now())
        if how:
            moved = moved.model_copy(update={"notes": (*moved.notes, how)})
        end = await ended(self._hub.store, moved, self._hub.clock.now())
        return how, [*writes, *end.over(held.version)], list(end.tasks), [delivery.id]

    async def _find(self, event: Event, receipt: Receipt) -> Versioned[Delivery] | None:
        """The delivery that a receipt names, by our key or by the vendor's id."""
        if receipt.key:
            held = await journal.load(self._hub.store, Delivery, receipt.key.partition(".")[0])
            if held is not None and held.model.tenant == event.tenant:
                return held
        if receipt.external_id:
            where = {"tenant": event.tenant, "connection": event.connection, "external_id": receipt.external_id}
            page = await self._hub.store.find(DELIVERY_BY_EXTERNAL_ID, equal=where, limit=1)
            if page.documents:
                return journal.read(Delivery, page.documents[0])
        return None

    async def _only_unknown(self, event: Event) -> tuple[Versioned[Delivery] | None, str | None]:
        """A vendor without client ids sends a receipt for an id that we never got: whose may it be?

        If exactly one attempt of this connection ended unknown shortly before, it is taken for its own and
        the story says so. With two or more nobody can tell, and an operator decides.
        """
        page = await self._hub.store.find(DELIVERIES_BY_STATUS, equal=_where(event, Status.UNKNOWN), limit=50)
        said = event.occurred_at or event.received_at
        fitting = []
        for document in page.documents:
            held = journal.read(Delivery, document)
            began = held.model.attempts[-1].started_at if held.model.attempts else held.model.created_at
            if began - CLOCK_SKEW <= said <= began + GUESS_WINDOW and held.model.external_id is None:
                fitting.append(held)
        if len(fitting) == 1:
            return fitting[0], N_("matched by time: the only message whose fate was unknown")
        return None, None

    async def _may_come(self, event: Event) -> bool:
        """Whether a delivery of this connection may still learn that this message is its own: one in flight, or one
        that left without an answer and is about to be asked after."""
        flying = await self._hub.store.find(DELIVERIES_BY_STATUS, equal=_where(event, Status.IN_FLIGHT), limit=1)
        if flying.documents:
            return True
        waiting = await self._hub.store.find(DELIVERIES_BY_STATUS, equal=_where(event, Status.RETRYING), limit=50)
        doubtful = (journal.read(Delivery, document).model for document in waiting.documents)
        return any(one.external_id is None and one.attempts and one.attempts[-1].maybe_sent for one in doubtful)


def _is_of_an_earlier_try(receipt: Receipt, delivery: Delivery) -> bool:
    """Whether it tells of an earlier generation what says nothing of the present one: only proof that the person was
    reached does, while we are still trying."""
    generation = (receipt.key or "").partition(".")[2]
    if not generation.isdecimal() or int(generation) >= delivery.generation:
        return False
    return receipt.state is ReceiptState.UNDELIVERED or delivery.status is Status.SUCCEEDED


def _where(event: Event, status: Status) -> dict[str, str]:
    return {"tenant": event.tenant, "connection": event.connection, "status": status.value}
