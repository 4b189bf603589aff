"""Fakes at the ports: a store and queue in memory, a clock that is stepped, vendors that do as they are told."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil, inf
from typing import Any

from svyazka.apply import Applying
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.engine.contracts.learning import Doctor
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.webhook import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.engine.hub import Hub
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.operating.deeds import FilePlan
from svyazka.engine.outbound.pacing import Limiter
from svyazka.engine.ports.blobs import PIECE, Blob, NoBlob, checked
from svyazka.engine.ports.schema import Query, place_of
from svyazka.engine.ports.store import (
    AnyOf,
    Create,
    Delete,
    Document,
    NewEvent,
    Page,
    Put,
    Replace,
    Salvage,
    Task,
    Value,
    Write,
    check_size,
)
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.tenants.directory import Directory, secret_id
from svyazka.engine.worker import Worker
from svyazka.flows.registry import load_flow
from svyazka.model.commands import Command, Deadline, Forward, Repeat, Safety, SendMessage
from svyazka.model.contacts import Contact, normalize_phone
from svyazka.model.deliveries import Alert, Delivery
from svyazka.model.errors import Conflict, Unavailable, Unstorable
from svyazka.model.events import Entity, EventRecord, EventType, Fact, Receipt, ReceiptState, Unreadable
from svyazka.model.outcomes import Outcome, Succeeded
from svyazka.model.problems import Problem
from svyazka.model.tenants import CompiledConnection, ConnectionSettings, ConnectionSpec, FlowSpec, Tenant

START = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


class SteppedClock:
    """Stands still until it is stepped; business and real time move together unless told otherwise."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self.frozen_real: timedelta = timedelta()

    def now(self) -> datetime:
        return self._now

    def real(self) -> datetime:
        return self._now + self.frozen_real

    def in_real(self, seconds: float) -> datetime:
        return self._now + timedelta(seconds=seconds)

    def real_seconds_until(self, moment: datetime) -> float:
        return (moment - self._now).total_seconds()

    def step(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class MemoryBlobs:
    """Blobs in memory."""

    def __init__(self, clock: SteppedClock) -> None:
        self._clock = clock
        self.kept: dict[str, tuple[bytes, datetime]] = {}

    async def put(self, name: str, content: bytes) -> bool:
        await asyncio.sleep(0)
        if checked(name) in self.kept:
            return False
        self.kept[name] = (content, self._clock.now())
        return True

    async def open(self, names: Sequence[str]) -> AsyncIterator[bytes]:
        for name in map(checked, names):
            if name not in self.kept:
                raise NoBlob(name)
            content = self.kept[name][0]
            for start in range(0, len(content), PIECE):
                yield content[start : start + PIECE]

    async def delete(self, names: Sequence[str]) -> None:
        for name in map(checked, names):
            self.kept.pop(name, None)

    async def list(self, prefix: str, after: str = "", limit: int = 1000) -> list[Blob]:
        names = sorted(name for name in self.kept if name.startswith(prefix) and name > after)[:limit]
        return [Blob(name, len(self.kept[name][0]), self.kept[name][1]) for name in names]

    async def close(self) -> None:
        return


class MemoryStore:
    """Store, Queue and Inbox in one, in memory; `down` makes every call raise Unavailable."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], Document] = {}
        self.tasks: list[Task] = []
        self.names: set[str] = set()
        self.versions = 0
        self.down = False
        self.queue_down = False
        self.reads = self.writes = 0
        self.forget_tasks = False

    def _check(self) -> None:
        if self.down:
            raise Unavailable("the store is down")

    async def fetched(self) -> None:
        """What tests look at, as it is now: for stores that take a call to be looked at."""

    async def get(self, kind: str, key: str) -> Document | None:
        self._check()
        await asyncio.sleep(0)
        self.reads += 1
        return self.documents.get((kind, key))

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        return [await self.get(*key) for key in keys]

    async def ids(self, kind: str, prefix: str, limit: int = 10) -> list[str]:
        self._check()
        return sorted(key for of, key in self.documents if of == kind and key.startswith(prefix))[:limit]

    async def find(
        self,
        query: Query,
        *,
        equal: Mapping[str, str | AnyOf] | None = None,
        at_most: datetime | None = None,
        contains: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        self._check()
        await asyncio.sleep(0)
        found = list(self._among(query))
        for name in query.equal:
            value = (equal or {})[name]
            values = (value,) if isinstance(value, str) else value
            found = [d for d in found if d.fields.get(name) in values]
        if query.contains is not None:
            found = [d for d in found if contains in (d.fields.get(query.contains) or ())]
        if query.at_most is not None:
            found = [d for d in found if _at_most(d.fields.get(query.at_most), at_most)]
        name = (query.at_most or query.order or "").lstrip("-")
        backwards = bool(query.order and query.order.startswith("-"))

        def place(document: Document) -> list[str]:
            return [_iso(document.fields[name]) if name else "", document.id]

        found = [d for d in found if not name or d.fields[name] is not None]
        found.sort(key=place, reverse=backwards)
        if cursor is not None:
            last = list(place_of(cursor))
            if not isinstance(last[0], str):
                raise ValueError("expected a cursor of a time and an id")
            found = [d for d in found if (place(d) < last if backwards else place(d) > last)]
        page = found[:limit]
        self.reads += len(page)
        return Page(page, json.dumps(place(page[-1])) if len(found) > limit else None)

    def _among(self, query: Query) -> Iterable[Document]:
        """Those of a question's kind, or fewer that hold all that it can find."""
        return self._of_kind(query)

    def _of_kind(self, query: Query) -> Iterable[Document]:
        return (document for (kind, _), document in self.documents.items() if kind == query.kind)

    def _of(self, query: Query, equal: Mapping[str, str | AnyOf], since: datetime | None) -> list[Document]:
        name = (query.order or "").lstrip("-")
        found = self._of_kind(query)
        wanted = {one: (value,) if isinstance(value, str) else value for one, value in equal.items()}
        for one, values in wanted.items():
            found = [d for d in found if d.fields.get(one) in values]
        found = [d for d in found if not name or d.fields.get(name) is not None]
        return [d for d in found if since is None or _iso(d.fields[name]) >= _iso(since)]

    async def tally(
        self,
        query: Query,
        among: Sequence[str],
        *,
        equal: Mapping[str, str | AnyOf] | None = None,
        since: datetime | None = None,
    ) -> dict[str, int]:
        self._check()
        found = Counter(d.fields.get(query.equal[-1]) for d in self._of(query, equal or {}, since))
        return {value: found[value] for value in among if found[value]}

    async def total(
        self, query: Query, *, equal: Mapping[str, str] | None = None, since: datetime | None = None
    ) -> int | None:
        self._check()
        assert query.sums is not None, f"{query.name} says nothing to add up: what is counted is a tally"
        found = [d.fields.get(query.sums) for d in self._of(query, equal or {}, since)]
        numbers = [value for value in found if isinstance(value, int)]
        return sum(numbers) if numbers else None

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        check_size(writes)
        self._check()
        await asyncio.sleep(0)
        if not all(_writable(write) for write in writes):
            raise Unstorable("can't be written")
        wrong = [_key(write) for write in writes if not self._holds(write)]
        if wrong:
            raise Conflict(wrong)
        versions = [self._apply(write) for write in writes]
        self.writes += len(writes)
        if not self.queue_down:
            self._add(tasks)
        return versions

    def _holds(self, write: Write) -> bool:
        present = self.documents.get(_key(write))
        if isinstance(write, Create):
            return present is None
        if isinstance(write, Replace):
            return present is not None and present.version == write.document.version
        if isinstance(write, Delete) and write.version is not None:
            return present is not None and present.version == write.version
        return True

    def _apply(self, write: Write) -> str:
        if isinstance(write, Delete):
            self.documents.pop((write.kind, write.id), None)
            return ""
        self.versions += 1
        document = write.document
        fields = {name: _kept(document.fields.get(name)) for name in KINDS[document.kind].fields}
        self.documents[document.key] = replace(document, fields=fields, version=str(self.versions))
        return str(self.versions)

    def _add(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            if self.forget_tasks or task.name in self.names:
                continue
            if task.name is not None:
                self.names.add(task.name)
            self.tasks.append(task)

    async def claims(self, key: str) -> Document | None:
        return await self.get("meta", key)

    async def enqueue(self, tasks: Sequence[Task]) -> None:
        if self.queue_down:
            raise Unavailable("the queue is down")
        self._add(tasks)

    async def connection(self, key: str) -> Document | None:
        return await self.get("connections", key)

    async def accept(
        self, arrivals: Sequence[NewEvent], raw: Document | None, salvage: Salvage | None
    ) -> list[Document | None] | None:
        if self.down and salvage is not None:
            await self.enqueue([salvage.task])
            return None
        self._check()
        answers: list[Document | None] = []
        for arrival in arrivals:
            earlier = self.documents.get(("events", arrival.earlier or ""))
            present = self.documents.get(arrival.document.key)
            received = earlier.fields.get("received_at") if earlier else None
            if earlier and isinstance(received, datetime) and received >= (arrival.earlier_since or received):
                present = earlier
            answers.append(present)
            if present is None:
                self._apply(Create(arrival.document))
                self.writes += 1
                self._add([arrival.task] if arrival.task and not self.queue_down else [])
        if raw is not None and raw.key not in self.documents:
            self._apply(Create(raw))
            self.writes += 1
        return answers

    async def create(self, documents: Sequence[Document]) -> list[bool]:
        self._check()
        await asyncio.sleep(0)
        made = [self._holds(Create(document)) for document in documents]
        for document, new in zip(documents, made, strict=True):
            if new:
                self._apply(Create(document))
                self.writes += 1
        return made

    async def scrub(self) -> None:
        return None

    async def close(self) -> None:
        return None


def _kept(value: Value) -> Value:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value if value is None or isinstance(value, str | int) else tuple(value)


def _iso(value: Value) -> str:
    assert isinstance(value, datetime)
    return value.isoformat(timespec="microseconds")


def _at_most(value: object, limit: datetime | None) -> bool:
    return isinstance(value, datetime) and limit is not None and value <= limit


def _writable(write: Write) -> bool:
    values = () if isinstance(write, Delete) else write.document.fields.values()
    return not any("\ud800" <= letter <= "\udfff" for value in values if isinstance(value, str) for letter in value)


def _key(write: Write) -> tuple[str, str]:
    return (write.kind, write.id) if isinstance(write, Delete) else write.document.key


class FakeTill(Webhook):
    """A vendor that calls us with `{"id", "status", "phone", ...}` or a list of such."""

    vendor = "till"

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        try:
            body = json.loads(request.body)
        except ValueError as error:
            raise NotTheFormat(f"expected JSON: {error}") from None
        return [_fact(item) for item in (body if isinstance(body, list) else [body])]


def _fact(item: Any) -> Fact | Unreadable:
    if not isinstance(item, dict):
        return Unreadable(reason="expected an object")
    if "receipt" in item:
        receipt = Receipt(state=ReceiptState(item["receipt"]), external_id=item["external_id"], key=item.get("key"))
        kind = {"delivered": EventType.MESSAGE_DELIVERED}.get(item["receipt"], EventType.MESSAGE_FAILED)
        return Fact(type=kind, key=("receipt", str(item["external_id"]), item["receipt"]), receipt=receipt)
    kind = {"done": EventType.ORDER_COMPLETED, "cancelled": EventType.ORDER_CANCELLED}.get(
        item.get("status"), EventType.ORDER_CHANGED
    )
    contact = Contact(name=item.get("name"), phone=item.get("phone"), email=item.get("email"))
    if "id" not in item:
        return Fact(type=kind, contact=contact)
    key = ("order", str(item["id"]), str(item.get("revision", 0)), str(item.get("status")))
    return Fact(
        type=kind, key=key, subject=f"order:{item['id']}", contact=contact, position=item.get("revision"),
        entity=Entity(kind="order", id=str(item["id"])),
    )  # fmt: skip


TILL = Manifest(vendor="till", settings=ConnectionSettings)
"""The till has nothing to be done at."""


@dataclass
class FakeMessenger(Messenger[ConnectionSettings]):
    """A messenger whose answers are scripted; `sent` is what really went out."""

    name: str = "sms"
    repeat: Repeat = Repeat.UNSAFE
    deadline: Deadline = Deadline.CALL
    key_life: timedelta | None = None
    reaches: str = "phone"  # type: ignore[misc]
    script: deque[Outcome | Exception | Callable[[Command, str], Outcome]] = field(default_factory=deque)
    sent: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0

    limits: Limits = field(default_factory=lambda: Limits(1e9, 16))
    credentials: Credentials = field(default_factory=Credentials)
    doctor: Doctor[ConnectionSettings] | None = None

    @property
    def manifest(self) -> Manifest[ConnectionSettings]:
        return Manifest(
            vendor=self.name, settings=ConnectionSettings, limits=self.limits, credentials=self.credentials,
            messenger=self, forwarder=self, doctor=self.doctor,
        )  # fmt: skip

    def safety(self, message: Command) -> Safety:
        return Safety(repeat=self.repeat, deadline=self.deadline, key_life=self.key_life)

    def address(self, contact: Contact) -> str | None:
        return contact.email if self.reaches == "email" else normalize_phone(contact.phone)

    async def forward(self, command: Forward, call: Call[ConnectionSettings]) -> Outcome:
        """The fake takes events too: what matters here is when and how often, not what."""
        return await self._take(command, call)

    async def send(self, message: SendMessage, to: str, call: Call[ConnectionSettings]) -> Outcome:
        return await self._take(message, call)

    async def _take(self, message: Command, call: Call[ConnectionSettings]) -> Outcome:
        self.calls += 1
        await asyncio.sleep(0)
        step = self.script.popleft() if self.script else None
        if isinstance(step, Exception):
            raise step
        if callable(step):
            return step(message, call.key)
        if step is not None and not isinstance(step, Succeeded):
            return step
        return self.deliver(message, call.key)

    def deliver(self, message: Command, key: str) -> Succeeded:
        if self.repeat is Repeat.IDEMPOTENT and any(k == key for k, _ in self.sent):
            return Succeeded(external_id=f"{self.name}-{key}", already=True)
        self.sent.append((key, getattr(message, "text", "")))
        return Succeeded(external_id=f"{self.name}-{key}")

    async def find_sent(self, message: SendMessage, to: str, call: Call[ConnectionSettings]) -> Outcome | None:
        done = any(key == call.key for key, _ in self.sent)
        return Succeeded(external_id=f"{self.name}-{call.key}", already=True) if done else None


def keyring() -> Keyring:
    return Keyring({name: {"1": bytes([i]) * 32} for i, name in enumerate(("mint", "verify", "vault"))})  # type: ignore[misc]


REVIEW = {"text": "{name}, спасибо! {review_url}", "review_url": "https://example.org/r"}


class FakeHands:
    """As `apply` does it, for vendors that only tests have."""

    async def set_paused(self, hub: Hub, tenant: Tenant, part: str, paused: bool, also: Sequence[Write] = ()) -> None:
        held = await journal.load(hub.store, Tenant, tenant.id)
        assert held is not None
        update = {"paused": paused} if part == tenant.id else {"paused_connections": (part,) if paused else ()}
        await hub.store.commit([journal.replace(held.model.model_copy(update=update), held.version), *also])
        hub.directory.forget()

    async def plan_file(self, hub: Hub, tenant: Tenant, text: str) -> FilePlan:
        return await Applying().plan_file(hub, tenant, text)

    async def apply_file(self, hub: Hub, tenant: Tenant, text: str, revision: str, also: Sequence[Write] = ()) -> None:
        await Applying().apply_file(hub, tenant, text, revision, also)

    async def set_secret(self, hub: Hub, tenant: Tenant, name: str, value: str, also: Sequence[Write] = ()) -> None:
        key = secret_id(tenant.id, name)
        sealed = hub.keyring.seal("vault", value, key).encode()
        await hub.store.commit([Put(Document("secrets", key, {"tenant": tenant.id}, sealed)), *also])
        hub.directory.forget()


class House:
    """A whole engine over fakes: one tenant with a till and messengers, and `review_request` between them."""

    ttl = 0.0
    """Seconds for which the directory believes what it read."""

    task_takes = 0.0
    """Seconds that go by with each task."""

    def __init__(
        self, store: Any = None, via: Sequence[str] = ("sms",), flow: Mapping[str, Any] | None = None,
        queue: Any = None, inbox: Any = None,
    ) -> None:  # fmt: skip
        self.store = store or MemoryStore()
        self.queue, self.inbox = queue or self.store, inbox or self.store
        self.clock = SteppedClock()
        self.sms = FakeMessenger("sms")
        self.mail = FakeMessenger("mail", repeat=Repeat.IDEMPOTENT, reaches="email")
        self.manifests: dict[str, Manifest[Any]] = {"till": TILL}
        """Vendors beside the two messengers, or in their places."""
        self.tenant = Tenant(
            id="kofe", name="Кофейня", timezone="Europe/Moscow",
            connections={name: ConnectionSpec(vendor=name) for name in ("till", "sms", "mail")},
            flows=(
                FlowSpec(
                    id="review_request", flow="review_request", sources=("till",), via=tuple(via),
                    settings={**REVIEW, **(flow or {})},
                ),
            ),
        )  # fmt: skip
        self.keyring = keyring()
        self.blobs: Any = MemoryBlobs(self.clock)
        self.start()

    def start(self) -> None:
        """A fresh worker, as after a crash: nothing in memory survives."""
        directory = Directory(self.store, self.keyring, self.manifest_of, load_flow, self.ttl)
        self.hub = Hub(
            store=self.store, queue=self.queue, clock=self.clock, keyring=self.keyring, directory=directory,
            blobs=self.blobs, limiter=Limiter(lambda: self.clock.real().timestamp(), self.rest), chance=lambda: 0.5,
        )  # fmt: skip
        self.worker = Worker(self.hub, lambda vendor: FakeTill() if vendor == "till" else None, hands=FakeHands())
        self.worker.outages._cache.clear()

    def manifest_of(self, vendor: str) -> Manifest[Any]:
        messengers = {"sms": self.sms, "mail": self.mail}
        return self.manifests[vendor] if vendor in self.manifests else messengers[vendor].manifest

    async def rest(self, seconds: float) -> None:
        """A worker waits for its turn; whoever else is at work waits with it."""
        self.clock.step(seconds)

    async def settle_in(self) -> None:
        """Write the tenant and its compiled connections, as `apply` does."""
        wants = tuple(t.value for t in load_flow("review_request").wants(None))
        writes: list[Write] = [Put(journal.document(self.tenant))]
        for name, spec in self.tenant.connections.items():
            compiled = CompiledConnection(tenant="kofe", connection=name, vendor=spec.vendor, wants=wants)
            writes.append(Put(journal.document(compiled)))
        await self.store.commit(writes)

    async def post(self, body: object, key: str | None = None, connection: str = "till") -> Answer:
        """A vendor calls."""
        webhook = FakeTill()
        webhook.vendor = connection  # type: ignore[misc]
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        key = key if key is not None else self.keyring.mint(connection, "kofe", connection)
        receiver = Receiver(webhook, self.inbox, self.keyring, self.clock)
        head = RawRequest("POST", "/webhook_till", f"key={key}".encode(), [(b"content-type", b"application/json")], b"")

        async def read(limit: int) -> bytes | None:
            return content if len(content) <= limit else None

        return await receiver.handle(head, read)

    async def run(self, limit: int = 10_000) -> int:
        """Do every task that is due, as the queue would; how many."""
        done = 0
        while done < limit:
            now = self.clock.now()
            due = next((task for task in self.store.tasks if task.due is None or task.due <= now), None)
            if due is None:
                return done
            self.store.tasks.remove(due)
            self.clock.step(self.task_takes)
            status = await self.worker.handle(due.path, due.body)
            if status >= 300:
                self.store.tasks.append(replace(due, due=now + timedelta(seconds=10)))
            done += 1
        raise AssertionError("the queue never runs dry")

    async def pass_time(self, seconds: float, step: float = 60.0) -> None:
        """Let time go by, with the sweep every minute; minutes in which nothing is due are passed at one go."""
        await self.run()
        while seconds > 0:
            leap = min(seconds, step * self._idle_steps(step))
            self.clock.step(leap)
            seconds -= leap
            self.worker.outages._cache.clear()
            await self.worker.handle("/sweep", {})
            await self.run()

    def _idle_steps(self, step: float) -> float:
        """After how many of them there is something to do: a task to be sent, a document that the sweep would find."""
        if not isinstance(self.store, MemoryStore) or self.queue is not self.store:
            return 1
        now = self.clock.now()
        times = [task.due or now for task in self.store.tasks]
        woken = [document.fields.get("wake_at") for document in self.store.documents.values()]
        times += [at for at in woken if isinstance(at, datetime)]
        return max(1, ceil((min(times) - now).total_seconds() / step)) if times else inf

    def deliveries(self) -> list[Delivery]:
        found = [journal.read(Delivery, d).model for d in self.store.documents.values() if d.kind == "deliveries"]
        return sorted(found, key=lambda delivery: delivery.created_at)

    async def receipt(self, state: str, external_id: str | None, key: str | None = None) -> Answer:
        """The messenger says what became of a message."""
        return await self.post({"receipt": state, "external_id": external_id, "key": key}, connection="sms")

    def events(self) -> list[EventRecord]:
        return [journal.read(EventRecord, d).model for d in self.store.documents.values() if d.kind == "events"]

    def alerts(self) -> list[Alert]:
        return [journal.read(Alert, d).model for d in self.store.documents.values() if d.kind == "alerts"]

    def problems(self) -> list[Problem]:
        return [journal.read(Problem, d).model for d in self.store.documents.values() if d.kind == "problems"]


def order(number: int = 1, status: str = "done", revision: int = 1, phone: str = "+79991234567") -> dict[str, Any]:
    return {"id": number, "status": status, "revision": revision, "phone": phone, "name": "Иван Петров"}
