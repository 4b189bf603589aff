"""The messengers: how each stand-in is set up, and how many messages it really took."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from chaos.parts import UNHURRIED, Messenger, Stage
from simulators import exolve, http, resend, telegram, whatsapp
from simulators import max as max_bot
from simulators.serve import Running
from svyazka.engine.ports.clock import Clock
from svyazka.model.commands import Repeat

AT_ONCE = 100_000
LATE = 7.0
"""Seconds: longer than a lease of 3 s and its grace."""

Sent = Callable[[Running], Counter[str]]


def _sent(vendor: str, written: Callable[[str], str] = str) -> Sent:
    """Who got how many; `written`: an address as the vendor has it -> as we have it."""

    def sent(running: Running) -> Counter[str]:
        taken = [effect["to"] for effect in running.of(vendor).effects if effect["kind"] == "message"]
        return Counter(map(written, taken))

    return sent


def _plus(number: str) -> str:
    return f"+{number.lstrip('+')}"


def _business(clock: Clock) -> Callable[[], float]:
    """The vendor's clock is ours."""
    return lambda: clock.now().timestamp()


# sms.ru

API_ID = "C0FFEE00-1234-5678-9ABC-DEF012345678"


def _smsru(stage: Stage) -> None:
    smsru = stage.running.of("smsru")
    smsru.delay = 0.2 if stage.early else LATE
    smsru.account(API_ID).callbacks.append(stage.hook)
    smsru.now = _business(stage.clock)


SMSRU = Messenger(
    "smsru",
    {"api_id": {"secret": "smsru-api-id"}, "sender": "KOFE", **UNHURRIED},
    {"smsru-api-id": API_ID},
    Repeat.UNSAFE,
    _sent("smsru", _plus),
    _smsru,
)


# Exolve


def _exolve(stage: Stage) -> None:
    stand_in = stage.running.of("exolve")
    stand_in.now = _business(stage.clock)
    if stage.early:
        stand_in.hook = stage.hook  # it can't be late


EXOLVE = Messenger(
    "exolve",
    {"api_key": {"secret": "exolve-key"}, "sender": "KOFE", **UNHURRIED},
    {"exolve-key": exolve.KEY},
    Repeat.CHECKABLE,
    _sent("exolve", _plus),
    _exolve,
)


# WhatsApp


def _whatsapp(stage: Stage) -> None:
    stage.running.of("whatsapp").hook = stage.hook


WHATSAPP = Messenger(
    "whatsapp",
    {
        "phone_number_id": whatsapp.NUMBER, "access_token": {"secret": "whatsapp-token"},
        "app_secret": {"secret": "whatsapp-app"}, **UNHURRIED,
    },
    {"whatsapp-token": whatsapp.TOKEN, "whatsapp-app": whatsapp.APP_SECRET},
    Repeat.UNSAFE,
    _sent("whatsapp", _plus),
    _whatsapp,
    # A template reaches whoever never wrote to us.
    extra={
        "template": {"name": "review_request", "language": "ru", "parameters": ["{name}"]}, "fallback_after": "20d",
    },
    backed_by="smsru",
)  # fmt: skip


# Resend


def _resend(stage: Stage) -> None:
    """Its clock stays the real one: events are signed with the time of sending."""
    stage.running.of("resend").endpoints.append({"id": "1", "status": "enabled", "endpoint": stage.hook})


RESEND = Messenger(
    "resend",
    {
        "sender": "Кофейня <noreply@example.com>", "api_key": {"secret": "resend-key"},
        "signing_secret": {"secret": "resend-signing"}, **UNHURRIED,
    },
    {"resend-key": resend.KEY, "resend-signing": resend.SECRET},
    Repeat.IDEMPOTENT,
    _sent("resend"),
    _resend,
    reaches="email",
    extra={"subject": "Как вам {business}?"},
)  # fmt: skip


# Telegram and MAX: no receipts


def _telegram(stage: Stage) -> None:
    bot = stage.running.of("telegram")
    bot.chats.update({int(guest.chat): "open" for guest in stage.guests})
    bot.a_second = AT_ONCE


TELEGRAM = Messenger(
    "telegram",
    {"bot_token": {"secret": "telegram-token"}, **UNHURRIED},
    {"telegram-token": telegram.TOKEN},
    Repeat.UNSAFE,
    _sent("telegram"),
    _telegram,
    has_receipts=False,
    reaches="telegram",
)


def _max(stage: Stage) -> None:
    bot = stage.running.of("max")
    bot.users.update({int(guest.chat): "open" for guest in stage.guests})
    bot.a_second = AT_ONCE


MAX = Messenger(
    "max",
    {"bot_token": {"secret": "max-token"}, **UNHURRIED},
    {"max-token": max_bot.TOKEN},
    Repeat.UNSAFE,
    _sent("max"),
    _max,
    has_receipts=False,
    reaches="max",
)


# Any other system, to which whole events are forwarded


def _forwarded(running: Running) -> Counter[str]:
    """A receiver of Standard Webhooks tells a repeat by its id: only what it hadn't seen counts."""
    bodies = [json.loads(effect["body"]) for effect in running.of("http").effects if effect["kind"] == "message"]
    return Counter(body["data"]["contact"]["phone"] for body in bodies)


def _http(stage: Stage) -> None:
    """It takes whatever is signed."""


HTTP = Messenger(
    "http",
    {"url": "/orders", "outbound_secret": {"secret": "http-signing"}, **UNHURRIED},
    {"http-signing": http.SECRET},
    Repeat.IDEMPOTENT,
    _forwarded,
    _http,
    has_receipts=False,
    flow="forward",
)

MESSENGERS = {each.vendor: each for each in (SMSRU, EXOLVE, WHATSAPP, RESEND, TELEGRAM, MAX, HTTP)}


def channels(messenger: Messenger) -> tuple[Messenger, ...]:
    """A messenger and the channel that its flow must name after it, if any."""
    return (messenger, MESSENGERS[messenger.backed_by]) if messenger.backed_by else (messenger,)
