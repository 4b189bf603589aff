"""Telegram, as the tests know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from matrix.hub import Machine
from simulators import telegram
from simulators.serve import Running
from svyazka.connectors.telegram import client
from svyazka.connectors.telegram.settings import TelegramSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from vendors.parts.asking import Asked, Question
from vendors.parts.base import AT_ONCE, Guest, answers, taken_by
from vendors.parts.hooks import Hooks, Proof
from vendors.parts.messengers import Messenger, Stage
from vendors.parts.vendor import Vendor

SEND = "/bot*/sendMessage"


def _token(body: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    return {"x-telegram-bot-api-secret-token": secrets["webhook_secret"]}


HOOKS = Hooks(
    samples="telegram",
    told={
        "update_blocked.json": ["other: the user blocked the bot, or took it out of the group"],
        "update_callback.json": ["message.received button:4382bfdwdsb323b2d9 (no time)"],
        "update_callback_inaccessible.json": ["message.received button:77777777777 (no time)"],
        "update_channel_post.json": ["other (no time): Telegram sent channel_post: nothing here acts on it"],
        "update_contact.json": ["message.received message:5000000001/13"],
        "update_edited.json": ["other: a message was edited"],
        "update_foreign_contact.json": ["message.received message:5000000001/23"],
        "update_migrate.json": ["other (no time): the group became a supergroup and has another id now"],
        "update_start_deeplink.json": ["message.received message:5000000001/12"],
        "update_text.http": ["message.received message:5000000001/11"],
        "update_web_app_data.json": ["message.received message:5000000001/15"],
        "update_wrong_secret.http": ["message.received message:5000000001/22"],
    },
    others=("error_*", "init_data_*", "send_*", "set_webhook_*", "webhook_info*"),
    proof=Proof(secrets={"webhook_secret": "tg-webhook-secret-1"}, headers=_token, of_the_body=False),
)  # fmt: skip


def _open(running: Running, guests: Sequence[Guest]) -> None:
    bot = running.of("telegram")
    bot.chats.update({int(guest.chat): "open" for guest in guests})
    bot.a_second = AT_ONCE


def _begin(stage: Stage) -> None:
    _open(stage.running, stage.guests)


async def _refuse(machine: Machine) -> None:
    bot = machine.vendors.of("telegram")
    bot.chats.update(dict.fromkeys(bot.chats, "blocked"))


def _says(case: Case) -> Iterator[tuple[int, object]]:
    words = f"Some text: {case.phrase.capitalize()} and more"
    yield case.status or 0, {"ok": False, "error_code": case.status, "description": words}


SHORT: Mapping[Case, Mapping[str, object]] = {Case(status=429): {"outage": False}}
"""A short wait may be one chat's own."""


async def _ask(call: Call[TelegramSettings]) -> object:
    return await client.ask(call, "getMe")


def _buttons(running: Running) -> list[tuple[str, str | None]]:
    shown = [effect for effect in running.of("telegram").effects if effect["kind"] == "message"][-1].get("buttons", [])
    return [(one["text"], one.get("callback_data")) for one in shown]


def _pressed(data: str) -> object:
    person = {"id": 5000000001, "is_bot": False, "first_name": "Анна"}
    return {"update_id": 900, "callback_query": {"id": "77", "from": person, "data": data}}


VENDOR = Vendor(
    name="telegram",
    hooks=HOOKS,
    asked=Asked(
        "telegram", {}, {"bot_token": telegram.TOKEN},
        questions=(Question(path="/bot*/getMe", ask=_ask, says=_says, changed=SHORT, waits_in_the_body=True),),
    ),
    messenger=Messenger(
        "telegram",
        {},
        {"bot_token": telegram.TOKEN},
        repeat=Repeat.UNSAFE,
        sent=taken_by("telegram"),
        begin=_begin,
        open=_open,
        has_receipts=False,
        reaches="telegram",
        sending=SEND,
        refuse=_refuse,
        down=answers("telegram", SEND, 502),
        says=_says,
        buttons=_buttons,
        pressed=_pressed,
        changed=SHORT,
        spellings={
            "5000000001": "5000000001", "-1009999999999": "-1009999999999", "@our_channel": "@our_channel", " 5 ": "5",
            "Анна": None, "": None, "12.5": None, "9" * 17: None,
        },
    ),
)  # fmt: skip
