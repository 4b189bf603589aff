"""What a sample event of a connection would bring about, for somebody who wants to see it before it happens."""

from __future__ import annotations

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.preview import SAMPLE_CONTACT, Foreseen, Preview, sample
from svyazka.model.base import Stored, Time
from svyazka.model.commands import SendMessage
from svyazka.model.events import EventType
from svyazka.model.ids import connection_id
from svyazka.model.tenants import CompiledConnection, Tenant

TYPES_MOST = 12


class Expected(Stored):
    """One thing that would be done, or why nothing would."""

    type: EventType
    flow: str = ""
    connection: str = ""
    to: str = ""
    text: str = ""
    prospect: str = "never"
    at: Time | None = None
    reasons: tuple[str, ...] = ()


class Expectation(Stored):
    """All that would follow."""

    connection: str
    rows: tuple[Expected, ...]


async def expectation(hub: Hub, preview: Preview, tenant: Tenant, connection: str) -> Expectation:
    """Of one sample event of each type that the connection's flows act on; its person is nobody."""
    held = await journal.load(hub.store, CompiledConnection, connection_id(tenant.id, connection))
    wants = held.model.wants[:TYPES_MOST] if held else ()
    rows: list[Expected] = []
    for wanted in wants:
        type_ = EventType(wanted)
        found = await preview.of(sample(tenant, connection, type_, SAMPLE_CONTACT, hub.clock.now()), tenant)
        rows += [_expected(type_, one) for one in found.foreseen]
        if found.reasons or not found.foreseen:
            rows.append(Expected(type=type_, reasons=found.reasons))
    return Expectation(connection=connection, rows=tuple(rows))


def _expected(type_: EventType, one: Foreseen) -> Expected:
    command = one.delivery.command
    to, text = (command.to, command.text) if isinstance(command, SendMessage) else (None, "")
    return Expected(
        type=type_, flow=one.delivery.flow, connection=one.delivery.connection,
        to=(to.phone or to.email or "") if to else "", text=text, prospect=one.prospect, at=one.at, reasons=one.reasons,
    )  # fmt: skip
