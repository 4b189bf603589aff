"""The whole story of an event, of a delivery, or of a request that could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svyazka.catalogue import _
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Store
from svyazka.model.commands import person_of
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import ConfigError
from svyazka.model.events import EventRecord, RawRecord, StoredRequest
from svyazka.reading.lists import Filter, deliveries
from svyazka.reading.masking import Private


@dataclass(frozen=True, slots=True)
class Story:
    """What the journal holds of one thing; an alert's delivery has no event."""

    tenant: str
    event: EventRecord | None = None
    raw: RawRecord | None = None
    deliveries: Sequence[Delivery] = ()

    @property
    def request(self) -> StoredRequest | None:
        """The vendor's request, unless it was blanked."""
        if self.event is not None and self.event.request is not None:
            return self.event.request
        return self.raw.request if self.raw else None

    @property
    def private(self) -> list[Private]:
        """Whose names may stand in it, and the code that one of them was sent: whoever reads that comes in as them."""
        code = self.event.event.data.get("code") if self.event else None
        told = [self.event.event.contact, code if isinstance(code, str) else None] if self.event else []
        return [*told, *(addressee(delivery) for delivery in self.deliveries)]


async def load(store: Store, id_: str) -> Story:
    """Everything about an id. Raises ConfigError when there is no such thing."""
    match id_.partition("_")[0]:
        case "evt":
            event = await journal.load(store, EventRecord, id_)
            if event is not None:
                return await _of_event(store, event.model)
        case "dlv":
            delivery = await journal.load(store, Delivery, id_)
            if delivery is not None:
                caused = await journal.load(store, EventRecord, delivery.model.event)
                if caused is not None:
                    return await _of_event(store, caused.model)
                return Story(delivery.model.tenant, deliveries=[delivery.model])
        case "raw":
            raw = await journal.load(store, RawRecord, id_)
            if raw is not None:
                return Story(raw.model.tenant, raw=raw.model)
    raise ConfigError(_("nothing has the id {id!r}: `svyazka events` and `svyazka deliveries` print ids", id=id_))


async def _of_event(store: Store, record: EventRecord) -> Story:
    found = {one.id: one async for one in deliveries(store, Filter(event=record.event.id))}
    # Another event of the same subject may have made what this one calls for too.
    others = [("deliveries", id_) for id_ in record.deliveries if id_ not in found]
    asked = [("raws", record.raw), *others] if record.raw else others
    raw = None
    for document in await store.get_many(asked) if asked else ():
        if document is not None and document.kind == "raws":
            raw = journal.read(RawRecord, document).model
        elif document is not None:
            found[document.id] = journal.read(Delivery, document).model
    planned = {id_: place for place, id_ in enumerate(record.deliveries)}
    ordered = sorted(found.values(), key=lambda one: (one.created_at, planned.get(one.id, len(planned)), one.id))
    return Story(record.event.tenant, record, raw, ordered)


def addressee(delivery: Delivery) -> Contact | None:
    """Whom a delivery's command is about."""
    return person_of(delivery.command)
