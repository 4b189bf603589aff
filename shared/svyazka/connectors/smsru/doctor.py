"""What `svyazka doctor` asks sms.ru, each answer with its remedy.

A `fail` means that no message can go out: a blocked connection counts as recovered only when none is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import urlsplit

from svyazka.connectors.smsru import client
from svyazka.connectors.smsru.client import SmsruFailure, SmsruSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, Hook, Silence
from svyazka.model.errors import MaybeSent, NotSent

EXAMPLE_NUMBER = "79991234567"
"""Prices differ by operator; nothing is sent to it."""
EXAMPLE_TEXT = "Спасибо за визит! Оставьте, пожалуйста, отзыв."

LOW_BALANCE = 50
"""Messages that the balance should still pay for."""
LIMIT_NEARLY_REACHED = 0.8

TOP_UP = "top up the account at sms.ru: what waits goes out by itself"
RAISE_LIMIT = "raise the daily limit in the account's settings at sms.ru"
REGISTER = "`svyazka doctor --fix` registers it"
SEE_CODE = "docs/vendors/smsru.md says what each code means"

Check = Callable[[Call[SmsruSettings]], Awaitable[list[Finding]]]


async def check(call: Call[SmsruSettings]) -> list[Finding]:
    """Key, balance and price, sender, daily limit, callback."""
    findings: list[Finding] = []
    for name, ask in CHECKS.items():
        try:
            findings += await ask(call)
        except SmsruFailure as error:
            findings.append(_failed(name, error))
            if ask is _credentials:
                break
        except (NotSent, MaybeSent) as error:
            findings.append(Finding(name, "fail", f"sms.ru doesn't answer: {error}", "try again later"))
            break
    return findings


async def register(call: Call[SmsruSettings], hook_url: str) -> Finding:
    """Add our address to those that sms.ru tells of statuses, unless it is there."""
    try:
        if hook_url in await client.callbacks(call):
            return Finding("callback", "ok", "the callback is registered already")
        if hook_url in await client.callbacks(call, add=hook_url):
            return Finding("callback", "ok", f"the callback is registered: statuses come to {_place(hook_url)}")
    except SmsruFailure as error:
        return _failed("callback", error)
    except (NotSent, MaybeSent) as error:
        return Finding("callback", "fail", f"sms.ru doesn't answer: {error}", "run this again: it does no harm")
    remedy = "add the address by hand: sms.ru, the account's settings for the API, callback"
    return Finding("callback", "fail", "sms.ru took the address and doesn't list it", remedy)


async def _credentials(call: Call[SmsruSettings]) -> list[Finding]:
    await client.authorize(call)
    return [Finding("credentials", "ok", "sms.ru knows the api_id")]


async def _money(call: Call[SmsruSettings]) -> list[Finding]:
    price = await client.price(call, EXAMPLE_NUMBER, EXAMPLE_TEXT)
    roubles = await client.balance(call)
    if price.roubles is None:
        told = Finding("price", "warn", "sms.ru names no price for a message to a Russian mobile number")
    else:
        told = Finding(
            "price", "ok", f"one part of a Cyrillic text (70 characters) costs about {price.roubles:.2f} RUB"
        )
    return [await _balance(call, roubles, price.roubles), told]


async def _balance(call: Call[SmsruSettings], roubles: float | None, price: float | None) -> Finding:
    if roubles is None:
        return Finding("balance", "warn", "sms.ru answers without a balance")
    enough_for = int(roubles / price) if price else None
    if roubles <= 0 or enough_for == 0:
        free = await client.free_messages(call)
        left = max((free.total or 0) - free.used, 0)
        own = f"; {left} free message(s) left today, to the account's own phone only" if left else ""
        return Finding("balance", "fail", f"{roubles:.2f} RUB: not enough for a message{own}", TOP_UP)
    if enough_for is None:
        return Finding("balance", "ok", f"{roubles:.2f} RUB")
    words = f"{roubles:.2f} RUB: about {enough_for} message(s) of one part"
    if enough_for < LOW_BALANCE:
        return Finding("balance", "warn", words, TOP_UP)
    return Finding("balance", "ok", words)


async def _sender(call: Call[SmsruSettings]) -> list[Finding]:
    approved, ours = await client.senders(call), call.settings.sender
    names = ", ".join(approved)
    if not approved:
        what = "the account has no approved sender name, and sms.ru sends nothing without one"
        return [Finding("sender", "fail", what, "create one at sms.ru/?panel=senders and wait for its approval")]
    if ours is None:
        return [Finding("sender", "warn", f"sender isn't set; approved: {names}", "set one of these")]
    if ours in approved:
        return [Finding("sender", "ok", f"sender {ours} is approved")]
    what = f"sender {ours} isn't among the approved ones: {names}"
    return [Finding("sender", "fail", what, "set one of these, or have it approved at sms.ru/?panel=senders")]


async def _daily_limit(call: Call[SmsruSettings]) -> list[Finding]:
    limit = await client.daily_limit(call)
    if not limit.total:
        return [Finding("daily limit", "ok", "sms.ru names no daily limit")]
    words = f"{limit.used} of {limit.total} messages of today are used"
    if limit.used >= limit.total:
        return [Finding("daily limit", "fail", f"{words}: more go out tomorrow, Moscow time", RAISE_LIMIT)]
    if limit.used >= limit.total * LIMIT_NEARLY_REACHED:
        return [Finding("daily limit", "warn", words, RAISE_LIMIT)]
    return [Finding("daily limit", "ok", words)]


async def _callback(call: Call[SmsruSettings]) -> list[Finding]:
    registered, ours = await client.callbacks(call), call.hook_url
    if ours is None:
        return [Finding("callback", "warn", f"{len(registered)} address(es) registered; our own isn't known here")]
    if ours in registered:
        return [Finding("callback", "ok", f"statuses come to us: {_place(ours)}")]
    if any(_place(one) == _place(ours) for one in registered):
        what = "statuses come to us under another key than today's: refused if it was rotated or is another tenant's"
        return [Finding("callback", "warn", what, REGISTER)]
    what = "our address isn't registered: messages go out, and what became of them isn't told"
    return [Finding("callback", "warn", what, REGISTER)]


CHECKS: dict[str, Check] = {
    "credentials": _credentials,
    "balance": _money,
    "sender": _sender,
    "daily limit": _daily_limit,
    "callback": _callback,
}


def _failed(check: str, error: SmsruFailure) -> Finding:
    code = getattr(error.outcome, "code", None)
    if check == "credentials":
        remedy = "copy the api_id at sms.ru (settings, API) and put it in by `svyazka secret set`"
        return Finding(check, "fail", f"sms.ru doesn't let us in: code {code}", remedy)
    return Finding(check, "fail", f"sms.ru refuses to say: code {code}", SEE_CODE)


def _place(url: str) -> str:
    """An address without its key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


class SmsruDoctor(Doctor[SmsruSettings]):
    """Asks sms.ru."""

    def ready(self, settings: SmsruSettings) -> bool:
        return settings.api_id is not None

    async def check(self, call: Call[SmsruSettings]) -> list[Finding]:
        return await check(call)


class SmsruHook(Hook[SmsruSettings]):
    """Registers our address. Others are left alone: sms.ru sends everything to each of them."""

    def ready(self, settings: SmsruSettings) -> bool:
        return settings.api_id is not None

    async def register(self, call: Call[SmsruSettings], url: str) -> list[Finding]:
        return [await register(call, url)]


def silence(settings: SmsruSettings) -> Silence:
    """Heartbeats come even when nothing is sent, so that a quiet day is news."""
    return Silence(
        after=timedelta(days=1),
        why="sms.ru sends a heartbeat to every callback that is registered",
        remedy="`svyazka doctor --live` says whether ours is, `svyazka doctor --fix` registers it",
    )
