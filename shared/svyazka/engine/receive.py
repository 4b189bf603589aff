"""The way in: receive, verify, parse, accept, answer. 200 means durable (DESIGN 5.1)."""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from svyazka.engine import journal
from svyazka.engine.clock import Clock
from svyazka.engine.connector import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.engine.deadlines import PLAN_GRACE
from svyazka.engine.failpoints import reach
from svyazka.engine.keys import Keyring, WebhookKey
from svyazka.engine.logs import log
from svyazka.engine.store import Arrival, Document, Inbox, Salvage, Task
from svyazka.model.errors import ConfigError, Unavailable
from svyazka.model.events import (
    Event,
    EventRecord,
    EventStatus,
    EventType,
    Fact,
    Origin,
    RawRecord,
    StoredRequest,
    Unreadable,
)
from svyazka.model.ids import connection_id, event_id, stable_id
from svyazka.model.tenants import CompiledConnection

BODY_LIMIT = 512 * 1024
"""Bytes of a body after decompression."""

RETRY_AFTER = "10"
SKELETON = journal.SKELETON
READ_CHUNK = 64 * 1024

ReadBody = Callable[[int], Awaitable[bytes | None]]
"""Reads the whole body, or answers None when it is longer than the limit given."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event to be journaled, before it has met the journal."""

    record: EventRecord
    earlier: str | None = None
    earlier_since: datetime | None = None


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Answer:
    """RFC 9457 problem+json."""
    body = json.dumps({"status": status, "title": title, "detail": detail}, ensure_ascii=False).encode()
    return Answer(status, body, "application/problem+json", headers or {})


def _json(status: int, content: object) -> Answer:
    return Answer(status, json.dumps(content, ensure_ascii=False).encode())


NOT_INVITED = problem(401, "Not invited", "this link is over or isn't ours: `svyazka auth` gives another")


class Receiver:
    """One vendor's webhook function: stateless but for what the inbox caches."""

    def __init__(self, webhook: Webhook, inbox: Inbox, keyring: Keyring, clock: Clock) -> None:
        self.webhook = webhook
        self.inbox = inbox
        self.keyring = keyring
        self.clock = clock
        self._compiled: dict[str, tuple[str | None, CompiledConnection]] = {}
        self._unsealed: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    async def handle(self, head: RawRequest, read_body: ReadBody) -> Answer:
        """Answer one request; `head` has no body yet, so that a forged key costs no reading."""
        started = time.monotonic()
        answer = await self._handle(head, read_body)
        if answer.status >= 400:
            log(
                "ERROR" if answer.status >= 500 else "WARNING",
                "webhook refused",
                vendor=self.webhook.vendor,
                code=str(answer.status),
                seconds=round(time.monotonic() - started, 4),
            )
        return answer

    async def _handle(self, head: RawRequest, read_body: ReadBody) -> Answer:
        if head.method not in ("GET", "HEAD", "POST"):
            return problem(405, "Method not allowed", "expected POST", {"Allow": "GET, POST"})
        candidates = _keys_in(head)
        invited = self._invited(head)
        if not candidates and invited is None:
            if head.method != "POST":
                return NOT_INVITED if "state" in head.params() else _json(200, {"status": "ok"})
            return problem(401, "No key", "expected the webhook key in ?key=, X-Api-Key or Authorization: Bearer")
        key = next((k for k in (self.keyring.read(self.webhook.vendor, c) for c in candidates) if k), invited)
        if key is None:
            return problem(401, "Wrong key", "this webhook key isn't one of ours: `svyazka urls TENANT` prints it")
        try:
            if head.method != "POST":
                return await self._handshake(head, key)
            return await self._post(head, key, read_body)
        except Unavailable as error:
            log(
                "ERROR", "not durable", tenant=key.tenant, connection=key.connection, vendor=self.webhook.vendor,
                error=type(error).__name__,
            )  # fmt: skip
            return problem(503, "Try again", "could not be written down just now", {"Retry-After": RETRY_AFTER})

    async def _connection(self, key: WebhookKey) -> CompiledConnection | None:
        document = await self.inbox.connection(connection_id(key.tenant, key.connection))
        if document is None:
            return None
        compiled = self._compiled_of(document)
        if compiled.vendor != self.webhook.vendor:
            return None
        valid = {compiled.generation, compiled.generation - 1 if compiled.previous_valid else compiled.generation}
        return compiled if key.generation in valid else None

    def _compiled_of(self, document: Document) -> CompiledConnection:
        """The document as a model; read anew only when it has changed."""
        known = self._compiled.get(document.id)
        if known is None or known[0] != document.version:
            known = self._compiled[document.id] = (document.version, journal.read(CompiledConnection, document).model)
        return known[1]

    def inbound(self, compiled: CompiledConnection) -> Inbound:
        """Plain settings and unsealed secrets; unsealing is remembered while the sealed text stays the same."""
        owner = connection_id(compiled.tenant, compiled.connection)
        known = self._unsealed.get(owner)
        if known is None or known[0] != compiled.sealed:
            plain = {
                name: self.keyring.unseal("verify", sealed, f"{owner}.{name}")
                for name, sealed in compiled.sealed.items()
            }
            known = self._unsealed[owner] = (compiled.sealed, plain)
        return Inbound(compiled.public, known[1])

    async def _handshake(self, head: RawRequest, key: WebhookKey) -> Answer:
        compiled = await self._connection(key)
        if compiled is None:
            return problem(401, "Wrong key", "this key's connection is gone, or the key was rotated")
        errand = self.webhook.errand(head) if head.method == "GET" else None
        if errand is not None:
            invited = self._invited(head)
            if "state" in errand and (invited is None or _owner(invited) != _owner(key)):
                return NOT_INVITED
            await self.inbox.enqueue([redirect_task(self.keyring, compiled, errand)])
        return self.webhook.handshake(head, self.inbound(compiled)) or _json(200, {"status": "ready"})

    def _invited(self, head: RawRequest) -> WebhookKey | None:
        """Who answers an invitation of ours: an OAuth redirect brings back the `state` that we had signed."""
        state = head.params().get("state") if head.method == "GET" else None
        return self.keyring.invited(self.webhook.vendor, state, self.clock.real()) if state else None

    async def _post(self, head: RawRequest, key: WebhookKey, read_body: ReadBody) -> Answer:
        unreadable = self._unreadable_type(head)
        if unreadable:
            return problem(415, "Unsupported content", unreadable)
        body = await read_body(BODY_LIMIT)
        if body is None:
            return problem(413, "Too large", f"expected at most {BODY_LIMIT // 1024} KiB")
        try:
            plain = decompressed(body, head.header("content-encoding"))
        except ValueError as error:
            return problem(400, "Not readable", str(error))
        if plain is None:
            return problem(413, "Too large", f"expected at most {BODY_LIMIT // 1024} KiB after decompression")
        request = replace(head, body=plain)
        compiled = await self._connection(key)
        if compiled is None:
            return problem(401, "Wrong key", "this key's connection is gone, or the key was rotated")
        reach("receive.before_verify")
        inbound = self.inbound(compiled)
        refused = self.webhook.verify(request, inbound)
        if refused is not None:
            return self.webhook.refusal(request, refused) or problem(401, "Not genuine", refused)
        return await self._accept(request, compiled, inbound)

    def _unreadable_type(self, head: RawRequest) -> str | None:
        encoding = (head.header("content-encoding") or "identity").strip().lower()
        if encoding not in _WINDOW_BITS and encoding != "identity":
            return f"content-encoding {encoding[:40]!r}: expected gzip, deflate or none"
        stated = head.header("content-type")
        if stated and stated.split(";")[0].strip().lower() not in self.webhook.content_types:
            return f"expected {' or '.join(self.webhook.content_types)}"
        return None

    async def _accept(self, request: RawRequest, compiled: CompiledConnection, inbound: Inbound) -> Answer:
        reach("receive.before_parse")
        now = self.clock.now()
        try:
            facts = self.webhook.parse(request, inbound)
            wrong = None
        except NotTheFormat as error:
            facts, wrong = [], str(error)
        raw, items = journaled(
            request, compiled, facts, now, people=self.keyring.people(compiled.tenant, request.body), wrong=wrong
        )
        arrivals = [self._arrival(item) for item in items]
        reach("accept.before")
        salvage = None if self.webhook.decides else self._salvage(request, compiled, now)
        present = await self.inbox.accept(arrivals, raw, salvage)
        if present is None:
            log("WARNING", "sent to salvage", tenant=compiled.tenant, connection=compiled.connection, count=len(items))
            return self.webhook.answer(request, facts) or _json(200, {"status": "accepted", "events": []})
        await self._repair(items, present)
        reach("accept.after")
        log(
            "INFO", "accepted", tenant=compiled.tenant, connection=compiled.connection, vendor=compiled.vendor,
            event=items[0].record.event.id if len(items) == 1 else None, count=len(items),
            status=",".join(sorted({item.record.status.value for item in items})) or "quarantined",
        )  # fmt: skip
        reach("answer.before")
        if wrong is not None and self.webhook.bears_refusal:
            return problem(400, "Not the format", wrong)
        exact = self.webhook.answer(request, facts)
        return exact or _json(200, {"status": "accepted", "events": _told(items, present)})

    def _arrival(self, item: Item) -> Arrival:
        record = item.record
        wanted = record.status in (EventStatus.ACCEPTED, EventStatus.QUARANTINED)
        task = plan_task(record.event.id) if wanted else None
        return Arrival(journal.event_document(record), task, item.earlier, item.earlier_since)

    async def _repair(self, items: Sequence[Item], present: Sequence[Document | None]) -> None:
        """A duplicate repairs: what is journaled and not yet planned is queued again (DESIGN 5.2)."""
        again = [plan_task(document.id) for document in present if document and journal.plan_is_missing(document)]
        if again:
            await self.inbox.enqueue(again)

    def _salvage(self, request: RawRequest, compiled: CompiledConnection, now: datetime) -> Salvage:
        def pack() -> Task:
            packed = zlib.compress(_stored(request).model_dump_json().encode(), 6)
            body = {
                "tenant": compiled.tenant, "connection": compiled.connection, "vendor": compiled.vendor,
                "received_at": now.isoformat(), "verified": "yes", "request": base64.b64encode(packed).decode(),
            }  # fmt: skip
            return Task("salvage", "/salvage", body)

        return Salvage(pack)


def _stored(request: RawRequest) -> StoredRequest:
    """The request as it is kept: the key, wherever it stood, isn't."""
    path = "/".join("•••" if segment.count(".") == 4 else segment for segment in request.path.split("/"))
    return StoredRequest.of(request.method, path, request.header("content-type"), request.body)


def _owner(key: WebhookKey) -> str:
    return connection_id(key.tenant, key.connection)


def redirect_task(keyring: Keyring, compiled: CompiledConnection, errand: Mapping[str, str]) -> Task:
    """The task that sees to what a GET brought; its parameters (an OAuth code) are nobody's to read on the way."""
    owner = connection_id(compiled.tenant, compiled.connection)
    sealed = keyring.seal("mint", json.dumps(dict(errand)), f"{owner}.errand")
    return Task("plan", "/redirected", {"tenant": compiled.tenant, "connection": compiled.connection, "sealed": sealed})


def plan_task(event: str, due: datetime | None = None) -> Task:
    """The task that plans an event."""
    return Task("plan", "/plan", {"event": event}, due)


def journaled(
    request: RawRequest,
    compiled: CompiledConnection,
    facts: Sequence[Fact | Unreadable],
    now: datetime,
    *,
    people: tuple[str, ...] = (),
    wrong: str | None = None,
    origin: Origin = "webhook",
) -> tuple[Document | None, list[Item]]:
    """The documents that a request becomes: its raw bytes once, its events one by one."""
    digest = sha256(request.body).hexdigest()
    stored = _stored(request)
    owner = (compiled.tenant, compiled.connection)
    blank_at, expire_at = now + compiled.retention, now + SKELETON
    raw: RawRecord | None = None
    if len(facts) != 1:
        raw = RawRecord(
            id=stable_id("raw", *owner, digest), tenant=owner[0], connection=owner[1], vendor=compiled.vendor,
            status="quarantined" if wrong is not None else "kept", reason=wrong, received_at=now,
            request=stored, people=people, blank_at=blank_at, expire_at=expire_at,
        )  # fmt: skip
    items: list[Item] = []
    seen: set[str] = set()
    for index, fact in enumerate(facts):
        item = _item(fact, index, digest, compiled, now, origin)
        if item.record.event.id in seen:
            continue  # the same fact twice in one body
        seen.add(item.record.event.id)
        update: dict[str, object] = {"people": people, "blank_at": blank_at}
        update["raw" if raw else "request"] = raw.id if raw else stored
        if item.record.status is EventStatus.IGNORED:
            update["expire_at"] = expire_at
        items.append(replace(item, record=item.record.model_copy(update=update)))
    document = None
    if raw is not None:
        document = Document(
            "raws",
            raw.id,
            {
                "tenant": raw.tenant, "connection": raw.connection, "status": raw.status, "received_at": now,
                "blank_at": blank_at, "expire_at": expire_at, "people": people,
            },
            raw.model_dump_json().encode(),
        )  # fmt: skip
    return document, items


def _item(
    fact: Fact | Unreadable, index: int, digest: str, compiled: CompiledConnection, now: datetime, origin: Origin
) -> Item:
    tenant, connection = compiled.tenant, compiled.connection
    earlier = None
    since = now - compiled.dedupe_window
    if fact.key is not None:
        identity = event_id(tenant, connection, *fact.key)
    else:
        # Nothing tells this fact by: a hash of the body, valid within a window of time.
        window = max(int(compiled.dedupe_window.total_seconds()), 1)
        slot = int(now.timestamp()) // window
        identity = event_id(tenant, connection, "body", digest, str(index), str(slot))
        earlier = event_id(tenant, connection, "body", digest, str(index), str(slot - 1))
    status, reason = EventStatus.ACCEPTED, None
    if isinstance(fact, Unreadable):
        status, reason = EventStatus.QUARANTINED, fact.reason
        fact = Fact(type=EventType.OTHER, key=fact.key)
    elif fact.ignored:
        status, reason = EventStatus.IGNORED, fact.ignored
    elif not _wanted(fact, compiled):
        status, reason = EventStatus.IGNORED, f"no flow acts on {fact.type.value} from here"
    event = Event(
        id=identity, tenant=tenant, connection=connection, vendor=compiled.vendor, type=fact.type,
        subject=fact.subject or f"event:{identity}", identity="weak" if earlier else "strong", origin=origin,
        received_at=now, occurred_at=fact.occurred_at, contact=fact.contact, position=fact.position,
        entity=fact.entity, data=fact.data, receipt=fact.receipt, consent=fact.consent, partial=fact.partial,
    )  # fmt: skip
    wake_at = now + timedelta(seconds=PLAN_GRACE) if status is EventStatus.ACCEPTED else None
    return Item(
        EventRecord(event=event, status=status, reason=reason, wake_at=wake_at), earlier, since if earlier else None
    )


def _wanted(fact: Fact, compiled: CompiledConnection) -> bool:
    """Whether anything may follow. What is told in part may turn out to be anything of its kind."""
    if fact.receipt is not None or fact.consent is not None or fact.type is EventType.CONNECTION_DISABLED:
        return True
    if fact.partial:
        kind = fact.type.value.partition(".")[0]
        return any(wanted.partition(".")[0] == kind for wanted in compiled.wants)
    return fact.type.value in compiled.wants


def _told(items: Sequence[Item], present: Sequence[Document | None]) -> list[dict[str, str | None]]:
    told: list[dict[str, str | None]] = []
    for item, document in zip(items, present, strict=True):
        event = item.record.event
        status, reason = item.record.status.value, item.record.reason
        if document is not None:
            status, reason = "duplicate", None
        told.append(
            {
                "id": document.id if document else event.id,
                "type": event.type.value,
                "status": status,
                "reason": reason,
            }
        )
    return told


_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def decompressed(body: bytes, encoding: str | None, limit: int = BODY_LIMIT) -> bytes | None:
    """The body without its compression; None past the limit (a bomb is never unpacked whole).

    Raises ValueError for what isn't the stated encoding.
    """
    encoding = (encoding or "identity").strip().lower()
    if encoding == "identity":
        return body
    unpacker = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise ValueError(f"expected a body compressed with {encoding}") from None
    if len(plain) > limit or unpacker.unconsumed_tail:
        return None
    if not unpacker.eof:
        raise ValueError(f"expected a whole body compressed with {encoding}, it breaks off")
    return plain


def _keys_in(head: RawRequest) -> list[str]:
    """Where a key may stand: `?key=`, X-Api-Key, Authorization: Bearer, the path segment after the name."""
    found = [head.params().get("key", ""), head.header("x-api-key") or ""]
    authorization = head.header("authorization") or ""
    if authorization[:7].lower() == "bearer ":
        found.append(authorization[7:].strip())
    segment = head.path.rstrip("/").rpartition("/")[2]
    if segment.count(".") == 4:
        found.append(segment)
    return [key for key in found if key]


def check_keyring(keyring: Keyring) -> None:
    """Fail at the start of an instance, not at its first request, when the mint secret is missing."""
    try:
        keyring.newest("mint")
    except ConfigError as error:
        log("CRITICAL", "no key", error=str(error))
        raise
