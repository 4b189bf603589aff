"""Exolve, as the tests know it."""

from __future__ import annotations

from collections.abc import Iterator

from matrix.hub import Machine
from simulators import exolve
from svyazka.connectors.exolve import client
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from vendors.parts.asking import Asked, Question
from vendors.parts.base import answers, business, plus, taken_by
from vendors.parts.hooks import Hooks
from vendors.parts.messengers import Messenger, Stage
from vendors.parts.vendor import Vendor

SEND = "/messaging/v1/SendSMS"

HOOKS = Hooks(
    samples="exolve",
    told={
        "event_delivered.json": ["message.delivered message:439166538239448536"],
        "event_failed.json": ["message.failed message:439166538239448601"],
        "event_in_between.json": ["message.sent message:439166538239448602"],
        "event_incoming.json": ["message.received message:439166538239448700"],
        "event_late_not_final.json": ["message.sent message:439166538239448806"],
        "event_minimal.json": ["message.delivered message:439166538239448800 (no time)"],
        "event_prohibited.json": ["message.failed message:439166538239448802"],
    },
    others=("error_*", "get_*", "send_*"),
)


def _begin(stage: Stage) -> None:
    stand_in = stage.running.of("exolve")
    stand_in.now = business(stage.clock)
    if stage.early:
        stand_in.hook = stage.hook  # it can't be late


async def _refuse(machine: Machine) -> None:
    await machine.tell("exolve", "settings", {"refusals": {"*": "destination is not permitted for delivery"}})


async def _receipt(machine: Machine, id_: str, arrived: bool) -> None:
    event = {"id": id_, "delivery": "DELIVERED" if arrived else "FAILED", "hook": await machine.hook("exolve")}
    assert await machine.tell("exolve", "event", event) == {"sent": [200]}


def _says(case: Case) -> Iterator[tuple[int, object]]:
    words = (case.phrase or "something else").upper()
    for body in ({"error": {"message": words}}, {"error": words}, {"message": words}):
        yield case.status or 0, body


VENDOR = Vendor(
    name="exolve",
    hooks=HOOKS,
    asked=Asked(
        "exolve",
        {"sender": "KOFE"},
        {"api_key": exolve.KEY},
        questions=(Question(path="/messaging/v1/GetCount", ask=client.count, says=_says),),
    ),
    messenger=Messenger(
        "exolve",
        {"sender": "KOFE"},
        {"api_key": exolve.KEY},
        repeat=Repeat.CHECKABLE,
        sent=taken_by("exolve", plus),
        begin=_begin,
        sending=SEND,
        refuse=_refuse,
        receipt=_receipt,
        down=answers("exolve", SEND, 429),
        says=_says,
    ),
)
