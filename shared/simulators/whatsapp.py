"""WhatsApp's stand-in: Meta's Cloud API for one number, its statuses and messages, signed as Meta signs.

As documented: 200 means that a message was taken, and what becomes of it is told later; a text reaches only whoever
wrote within the last 24 hours, a template must be approved and get as many parameters as it has; the same message
sent again is a second message. Bodies escape every non-ASCII sign and every slash.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Sequence
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import UNTIL_TAKEN, Simulator, json_of

NUMBER, ACCOUNT = "1122334455667", "100200300400500"
TOKEN = "whatsapp-token-for-tests"
APP_SECRET = "0123456789abcdef0123456789abcdef"
WINDOW = 24 * 3600.0
LONGEST = 4096

WORDS: dict[int, tuple[int, str]] = {
    0: (401, "AuthException"), 2: (503, "API Service"), 4: (400, "API Too Many Calls"), 10: (403, "Permission Denied"),
    100: (400, "Invalid parameter"), 190: (401, "Error validating access token: Session has expired"),
    368: (403, "Temporarily blocked for policies violations"), 130429: (400, "Rate limit hit"),
    131000: (500, "Something went wrong"), 131008: (400, "Required parameter is missing"),
    131026: (400, "Message undeliverable"), 131030: (400, "Recipient phone number not in allowed list"),
    131042: (400, "Business eligibility payment issue"), 131047: (400, "Re-engagement message"),
    131049: (400, "This message was not delivered to maintain healthy ecosystem engagement"),
    131050: (400, "User has stopped marketing messages"), 131056: (400, "Pair rate limit hit"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"), 132015: (400, "Template is Paused"),
    132018: (400, "There's an issue with the parameters in your template"),
}  # fmt: skip
"""HTTP status and title of codes that come of themselves or are scripted by number alone."""


class Whatsapp(Simulator):
    """One number. Every message taken is an effect `message` {id, to, text, template, key}."""

    vendor = "whatsapp"
    credentials = {"app_secret": APP_SECRET}
    settings = ("templates", "refusals", "fates", "number", "hook", "final", "ahead")

    def reset(self) -> None:
        self.templates: dict[str, int] = {"review_request/ru": 1}
        """`name/language` of approved templates -> how many parameters their bodies take."""
        self.refusals: dict[str, int] = {}
        """Recipient -> the code with which a message to him is refused; `*`: every call."""
        self.fates: dict[str, int] = {}
        """Recipient, or `*` -> the code with which a message that was taken fails."""
        self.number: dict[str, Any] = {
            "verified_name": "Кофейня", "display_phone_number": "+7 999 000-00-01", "status": "CONNECTED",
            "name_status": "APPROVED", "quality_rating": "GREEN",
        }  # fmt: skip
        self.hook: str | None = None
        """Where webhooks go."""
        self.final: str | None = "delivered"
        """The last status that every message gets by itself once there is a hook; None: none."""
        self.messages: dict[str, dict[str, Any]] = {}
        self.wrote: dict[str, float] = {}
        """When a person last wrote to us."""

    # The API

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/{version}/{number}/messages", self._send, methods=["POST"]),
            Route("/{version}/{number}", self._number, methods=["GET"]),
        ]

    def _refused(self, request: Request) -> Response | None:
        given = request.headers.get("authorization")
        if given is None:
            return error(0)
        if not self.admits(given.removeprefix("Bearer "), TOKEN):
            return error(190, error_subcode=463)
        if not self.admits(request.path_params["number"], NUMBER):
            return error(100, "Unsupported request. Object does not exist", error_subcode=33)
        return error(self.refusals["*"]) if "*" in self.refusals else None

    async def _number(self, request: Request) -> Response:
        wanted = request.query_params.get("fields", "").split(",")
        shown = {name: value for name, value in self.number.items() if name in wanted}
        return self._refused(request) or JSONResponse({"id": NUMBER, **shown})

    async def _send(self, request: Request) -> Response:
        wanted = json_of(await request.body())
        to = re.sub(r"\D", "", str(wanted.get("to", ""))) or str(wanted.get("recipient", ""))
        refused = self._refused(request) or self._wrong(wanted, to)
        if refused is not None:
            return refused
        id_ = f"wamid.HBgL{len(self.messages) + 1:08}"
        key = wanted.get("biz_opaque_callback_data")
        self.messages[id_] = {"to": to, "key": key, "type": wanted["type"], "at": self.now()}
        text, template = wanted.get("text", {}).get("body"), wanted.get("template")
        self.record("message", id=id_, to=to, text=text, template=template, key=key)
        if self.final is not None and self.hook is not None:
            self.in_background(self._tell_all(id_))
        state = {"message_status": "accepted"} if template else {}
        contacts = [{"input": to, "wa_id": to}]
        return JSONResponse({"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": id_, **state}]})

    def _wrong(self, wanted: dict[str, Any], to: str) -> Response | None:
        """Why a message isn't taken, or None."""
        if to in self.refusals:
            return error(self.refusals[to])
        if wanted.get("messaging_product") != "whatsapp" or not to:
            return error(100, "The parameter messaging_product or to is required")
        if wanted.get("type") == "text":
            body = wanted.get("text", {}).get("body")
            return None if body and len(body) <= LONGEST else error(100, "Param text['body'] is empty or too long")
        return self._wrong_template(wanted.get("template", {}))

    def _wrong_template(self, template: dict[str, Any]) -> Response | None:
        count = self.templates.get(f"{template.get('name')}/{template.get('language', {}).get('code')}")
        if count is None:
            return error(132001)
        bodies = [one for one in template.get("components", []) if one.get("type") == "body"]
        texts = [parameter.get("text") for one in bodies for parameter in one.get("parameters", [])]
        if len(texts) != count:
            return error(132000)
        if any(not text for text in texts):
            return error(131008)
        return error(132018) if any(re.search(r"[\n\t]|\s{5,}", text) for text in texts) else None

    # Webhooks

    async def _tell_all(self, id_: str) -> None:
        """What becomes of a message by itself."""
        message = self.messages[id_]
        fate = self.fates.get(message["to"], self.fates.get("*"))
        if fate is None and message["type"] == "text" and self.wrote.get(message["to"], 0) < message["at"] - WINDOW:
            fate = 131047
        for status in ("failed",) if fate else ("sent", self.final):
            await self._post(str(self.hook), self.status(id_, str(status), fate), tries=UNTIL_TAKEN)

    def status(self, id_: str, status: str, code: int | None = None) -> dict[str, Any]:
        """A status of a message."""
        message = self.messages[id_]
        told = {"id": id_, "status": status, "timestamp": str(int(self.now())), "recipient_id": message["to"]}
        if message["key"] is not None:
            told["biz_opaque_callback_data"] = message["key"]
        title = WORDS.get(code or 0, (400, "Failed"))[1]
        errors = [{"code": code, "title": title, "message": title, "error_data": {"details": title}}]
        return self._value(statuses=[{**told, "errors": errors} if code else told])

    def _value(self, field: str = "messages", **content: Any) -> dict[str, Any]:
        metadata = {"display_phone_number": "79990000001", "phone_number_id": NUMBER}
        value = {"messaging_product": "whatsapp", "metadata": metadata, **content}
        changes = [{"value": value, "field": field}]
        return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": changes}]}

    async def _post(self, url: str, content: dict[str, Any], tries: int = 1, forged: bool = False) -> list[int]:
        body = json.dumps(content, separators=(",", ":")).replace("/", "\\/").encode()
        return await self.send_hooks(url, [(body, signed(body, forged))], tries=tries)

    # Controls

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/register", self._control_register, methods=["POST"]),
            Route("/status", self._control_status, methods=["POST"]),
            Route("/incoming", self._control_incoming, methods=["POST"]),
            Route("/change", self._control_change, methods=["POST"]),
        ]

    async def _control_register(self, request: Request) -> Response:
        """`{"hook", "verify_token"}`: what the dashboard does when an address is put in."""
        told = json_of(await request.body())
        challenge = str(self.chance.randrange(10**9, 10**10))
        asked = {"hub.mode": "subscribe", "hub.verify_token": told["verify_token"], "hub.challenge": challenge}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(httpx.URL(told["hook"]).copy_merge_params(asked))
        registered = answer.status_code == 200 and answer.text == challenge
        if registered:
            self.hook = told["hook"]
        return JSONResponse({"registered": registered, "status": answer.status_code})

    async def _control_status(self, request: Request) -> Response:
        """`{"id", "status": "read", "code": 131026, "hook": url, "forged": false}`."""
        told = json_of(await request.body())
        content = self.status(told["id"], told["status"], told.get("code"))
        hook = told.get("hook") or str(self.hook)
        return JSONResponse({"sent": await self._post(hook, content, forged=told.get("forged", False))})

    async def _control_incoming(self, request: Request) -> Response:
        """`{"from": "79991234567", "name", "text", "hook": url}`: somebody writes, and may be answered for a day."""
        told = json_of(await request.body())
        self.wrote[told["from"]] = self.now()
        card = {"profile": {"name": told.get("name", "Анна")}, "wa_id": told["from"]}
        message = {
            "from": told["from"], "id": f"wamid.{self.chance.getrandbits(64):016x}",
            "timestamp": str(int(self.now())), "type": "text", "text": {"body": told["text"]},
        }  # fmt: skip
        hook = told.get("hook") or str(self.hook)
        return JSONResponse({"sent": await self._post(hook, self._value(contacts=[card], messages=[message]))})

    async def _control_change(self, request: Request) -> Response:
        """`{"field", "value": {...}, "hook": url}`: any other news."""
        told = json_of(await request.body())
        content = self._value(told["field"])
        content["entry"][0] |= {"time": int(self.now()), "changes": [{"field": told["field"], "value": told["value"]}]}
        return JSONResponse({"sent": await self._post(told.get("hook") or str(self.hook), content)})


def signed(body: bytes, forged: bool = False) -> dict[str, str]:
    """Headers of a webhook."""
    digest = "0" * 64 if forged else hmac.digest(APP_SECRET.encode(), body, "sha256").hex()
    return {"content-type": "application/json", "x-hub-signature-256": f"sha256={digest}"}


def error(code: int, message: str | None = None, **more: Any) -> Response:
    """A refusal of Meta's."""
    status, title = WORDS.get(code, (400, "Error"))
    told = {"message": message or f"(#{code}) {title}", "type": "OAuthException", "code": code, **more}
    details = {"messaging_product": "whatsapp", "details": message or title}
    return JSONResponse({"error": {**told, "error_data": details, "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam"}}, status)


SIMULATOR = Whatsapp
