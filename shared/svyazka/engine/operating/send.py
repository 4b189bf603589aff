"""One message through the whole machine."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from pydantic import JsonValue

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import plan_task
from svyazka.engine.operating.operator import Operator
from svyazka.engine.ports.store import Create
from svyazka.engine.rules.deadlines import PLAN_GRACE
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventRecord, EventStatus, EventType
from svyazka.model.ids import stable_id
from svyazka.model.tenants import Tenant


async def request_send(
    operator: Operator, tenant: Tenant, connection: str, to: Contact, data: dict[str, JsonValue], address: str
) -> EventRecord:
    """Ask for one message, as an event; the flow of things carries it out."""
    now = operator.hub.clock.now()
    spec = tenant.connections[connection]
    nonce = uuid4().hex
    event = Event(
        id=stable_id("evt", tenant.id, connection, "requested", nonce), tenant=tenant.id, connection=connection,
        vendor=spec.vendor, type=EventType.SEND_REQUESTED, subject=f"message:{nonce}", identity="strong",
        origin="operator", received_at=now, occurred_at=now, contact=to, data={"via": connection, **data},
    )  # fmt: skip
    record = EventRecord(
        event=event, status=EventStatus.ACCEPTED, people=(operator.hub.keyring.person(tenant.id, address),),
        wake_at=now + timedelta(seconds=PLAN_GRACE), blank_at=now + tenant.retention,
    )  # fmt: skip
    await operator.hub.store.commit([Create(journal.document(record))], [plan_task(event.id)])
    return record
