"""The front door itself: a call's key, page and limits, then the one thing that it asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from svyazka.connectors.site.schema import BODIES
from svyazka.connectors.site.settings import SiteSettings
from svyazka.connectors.site.webhook import WEBHOOK
from svyazka.door.answers import NOT_FOUND, content, for_a_browser, in_words, is_form
from svyazka.door.asked import AskedOfTheWorker
from svyazka.door.bringing import Bringing
from svyazka.door.callers import WRONG_KEY, Caller, address_of, claim_in, page_of, preflight, with_cors
from svyazka.door.calls import Call, Handler, name_in
from svyazka.door.codes import Codes, Rest
from svyazka.door.counts import Counts
from svyazka.door.knowing import Knowing
from svyazka.door.limits import Limiter
from svyazka.door.looking import Looking
from svyazka.door.openapi import document
from svyazka.door.paying import Paying
from svyazka.door.tables import Tables, turned_away
from svyazka.door.visits import Visits
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import RETRY_AFTER, ReadBody, Receiver, problem
from svyazka.engine.intake.unpacking import decompressed
from svyazka.engine.ports.asking import NobodyAsked, WorkerAsked
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Door
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.support.logs import log
from svyazka.model.errors import Unavailable

BODY_LIMIT = 64 * 1024


class FrontDoor:
    """Every site's calls: stateless but for what is cached of sites and limits."""

    def __init__(
        self, door: Door, keyring: Keyring, clock: Clock, worker: WorkerAsked | None = None, proxies: int = 0,
        rest: Rest = asyncio.sleep,
    ) -> None:  # fmt: skip
        self.keyring, self.proxies = keyring, proxies
        self.receiver = Receiver(WEBHOOK, door, keyring, clock)
        limiter = Limiter(door)
        self.counts = Counts(limiter, clock)
        asked = AskedOfTheWorker(worker or NobodyAsked(), clock)
        bringing = Bringing(door, self.receiver, self.counts, asked)
        knowing = Knowing(door, self.receiver, Codes(door, keyring, self.receiver, limiter, rest), asked, rest)
        tables = Tables(asked, bringing)
        looking = Looking(door, Visits(self.receiver, asked), asked)
        paying = Paying(self.receiver, asked)
        self._settings: dict[str, tuple[Mapping[str, Any], SiteSettings]] = {}
        self._calls: dict[tuple[str, str], Handler] = {
            **{("POST", call): bringing.taking(call) for call in BODIES},
            ("POST", "booking/code"): knowing.calendars_code,
            ("POST", "booking/move"): looking.change,
            ("POST", "booking/cancel"): looking.change,
            ("POST", "code"): knowing.code,
            ("POST", "code/check"): knowing.check,
            ("POST", "session"): knowing.session,
            ("POST", "session/born"): knowing.born,
            ("GET", "me/visits"): knowing.own("my_visits"),
            ("GET", "me/bookings"): knowing.own("my_bookings"),
            ("GET", "status"): looking.status,
            ("GET", "table"): tables.look,
            ("POST", "table"): tables.pay,
            ("GET", "me/subscriptions"): knowing.own("my_subscriptions"),
            ("GET", "me/payments"): knowing.own("my_payments"),
            ("GET", "payment"): paying.state,
            ("GET", "subscription"): paying.subscription,
            ("POST", "subscription/cancel"): paying.cancel,
            ("GET", "test-crm"): bringing.test_crm,
            ("GET", "services"): looking.at("services"),
            ("GET", "staff"): looking.at("staff", "service"),
            ("GET", "days"): looking.at("days", "service", "staff", "first", "last"),
            ("GET", "slots"): looking.at("slots", "service", "staff", "day"),
        }

    async def handle(self, head: RawRequest, read_body: ReadBody, peer: str = "") -> Answer:
        """Answer one call; `head` has no body yet, so that a forged key costs no reading."""
        started = time.monotonic()
        answer = await self._handle(head, read_body, peer)
        if answer.status >= 400:
            log(
                "ERROR" if answer.status >= 500 else "WARNING", "call refused", vendor=WEBHOOK.vendor,
                path=self._known(head.path), code=str(answer.status), seconds=round(time.monotonic() - started, 4),
            )  # fmt: skip
        return _as_seen(head, answer)

    def _known(self, path: str) -> str:
        """What of a path may be logged: whoever puts a key or a phone in the place of a call's name is in no log."""
        name = name_in(path)[0]
        return name if any(known == name for _method, known in self._calls) else ""

    async def _handle(self, head: RawRequest, read_body: ReadBody, peer: str) -> Answer:
        name, rest = name_in(head.path)
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
        refused = await self.counts.over(caller, looks_only=head.method != "POST")
        if refused is not None:
            return refused
        body = b""
        if head.method == "POST":
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


def _as_seen(head: RawRequest, answer: Answer) -> Answer:
    """What refuses a call before anybody has looked at it (its key, a limit, a store that is away), in words where a
    browser would show it to somebody as it is."""
    if answer.content_type != "application/problem+json" or not for_a_browser(head):
        return answer
    if name_in(head.path)[0] == "table":
        return turned_away(answer)
    return in_words(answer) if is_form(head) else answer
