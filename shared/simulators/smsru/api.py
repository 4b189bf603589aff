"""sms.ru's methods: what each answers, as JSON to be. HTTP is the simulator's business."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from simulators.smsru.account import MOSCOW, Account, Message, normalised
from simulators.smsru.form import Form
from simulators.smsru.parts import parts, transliterated
from simulators.smsru.texts import TEXTS

MONTH = 31 * 86400
Answer = dict[str, Any]


class Taker(Protocol):
    """Where messages that were taken go."""

    messages: dict[str, Message]

    def take(self, account: Account, number: str, text: str, form: Form, count: int) -> Message:
        """Write a message down."""

    def new_id(self) -> str:
        """An id that no message has yet."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a method."""

    to: Taker
    account: Account
    form: Form
    now: float


def done(**content: Any) -> Answer:
    return {"status": "OK", "status_code": 100, **content}


def refused(code: int, **content: Any) -> Answer:
    text = TEXTS.get(code, f"Ошибка {code}")
    return {"status": "ERROR", "status_code": code, "status_text": text, **content}


def send(asked: Asked) -> Answer:
    form = asked.form
    wanted = form.recipients()
    if too_many := _too_many(len(wanted)):
        return refused(too_many)
    if form.get("time") and not _in_time(form.get("time"), asked.now):
        return refused(208)
    entries = {}
    for given, text in wanted:
        number = normalised(given)
        entries[number] = _send_one(asked, number, transliterated(text) if form.on("translit") else text)
    return done(sms=entries, balance=asked.account.balance)


def _too_many(numbers: int) -> int | None:
    if numbers > 5000:
        return 213
    if numbers > 100:
        return 207
    return None if numbers else 202


def _in_time(given: str, now: float) -> bool:
    """0 is at once; otherwise up to 2 months ahead."""
    return given == "0" or (given.isdecimal() and now - 60 <= int(given) <= now + 2 * MONTH)


def _send_one(asked: Asked, number: str, text: str) -> Answer:
    account, form, count = asked.account, asked.form, parts(text)
    code = account.refuses(number, text, form.get("from") or None, count, asked.now)
    if code == 221:
        return refused(code, sms_id=asked.to.new_id(), cost="0.00")  # seen live: an id with a refusal
    if code is not None:
        return refused(code)
    if form.on("test"):
        return done(sms_id=asked.to.new_id())
    return done(sms_id=asked.to.take(account, number, text, form, count).id)


def status(asked: Asked) -> Answer:
    return done(
        sms={wanted: _status(asked.to.messages.get(wanted)) for wanted in asked.form.listed("sms_id")[:100]},
        balance=asked.account.balance,
    )


def _status(message: Message | None) -> Answer:
    if message is None:
        return refused(-1)
    # The cost comes as a string or as a number, as it likes.
    cost: str | float = f"{message.cost:.2f}" if int(message.id[-1]) % 2 else message.cost
    return {"status": "OK", "status_code": message.code, "cost": cost, "status_text": TEXTS.get(message.code, "")}


def cost(asked: Asked) -> Answer:
    account, entries = asked.account, {}
    for given, text in asked.form.recipients():
        number = normalised(given)
        count = parts(transliterated(text) if asked.form.on("translit") else text)
        code = account.unfit(number, text, count)
        price = round(count * account.price, 2)
        entries[number] = done(cost=price, sms=count) if code is None else refused(code)
    priced = [entry for entry in entries.values() if entry["status"] == "OK"]
    if not priced:
        return done(sms=entries) if entries else refused(202)
    total = round(sum(entry["cost"] for entry in priced), 2)
    return done(sms=entries, total_cost=total, total_sms=sum(entry["sms"] for entry in priced))


def limit(asked: Asked) -> Answer:
    return done(total_limit=str(asked.account.daily_limit), used_today=asked.account.used_today)


def senders(asked: Asked) -> Answer:
    names = asked.account.approved()
    return done(senders=names) if names else done()


def stoplist_add(asked: Asked) -> Answer:
    number, note = normalised(asked.form.get("stoplist_phone")), asked.form.get("stoplist_text")
    if not number:
        return refused(202)
    asked.account.stoplist[number] = note
    return done()


def stoplist_del(asked: Asked) -> Answer:
    found = asked.account.stoplist.pop(normalised(asked.form.get("stoplist_phone")), None)
    return refused(202) if found is None else done()


def callback_add(asked: Asked) -> Answer:
    url = asked.form.get("url")
    if not url.startswith(("http://", "https://")):
        return refused(901)
    if url not in asked.account.callbacks:
        asked.account.callbacks.append(url)
    return callbacks(asked)


def callback_del(asked: Asked) -> Answer:
    if asked.form.get("url") not in asked.account.callbacks:
        return refused(902)
    asked.account.callbacks.remove(asked.form.get("url"))
    return callbacks(asked)


def callbacks(asked: Asked) -> Answer:
    urls = asked.account.callbacks
    return done(callback=urls) if urls else done()


METHODS: dict[str, Callable[[Asked], Answer]] = {
    "sms/send": send,
    "sms/status": status,
    "sms/cost": cost,
    "auth/check": lambda asked: done(),
    "my/balance": lambda asked: done(balance=asked.account.balance),
    "my/limit": limit,
    "my/free": lambda asked: done(total_free=5, used_today=None),
    "my/senders": senders,
    "stoplist/add": stoplist_add,
    "stoplist/del": stoplist_del,
    "stoplist/get": lambda asked: done(stoplist=asked.account.stoplist),
    "callback/add": callback_add,
    "callback/del": callback_del,
    "callback/get": callbacks,
}

POST_ONLY = ("stoplist/", "callback/")
"""Some methods answer 210 to GET; that it is these is a guess."""


def message_id(number: int, now: float | None = None) -> str:
    """Year and week, and a number: `202626-1000000`."""
    year, week, _ = datetime.fromtimestamp(time.time() if now is None else now, MOSCOW).isocalendar()
    return f"{year}{week:02}-{1_000_000 + number}"
