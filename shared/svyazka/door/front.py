"""The front door itself: a call's key, page and limits, then the one thing that it asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from svyazka.connectors.site.schema import BODIES, Body, Booking, Envelope, Lead
from svyazka.connectors.site.settings import SiteSettings
from svyazka.connectors.site.webhook import WEBHOOK
from svyazka.door.accepting import Entry, enter, name_of, print_of
from svyazka.door.answers import NOT_FOUND, content, for_people, is_form, too_often, wrong
from svyazka.door.becoming import Standing, standing_of
from svyazka.door.bodies import OF_FORMS, checked, robot, sent
from svyazka.door.callers import (
    WRONG_KEY,
    Caller,
    address_of,
    claim_in,
    page_of,
    preflight,
    with_cors,
)
from svyazka.door.codes import LIFE as CODE_LIFE
from svyazka.door.codes import Codes, Rest
from svyazka.door.limits import Limit, Limiter, ends_in
from svyazka.door.openapi import document
from svyazka.door.sessions import LASTS as SESSION_LASTS
from svyazka.door.sessions import begin
from svyazka.door.visits import Visits
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import RETRY_AFTER, ReadBody, Receiver, problem
from svyazka.engine.intake.unpacking import decompressed
from svyazka.engine.journal.tasks import Asked
from svyazka.engine.ports.asking import ACT_SECONDS, READ_SECONDS, NobodyAsked, NoReply, Reply, WorkerAsked
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Door
from svyazka.engine.ports.usual import usual_key
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.support.logs import log
from svyazka.model.errors import Unavailable
from svyazka.model.events import FLOOD
from svyazka.model.phones import key as phone_key

BODY_LIMIT = 64 * 1024
KEY_LENGTH = 255
"""Characters of an Idempotency-Key at most."""
NEEDS_KEY = frozenset({"order", "booking"})
"""What must not happen twice, and could by a repeat: their callers name them."""
WHY_NOT = {
    "": "nothing is shown",
    "household": "several people share this phone: ask the business",
    "second_factor": "a phone alone isn't enough here: ask the business",
    "not_bound": "share your own phone with the bot first, or use a code",
    "not_genuine": "expected the init data that the messenger gives its Mini App, a day old at most",
}
LEAD_ID = {"amocrm": "amo_lead_id"}
"""What test-crm calls a deal's id: the word that callers know it by, where it isn't `lead_id`."""
BY_SERVERS = frozenset({"event"})
USUAL_FRESH = 600.0
FLOOD_LEAST, FLOOD_TIMES = 60, 20
"""An hour's calls that are never a flood, and how many times the site's usual hour is one."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, let in."""

    caller: Caller
    request: RawRequest
    rest: str
    """What follows the call's name in its path."""


Handler = Callable[[Call], Awaitable[Answer]]


class FrontDoor:
    """Every site's calls: stateless but for what is cached of sites and limits."""

    def __init__(
        self, door: Door, keyring: Keyring, clock: Clock, worker: WorkerAsked | None = None, proxies: int = 0,
        rest: Rest = asyncio.sleep,
    ) -> None:  # fmt: skip
        self.door, self.keyring, self.clock = door, keyring, clock
        self.worker = worker or NobodyAsked()
        self.proxies = proxies
        self.receiver = Receiver(WEBHOOK, door, keyring, clock)
        self.limiter = Limiter(door)
        self.visits = Visits(self.receiver, self._asked, self._carried_out)
        self.codes = Codes(door, keyring, self.receiver, self.limiter, rest)
        self._usually: dict[str, tuple[float, int]] = {}
        self._settings: dict[str, tuple[Mapping[str, Any], SiteSettings]] = {}
        self._calls: dict[tuple[str, str], Handler] = {
            **{("POST", call): self._append_call(call) for call in BODIES},
            ("POST", "booking/move"): self._change,
            ("POST", "booking/cancel"): self._change,
            ("POST", "code"): self._code,
            ("POST", "code/check"): self._code_check,
            ("POST", "session"): self._session,
            ("GET", "me/visits"): self._mine("my_visits"),
            ("GET", "me/bookings"): self._mine("my_bookings"),
            ("GET", "status"): self._status,
            ("GET", "test-crm"): self._test_crm,
            ("GET", "services"): self._look("services"),
            ("GET", "staff"): self._look("staff", "service"),
            ("GET", "days"): self._look("days", "service", "staff", "first", "last"),
            ("GET", "slots"): self._look("slots", "service", "staff", "day"),
        }

    async def handle(self, head: RawRequest, read_body: ReadBody, peer: str = "") -> Answer:
        """Answer one call; `head` has no body yet, so that a forged key costs no reading."""
        started = time.monotonic()
        answer = await self._handle(head, read_body, peer)
        if answer.status >= 400:
            log(
                "ERROR" if answer.status >= 500 else "WARNING", "call refused", vendor=WEBHOOK.vendor,
                path=_call_of(head.path)[0], code=str(answer.status), seconds=round(time.monotonic() - started, 4),
            )  # fmt: skip
        return answer

    async def _handle(self, head: RawRequest, read_body: ReadBody, peer: str) -> Answer:
        name, rest = _call_of(head.path)
        if head.method == "OPTIONS":
            return preflight(head)
        method = "GET" if head.method == "HEAD" else head.method
        if name == "" and method == "GET" and not any(head.params()):
            return content(200, {"status": "ok"})
        if name == "openapi.json" and method == "GET":
            return content(200, document(), **{"Cache-Control": "max-age=300", "Access-Control-Allow-Origin": "*"})
        handler = self._calls.get((method, name))
        if handler is None:
            others = sorted(allowed for allowed, known in self._calls if known == name)
            if others:
                allowed = ", ".join(others)
                return problem(405, "Method not allowed", f"expected {allowed}", {"Allow": allowed})
            return NOT_FOUND
        claim = claim_in(head, self.keyring)
        if isinstance(claim, Answer):
            return claim
        page: str | None = None
        try:
            site = await self.receiver.connection(claim.key)
            if site is None:
                return WRONG_KEY
            settings = self._settings_of(site.tenant, site.connection, site.public)
            found = page_of(head, settings) if not claim.server else None
            if isinstance(found, Answer):
                return found
            page = found
            address = self.keyring.mark("address", address_of(head, peer, self.proxies))[:20]
            caller = Caller(site, settings, claim.server, page, address)
            return with_cors(await self._let_in(caller, head, rest, read_body, handler), page)
        except Unavailable as error:
            log("ERROR", "not durable", tenant=claim.key.tenant, connection=claim.key.connection, vendor="site",
                error=type(error).__name__)  # fmt: skip
            answer = problem(503, "Try again", "could not be written down just now", {"Retry-After": RETRY_AFTER})
            return with_cors(answer, page)

    async def _let_in(
        self, caller: Caller, head: RawRequest, rest: str, read_body: ReadBody, handler: Handler
    ) -> Answer:
        body = b""
        if head.method == "POST":
            refused = await self._over_a_limit(caller)
            if refused is not None:
                return refused
            packed = await read_body(BODY_LIMIT)
            try:
                plain = decompressed(packed, head.header("content-encoding")) if packed is not None else None
            except ValueError as error:
                return problem(415, "Unsupported content", str(error))
            if plain is None or len(plain) > BODY_LIMIT:
                return problem(413, "Too large", f"expected at most {BODY_LIMIT // 1024} KiB")
            body = plain
        return await handler(Call(caller, replace(head, body=body), rest))

    def _settings_of(self, tenant: str, connection: str, public: Mapping[str, Any]) -> SiteSettings:
        """A site's settings; read anew only when they have changed."""
        owner = f"{tenant}.{connection}"
        known = self._settings.get(owner)
        if known is None or known[0] is not public:
            known = self._settings[owner] = (public, SiteSettings.model_validate(dict(public)))
        return known[1]

    async def _over_a_limit(self, caller: Caller) -> Answer | None:
        """Whoever knocks too often, by the public key: refused without a look at what is brought."""
        if caller.server:
            return None
        now, limits = self.clock.now(), caller.settings.limits
        for limit in (
            Limit(f"a.{caller.owner}.{caller.address}", *limits.per_address),
            Limit(f"s.{caller.owner}", *limits.per_site),
        ):
            if self.limiter.over(limit, now) or not await self._taken(limit):
                return too_often(ends_in(limit, now))
        return None

    async def _taken(self, limit: Limit) -> bool:
        """Whether there was room. A store that can't count just now must not turn people away: what they bring has a
        way around it."""
        try:
            return await self.limiter.take(limit, self.clock.now()) is not None
        except Unavailable:
            return True

    # What is brought

    def _append_call(self, call: str) -> Handler:
        async def append(asked: Call) -> Answer:
            as_form = is_form(asked.request)
            said = sent(asked.request)
            if isinstance(said, Answer):
                return said
            page = {name: said.pop(name, None) for name in OF_FORMS} if as_form else {}
            answer = await self._append(call, asked, said, as_form)
            if not as_form or "text/html" not in (asked.request.header("accept") or ""):
                return answer
            back = page.get("return_url")
            return for_people(answer, back if isinstance(back, str) else None, asked.caller.settings)

        return append

    async def _append(self, call: str, asked: Call, said: dict[str, Any], as_form: bool) -> Answer:
        caller, settings = asked.caller, asked.caller.settings
        if call in BY_SERVERS and not caller.server:
            return problem(403, "The server key is needed", f"POST /ingest/{call} is for the site's back end")
        trap = None if caller.server else robot(said, _number(said.get("took")), settings)
        if settings.honeypot is not None:
            said.pop(settings.honeypot, None)
        key = asked.request.header("idempotency-key") or (said.pop("idempotency_key", None) if as_form else None)
        if key is not None and not (isinstance(key, str) and 0 < len(key) <= KEY_LENGTH):
            return problem(400, "Idempotency-Key", f"expected 1 to {KEY_LENGTH} characters")
        if key is None and call in NEEDS_KEY:
            return problem(
                400, "No Idempotency-Key",
                "expected an Idempotency-Key header: made once for each thing wanted, the same with each repeat",
            )  # fmt: skip
        body = checked(BODIES[call], said, as_form)
        if isinstance(body, Answer):
            return body
        missing = _missing(body)
        if missing is not None:
            return missing
        named = name_of(self.keyring, caller, call, body, said, key)
        held = None if caller.server or trap else await self._flooded(caller)
        envelope = Envelope.model_validate({
            "call": call, "by": caller.by, "named": named.mark, "within": named.seconds,
            "print": print_of(self.keyring, caller, said), "held": held, "ignored": trap,
            "body": body.model_dump(mode="json", exclude_unset=True),
        })  # fmt: skip
        asked_for = isinstance(body, Booking) and trap is None and held is None
        entry = await enter(self.receiver, caller, envelope, self._queue_due() if asked_for else None)
        if named.by_key and entry.mistaken:
            return problem(
                422, "Another body", "this Idempotency-Key came with another body before: make a new key for a new call"
            )
        if isinstance(body, Booking) and asked_for:
            return await self._booked(caller, entry, body)
        return content(202 if entry.fresh else 200, {"status": "accepted", "id": entry.id})

    async def _flooded(self, caller: Caller) -> str | None:
        """Whether this hour brings more than it honestly can: kept, and not acted on unless somebody says so."""
        try:
            usual = await self._usual(caller)
        except Unavailable:
            usual = 0
        limit = Limit(f"flood.{caller.owner}", max(FLOOD_LEAST, FLOOD_TIMES * usual), 3600)
        return None if await self._taken(limit) else FLOOD

    async def _usual(self, caller: Caller) -> int:
        """How many calls an hour of the site usually brings: the worker counts, and writes it down now and then."""
        known = self._usually.get(caller.owner)
        if known is None or known[0] < time.monotonic():
            (document,) = await self.door.get_many([("meta", usual_key(caller.owner))])
            known = (time.monotonic() + USUAL_FRESH, int(document.data) if document is not None else 0)
            self._usually[caller.owner] = known
        return known[1]

    # What becomes of it

    async def _carried_out(self, id_: str, seconds: float = ACT_SECONDS) -> Standing | None:
        """What the worker made of an event while its caller waits; None where it had no time, or isn't there."""
        try:
            reply = await self.worker.ask(Asked.PERFORM_NOW, {"event": id_}, seconds)
        except NoReply as error:
            log("WARNING", "not carried out at once", event=id_, reason=str(error))
            return None
        return Standing.of(reply.content) if reply.status == 200 else None

    async def _booked(self, caller: Caller, entry: Entry, body: Booking) -> Answer:
        standing = await self._carried_out(entry.id)
        word = standing.word if standing is not None else "accepted"
        told: dict[str, Any] = {"status": word, "id": entry.id}
        if word == "booked":
            starts_at = standing.booking.starts_at if standing is not None and standing.booking is not None else None
            return content(200, {**told, "starts_at": starts_at or body.starts_at})
        if word == "taken":
            question = {"kind": "nearest", "service": body.service, "staff": body.staff, "after": body.starts_at}
            reply = await self._asked(caller, {**question, "count": 3})
            slots = reply.content.get("value", []) if reply is not None and reply.status == 200 else []
            return content(409, {**told, "slots": slots})
        if word == "failed":
            code = standing.booking.code if standing is not None and standing.booking is not None else None
            return content(409, {**told, "code": code or "refused"})
        return content(202, told)

    async def _change(self, asked: Call) -> Answer:
        """A booking moved or cancelled by whoever holds its id."""
        moves = _call_of(asked.request.path)[0] == "booking/move"
        said = _asked_for(asked.request, "id", "starts_at") if moves else _asked_for(asked.request, "id")
        if isinstance(said, Answer):
            return said
        return await self.visits.change(asked.caller, said["id"], said.get("starts_at"))

    async def _status(self, asked: Call) -> Answer:
        """Who holds a call's unguessable id may know what became of it."""
        site = asked.caller.site
        standing = await standing_of(self.door, (site.tenant, site.connection), asked.rest[:100])
        return content(200, {"status": standing.word, "id": asked.rest}) if standing is not None else NOT_FOUND

    async def _test_crm(self, asked: Call) -> Answer:
        """One lead of ours through the whole machine: one an hour and key, whoever prefetches or presses again."""
        caller = asked.caller
        now = self.clock.now()
        limit = Limit(f"test.{caller.owner}", 1, 60)
        if not caller.server and not await self._taken(limit):
            return too_often(ends_in(limit, now))
        said = {"name": "Проверка связи", "email": "test@example.org", "source": "test-crm"}
        envelope = Envelope(
            call="lead", by="server", named=self.keyring.mark("test", caller.owner, caller.by), within=3600.0,
            print="", test=True, body={**said, "text": "Проверка: заявка с сайта доходит до CRM"},
        )  # fmt: skip
        entry = await enter(self.receiver, caller, envelope, self._queue_due())
        standing = await self._carried_out(entry.id)
        deal = standing.deal if standing is not None else None
        if deal is not None and deal.status == "succeeded" and deal.made is not None:
            number = int(deal.made) if deal.made.isdigit() else deal.made
            return content(200, {"status": "success", LEAD_ID.get(deal.vendor, "lead_id"): number})
        if standing is None or standing.word == "accepted":
            return content(202, {"status": "accepted", "id": entry.id})
        why = deal.code if deal is not None else standing.reason
        return problem(502, "The lead didn't arrive", f"{entry.id}: {why or 'no flow made a deal of it'}")

    def _queue_due(self) -> datetime:
        """When the queue sees to what we ask the worker for ourselves, should we die before."""
        return self.clock.in_real(ACT_SECONDS + 2)

    # Who somebody is

    async def _code(self, asked: Call) -> Answer:
        """A code to a phone: the same answer for every phone, whatever comes of it."""
        said = _asked_for(asked.request, "phone")
        if isinstance(said, Answer):
            return said
        if phone_key(said["phone"]) is None:
            return wrong("phone", "expected a phone such as +79991234567")
        await self.codes.make(asked.caller, said["phone"], self.clock.now())
        return content(202, {"status": "accepted", "expires_in": int(CODE_LIFE.total_seconds())})

    async def _code_check(self, asked: Call) -> Answer:
        said = _asked_for(asked.request, "phone", "code")
        if isinstance(said, Answer):
            return said
        now = self.clock.now()
        person = await self.codes.check(asked.caller, said["phone"], said["code"].strip(), now)
        if person is None:
            return problem(403, "Wrong code", "this code is wrong, used, too old or tried too often: ask for another")
        return await self._begun(asked.caller, person, now)

    async def _session(self, asked: Call) -> Answer:
        """Init data of a Mini App become a session of ours: they are good for a day, it for an hour."""
        said = _asked_for(asked.request, "init_data")
        if isinstance(said, Answer):
            return said
        question = {"kind": "init_data", "bot": asked.caller.settings.bot or "", "init_data": said["init_data"]}
        reply = await self._asked(asked.caller, question)
        if reply is None or reply.status >= 500:
            return problem(503, "Try again", "nobody could look at it just now", {"Retry-After": RETRY_AFTER})
        person = reply.content.get("person")
        if reply.status != 200 or not isinstance(person, str):
            return problem(403, "Not known", WHY_NOT.get(str(reply.content.get("code")), WHY_NOT[""]))
        return await self._begun(asked.caller, person, self.clock.now())

    async def _begun(self, caller: Caller, person: str, now: datetime) -> Answer:
        token = await begin(self.door, self.keyring, caller.site.tenant, person, now)
        return content(200, {"session": token, "expires_in": int(SESSION_LASTS.total_seconds())})

    def _mine(self, kind: str) -> Handler:
        async def mine(asked: Call) -> Answer:
            token = asked.request.header("x-session") or ""
            if not token:
                return problem(401, "No session", "expected X-Session, which POST /ingest/code/check gives")
            reply = await self._asked(asked.caller, {"kind": kind, "session": token[:200]})
            if reply is None or reply.status >= 500:
                return problem(503, "Try again", "nobody could look just now", {"Retry-After": RETRY_AFTER})
            code = str(reply.content.get("code"))
            if code == "no_session":
                return problem(401, "No session", "it is over: ask for another code")
            if reply.status != 200:
                return problem(403, "Not shown", WHY_NOT.get(code, WHY_NOT[""]))
            return content(200, {"data": reply.content.get("value")})

        return mine

    # The calendar

    def _look(self, kind: str, *names: str) -> Handler:
        async def look(asked: Call) -> Answer:
            params = asked.request.params()
            for name in names:
                if name != "staff" and not params.get(name) and not (kind == "staff" and name == "service"):
                    return wrong(name, "expected it in the query")
            question = {"kind": kind, **{name: params.get(name) or None for name in names}}
            reply = await self._asked(asked.caller, question)
            if reply is None or reply.status >= 500:
                again = str((reply.content.get("retry_after") if reply is not None else None) or RETRY_AFTER)
                return problem(503, "The calendar doesn't answer", "try again", {"Retry-After": again})
            if reply.status >= 400:
                return problem(422, "Not valid", "the calendar knows no such thing, or the site has no calendar")
            told = reply.content
            return content(200, {"data": told.get("value"), "as_of": told.get("as_of"), "stale": told.get("stale")})

        return look

    async def _asked(self, caller: Caller, question: Mapping[str, Any]) -> Reply | None:
        """The calendar's answer, or None where there was none in time."""
        site = caller.site
        body = {
            "tenant": site.tenant, "connection": caller.settings.calendar or "", "by": site.connection,
            "question": question,
        }  # fmt: skip
        try:
            return await self.worker.ask(Asked.ASK, body, READ_SECONDS)
        except NoReply as error:
            log("WARNING", "not answered in time", tenant=site.tenant, connection=site.connection, reason=str(error))
            return None


def _asked_for(request: RawRequest, *names: str) -> dict[str, str] | Answer:
    """A body of a few texts, each of them there."""
    said = sent(request)
    if isinstance(said, Answer):
        return said
    for name in names:
        if not isinstance(said.get(name), str) or not 0 < len(said[name]) <= 4096:
            return wrong(name, "expected a text")
    return {name: said[name] for name in names}


def _call_of(path: str) -> tuple[str, str]:
    """`/ingest/me/visits` -> `me/visits`; what follows the name of a call stands apart."""
    parts = [part for part in path.split("/") if part]
    while parts and parts[0] in ("api", "ingest"):
        parts.pop(0)
    if not parts:
        return "", ""
    if parts[0] in ("me", "code", "booking") and len(parts) > 1:
        return "/".join(parts[:2]), "/".join(parts[2:])
    return parts[0], "/".join(parts[1:])


def _number(value: object) -> object:
    """Of a form everything is text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12 else value


def _missing(body: Body) -> Answer | None:
    """A lead that nobody could answer is no lead."""
    if isinstance(body, Lead) and not (body.phone or body.email or body.chat):
        return wrong("phone", "expected a phone, an email or a chat by which the person can be reached")
    if isinstance(body, Booking) and not body.phone:
        return wrong("phone", "expected the phone of whoever comes")
    return None
