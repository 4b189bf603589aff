"""The stand-in itself: HTTP, accounts, automatic receipts, and what a test or a demo can tell it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import UNTIL_TAKEN, Simulator
from simulators.smsru.account import Account, Message
from simulators.smsru.api import METHODS, POST_ONLY, Asked, done, message_id, refused
from simulators.smsru.form import Form
from simulators.smsru.receipts import BATCH, heartbeat, signed, status_record

HEADERS = {"sms-api": "1", "set-cookie": "dev_id=0; path=/"}
TOLD = frozenset(each.name for each in fields(Account)) - {"api_id", "names_used", "day", "to_number", "same"}
"""What `POST /_sim/smsru/account` sets."""


def took(answer: httpx.Response) -> bool:
    """Whether a callback was answered as sms.ru wants it."""
    return answer.status_code == 200 and answer.content == b"100"


class SmsruSimulator(Simulator):
    """sms.ru. HTTP is always 200; every message taken is an effect `message` {id, to, text, sender, at}.

    Any api_id has an account of its own, unless `right` names those that there are.
    """

    vendor = "smsru"

    def reset(self) -> None:
        self.right: list[str] | None = None
        self.accounts: dict[str, Account] = {}
        self.messages: dict[str, Message] = {}
        self.final: int | None = 103
        """The status that every message gets by itself, and is told to callbacks; None: none."""
        self.delay = 0.2
        """Seconds from a message to its receipt; what comes together within them goes in one callback."""
        self.pause = 0.2
        self.tries = UNTIL_TAKEN
        """A callback comes again after `pause` seconds until it is answered with 100, at most so often."""
        self._fresh: dict[str, Any] = {}
        self._ids = 0
        self._outbox: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._posting: set[tuple[str, str]] = set()

    def account(self, api_id: str) -> Account:
        """An account; made when it is first asked for."""
        if api_id not in self.accounts:
            self.accounts[api_id] = Account(api_id, **_copied(self._fresh))
        return self.accounts[api_id]

    # The API

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/{method:path}", self._call, methods=["GET", "POST"])]

    async def _call(self, request: Request) -> Response:
        body = await request.body()
        try:
            form = Form.of(request.scope["query_string"], body)
        except UnicodeDecodeError:
            return JSONResponse(refused(212), headers=HEADERS)
        answer = self._answer(request.method, request.path_params["method"].strip("/"), form)
        if not form.on("json"):
            return PlainTextResponse(str(answer["status_code"]), headers=HEADERS)  # the older, plain form
        return JSONResponse(answer, headers=HEADERS)

    def _answer(self, verb: str, method: str, form: Form) -> dict[str, Any]:
        api_id = form.get("api_id")
        if not api_id or (self.right is not None and api_id not in self.right):
            return refused(200 if method.startswith("sms/") else 301)
        if method not in METHODS:
            return refused(211)
        if verb == "GET" and method.startswith(POST_ONLY):
            return refused(210)
        account = self.account(api_id)
        if account.outer is not None:
            return refused(account.outer)
        now = self.now()
        account.new_day(now)
        return METHODS[method](Asked(self, account, form, now))

    def new_id(self) -> str:
        self._ids += 1
        return message_id(self._ids, self.now())

    def take(self, account: Account, number: str, text: str, form: Form, count: int) -> Message:
        sender = form.get("from") or account.approved()[0]
        if sender not in account.names_used:
            account.names_used.append(sender)
        cost = account.take(number, text, count, self.now())
        message = Message(self.new_id(), account.api_id, number, text, 100, cost)
        self.messages[message.id] = message
        self.record("message", id=message.id, to=number, text=text, sender=sender, parts=count, cost=cost)
        if self.final is not None:
            message.code = self.final
            self._tell(account, [status_record(message.id, self.final, self.now())])
        return message

    # Receipts

    def _tell(self, account: Account, records: list[str]) -> None:
        """Put records in the way of every callback of the account; they leave in batches, in the background."""
        for url in account.callbacks:
            way = (account.api_id, url)
            self._outbox[way] += records
            if way not in self._posting:
                self._posting.add(way)
                self.in_background(self._post_all(way))

    async def _post_all(self, way: tuple[str, str]) -> None:
        outbox, posting = self._outbox[way], self._posting
        try:
            await asyncio.sleep(self.delay)
            while outbox:
                records = outbox[:BATCH]
                del outbox[:BATCH]
                if self.hook_faults.shuffle:
                    self.chance.shuffle(records)
                await self.send_hooks(
                    way[1], [signed(way[0], records)], tries=self.tries, pause=self.pause, settled=took
                )
        finally:
            posting.discard(way)

    # Controls

    def controls(self) -> Sequence[BaseRoute]:
        """`account`, `keys`, `automatic`, `clock`, `receipts`: see the handlers."""
        return [
            Route("/account", self._tell_account, methods=["POST"]),
            Route("/keys", self._tell_keys, methods=["POST"]),
            Route("/automatic", self._tell_automatic, methods=["POST"]),
            Route("/clock", self._tell_clock, methods=["POST"]),
            Route("/receipts", self._send_receipts, methods=["POST"]),
        ]

    async def _tell_account(self, request: Request) -> Response:
        """Fields of Account: of the one with `api_id`, else of all that are and will be."""
        told = await request.json()
        api_id = told.pop("api_id", None)
        if unknown := set(told) - TOLD:
            return JSONResponse({"error": f"unknown: {sorted(unknown)}; expected some of {sorted(TOLD)}"}, 400)
        if api_id is None:
            self._fresh.update(told)
        for account in [self.account(api_id)] if api_id is not None else list(self.accounts.values()):
            for name, value in _copied(told).items():
                setattr(account, name, value)
        return JSONResponse(done())

    async def _tell_keys(self, request: Request) -> Response:
        """`{"right": [api_id, ...]}`; null: any is right."""
        self.right = (await request.json())["right"]
        return JSONResponse({"right": self.right})

    async def _tell_automatic(self, request: Request) -> Response:
        """`{"final": 103 or null, "delay", "pause", "tries"}`; what is left out stays."""
        told = await request.json()
        for name in ("final", "delay", "pause", "tries"):
            setattr(self, name, told.get(name, getattr(self, name)))
        return JSONResponse({name: getattr(self, name) for name in ("final", "delay", "pause", "tries")})

    async def _tell_clock(self, request: Request) -> Response:
        """`{"ahead": seconds}`."""
        self.ahead = float((await request.json())["ahead"])
        return JSONResponse({"ahead": self.ahead})

    async def _send_receipts(self, request: Request) -> Response:
        """`{"ids": [...], "code": 103, "heartbeat": false, "records": [raw, ...], "batch": true, "forged": false,
        "tries": 1, "api_id": ...}` to every callback of the account; the HTTP statuses that came back.

        `api_id` may be left out for ids that we know, or when there is one account only.
        """
        told = await request.json()
        account = self._account_of(told)
        if account is None:
            return JSONResponse({"error": "whose? name the api_id"}, 400)
        ids, code = told.get("ids", []), int(told.get("code", 103))
        for sms_id in ids:
            if sms_id in self.messages:
                self.messages[sms_id].code = code
        records = [status_record(sms_id, code, self.now()) for sms_id in ids]
        records += [heartbeat(self.now())] if told.get("heartbeat") else []
        records += told.get("records", [])
        batches = [records] if told.get("batch", True) else [[record] for record in records]
        requests = [signed(account.api_id, batch, told.get("forged", False)) for batch in batches]
        statuses = [
            await self.send_hooks(url, requests, tries=told.get("tries", 1), pause=self.pause, settled=took)
            for url in account.callbacks
        ]
        return JSONResponse({"statuses": [status for each in statuses for status in each]})

    def _account_of(self, told: dict[str, Any]) -> Account | None:
        if "api_id" in told:
            return self.account(told["api_id"])
        owners = {self.messages[one].api_id for one in told.get("ids", []) if one in self.messages} or set(
            self.accounts
        )
        return self.account(owners.pop()) if len(owners) == 1 else None


def _copied(told: dict[str, Any]) -> dict[str, Any]:
    """Lists and objects of its own for each account."""
    return {name: value.copy() if isinstance(value, list | dict) else value for name, value in told.items()}
