"""MAX's stand-in: one bot, its users, its subscriptions (the bot API as it is in 2026).

The token stands raw in `Authorization`, `Bearer` is refused. Subscriptions accumulate; after 8 hours without a
success (`/silence` stands for them) a bot is unsubscribed without a word, and updates wait for long polling.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of

TOKEN = "max-token-for-tests-0000000000000000000000"
BOT = {
    "user_id": 700700, "first_name": "Кофейня «Утро»", "username": "id0000000000_bot", "is_bot": True,
    "last_activity_time": 1763700000000, "name": "Кофейня «Утро»",
}  # fmt: skip
USER, CHAT = 500100, 900100
ANNA = {
    "user_id": USER, "first_name": "Анна", "last_name": "Тестова", "is_bot": False,
    "last_activity_time": 1763699995000, "name": "Анна Тестова",
}  # fmt: skip
SECRET = re.compile(r"[A-Za-z0-9_-]{5,256}")
LONGEST, MOST_ROWS = 4000, 30


class Max(Simulator):
    """One bot."""

    vendor = "max"

    def reset(self) -> None:
        self.users: dict[int, str] = {USER: "open"}
        """User or chat -> `open`, or `stopped`."""
        self.subscriptions: list[dict[str, Any]] = []
        self.missed: list[dict[str, Any]] = []
        """Updates that found nobody to go to."""
        self.insists_on_https = True
        self.keeps_the_first = False
        """Whether a second subscription of one address changes nothing: nobody says."""
        self.a_second = 30
        self.tries, self.pause = 3, 0.02
        self._sent: deque[float] = deque()
        self._count = 0

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/me", self._me, methods=["GET"]),
            Route("/messages", self._messages, methods=["POST"]),
            Route("/subscriptions", self._subscriptions, methods=["GET", "POST", "DELETE"]),
            Route("/updates", self._updates, methods=["GET"]),
        ]

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/say", self._control_say, methods=["POST"]),
            Route("/update", self._control_update, methods=["POST"]),
            Route("/user", self._control_user, methods=["POST"]),
            Route("/silence", self._control_silence, methods=["POST"]),
        ]

    # The bot API

    def _refused(self, request: Request) -> Response | None:
        if not self.admits(request.headers.get("authorization", ""), TOKEN):
            return _error(401, "verify.token", "Invalid access_token")
        return None

    async def _me(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse(BOT)

    async def _messages(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if self._over_limit():
            return _error(429, "too.many.requests", "Rate limit")
        wanted = json_of(await request.body())
        to = request.query_params.get("user_id") or request.query_params.get("chat_id") or ""
        state = self.users.get(int(to)) if re.fullmatch(r"-?\d+", to) else None
        if not wanted.get("text") or len(wanted["text"]) > LONGEST:
            return _error(400, "proto.payload", "Invalid text")
        if state is None:
            return JSONResponse({**_content("not.found", "Unknown recipient"), "error": "Unknown recipient"}, 404)
        if state != "open":
            return _error(403, "chat.denied", "error.dialog.suspended")
        self._count += 1
        mid = f"mid.0000000000dbbc84019a{self._count:012x}"
        shown = _buttons(wanted.get("attachments"))
        if shown is None:
            return _error(400, "proto.payload", "Invalid attachments")
        self.record("message", to=to, text=wanted["text"], mid=mid, buttons=shown)
        body = {"mid": mid, "seq": 115636213900001234 + self._count, "text": wanted["text"], "attachments": []}
        recipient = {"chat_id": CHAT, "chat_type": "dialog", "user_id": int(to)}
        message = {"recipient": recipient, "timestamp": _now(), "body": body, "sender": BOT}
        return JSONResponse({"message": message})

    def _over_limit(self) -> bool:
        now = time.monotonic()
        while self._sent and self._sent[0] < now - 1:
            self._sent.popleft()
        self._sent.append(now)
        return len(self._sent) > self.a_second

    async def _subscriptions(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if request.method == "GET":
            shown = [{k: v for k, v in each.items() if k != "secret"} for each in self.subscriptions]
            return JSONResponse({"subscriptions": shown})
        if request.method == "DELETE":
            url = request.query_params.get("url")
            self.subscriptions = [each for each in self.subscriptions if each["url"] != url]
            return JSONResponse({"success": True})
        wanted = json_of(await request.body())
        url = str(wanted.get("url", ""))
        if self.insists_on_https and not self.lets_anybody_in and not url.startswith("https://"):
            return _error(400, "proto.payload", "Invalid url")
        if "secret" in wanted and not SECRET.fullmatch(str(wanted["secret"])):
            return _error(400, "proto.payload", "Invalid secret")
        others = [each for each in self.subscriptions if each["url"] != url]
        if not self.keeps_the_first or len(others) == len(self.subscriptions):
            self.subscriptions = [*others, {**wanted, "time": _now()}]
        self.record("subscription", update_types=wanted.get("update_types"))
        return JSONResponse({"success": True})

    async def _updates(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if self.subscriptions:
            return JSONResponse({"success": False, "message": "webhook.active"})
        begin = int(request.query_params.get("marker", "0"))
        end = begin + int(request.query_params.get("limit", "100"))
        return JSONResponse({"updates": self.missed[begin:end], "marker": min(end, len(self.missed))})

    # Updates

    def message(self, text: str, user: dict[str, Any] | None = None) -> dict[str, Any]:
        """What somebody writes to the bot."""
        self._count += 1
        body = {"mid": f"mid.0000000000dbbc84019b{self._count:012x}", "seq": 115636213900022140, "text": text}
        recipient = {"chat_id": CHAT, "chat_type": "dialog", "user_id": BOT["user_id"]}
        message = {"recipient": recipient, "timestamp": _now(), "body": body, "sender": user or ANNA}
        return {"update_type": "message_created", "timestamp": _now(), "message": message, "user_locale": "ru"}

    async def tell(self, update: dict[str, Any]) -> list[int]:
        """Send an update to every subscription until it is answered with 200; the last statuses."""
        kind, statuses = update["update_type"], []
        wanting = [each for each in self.subscriptions if kind in (each.get("update_types") or [kind])]
        if not self.subscriptions:
            self.missed.append(update)
        for each in wanting:
            headers = {"Content-Type": "application/json; charset=utf-8"}
            if "secret" in each:
                headers["X-Max-Bot-Api-Secret"] = each["secret"]
            body = json.dumps(update, ensure_ascii=False).encode()
            statuses += await self.send_hooks(each["url"], [(body, headers)], tries=self.tries, pause=self.pause)
        return statuses

    async def _control_say(self, request: Request) -> Response:
        """`{text}`: Анна writes to the bot."""
        return JSONResponse({"sent": await self.tell(self.message(str(json_of(await request.body())["text"])))})

    async def _control_update(self, request: Request) -> Response:
        """Any other update, as it is."""
        return JSONResponse({"sent": await self.tell(json_of(await request.body()))})

    async def _control_user(self, request: Request) -> Response:
        """`{id, state}`: a user starts the bot (`open`) or stops it."""
        wanted = json_of(await request.body())
        self.users[int(wanted["id"])] = str(wanted["state"])
        return JSONResponse(self.users)

    async def _control_silence(self, request: Request) -> Response:
        """Eight hours without a success: the bot is unsubscribed."""
        self.subscriptions.clear()
        return JSONResponse({"subscriptions": []})


def _buttons(attachments: object) -> list[dict[str, str]] | None:
    """The buttons under a message; None for what MAX wouldn't take."""
    shown: list[dict[str, str]] = []
    for each in attachments if isinstance(attachments, list) else []:
        if each.get("type") != "inline_keyboard":
            continue
        rows = each.get("payload", {}).get("buttons")
        if not isinstance(rows, list) or not rows or len(rows) > MOST_ROWS:
            return None
        for one in (button for row in rows for button in row):
            wants = {"callback": "payload", "request_contact": "text", "link": "url"}.get(one.get("type"))
            if wants is None or not one.get(wants) or not one.get("text"):
                return None
            shown.append(one)
    return shown


def _now() -> int:
    return int(time.time() * 1000)


def _content(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse(_content(code, message), status)


SIMULATOR = Max
