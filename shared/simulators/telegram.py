"""Telegram's stand-in: one bot, its chats, its webhook (behaviour from the Bot API server's own source).

The token stands in the path: one that is malformed is 404, an unknown one 401. A message over the rate is 429 with
`parameters.retry_after` and no header. An update comes again until it is answered with 2xx, and holds up the later
ones of its chat.
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

BOT_ID = 7000000001
TOKEN = f"{BOT_ID}:bot-token-for-tests"
BOT = {"id": BOT_ID, "is_bot": True, "first_name": "Бот", "username": "test_hub_bot"}
CHAT = 5000000001
"""Анна's chat with the bot, which has her own id."""

STATES: dict[str, tuple[int, str]] = {
    "blocked": (403, "Forbidden: bot was blocked by the user"),
    "deactivated": (403, "Forbidden: user is deactivated"),
    "not_started": (403, "Forbidden: bot can't initiate conversation with a user"),
    "kicked": (403, "Forbidden: bot was kicked from the supergroup chat"),
    "not_member": (403, "Forbidden: bot is not a member of the supergroup chat"),
    "deleted": (403, "Forbidden: the group chat was deleted"),
    "forbidden": (400, "Bad Request: not enough rights to send text messages to the chat"),
}
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
MOVED = "Bad Request: group chat was upgraded to a supergroup chat"
LONGEST = 4096


class Telegram(Simulator):
    """One bot."""

    vendor = "telegram"
    credentials = {"bot_token": TOKEN}

    def reset(self) -> None:
        self.chats: dict[int, str] = {CHAT: "open"}
        """Id -> `open`, one of STATES, or the new id of a group that became a supergroup."""
        self.webhook: dict[str, Any] = {}
        self.secret: str | None = None
        self.insists_on_https = True
        self.a_second = 30
        self.tries, self.pause = 3, 0.02
        """How often an update is sent, and how long is waited after the first time, in place of 24 h and 1 s."""
        self._sent: deque[float] = deque()
        self._messages: dict[int, int] = {}
        self._update = 801000000

    def number_from(self, first: int) -> None:
        self._update = 801000000 + first

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/bot{token}/{method}", self._method, methods=["POST", "GET"])]

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/say", self._control_say, methods=["POST"]),
            Route("/press", self._control_press, methods=["POST"]),
            Route("/share", self._control_share, methods=["POST"]),
            Route("/update", self._control_update, methods=["POST"]),
            Route("/chat", self._control_chat, methods=["POST"]),
        ]

    # The Bot API

    async def _method(self, request: Request) -> Response:
        token, name = request.path_params["token"], request.path_params["method"]
        if not re.fullmatch(r"\d+:[\w-]+", token):
            return _error(404, "Not Found")
        if not self.admits(token, TOKEN):
            return _error(401, "Unauthorized")
        method = {
            "sendMessage": self._send_message, "getMe": self._get_me, "setWebhook": self._set_webhook,
            "getWebhookInfo": self._get_webhook_info, "deleteWebhook": self._delete_webhook,
            "getUpdates": self._get_updates,
        }.get(name)  # fmt: skip
        return method(json_of(await request.body())) if method else _error(404, "Not Found: method not found")

    def _get_me(self, wanted: dict[str, Any]) -> Response:
        return _ok(BOT)

    def _send_message(self, wanted: dict[str, Any]) -> Response:
        text = wanted.get("text") or ""
        if not text:
            return _error(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > LONGEST:
            return _error(400, "Bad Request: message is too long")
        chat = int(wanted["chat_id"]) if _is_id(wanted.get("chat_id")) else 0
        state = self.chats.get(chat)
        if state is None:
            return _error(400, "Bad Request: chat not found")
        if state in STATES:
            return _error(*STATES[state])
        if _is_id(state):
            return _error(400, MOVED, migrate_to_chat_id=int(state))
        if self._over_limit():
            return _error(429, "Too Many Requests: retry after 7", retry_after=7)
        markup = wanted.get("reply_markup") or {}
        rows = markup.get("inline_keyboard") or markup.get("keyboard") or []
        data = [len(str(one.get("callback_data", "x")).encode()) for row in rows for one in row]
        if not all(1 <= length <= 64 for length in data):
            return _error(400, "Bad Request: BUTTON_DATA_INVALID")
        return _ok(self.put_message(chat, text, rows))

    def put_message(self, chat: int, text: str, rows: Sequence[Any] = ()) -> dict[str, Any]:
        """A message of the bot's, and its line in the ledger."""
        number = self._messages[chat] = self._messages.get(chat, 776) + 1
        buttons = {"buttons": [one for row in rows for one in row]} if rows else {}
        self.record("message", to=str(chat), text=text, message_id=number, **buttons)
        kind = {"id": chat, "type": "private" if chat > 0 else "supergroup"}
        return {"message_id": number, "from": BOT, "chat": kind, "date": int(time.time()), "text": text}

    def _over_limit(self) -> bool:
        now = time.monotonic()
        while self._sent and self._sent[0] < now - 1:
            self._sent.popleft()
        if len(self._sent) >= self.a_second:
            return True
        self._sent.append(now)
        return False

    def _set_webhook(self, wanted: dict[str, Any]) -> Response:
        url, secret = str(wanted.get("url", "")), wanted.get("secret_token")
        if self.insists_on_https and not self.lets_anybody_in and not url.startswith("https://"):
            return _error(400, "Bad Request: bad webhook: HTTPS url must be provided for webhook")
        if secret is not None and not SECRET.fullmatch(secret):
            return _error(400, "Bad Request: secret token contains unallowed characters")
        self.secret = secret
        kept = ("url", "allowed_updates", "max_connections")
        self.webhook = {name: wanted[name] for name in kept if name in wanted}
        self.record("webhook", allowed_updates=wanted.get("allowed_updates"))
        return _ok(True, "Webhook was set")

    def _get_webhook_info(self, wanted: dict[str, Any]) -> Response:
        return _ok({"url": "", "has_custom_certificate": False, "pending_update_count": 0, **self.webhook})

    def _delete_webhook(self, wanted: dict[str, Any]) -> Response:
        self.webhook, self.secret = {}, None
        return _ok(True, "Webhook was deleted")

    def _get_updates(self, wanted: dict[str, Any]) -> Response:
        if self.webhook:
            return _error(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        return _ok([])

    # Updates

    def update(self, **content: Any) -> dict[str, Any]:
        """An update with the next number."""
        self._update += 1
        return {"update_id": self._update, **content}

    def message(self, chat: int, text: str) -> dict[str, Any]:
        """What somebody writes to the bot."""
        number = self._messages[chat] = self._messages.get(chat, 10) + 1
        person = {"id": chat, "first_name": "Анна", "last_name": "Тестова", "username": "anna_test"}
        return {
            "message_id": number, "from": {**person, "is_bot": False, "language_code": "ru"},
            "chat": {**person, "type": "private"}, "date": int(time.time()), "text": text,
        }  # fmt: skip

    async def tell(self, update: dict[str, Any], url: str | None = None) -> list[int]:
        """Send an update until it is answered with 2xx; the last statuses."""
        address = url or self.webhook.get("url")
        if not address:
            return []
        headers = {"Content-Type": "application/json"}
        if self.secret is not None:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.secret
        body = json.dumps(update).encode()
        statuses = await self.send_hooks(
            address, [(body, headers)], tries=self.tries, pause=self.pause,
            settled=lambda answer: 200 <= answer.status_code < 300,
        )  # fmt: skip
        bad = [status for status in statuses if not 200 <= status < 300]
        if bad:
            said = f"Wrong response from the webhook: {bad[-1]}" if bad[-1] else "Connection refused"
            self.webhook |= {"last_error_date": int(time.time()), "last_error_message": said}
        return statuses

    async def _control_say(self, request: Request) -> Response:
        """`{chat, text, url}`: somebody writes to the bot."""
        wanted = json_of(await request.body())
        message = self.message(int(wanted.get("chat", CHAT)), str(wanted["text"]))
        return JSONResponse({"sent": await self.tell(self.update(message=message), wanted.get("url"))})

    async def _control_press(self, request: Request) -> Response:
        """`{chat, data, url}`: somebody presses a button under a message of the bot's."""
        wanted = json_of(await request.body())
        message = self.message(int(wanted.get("chat", CHAT)), "")
        self._update += 1
        pressed = {"id": str(self._update), "from": message["from"], "message": message, "data": wanted["data"]}
        return JSONResponse({"sent": await self.tell(self.update(callback_query=pressed), wanted.get("url"))})

    async def _control_share(self, request: Request) -> Response:
        """`{chat, phone, url}`: somebody gives the bot their own phone."""
        wanted = json_of(await request.body())
        message = self.message(int(wanted.get("chat", CHAT)), "")
        del message["text"]
        who = message["from"]
        message["contact"] = {
            "phone_number": wanted["phone"], "first_name": who["first_name"], "user_id": who["id"],
        }  # fmt: skip
        return JSONResponse({"sent": await self.tell(self.update(message=message), wanted.get("url"))})

    async def _control_update(self, request: Request) -> Response:
        """`{kind: content, url}`: any other update."""
        wanted = json_of(await request.body())
        url = wanted.pop("url", None)
        return JSONResponse({"sent": await self.tell(self.update(**wanted), url)})

    async def _control_chat(self, request: Request) -> Response:
        """`{id, state}`: a chat opens, its user blocks the bot, a group moves to another id."""
        wanted = json_of(await request.body())
        self.chats[int(wanted["id"])] = str(wanted["state"])
        return JSONResponse(self.chats)


def _is_id(value: Any) -> bool:
    return re.fullmatch(r"-?\d+", str(value)) is not None


def _ok(result: Any, description: str | None = None) -> Response:
    return JSONResponse({"ok": True, "result": result, **({"description": description} if description else {})})


def _error(code: int, description: str, **parameters: Any) -> Response:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return JSONResponse({**body, **({"parameters": parameters} if parameters else {})}, code)


SIMULATOR = Telegram
