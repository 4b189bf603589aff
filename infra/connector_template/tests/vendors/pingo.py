"""Pingo, as the tests know it: the kits, the matrix and chaos read it."""

from __future__ import annotations

from collections.abc import Iterator

from svyazka.connectors.pingo import client

from matrix.hub import Machine
from simulators import pingo
from simulators.serve import Running
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from svyazka.model.events import Entity
from vendors.parts import (
    FORM,
    Asked,
    Guest,
    Hooks,
    Messenger,
    Proof,
    Question,
    Source,
    Stage,
    Vendor,
    Webhook,
    answers,
    json_hook,
    plus,
    taken_by,
)

SEND = "/messages"  # [messenger]
ACCOUNT = "/account"

# [hook
HOOKS = Hooks(
    samples="pingo",
    told={"delivered.json": ["message.delivered message:m1001"]},
    content_type=FORM,  # [form]
    proof=Proof(secrets={"signing_secret": pingo.SECRET}, headers=pingo.signed),  # [signed]
)
# hook]


# [messenger
def _begin(stage: Stage) -> None:
    stage.running.of("pingo").hook = stage.hook


async def _refuse(machine: Machine) -> None:
    await machine.tell("pingo", "settings", {"refusals": {"*": 2}})


async def _receipt(machine: Machine, id_: str, arrived: bool) -> None:
    told = {"id": id_, "status": "delivered" if arrived else "failed", "hook": await machine.hook("pingo")}
    assert await machine.tell("pingo", "receipt", told) == {"sent": [200]}


# messenger]


def _says(case: Case) -> Iterator[tuple[int, object]]:
    """The answers, status and body, by which it says a row of the failure map."""
    if case.code is not None:
        yield 400, {"error": case.code}


def _webhook(running: Running, guest: Guest) -> Webhook:  # [source]
    return json_hook({"id": f"m{guest.number}", "status": "delivered", "phone": guest.phone})  # [source]


VENDOR = Vendor(
    name="pingo",
    hooks=HOOKS,  # [hook]
    source=Source("pingo", {}, {"api_key": pingo.KEY}, webhook=_webhook),  # [source]
    asked=Asked(
        "pingo",
        {},
        {"api_key": pingo.KEY},
        questions=(Question(path=ACCOUNT, ask=client.account, says=_says),),
        entity=Entity(kind="order", id="7"),  # [reading]
    ),
    # [messenger
    messenger=Messenger(
        "pingo",
        {},
        {"api_key": pingo.KEY},
        repeat=Repeat.UNSAFE,
        sent=taken_by("pingo", plus),
        begin=_begin,
        sending=SEND,
        refuse=_refuse,
        receipt=_receipt,
        down=answers("pingo", SEND, 429),
        says=_says,
    ),
    # messenger]
)
