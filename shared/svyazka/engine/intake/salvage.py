"""A request that could not be journaled on its way in and came by the queue instead: parsed and journaled now."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial

from svyazka.engine.contracts.webhook import Inbound, RawRequest, Webhook
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.events_of_request import ParsedEvent, read
from svyazka.engine.journal.tasks import plan_task
from svyazka.engine.ports.store import Create, Document, Queue, Store
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.support.logs import log
from svyazka.model.errors import Conflict
from svyazka.model.events import EventStatus, StoredRequest
from svyazka.model.ids import connection_id
from svyazka.model.tenants import CompiledConnection


class Salvager:
    """Journals what was salvaged."""

    def __init__(
        self, store: Store, queue: Queue, keyring: Keyring, webhook_of: Callable[[str], Webhook | None]
    ) -> None:
        self._store, self._queue, self._keyring, self._webhook_of = store, queue, keyring, webhook_of

    async def salvage(self, body: Mapping[str, str]) -> str | None:
        """Journal it now; the id of its stored request where something of it could not be read."""
        webhook = self._webhook_of(body["vendor"])
        key = connection_id(body["tenant"], body["connection"])
        document = await self._store.get("connections", key)
        if webhook is None or document is None:
            log("ERROR", "salvaged for a connection that is gone", tenant=body["tenant"], connection=body["connection"])
            return None
        compiled = journal.read(CompiledConnection, document).model
        packed = zlib.decompress(base64.b64decode(body["request"]))
        stored = StoredRequest.model_validate_json(packed, extra="ignore")
        headers = [(b"content-type", (stored.content_type or "").encode())]
        request = RawRequest(stored.method, stored.path, b"", headers, stored.bytes())
        people = partial(self._keyring.people, compiled.tenant)
        received = datetime.fromisoformat(body["received_at"])
        found = read(webhook, request, compiled, Inbound(compiled.public, {}), received, people, "salvage")
        if found.raw is not None:
            with suppress(Conflict):
                await self._store.commit([Create(found.raw)])
        for item, document in zip(found.items, found.documents, strict=True):
            await self._journal(item, document)
        log("NOTICE", "salvaged", tenant=compiled.tenant, connection=compiled.connection, count=len(found.items))
        return found.raw.id if found.wrong is not None and found.raw is not None else None

    async def _journal(self, item: ParsedEvent, document: Document) -> None:
        earlier = await self._store.get("events", item.earlier) if item.earlier else None
        received = earlier.fields.get("received_at") if earlier else None
        if isinstance(received, datetime) and item.earlier_since and received >= item.earlier_since:
            return  # its vendor had repeated it
        tasks = [] if item.record.status is EventStatus.IGNORED else [plan_task(document.id)]
        try:
            await self._store.commit([Create(document)], tasks)
        except Conflict:
            await self._queue.enqueue(tasks)
