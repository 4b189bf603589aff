"""The way in: receive, verify, parse, accept, answer. 200 means durable (DESIGN 5.1)."""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from urllib.parse import parse_qsl, unquote_plus

from svyazka.engine.contracts.webhook import FORM, MULTIPART, Answer, Inbound, RawRequest, Webhook
from svyazka.engine.intake.unpacking import BODY_LIMIT as BODY_LIMIT
from svyazka.engine.intake.unpacking import UnknownCompression
from svyazka.engine.intake.unpacking import decompressed as decompressed
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.events_of_request import ParsedEvent, Read, read, stored_request
from svyazka.engine.journal.tasks import (
    foreign_task,
    plan_task,
    quarantined_task,
    redirect_task,
    salvage_task,
    told_again_task,
)
from svyazka.engine.ports.claims import claimants, claims_key
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Counting, Document, Inbox, NewEvent, Salvage, Task
from svyazka.engine.security.keyring import Keyring, WebhookKey, without_keys
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log
from svyazka.model.errors import ConfigError, Unavailable
from svyazka.model.events import FOREIGN, EventStatus, EventType
from svyazka.model.ids import connection_id
from svyazka.model.tenants import CompiledConnection

RETRY_AFTER = "10"

ReadBody = Callable[[int], Awaitable[bytes | None]]
"""Reads the whole body, or answers None when it is longer than the limit given."""


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Answer:
    """RFC 9457 problem+json."""
    body = json.dumps({"status": status, "title": title, "detail": detail}, ensure_ascii=False).encode()
    return Answer(status, body, "application/problem+json", headers or {})


def _json(status: int, content: object) -> Answer:
    return Answer(status, json.dumps(content, ensure_ascii=False).encode())


NOT_INVITED = problem(401, "Not invited", "this link is over or isn't ours: `svyazka auth` gives another")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that is durable: as it was read, and what the journal had of its events."""

    found: Read
    present: Sequence[Document | None] | None
    """Of each event the document that was there before; None altogether where the request went to salvage."""


LOOKED_AT_AGAIN = frozenset({EventType.PAYMENT_CHANGED, EventType.RECEIPT_CHANGED})
"""What equal notifications may tell of differently."""


class Receiver:
    """One vendor's webhook function: stateless but for what the inbox caches."""

    def __init__(
        self, webhook: Webhook, inbox: Inbox, keyring: Keyring, clock: Clock, book: Counting | None = None
    ) -> None:
        """`book`: orders, payments and acceptances, for a vendor to whom we answer by them."""
        self.book = book
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
        key = self._key(head, candidates) or invited
        if key is None and not candidates:
            if head.method != "POST":
                return NOT_INVITED if "state" in head.params() else _json(200, {"status": "ok"})
            return problem(401, "No key", "expected the webhook key in ?key=, X-Api-Key or Authorization: Bearer")
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
            exact = self.webhook.out_of_service(head)
            return exact or problem(
                503, "Try again", "could not be written down just now", {"Retry-After": RETRY_AFTER}
            )

    def _key(self, head: RawRequest, candidates: Sequence[str]) -> WebhookKey | None:
        """The key that proves itself: where it should stand, else anywhere in the address or in what stood there.

        Careless senders add to an address that has a query already: `?key=KEY?utm=1`, `KEY/`, `KEY%20`, `&key=`.
        """
        vendor = self.webhook.vendor
        for candidate in candidates:
            key = self.keyring.read(vendor, candidate)
            if key is not None:
                return key
        where = [unquote_plus(head.query.decode("latin-1")), head.path, head.header("authorization") or "", *candidates]
        return self.keyring.find(vendor, " ".join(where))

    async def connection(self, key: WebhookKey) -> CompiledConnection | None:
        """The connection that a genuine key belongs to, or None where it is gone or its key was rotated. Raises
        Unavailable."""
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
        """Plain settings, secrets and the time; unsealing is remembered while the sealed text stays the same."""
        owner = connection_id(compiled.tenant, compiled.connection)
        known = self._unsealed.get(owner)
        if known is None or known[0] != compiled.sealed:
            plain = {
                name: self.keyring.unseal("verify", sealed, f"{owner}.{name}")
                for name, sealed in compiled.sealed.items()
            }
            known = self._unsealed[owner] = (compiled.sealed, plain)
        return Inbound(compiled.public, known[1], self.clock.real().timestamp())

    async def _handshake(self, head: RawRequest, key: WebhookKey) -> Answer:
        compiled = await self.connection(key)
        if compiled is None:
            return problem(401, "Wrong key", "this key's connection is gone, or the key was rotated")
        parameters = self.webhook.for_the_worker(head) if head.method == "GET" else None
        if parameters is not None:
            invited = self._invited(head)
            if "state" in parameters and (invited is None or _owner(invited) != _owner(key)):
                return NOT_INVITED
            await self.inbox.enqueue([redirect_task(self.keyring, compiled, parameters)])
        welcome = self.webhook.handshake(head, self.inbound(compiled))
        if welcome is None and parameters is None and self.webhook.reads_get and _is_report(head):
            return _uncached(await self._proven(_report_of(head), None, compiled, None))
        return welcome or _json(200, {"status": "ready"})

    def _invited(self, head: RawRequest) -> WebhookKey | None:
        """Who answers an invitation of ours: an OAuth redirect brings back the `state` that we had signed."""
        state = head.params().get("state") if head.method == "GET" else None
        return self.keyring.invited(self.webhook.vendor, state, self.clock.real()) if state else None

    async def _post(self, head: RawRequest, key: WebhookKey, read_body: ReadBody) -> Answer:
        body = await read_body(BODY_LIMIT)
        if body is None:
            return await self._too_large(head, key, f"expected at most {BODY_LIMIT // 1024} KiB")
        lost = _lost_on_the_way(head, body)
        if lost:
            return problem(503, "Body lost", lost, {"Retry-After": RETRY_AFTER})
        plain, unread = self._opened(head, body)
        if plain is None:
            return await self._too_large(head, key, f"expected at most {BODY_LIMIT // 1024} KiB after decompression")
        compiled = await self.connection(key)
        if compiled is None:
            return problem(401, "Wrong key", "this key's connection is gone, or the key was rotated")
        packed = replace(head, body=body) if plain is not body else None
        return await self._proven(replace(head, body=plain), packed, compiled, unread)

    async def _proven(
        self, request: RawRequest, packed: RawRequest | None, compiled: CompiledConnection, unread: Answer | None
    ) -> Answer:
        """Accept what a request tells once it is proved. `packed`: the request with its body as it was sent."""
        reach("receive.before_verify")
        inbound = self.inbound(compiled)
        refused = self.webhook.verify(request, inbound)
        if refused is not None and packed is not None:
            refused = self.webhook.verify(packed, inbound)  # signed as it was sent
        if refused is not None:
            return self.webhook.refusal(request, refused) or problem(401, "Not genuine", refused)
        if not request.body.strip() and not self.webhook.reads_empty:
            # A CRM's "check this address" button: nothing happened, so there is nothing to keep or to tell.
            return self.webhook.answer(request, []) or _json(200, {"status": "ready"})
        shared = self.webhook.shared_by is not None and unread is None
        left = await self._handed_on(request, compiled) if shared else request
        if left is None:
            return _json(200, {"status": "accepted", "events": []})
        return await self._accept(left, compiled, inbound, unread)

    async def _handed_on(self, request: RawRequest, compiled: CompiledConnection) -> RawRequest | None:
        """Give each part of a proven request to the connections that claim it; what is left for the one at whose
        address it came, None where nothing is.

        A connection that claims a part must prove the request with its own secret (a claim is only a setting in a
        file), and gets no more than its part. A request that is repeated finds all parts that are there already.
        """
        named = self.webhook.told_of(request)
        own = _shared_value(self.webhook, compiled)
        given: set[str] = set()
        for value in sorted(named - {own}):
            for claimant in await self._claimants(value, compiled, request):
                await self._accept(self.webhook.part(request, {value}), claimant, self.inbound(claimant), None)
                given.add(value)
        if not given:
            return request
        left = self.webhook.part(request, {None, *named} - given)
        return left if left != self.webhook.part(request, set()) else None

    async def _claimants(
        self, value: str, compiled: CompiledConnection, request: RawRequest
    ) -> list[CompiledConnection]:
        """Connections that have this value and hold the secret that the request was signed with."""
        found = []
        ours = connection_id(compiled.tenant, compiled.connection)
        for owner in claimants(await self.inbox.claims(claims_key(self.webhook.vendor, value))):
            document = await self.inbox.connection(owner) if owner != ours else None
            claimant = self._compiled_of(document) if document is not None else None
            if claimant is None or claimant.vendor != self.webhook.vendor:
                continue
            if _shared_value(self.webhook, claimant) != value:
                continue  # it was so once
            try:
                proven = self.webhook.verify(request, self.inbound(claimant)) is None
            except ConfigError as error:  # its secret can't be opened: its part stays where it came
                log("ERROR", "settings can't be used", tenant=claimant.tenant, error=str(error))
                continue
            if proven:
                found.append(claimant)
        return found

    async def _too_large(self, head: RawRequest, key: WebhookKey, expected: str) -> Answer:
        """Too large to be kept. Where the sender is proved without its body, somebody is told at least."""
        answer, request = problem(413, "Too large", expected), replace(head, body=b"")
        compiled = await self.connection(key) if self.webhook.salvage else None
        if compiled is not None:
            inbound = self.inbound(compiled)
            if self.webhook.verify(request, inbound) is None:
                await self._accept(request, compiled, inbound, answer)
        return answer

    def _opened(self, head: RawRequest, body: bytes) -> tuple[bytes | None, Answer | None]:
        """The body without its compression (None: too large), and the answer to what can't be looked into."""
        try:
            plain = decompressed(body, head.header("content-encoding"))
        except UnknownCompression as error:
            return body, problem(415, "Unsupported content", str(error))
        except ValueError as error:
            return body, problem(400, "Not readable", str(error))
        stated = head.header("content-type")
        readable = self.webhook.content_types
        if stated and plain is not None:
            kind = stated.split(";")[0].strip().lower()
            if kind not in readable and not (kind == MULTIPART and FORM in readable):
                return plain, problem(415, "Unsupported content", f"expected {' or '.join(readable)}")
        return plain, None

    async def _accept(
        self, request: RawRequest, compiled: CompiledConnection, inbound: Inbound, unread: Answer | None
    ) -> Answer:
        """`unread`: what is answered to a request that can't be looked into. It is kept all the same."""
        why = json.loads(unread.body)["detail"] if unread else None
        accepted = await self.accepted(request, compiled, inbound, why)
        found = accepted.found
        if accepted.present is None:
            return self.webhook.answer(request, found.facts) or _json(200, {"status": "accepted", "events": []})
        if unread is not None and not self.webhook.salvage:
            return unread
        if found.wrong is not None and self.webhook.tolerates_400 and not found.ours:
            return unread or problem(400, "Not the format", found.wrong)
        if self.webhook.decides and self.book is not None:
            from svyazka.engine.intake.deciding import decided

            return await decided(self.webhook, request, found.facts, compiled, self.book, self.clock.now())
        exact = self.webhook.answer(request, found.facts)
        return exact or _json(200, {"status": "accepted", "events": _told(found.items, accepted.present)})

    async def accepted(
        self, request: RawRequest, compiled: CompiledConnection, inbound: Inbound, unread: str | None = None,
        due: datetime | None = None,
    ) -> Accepted:  # fmt: skip
        """Make what a proven request tells durable, and have it worked on. Raises Unavailable.

        `unread`: why its bytes can't be looked into. `due`: when the queue is to see to it, where somebody will have
        asked for it before.
        """
        reach("receive.before_parse")
        now = self.clock.now()
        people = partial(self.keyring.people, compiled.tenant)
        found = read(self.webhook, request, compiled, inbound, now, people, unread=unread)
        arrivals = [_new_event(*one, due) for one in zip(found.items, found.documents, strict=True)]
        reach("accept.before")
        salvage = self._salvage(request, compiled, now) if self.webhook.salvage else None
        present = await self.inbox.accept(arrivals, found.raw, salvage)
        if present is None:
            log("WARNING", "sent to salvage", tenant=compiled.tenant, connection=compiled.connection)
            return Accepted(found, None)
        await self._repair(present)
        if found.wrong is not None and found.raw is not None:
            with suppress(Unavailable):  # the bytes are durable; whoever looks for silent hooks finds them too
                await self.inbox.enqueue([quarantined_task(found.raw.id)])
        reach("accept.after")
        log(
            "INFO", "accepted", tenant=compiled.tenant, connection=compiled.connection, vendor=compiled.vendor,
            event=found.items[0].record.event.id if len(found.items) == 1 else None, count=len(found.items),
            status=",".join(sorted({item.record.status.value for item in found.items})) or "quarantined",
        )  # fmt: skip
        reach("answer.before")
        return Accepted(found, present)

    async def _repair(self, present: Sequence[Document | None]) -> None:
        """A duplicate repairs: what is journaled and not yet planned is queued again (DESIGN 5.2). Of payments some
        vendors tell different things in the same words: each is looked at again."""
        there = [document for document in present if document]
        again = [plan_task(document.id) for document in there if journal.plan_is_missing(document)]
        again += [
            told_again_task(document.id, self.webhook.vendor)
            for document in there
            if document.fields.get("type") in LOOKED_AT_AGAIN and not journal.plan_is_missing(document)
        ]
        if again:
            await self.inbox.enqueue(again)

    def _salvage(self, request: RawRequest, compiled: CompiledConnection, now: datetime) -> Salvage:
        def pack() -> Task:
            packed = zlib.compress(stored_request(request).model_dump_json().encode(), 6)
            body = {
                "tenant": compiled.tenant, "connection": compiled.connection, "vendor": compiled.vendor,
                "received_at": now.isoformat(), "verified": "yes", "request": base64.b64encode(packed).decode(),
            }  # fmt: skip
            return salvage_task(body)

        return Salvage(pack)


def _shared_value(webhook: Webhook, compiled: CompiledConnection) -> str | None:
    value = compiled.public.get(webhook.shared_by or "")
    return str(value) if value is not None else None


def _owner(key: WebhookKey) -> str:
    return connection_id(key.tenant, key.connection)


def _new_event(item: ParsedEvent, document: Document, due: datetime | None) -> NewEvent:
    task: Task | None = plan_task(document.id, due)
    if item.record.status is EventStatus.IGNORED:
        task = foreign_task(item.record.event) if FOREIGN in item.record.event.data else None
    return NewEvent(document, task, item.earlier, item.earlier_since)


def _told(items: Sequence[ParsedEvent], present: Sequence[Document | None]) -> list[dict[str, str | None]]:
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


def _is_report(head: RawRequest) -> bool:
    """Whether a GET is meant, and isn't a browser or a mail filter looking ahead (Fetch standard: Sec-Purpose)."""
    ahead = (head.header("sec-purpose") or head.header("purpose") or "").lower()
    return head.method == "GET" and "prefetch" not in ahead


def _report_of(head: RawRequest) -> RawRequest:
    """A GET as the form that it could have been, our key in it nowhere."""
    report = head.reported()
    return replace(report, body=without_keys(report.body.decode("latin-1")).encode())


def _uncached(answer: Answer) -> Answer:
    """The answer to a report by GET: whoever stands between us and the vendor must not give it to the next one."""
    return replace(answer, headers={**answer.headers, "Cache-Control": "no-store"})


def _lost_on_the_way(head: RawRequest, body: bytes) -> str | None:
    """Whether what came isn't what was announced: a server may drop the body of a request that offers `Upgrade`.

    A chunked body says its length to the server only, so one that offers an upgrade and has nothing isn't believed.
    """
    announced = head.header("content-length")
    if announced is not None:
        whole = announced.strip() == str(len(body))
        return None if whole else "the body that was announced isn't the one that came: send it again without Upgrade"
    if not body and head.header("transfer-encoding") and head.header("upgrade"):
        return "the body was lost over the offer of an Upgrade: send it again without"
    return None


def _keys_in(head: RawRequest) -> list[str]:
    """Where a key may stand: `?key=`, X-Api-Key, Authorization (Bearer, or the key alone), Token, and the path segment
    after the name. Some vendors send a token that we choose and don't say in which header."""
    pairs = parse_qsl(head.query.decode("latin-1"), keep_blank_values=True)
    found = [value for name, value in reversed(pairs) if name == "key"]
    found += [head.header("x-api-key") or "", head.header("token") or ""]
    scheme, _, value = (head.header("authorization") or "").strip().partition(" ")
    if not value:
        found.append(scheme)
    elif scheme.lower() == "bearer":
        found.append(value.strip())
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
