"""What an hour usually brings to each front door: what is many times as much is a flood."""

from __future__ import annotations

from datetime import timedelta

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import ALL_CONNECTIONS, EVENTS_OF_CONNECTION_BY_STATUS
from svyazka.engine.ports.store import Document, Put
from svyazka.engine.ports.usual import usual_key
from svyazka.model.events import EventStatus
from svyazka.model.ids import connection_id
from svyazka.model.tenants import CompiledConnection

LOOKED_BACK = timedelta(days=7)
COUNTED = [status.value for status in EventStatus if status is not EventStatus.QUARANTINED]
"""A flood that is held is no usual hour."""


async def count_usual_hours(hub: Hub, vendor: str) -> None:
    """Write down each site's mean hour of the last week, where it has changed. Raises Unavailable."""
    cursor: str | None = None
    since = hub.clock.now() - LOOKED_BACK
    while True:
        page = await hub.store.find(ALL_CONNECTIONS, limit=200, cursor=cursor)
        for document in page.documents:
            if document.fields.get("vendor") != vendor:
                continue
            one = journal.read(CompiledConnection, document).model
            equal = {"tenant": one.tenant, "connection": one.connection}
            found = await hub.store.tally(EVENTS_OF_CONNECTION_BY_STATUS, COUNTED, equal=equal, since=since)
            usual = round(sum(found.values()) / (LOOKED_BACK / timedelta(hours=1)))
            key = usual_key(connection_id(one.tenant, one.connection))
            held = await hub.store.get("meta", key)
            if held is None or int(held.data) != usual:
                await hub.store.commit([Put(Document("meta", key, {}, str(usual).encode()))])
        cursor = page.cursor
        if cursor is None:
            return
