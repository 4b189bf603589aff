"""MAX, as the tests know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from matrix.hub import Machine
from simulators import max as max_bot
from simulators.serve import Running
from svyazka.connectors.max import client
from svyazka.connectors.max.polling import UPDATE_TYPES
from svyazka.connectors.max.settings import MaxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from vendors.parts.asking import Asked, Question
from vendors.parts.base import AT_ONCE, HOOK_URL, Guest, Webhook, answers, json_hook, taken_by
from vendors.parts.hooks import Hooks, Proof
from vendors.parts.messengers import Messenger, Stage
from vendors.parts.vendor import Vendor


def _token(body: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    return {"x-max-bot-api-secret": secrets["webhook_secret"]}


HOOKS = Hooks(
    samples="max",
    told={
        "bot_started.json": ["message.received"],
        "bot_started_no_payload.json": ["message.received"],
        "bot_stopped.json": ["other: the user stopped the bot"],
        "callback_no_message.json": ["message.received button:f9LHodD0cOKT000002"],
        "message_callback.json": ["message.received button:f9LHodD0cOKT000001"],
        "message_contact.json": ["message.received message:mid.0000000000dbbc84019a000000000003"],
        "message_created.http": ["message.received message:mid.0000000000dbbc84019a000000000001"],
        "message_edited.json": ["other: a message was edited"],
        "message_removed.json": ["other: a message was removed"],
        "user_added.json": ["other: a user was added to a chat"],
        "wrong_secret.http": ["message.received message:mid.0000000000dbbc84019a000000000066"],
    },
    others=("error_*", "init_data_*", "me.json", "send_*", "subscri*"),
    proof=Proof(secrets={"webhook_secret": "max-webhook-secret-1"}, headers=_token, of_the_body=False),
)


def _open(running: Running, guests: Sequence[Guest]) -> None:
    bot = running.of("max")
    bot.users.update({int(guest.chat): "open" for guest in guests})
    bot.a_second = AT_ONCE


def _begin(stage: Stage) -> None:
    _open(stage.running, stage.guests)


def _begin_asking(running: Running, now: datetime) -> None:
    """Our subscription stands."""
    running.of("max").subscriptions = [{"url": HOOK_URL, "update_types": UPDATE_TYPES}]


def _forgotten(running: Running, now: datetime) -> Sequence[Webhook]:
    """MAX unsubscribes the bot without a word; what is then written to it finds nobody to go to."""
    bot = running.of("max")
    bot.subscriptions.clear()
    bot.missed.append(bot.message("Хочу стол на вечер"))
    return [json_hook(bot.missed[-1])]


async def _ask(call: Call[MaxSettings]) -> object:
    return await client.ask(call, "GET", "/me")


async def _refuse(machine: Machine) -> None:
    bot = machine.vendors.of("max")
    bot.users.update(dict.fromkeys(bot.users, "stopped"))


def _says(case: Case) -> Iterator[tuple[int, object]]:
    in_disguise = {"success": False} if case.status == 200 else {}
    yield case.status or 0, {"code": case.phrase or "some.code", "message": "?", **in_disguise}


def _buttons(running: Running) -> list[tuple[str, str | None]]:
    shown = [effect for effect in running.of("max").effects if effect["kind"] == "message"][-1]["buttons"]
    return [(one["text"], one.get("payload")) for one in shown]


def _pressed(data: str) -> object:
    callback = {"timestamp": 1763700000000, "callback_id": "f9LH", "user": max_bot.ANNA, "payload": data}
    return {"update_type": "message_callback", "timestamp": 1763700000000, "callback": callback, "message": None}


VENDOR = Vendor(
    name="max",
    hooks=HOOKS,
    asked=Asked(
        "max", {}, {"bot_token": max_bot.TOKEN},
        questions=(Question(path="/me", ask=_ask, says=_says),),
        begin=_begin_asking,
        happens=_forgotten,
        polling="/subscriptions",
    ),
    messenger=Messenger(
        "max",
        {},
        {"bot_token": max_bot.TOKEN},
        repeat=Repeat.UNSAFE,
        sent=taken_by("max"),
        begin=_begin,
        open=_open,
        has_receipts=False,
        reaches="max",
        sending="/messages",
        refuse=_refuse,
        down=answers("max", "/messages", 503),
        says=_says,
        buttons=_buttons,
        pressed=_pressed,
        spellings={
            "500100": "500100", "-71000000000001": "-71000000000001", " 5 ": "5", "Анна": None, "": None, "12.5": None,
            "9" * 19: None,
        },
        pages_of_others=True,
    ),
)  # fmt: skip
