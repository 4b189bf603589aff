"""Resend's stand-in: letters, their idempotency keys, domains, quotas, and events signed by Svix.

As documented: the same key with the same bytes answers the first letter's id and sends nothing, with other bytes it
is 409; a key is remembered for 24 h; a call without a User-Agent is refused by the edge; a key that may only send is
refused everything else. Events are signed by code of its own.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import uuid
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of

KEY, ONLY_SENDING = "re_full-for-tests", "re_sending-for-tests"
SECRET = "whsec_cmVzZW5kLWZha2UtZW5kcG9pbnQta2V5"
REMEMBERED = 24 * 3600.0
FINAL = {"bounced@resend.dev": "bounced", "complained@resend.dev": "complained"}
"""Addresses of Resend's own for trying things out; `+label` may stand in them."""

SUPPRESSES = {"bounced": "previous_bounce", "complained": "previous_complaint"}
"""After these an address is suppressed, and why."""

DETAILS: dict[str, dict[str, Any]] = {
    "bounced": {"bounce": {"type": "Permanent", "subType": "NoEmail", "message": "The mailbox doesn't exist."}},
    "failed": {"failed": {"reason": "reached_daily_quota"}},
    "clicked": {"click": {"link": "https://example.com/", "ipAddress": "203.0.113.7", "userAgent": "Mozilla/5.0"}},
}

_ADDRESS = re.compile(r"[^@\s<>]+@([^@\s<>]+\.[^@\s<>]+)")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)


class Resend(Simulator):
    """One team. Every letter that is taken is an effect `message` {id, to, subject, text, html, key}."""

    vendor = "resend"
    credentials = {"signing_secret": SECRET}
    settings = ("domains", "endpoints", "per_second", "left", "ahead", "final")

    def reset(self) -> None:
        self.domains = {"example.com": "verified"}
        self.endpoints: list[dict[str, Any]] = []
        """As /webhooks lists them; those that are enabled get every event."""
        self.per_second: int | None = None
        self.left: int | None = None
        """Letters of the day's quota; None: as many as one likes."""
        self.final: str | None = "delivered"
        """The event that follows by itself on every letter; None: none."""
        self.letters: dict[str, dict[str, Any]] = {}
        self.came: dict[str, dict[str, Any]] = {}
        self.suppressed: dict[str, str] = {}
        """Address -> why: `previous_bounce`, `previous_complaint`."""
        self._keys: dict[str, tuple[float, bytes, str]] = {}
        self._calls: deque[float] = deque()

    # The API

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/emails", self._send, methods=["POST"]),
            Route("/emails/batch", self._batch, methods=["POST"]),
            Route("/emails/{id}", self._letter, methods=["GET"]),
            Route("/emails/receiving/{id}", self._received, methods=["GET"]),
            Route("/domains", self._domains, methods=["GET"]),
            Route("/webhooks", self._webhooks, methods=["GET", "POST"]),
        ]

    def _refused(self, request: Request, sending: bool = False) -> Response | None:
        """Why the caller isn't let in, or None."""
        if not request.headers.get("user-agent"):
            return Response("<html>403 Forbidden</html>", 403, media_type="text/html")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            return _error(401, "missing_api_key", "Missing API key in the authorization header.")
        if not self.admits(key, KEY, ONLY_SENDING):
            return _error(403, "invalid_api_key", "API key is invalid")
        if key == ONLY_SENDING and not sending:
            return _error(401, "restricted_api_key", "This API key is restricted to only send emails")
        return self._over_the_rate()

    def _over_the_rate(self) -> Response | None:
        if self.per_second is None:
            return None
        now = self.now()
        while self._calls and self._calls[0] < now - 1:
            self._calls.popleft()
        if len(self._calls) >= self.per_second:
            headers = {"ratelimit-limit": str(self.per_second), "ratelimit-remaining": "0", "ratelimit-reset": "1"}
            return _error(429, "rate_limit_exceeded", "Too many requests.", {**headers, "retry-after": "1"})
        self._calls.append(now)
        return None

    async def _send(self, request: Request) -> Response:
        refused = self._refused(request, sending=True)
        if refused is not None:
            return refused
        body, key = await request.body(), request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= 256:
            return _error(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")
        known = self._keys.get(key or "")
        if known is not None and known[0] > self.now() - REMEMBERED:
            if known[1] != body:
                what = "Same idempotency key used with a different request payload."
                return _error(409, "invalid_idempotent_request", what)
            return JSONResponse({"id": known[2]})
        letter = json_of(body)
        wrong = self._wrong(letter)
        if wrong is not None:
            return wrong
        id_ = self._take(letter, key)
        if key is not None:
            self._keys[key] = (self.now(), body, id_)
        return JSONResponse({"id": id_})

    async def _batch(self, request: Request) -> Response:
        """Strict: one that is wrong, and none is sent. Permissive: the rest is."""
        refused = self._refused(request, sending=True)
        if refused is not None:
            return refused
        letters = json.loads(await request.body())
        wrong = {index: found for index, letter in enumerate(letters) if (found := self._wrong(letter))}
        permissive = request.headers.get("x-batch-validation") == "permissive"
        if wrong and not permissive:
            return next(iter(wrong.values()))
        sent = [{"id": self._take(letter, None)} for index, letter in enumerate(letters) if index not in wrong]
        if not permissive:
            return JSONResponse({"data": sent})
        errors = [{"index": i, "message": json.loads(bytes(found.body))["message"]} for i, found in wrong.items()]
        return JSONResponse({"data": sent, "errors": errors})

    def _wrong(self, letter: dict[str, Any]) -> Response | None:
        """Why a letter isn't taken, or None."""
        for name in ("from", "to", "subject"):
            if not letter.get(name):
                return _error(422, "missing_required_field", f"Missing `{name}` field.")
        if not (letter.get("text") or letter.get("html")):
            return _error(422, "missing_required_field", "Missing `html` or `text` field.")
        sender = _ADDRESS.search(letter["from"])
        if sender is None:
            return _error(422, "invalid_from_address", "Invalid `from` field.")
        if self.domains.get(sender[1]) != "verified":
            what = f"The {sender[1]} domain is not verified. Please, add and verify your domain."
            return _error(403, "validation_error", what)
        if not all(_ADDRESS.fullmatch(one) for one in _listed(letter["to"])):
            return _error(422, "validation_error", "Invalid `to` field.")
        if not all(_TAG.fullmatch(str(one)) for tag in letter.get("tags", []) for one in tag.values()):
            return _error(422, "validation_error", "Tags should only contain ASCII letters, numbers, _ or -.")
        if self.left is not None and self.left <= 0:
            return _error(429, "daily_quota_exceeded", "You have reached your daily email sending quota.")
        return None

    def _take(self, letter: dict[str, Any], key: str | None) -> str:
        if self.left is not None:
            self.left -= 1
        id_ = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        self.letters[id_] = {
            **letter, "to": _listed(letter["to"]), "id": id_, "last_event": "sent", "created_at": self.now(),
        }  # fmt: skip
        self.record(
            "message", id=id_, to=", ".join(_listed(letter["to"])), subject=letter["subject"], text=letter.get("text"),
            html=letter.get("html"), sender=letter["from"], key=key, headers=letter.get("headers", {}),
        )  # fmt: skip
        if self.final is not None and self.endpoints:
            self.in_background(self._tell_all(id_))
        return id_

    async def _letter(self, request: Request) -> Response:
        refused, letter = self._refused(request), self.letters.get(request.path_params["id"])
        if refused is not None:
            return refused
        if letter is None:
            return _error(404, "not_found", "Email not found")
        written = f"{datetime.fromtimestamp(letter['created_at'], UTC):%Y-%m-%d %H:%M:%S.%f}+00"
        rest: dict[str, Any] = {
            "bcc": [],
            "cc": [],
            "reply_to": [],
            "scheduled_at": None,
            "html": None,
            "text": None,
            "tags": [],
        }
        return JSONResponse({"object": "email", **rest, **letter, "created_at": written})

    async def _received(self, request: Request) -> Response:
        refused, letter = self._refused(request), self.came.get(request.path_params["id"])
        if refused is not None:
            return refused
        return JSONResponse({"object": "email", **letter}) if letter else _error(404, "not_found", "Email not found")

    async def _domains(self, request: Request) -> Response:
        listed = [
            {"id": str(n), "name": name, "status": status} for n, (name, status) in enumerate(self.domains.items())
        ]
        return self._refused(request) or JSONResponse({"object": "list", "has_more": False, "data": listed})

    async def _webhooks(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        if request.method == "GET":
            return JSONResponse({"object": "list", "has_more": False, "data": self.endpoints})
        wanted = json_of(await request.body())
        if not wanted.get("endpoint") or not wanted.get("events"):
            return _error(422, "missing_required_field", "Missing `endpoint` or `events` field.")
        endpoint = {"id": str(len(self.endpoints)), "status": "enabled", **wanted}
        self.endpoints.append(endpoint)
        return JSONResponse({"object": "webhook", "id": endpoint["id"], "signing_secret": SECRET}, 201)

    # Events

    def event(self, id_: str, name: str, **details: Any) -> dict[str, Any]:
        """An event about a letter, which is in that state from now on."""
        letter = self.letters[id_]
        letter["last_event"] = name
        if name in SUPPRESSES:
            self.suppressed.update(dict.fromkeys(letter["to"], SUPPRESSES[name]))
        data = {
            "email_id": id_, "created_at": _iso(letter["created_at"]), "from": letter["from"], "to": letter["to"],
            "subject": letter["subject"], "tags": {tag["name"]: tag["value"] for tag in letter.get("tags", [])},
        }  # fmt: skip
        details = {**DETAILS.get(name, {}), **details}
        return {"type": f"email.{name}", "created_at": _iso(self.now()), "data": {**data, **details}}

    async def _tell_all(self, id_: str) -> None:
        """What follows on a letter by itself, to every endpoint."""
        (to, *_) = self.letters[id_]["to"]
        urls = [endpoint["endpoint"] for endpoint in self.endpoints]
        if to in self.suppressed:
            why = {"type": "OnAccountSuppressionList", "reason": self.suppressed[to], "message": "Suppressed."}
            await self._post(urls, self.event(id_, "suppressed", suppressed=why), tries=3)
            return
        for name in ("sent", FINAL.get(re.sub(r"\+[^@]*", "", to), self.final or "")):
            await self._post(urls, self.event(id_, name), tries=3)

    async def _post(self, urls: list[str], content: dict[str, Any], tries: int = 1, **how: Any) -> list[int]:
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        requests = [(body, signed(body, self.now(), **how))]
        statuses = [await self.send_hooks(url, requests, tries=tries, settled=_taken) for url in urls]
        return [status for each in statuses for status in each]

    # Controls

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/event", self._control_event, methods=["POST"]),
            Route("/incoming", self._control_incoming, methods=["POST"]),
        ]

    async def _control_event(self, request: Request) -> Response:
        """`{"id", "event": "bounced", "details": {}, "hook": url, "forged": false, "seconds_ago": 0}`; without
        `hook` to every endpoint."""
        told = json_of(await request.body())
        content = self.event(told["id"], told["event"], **told.get("details", {}))
        how = {"forged": told.get("forged", False), "seconds_ago": told.get("seconds_ago", 0)}
        return JSONResponse({"sent": await self._post(self._hooks(told), content, **how)})

    async def _control_incoming(self, request: Request) -> Response:
        """`{"from", "subject", "text", "hook": url}`: somebody writes; the body isn't told."""
        told = json_of(await request.body())
        id_ = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        head = {"from": told["from"], "to": ["in@example.com"], "subject": told.get("subject", ""), "attachments": []}
        self.came[id_] = {**head, "id": id_, "text": told.get("text", ""), "html": None, "created_at": _iso(self.now())}
        data = {**head, "email_id": id_, "created_at": _iso(self.now())}
        content = {"type": "email.received", "created_at": _iso(self.now()), "data": data}
        return JSONResponse({"id": id_, "sent": await self._post(self._hooks(told), content)})

    def _hooks(self, told: dict[str, Any]) -> list[str]:
        return [told["hook"]] if "hook" in told else [endpoint["endpoint"] for endpoint in self.endpoints]


def signed(body: bytes, now: float, forged: bool = False, seconds_ago: float = 0) -> dict[str, str]:
    """Headers of an event, as Svix makes them."""
    message, moment = f"msg_{uuid.uuid4().hex}", str(int(now - seconds_ago))
    key = b"another" if forged else base64.b64decode(SECRET.removeprefix("whsec_"))
    made = hmac.digest(key, f"{message}.{moment}.".encode() + body, "sha256")
    return {
        "content-type": "application/json", "user-agent": "Svix-Webhooks/1.24.0", "svix-id": message,
        "svix-timestamp": moment, "svix-signature": f"v1,{base64.b64encode(made).decode()}",
    }  # fmt: skip


def _taken(answer: httpx.Response) -> bool:
    return 200 <= answer.status_code < 300


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error(status: int, name: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"statusCode": status, "name": name, "message": message}, status, headers)


SIMULATOR = Resend
