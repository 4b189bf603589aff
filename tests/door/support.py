"""The front door over an engine in memory: a site `web` of one tenant, and a worker that is asked in place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fakes import House
from svyazka.connectors.registry import load_manifest, load_webhook
from svyazka.door.callers import SERVER
from svyazka.door.front import FrontDoor
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_EVENTS
from svyazka.engine.ports.asking import NoReply, Reply
from svyazka.engine.ports.store import Create, Put
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, Event, EventRecord, EventStatus, EventType
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, FlowSpec

SITE: dict[str, Any] = {"origins": ["https://example.ru"], "honeypot": "website"}
PAGE = {"origin": "https://example.ru"}
LEAD = {"name": "Анна", "phone": "+7 999 123-45-67", "text": "Хочу записаться"}
CODES = {"text": "Код {code}"}
STAFF = {
    "events": ["lead.created", "order.created", "order.completed", "message.received", "contact.created",
               "activity.recorded", "booking.requested"],
    "to": {"boss": {"phone": "+79990000001"}}, "text": "Новое: {name}",
}  # fmt: skip


OF_BOOKINGS = ("booking.move_requested", "booking.cancel_requested", "booking.code_requested")


class AskedInPlace:
    """The way to the worker, without a wire. `away`: it doesn't answer; `answers`: what a question is answered with,
    instead of asking it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.away = False
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.answers: dict[str, Reply] = {}

    async def ask(self, path: str, body: Mapping[str, Any], seconds: float) -> Reply:
        self.asked.append((path, body))
        if self.away:
            raise NoReply("away")
        kind = str(body.get("question", {}).get("kind", path))
        if kind in self.answers:
            return self.answers[kind]
        reply = await self.house.worker.answer(path, body)
        return Reply(reply.status, json.loads(json.dumps(reply.content)))


class Site(House):
    """A whole engine with a front door before it."""

    def __init__(self, settings: Mapping[str, Any] | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.settings = {**SITE, **(settings or {})}
        self.manifests["site"] = load_manifest("site")
        self.tenant = self.tenant.model_copy(
            update={
                "connections": {
                    **self.tenant.connections,
                    "web": ConnectionSpec(vendor="site", settings=self.settings),
                },
                "flows": (
                    FlowSpec(id="told", flow="notify", sources=("web",), via=("sms",), settings=STAFF),
                    FlowSpec(id="one_time_code", flow="one_time_code", sources=(), via=("sms",), settings=CODES),
                ),
            }
        )
        self.asks = AskedInPlace(self)
        self.pauses: list[float] = []
        self.open()

    def open(self) -> None:
        """A fresh instance of the front door: nothing in its memory."""
        self.door = FrontDoor(self.inbox, self.keyring, self.clock, self.asks, rest=self.pause)

    async def pause(self, seconds: float) -> None:
        """Nobody waits here; for how long somebody would have is written down."""
        self.pauses.append(seconds)

    def start(self) -> None:
        super().start()
        mine = self.worker.webhook_of
        self.worker.webhook_of = lambda vendor: load_webhook("site") if vendor == "site" else mine(vendor)
        self.worker.salvager._webhook_of = self.worker.webhook_of

    async def settle_in(self) -> None:
        await super().settle_in()
        compiled = CompiledConnection(
            tenant="kofe",
            connection="web",
            vendor="site",
            wants=(*STAFF["events"], *OF_BOOKINGS),
            public=self.settings,
        )
        await self.store.commit([Put(journal.document(compiled))])

    def key(self, server: bool = False) -> dict[str, str]:
        """A key of the site's, in its header."""
        kind, header = (SERVER, "x-site-secret") if server else ("site", "x-site-key")
        return {header: self.keyring.mint(kind, "kofe", "web")}

    async def call(
        self, method: str, path: str, body: object = None, *, server: bool = False, peer: str = "203.0.113.7",
        form: bool = False, keyed: bool = True, **headers: str,
    ) -> Answer:  # fmt: skip
        """One call as it comes."""
        content = b""
        if body is not None:
            content = urlencode(body).encode() if form else json.dumps(body).encode()  # type: ignore[arg-type]
        path, _, query = path.partition("?")
        sent = {"content-type": "application/x-www-form-urlencoded" if form else "application/json"}
        sent |= self.key(server) if keyed else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = [(name.encode(), value.encode()) for name, value in sent.items()]

        async def read(limit: int) -> bytes | None:
            return content if len(content) <= limit else None

        return await self.door.handle(RawRequest(method, path, query.encode(), raw, b""), read, peer)

    async def post(self, call: str, body: object, **more: Any) -> Answer:  # type: ignore[override]
        """`POST /ingest/<call>`."""
        return await self.call("POST", f"/ingest/{call}", body, **more)

    async def events(self) -> list[EventRecord]:
        """Everything in the journal, the newest first."""
        page = await self.store.find(RECENT_EVENTS, limit=1000)
        return [journal.read(EventRecord, document).model for document in page.documents]


def told(answer: Answer) -> dict[str, Any]:
    """An answer's JSON."""
    found: dict[str, Any] = json.loads(answer.body)
    return found


PHONE = "+7 999 123-45-67"
WIDE = {"limits": {"per_address": "99999/m", "per_site": "99999/m"}}


async def opened(settings: Any = None, **more: Any) -> Site:
    """A site whose limits are in nobody's way; `more`: of its tenant."""
    site = Site({**WIDE, **(settings or {})})
    site.tenant = site.tenant.model_copy(update=more)
    await site.settle_in()
    return site


async def ask(site: Site, phone: str = PHONE) -> Answer:
    """Ask for a code, and have it sent."""
    answer = await site.post("code", {"phone": phone})
    await site.run()
    return answer


def code_sent(site: Site) -> str:
    """The newest code."""
    return site.sms.sent[-1][1].removeprefix("Код ")


async def check(site: Site, code: str, phone: str = PHONE) -> Answer:
    """Give a code back."""
    return await site.call("POST", "/ingest/code/check", {"phone": phone, "code": code})


async def signed_in(site: Site, phone: str = PHONE) -> str:
    """A session of a phone's."""
    await ask(site, phone)
    session: str = told(await check(site, code_sent(site), phone))["session"]
    return session


def happened(
    site: Site, type_: EventType, subject: str, name: str | None, *, phone: str = PHONE, connection: str = "till",
    visit: str | None = None, **data: Any,
) -> Create:  # fmt: skip
    """Something that a vendor told of a phone's owner."""
    number = len(site.store.documents)
    event = Event(
        id=f"evt_{subject}_{number}", tenant="kofe", connection=connection, vendor=connection, type=type_,
        subject=subject, identity="strong", origin="webhook", received_at=site.clock.now(),
        contact=Contact(name=name, phone=phone), entity=Entity(kind="record", id=visit) if visit else None, data=data,
    )  # fmt: skip
    people = (site.keyring.person("kofe", phone),)
    return Create(journal.document(EventRecord(event=event, status=EventStatus.PLANNED, people=people)))
