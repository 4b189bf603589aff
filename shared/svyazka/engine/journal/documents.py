"""Models as documents and back: which scalars of each are indexed is decided here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from svyazka.engine.ports.store import Create, Document, Replace, Store, Value
from svyazka.model.base import made_storable, storable
from svyazka.model.deliveries import SKELETON, WAITING, Alert, AuditLine, Delivery, Outage, Status
from svyazka.model.errors import WrittenByNewer
from svyazka.model.events import EventRecord, EventStatus, RawRecord
from svyazka.model.grants import Grant
from svyazka.model.tenants import CompiledConnection, Tenant

COST_UNIT = 10_000
"""Costs are indexed as whole ten-thousandths: sums of such are exact."""

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Held(Generic[ModelT]):
    """A model with the version of the document that it was read from."""

    model: ModelT
    version: str | None


def _dump(model: BaseModel) -> bytes:
    """As it is stored. A text that no store takes is made one that it does: to record comes first."""
    try:
        return model.model_dump_json(exclude_none=True).encode()
    except PydanticSerializationError:
        plain = storable(model.model_dump(mode="json", exclude_none=True))
        return json.dumps(plain, ensure_ascii=False).encode()


def _document(kind: str, key: str, model: BaseModel, version: str | None, **fields: Value) -> Document:
    kept = {name: storable(value) if isinstance(value, str) else value for name, value in fields.items()}
    return Document(kind, key, kept, _dump(model), version)


def event_document(record: EventRecord, version: str | None = None) -> Document:
    event = record.event
    return _document(
        "events", event.id, record, version,
        tenant=event.tenant, connection=event.connection, type=event.type.value, subject=event.subject,
        status=record.status.value, received_at=event.received_at, wake_at=record.wake_at,
        blank_at=record.blank_at, expire_at=record.expire_at, people=record.people,
    )  # fmt: skip


def raw_document(raw: RawRecord, version: str | None = None) -> Document:
    return _document(
        "raws", raw.id, raw, version,
        tenant=raw.tenant, connection=raw.connection, status=raw.status, received_at=raw.received_at,
        blank_at=raw.blank_at, expire_at=raw.expire_at, people=raw.people,
    )  # fmt: skip


def delivery_document(delivery: Delivery, version: str | None = None) -> Document:
    return _document(
        "deliveries", delivery.id, delivery, version,
        tenant=delivery.tenant, connection=delivery.connection, flow=delivery.flow, status=delivery.status.value,
        event=delivery.event, subject=delivery.subject, external_id=delivery.external_id,
        lane=delivery.lane if delivery.status in _IN_ITS_LANE else None,
        created_at=delivery.created_at, wake_at=delivery.wake_at, blank_at=delivery.blank_at,
        expire_at=delivery.expire_at, people=delivery.people,
        cost=None if delivery.cost is None else round(delivery.cost * COST_UNIT),
    )  # fmt: skip


_IN_ITS_LANE = WAITING | {Status.IN_FLIGHT}
"""A lane's order is that of what may still be carried out; what is settled, or unknown, is out of it."""


def outage_document(outage: Outage, version: str | None = None) -> Document:
    status = "open" if outage.is_open else ("releasing" if outage.releasing else "closed")
    key = f"{outage.tenant}.{outage.connection}"
    return _document("outages", key, outage, version, tenant=outage.tenant, status=status, wake_at=outage.wake_at)


def grant_document(grant: Grant, version: str | None = None) -> Document:
    return _document("grants", grant.id, grant, version, tenant=grant.tenant, wake_at=grant.wake_at)


def alert_document(alert: Alert, version: str | None = None) -> Document:
    return _document(
        "alerts", alert.id, alert, version,
        tenant=alert.tenant, created_at=alert.created_at, expire_at=alert.created_at + SKELETON,
    )  # fmt: skip


def audit_document(line: AuditLine) -> Document:
    return _document("audit", line.id, line, None, at=line.at, expire_at=line.at + SKELETON)


def tenant_document(tenant: Tenant, version: str | None = None) -> Document:
    return Document("tenants", tenant.id, {}, made_storable(tenant).model_dump_json().encode(), version)


def connection_document(compiled: CompiledConnection, version: str | None = None) -> Document:
    key = f"{compiled.tenant}.{compiled.connection}"
    return _document("connections", key, compiled, version, tenant=compiled.tenant, vendor=compiled.vendor)


WRITER = 1
"""This release, as documents count them: one that says `min_writer` above it is left alone."""

_OF_ANOTHER_RELEASE = {"enum", "literal_error", "union_tag_invalid"}
"""What pydantic says of a status, type or command that this release doesn't have."""


def read(model: type[ModelT], document: Document) -> Held[ModelT]:
    """The model that a document holds, with its version. Fields that we don't know are kept: see `Stored`.

    Raises WrittenByNewer where a status, type or command is none of ours, or `min_writer` asks for a newer release.
    """
    try:
        found = model.model_validate_json(document.data, extra="allow")
    except ValidationError as error:
        if {complaint["type"] for complaint in error.errors(include_url=False)} <= _OF_ANOTHER_RELEASE:
            raise WrittenByNewer(*document.key) from None
        raise
    wanted = (found.model_extra or {}).get("min_writer")
    if isinstance(wanted, int) and wanted > WRITER:
        raise WrittenByNewer(*document.key)
    return Held(found, document.version)


def known(model: type[ModelT], documents: Iterable[Document]) -> list[Held[ModelT]]:
    """Those of `documents` that this release may read; the others are a newer one's to see to."""
    found = []
    for document in documents:
        with suppress(WrittenByNewer):
            found.append(read(model, document))
    return found


async def load(store: Store, model: type[ModelT], kind: str, key: str) -> Held[ModelT] | None:
    """One model by its id, or None."""
    document = await store.get(kind, key)
    return None if document is None else read(model, document)


def create_delivery(delivery: Delivery) -> Create:
    return Create(delivery_document(delivery))


def replace_delivery(delivery: Delivery, version: str | None) -> Replace:
    return Replace(delivery_document(delivery, version))


def replace_raw(raw: RawRecord, version: str | None) -> Replace:
    return Replace(raw_document(raw, version))


def replace_event(record: EventRecord, version: str | None) -> Replace:
    return Replace(event_document(record, version))


def plan_is_missing(document: Document) -> bool:
    """An event that is journaled and that nobody has planned (or told of) yet: a repeat must queue it again."""
    is_open = document.fields.get("status") in (EventStatus.ACCEPTED.value, EventStatus.QUARANTINED.value)
    return is_open and document.fields.get("wake_at") is not None
