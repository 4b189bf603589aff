"""What `svyazka doctor` asks sms.ru, each answer with its remedy.

A `fail` means that no message can go out: a blocked connection counts as recovered only when none is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import urlsplit

from svyazka.catalogue import N_, _
from svyazka.connectors.smsru import client
from svyazka.connectors.smsru.settings import SmsruSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, Silence, no_access
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Retry, Unclear

EXAMPLE_NUMBER = "79991234567"
"""Prices differ by operator; nothing is sent to it."""
EXAMPLE_TEXT = "Спасибо за визит! Оставьте, пожалуйста, отзыв."

LOW_BALANCE = 50
"""Messages that the balance should still pay for."""
LIMIT_NEARLY_REACHED = 0.8

TOP_UP = N_("top up the account at sms.ru: what waits goes out by itself")
RAISE_LIMIT = N_("raise the daily limit in the account's settings at sms.ru")
REGISTER = N_("`svyazka doctor --fix` registers it")
SEE_CODE = N_("docs/vendors/smsru.md says what each code means")

Check = Callable[[Call[SmsruSettings]], Awaitable[list[Finding]]]


async def check(call: Call[SmsruSettings]) -> list[Finding]:
    """Key, balance and price, sender, daily limit, callback."""
    findings: list[Finding] = []
    for name, ask in CHECKS.items():
        try:
            findings += await ask(call)
        except VendorFailure as error:
            findings.append(failed(name, error))
            if ask is _credentials:
                break
        except (NotSent, MaybeSent) as error:
            findings.append(no_access(name, _("sms.ru doesn't answer: {why}", why=error), _("try again later")))
            break
    return findings


async def _credentials(call: Call[SmsruSettings]) -> list[Finding]:
    await client.authorize(call)
    return [Finding("credentials", "ok", _("sms.ru knows the api_id"))]


async def _money(call: Call[SmsruSettings]) -> list[Finding]:
    price = await client.price(call, EXAMPLE_NUMBER, EXAMPLE_TEXT)
    roubles = await client.balance(call)
    if price.roubles is None:
        told = Finding("price", "warn", _("sms.ru names no price for a message to a Russian mobile number"))
    else:
        told = Finding(
            "price",
            "ok",
            _("one part of a Cyrillic text (70 characters) costs about {roubles:.2f} RUB", roubles=price.roubles),
        )
    return [await _balance(call, roubles, price.roubles), told]


async def _balance(call: Call[SmsruSettings], roubles: float | None, price: float | None) -> Finding:
    if roubles is None:
        return Finding("balance", "warn", _("sms.ru answers without a balance"))
    enough_for = int(roubles / price) if price else None
    if roubles <= 0 or enough_for == 0:
        free = await client.free_messages(call)
        left = max((free.total or 0) - free.used, 0)
        own = (
            N_("; {left} free message(s) left today, to the account's own phone only").format(left=left) if left else ""
        )
        return no_access(
            "balance", _("{roubles:.2f} RUB: not enough for a message{own}", roubles=roubles, own=own), TOP_UP
        )
    if enough_for is None:
        return Finding("balance", "ok", _("{roubles:.2f} RUB", roubles=roubles))
    words = N_("{roubles:.2f} RUB: about {enough_for} message(s) of one part").format(
        roubles=roubles, enough_for=enough_for
    )
    if enough_for < LOW_BALANCE:
        return Finding("balance", "warn", words, TOP_UP)
    return Finding("balance", "ok", words)


async def _sender(call: Call[SmsruSettings]) -> list[Finding]:
    approved, ours = await client.senders(call), call.settings.sender
    names = ", ".join(approved)
    if not approved:
        what = N_("the account has no approved sender name, and sms.ru sends nothing without one")
        return [no_access("sender", what, _("create one at sms.ru/?panel=senders and wait for its approval"))]
    if ours is None:
        return [Finding("sender", "warn", _("sender isn't set; approved: {names}", names=names), _("set one of these"))]
    if ours in approved:
        return [Finding("sender", "ok", _("sender {ours} is approved", ours=ours))]
    what = N_("sender {ours} isn't among the approved ones: {names}").format(ours=ours, names=names)
    return [no_access("sender", what, _("set one of these, or have it approved at sms.ru/?panel=senders"))]


async def _daily_limit(call: Call[SmsruSettings]) -> list[Finding]:
    limit = await client.daily_limit(call)
    if not limit.total:
        return [Finding("daily limit", "ok", _("sms.ru names no daily limit"))]
    words = N_("{used} of {total} messages of today are used").format(used=limit.used, total=limit.total)
    if limit.used >= limit.total:
        return [no_access("daily limit", _("{words}: more go out tomorrow, Moscow time", words=words), RAISE_LIMIT)]
    if limit.used >= limit.total * LIMIT_NEARLY_REACHED:
        return [Finding("daily limit", "warn", words, RAISE_LIMIT)]
    return [Finding("daily limit", "ok", words)]


async def _callback(call: Call[SmsruSettings]) -> list[Finding]:
    registered, ours = await client.callbacks(call), call.hook_url
    if ours is None:
        return [
            Finding(
                "callback", "warn", _("{count} address(es) registered; our own isn't known here", count=len(registered))
            )
        ]
    if ours in registered:
        return [Finding("callback", "ok", _("statuses come to us: {place}", place=place(ours)))]
    if any(place(one) == place(ours) for one in registered):
        what = N_(
            "statuses come to us under another key than today's: refused if it was rotated or is another tenant's"
        )
        return [Finding("callback", "warn", what, REGISTER)]
    what = N_("our address isn't registered: messages go out, and what became of them isn't told")
    return [Finding("callback", "warn", what, REGISTER)]


CHECKS: dict[str, Check] = {
    "credentials": _credentials,
    "balance": _money,
    "sender": _sender,
    "daily limit": _daily_limit,
    "callback": _callback,
}


def failed(check: str, error: VendorFailure) -> Finding:
    code = getattr(error.outcome, "code", None)
    if check == "credentials" and isinstance(error.outcome, Retry | Unclear):  # somebody else may have answered
        return no_access(check, _("sms.ru doesn't answer: {why}", why=error), _("try again later"), error)
    if check == "credentials":
        remedy = N_("copy the api_id at sms.ru (settings, API) and put it in by `svyazka secret set`")
        return no_access(check, _("sms.ru doesn't let us in: code {code}", code=code), remedy, error)
    return Finding(check, "fail", _("sms.ru refuses to say: code {code}", code=code), SEE_CODE)


def place(url: str) -> str:
    """An address without its key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


class SmsruDoctor(Doctor[SmsruSettings]):
    """Asks sms.ru."""

    def ready(self, settings: SmsruSettings) -> bool:
        return settings.api_id is not None

    async def check(self, call: Call[SmsruSettings]) -> list[Finding]:
        return await check(call)


def silence(settings: SmsruSettings) -> Silence:
    """Heartbeats come even when nothing is sent, so that a quiet day is news."""
    return Silence(
        after=timedelta(days=1),
        why=N_("sms.ru sends a heartbeat to every callback that is registered"),
        remedy=N_("`svyazka doctor --live` says whether ours is, `svyazka doctor --fix` registers it"),
    )
