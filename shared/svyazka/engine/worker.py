"""The worker's routes: the queue's tasks, the scheduler's ticks (DESIGN 8)."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial

from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.calling.oauth.tasks import ask_anew, redirected, renew
from svyazka.engine.contracts.webhook import Inbound, RawRequest, Webhook
from svyazka.engine.delivering.attempts import Performer
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.events_of_request import Item, read
from svyazka.engine.journal.tasks import plan_task, resume_task
from svyazka.engine.outages.state import Outages
from svyazka.engine.planning.planner import Planner
from svyazka.engine.ports.store import Create, Document
from svyazka.engine.support.logs import log
from svyazka.engine.upkeep.poll import Poller
from svyazka.engine.upkeep.retention import Retention
from svyazka.engine.upkeep.silent_hooks import Watch
from svyazka.engine.upkeep.sweep import Sweep
from svyazka.model.errors import ConfigError, Conflict, LeaseTooShort, MaybeSent, NotSent, Unavailable, WrittenByNewer
from svyazka.model.events import EventStatus, StoredRequest
from svyazka.model.ids import connection_id
from svyazka.model.tenants import CompiledConnection

RECORDED, NOT_RECORDED, NO_SUCH_WORK = 204, 503, 404


class Worker:
    """Does what tasks ask for: 204 for every outcome that was recorded, 503 only when it could not be."""

    def __init__(self, hub: Hub, webhooks: Callable[[str], Webhook | None] = lambda vendor: None) -> None:
        self.hub = hub
        self.outages = Outages(hub)
        self.performer = Performer(hub, self.outages)
        self.planner = Planner(hub, self.performer)
        self.sweeper = Sweep(hub, self.outages)
        self.retention = Retention(hub)
        self.poller = Poller(hub, self.performer)
        self.watch = Watch(hub)
        self.webhook_of = webhooks

    async def handle(self, path: str, body: Mapping[str, str]) -> int:
        """Do one task; the HTTP status to answer with. Unknown ids are 204: there is nothing left to do."""
        try:
            match path:
                case "/plan":
                    await self.planner.plan(body["event"])
                case "/perform":
                    await self.performer.perform(body["delivery"])
                case "/lane":
                    await self.performer.gate.lanes.wake(body["lane"])
                case "/release":
                    await self.outages.release(body["tenant"], body["connection"], float(body.get("after", "0")))
                case "/resume":
                    await self._resume(body)
                case "/redirected" | "/renew":
                    await self._access(path, body)
                case "/probe":
                    await self.probe(body["tenant"], body["connection"])
                case "/poll":
                    await self._poll(body)
                case "/sweep":
                    await self.sweeper.sweep()
                case "/quarantined":
                    await self.watch.tell_quarantined(body["raw"])
                case "/foreign":
                    await self.watch.tell_foreign(body["event"])
                case "/retain":
                    await self.retention.retain()
                    await self.watch.tell_silent()
                    await self.watch.look_into_quarantine()
                case "/salvage":
                    await self.salvage(body)
                case _:
                    return NO_SUCH_WORK
        except Unavailable as error:
            log("ERROR", "not recorded", path=path, error=type(error).__name__)
            return NOT_RECORDED
        except WrittenByNewer as error:
            log("NOTICE", "left for a newer version", path=path, kind=error.kind)
        except ConfigError as error:
            log("ERROR", "settings can't be used", path=path, error=str(error))
            return NOT_RECORDED
        return RECORDED

    async def _resume(self, body: Mapping[str, str]) -> None:
        """Settings were changed. Other instances believe the old ones a little longer and may hold back what comes to
        them till then, so it is done once more when they have heard of it."""
        self.hub.directory.forget()
        if "again" in body:
            await self.outages.release(body["tenant"], body["connection"])
        else:
            await ask_anew(self.hub, body["tenant"], body["connection"])
            await self.outages.resume(body["tenant"], body["connection"])
            later = self.hub.clock.in_real(2 * self.hub.directory.ttl + 1)
            await self.hub.queue.enqueue([resume_task(body["tenant"], body["connection"], later)])

    async def _access(self, path: str, body: Mapping[str, str]) -> None:
        account = await self.hub.directory.account(body["tenant"], body["connection"])
        if account is None:
            return
        if path == "/redirected":
            await redirected(self.hub, self.outages, account, body)
        else:
            await renew(self.hub, self.outages, account)

    async def _poll(self, body: Mapping[str, str]) -> None:
        if "connection" in body:
            await self.poller.poll(body["tenant"], body["connection"])
        else:
            await self.hub.queue.enqueue(await self.poller.due())

    async def probe(self, tenant: str, connection: str) -> None:
        """Nothing waits for a connection in trouble: ask its vendor whether it is well."""
        account = await self.hub.directory.account(tenant, connection)
        if account is None or account.missing:
            return
        doctor = account.manifest.doctor
        if doctor is None or not doctor.ready(account.settings):
            await self.outages.close(account.tenant, connection)  # the next delivery will tell
            return
        try:
            findings = await doctor.check(self.performer.call(account, exchanges(self.hub, account), key="probe"))
        except (NotSent, MaybeSent, LeaseTooShort):
            findings = []
        stopping = [finding for finding in findings if finding.status == "fail" and finding.stops]
        if findings and not stopping:
            await self.outages.close(account.tenant, connection)
        else:
            await self.outages.put_off(tenant, connection, max((one.after or 0.0 for one in stopping), default=0.0))

    async def salvage(self, body: Mapping[str, str]) -> None:
        """A request that could not be journaled on its way in: parse and journal it now."""
        webhook = self.webhook_of(body["vendor"])
        key = connection_id(body["tenant"], body["connection"])
        document = await self.hub.store.get("connections", key)
        if webhook is None or document is None:
            log("ERROR", "salvaged for a connection that is gone", tenant=body["tenant"], connection=body["connection"])
            return
        compiled = journal.read(CompiledConnection, document).model
        packed = zlib.decompress(base64.b64decode(body["request"]))
        stored = StoredRequest.model_validate_json(packed, extra="ignore")
        headers = [(b"content-type", (stored.content_type or "").encode())]
        request = RawRequest(stored.method, stored.path, b"", headers, stored.bytes())
        people = partial(self.hub.keyring.people, compiled.tenant)
        received = datetime.fromisoformat(body["received_at"])
        found = read(webhook, request, compiled, Inbound(compiled.public, {}), received, people, "salvage")
        if found.raw is not None:
            with suppress(Conflict):
                await self.hub.store.commit([Create(found.raw)])
        for item, document in zip(found.items, found.documents, strict=True):
            await self._salvage_item(item, document)
        if found.wrong is not None and found.raw is not None:
            await self.watch.tell_quarantined(found.raw.id)
        log("NOTICE", "salvaged", tenant=compiled.tenant, connection=compiled.connection, count=len(found.items))

    async def _salvage_item(self, item: Item, document: Document) -> None:
        earlier = await self.hub.store.get("events", item.earlier) if item.earlier else None
        received = earlier.fields.get("received_at") if earlier else None
        if isinstance(received, datetime) and item.earlier_since and received >= item.earlier_since:
            return  # its vendor had repeated it
        tasks = [] if item.record.status is EventStatus.IGNORED else [plan_task(document.id)]
        try:
            await self.hub.store.commit([Create(document)], tasks)
        except Conflict:
            await self.hub.queue.enqueue(tasks)


def task_body(content: bytes) -> dict[str, str]:
    """A task's JSON body; {} for what isn't an object."""
    try:
        body = json.loads(content or b"{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in body.items()} if isinstance(body, dict) else {}
