"""Pingo, as the tests know it: the kits, the matrix and chaos read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from svyazka.connectors.pingo import client

from matrix.hub import Machine
from simulators import pingo
from simulators.serve import Running
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from svyazka.model.events import Entity
from svyazka.model.records import RecordKind
from vendors.parts.asking import Asked, OAuth, Question
from vendors.parts.base import FORM, Guest, Webhook, answers, json_hook, plus, taken_by, told
from vendors.parts.calendars import Calendar, There
from vendors.parts.crms import Crm
from vendors.parts.hooks import Hooks, Proof, Source
from vendors.parts.messengers import Forwarder, Messenger, Stage
from vendors.parts.money import Provider
from vendors.parts.vendor import Vendor

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


# [forwarder
def _taken(running: Running) -> list[tuple[str, Any]]:
    return [(one["type"], one["data"]) for one in running.of("pingo").effects if one["kind"] == "event"]


# forwarder]


# [records
def _open(running: Running) -> None:
    """Its credentials are let in, the fields that the settings name are there, no rate is in the way."""


def _person(running: Running, given: Mapping[str, Any]) -> str:
    cards = running.of("pingo").cards
    id_ = str(len(cards) + 1)
    told(running, lambda: cards.update({id_: dict(given)}))
    return id_


def _done(running: Running) -> Counter[str]:
    """The stand-in records each write as `create contact`, `update deal`, `note contact`, ..."""
    return Counter(str(one["kind"]) for one in running.of("pingo").effects)


def _lag(running: Running, seconds: float) -> None:
    running.of("pingo").search_lags = seconds


def _hide(running: Running, kind: RecordKind, name: str) -> None:
    running.of("pingo").hidden.add(name)


def _remove(running: Running, kind: RecordKind, id_: str) -> None:
    told(running, lambda: running.of("pingo").cards.pop(id_))


def _save(running: Running, kind: RecordKind, id_: str, changes: Mapping[str, Any]) -> None:
    told(running, lambda: running.of("pingo").cards[id_].update(changes))


def _between(running: Running, kind: RecordKind, changes: Mapping[str, Any]) -> None:
    running.of("pingo").meanwhile = dict(changes)


def _deaf(running: Running, kind: RecordKind, name: str) -> None:
    running.of("pingo").deaf.add(name)


def _tell(running: Running, url: str) -> None:
    running.of("pingo").listeners.append(url)


def _cut(running: Running, kind: RecordKind, name: str, most: int) -> None:
    running.of("pingo").cuts[name] = most


# records]


# [calendar
def _ready(running: Running) -> None:
    """Its credentials are let in, and no rate is in the way."""


def _offer(running: Running, zone: str, hours: Mapping[str, Sequence[str]]) -> None:
    salon = running.of("pingo")
    salon.zone, salon.hours = zone, {day: list(times) for day, times in hours.items()}


def _visits(running: Running) -> list[There]:
    return [
        There(id_, datetime.fromisoformat(one["at"]), one["staff"], one["comment"])
        for id_, one in running.of("pingo").visits.items()
        if not one["cancelled"]
    ]


def _empty(running: Running) -> None:
    running.of("pingo").opened = False


# calendar]


# [payments
def _told_of(running: Running, number: str) -> Webhook:
    one = running.of("pingo").till.of(number)
    return json_hook({"id": one.id, "status": one.state.value, "number": number})


def _forged(running: Running, number: str) -> Sequence[Webhook]:
    """As near to a real one as can be got without its secrets."""
    one = running.of("pingo").till.of(number)
    return [json_hook({"id": one.id, "status": "paid", "number": number})]


# payments]


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
    # [forwarder
    forwarder=Forwarder(
        "pingo",
        {},
        {"api_key": pingo.KEY},
        repeat=Repeat.UNSAFE,
        taken=_taken,
        sending="/events",
        says=_says,
    ),
    # forwarder]
    # [records
    crm=Crm(
        "pingo",
        {},
        {"api_key": pingo.KEY},
        open=_open,
        person=_person,
        done=_done,
        lag=_lag,
        hide=_hide,
        remove=_remove,
        save=_save,
        between=_between,
        deaf=_deaf,
        cut=_cut,
        tell=_tell,
        writes={
            "contact": ("POST", "/contacts"),
            "deal": ("POST", "/deals"),
            "note": ("POST", "/notes"),
            "task": ("POST", "/tasks"),
        },
        reads=("GET", "/contacts"),
        fields={
            RecordKind.CONTACT: {"name": "Анна Петрова", "phone": ("+79991234567",), "email": ("anna@example.test",)},
            RecordKind.DEAL: {"title": "Заказ 1042", "price": "1500.50"},
        },
        optional={RecordKind.CONTACT: "email", RecordKind.DEAL: "price"},
        says=_says,
    ),
    # records]
    # [calendar
    calendar=Calendar(
        "pingo",
        {},
        {"api_key": pingo.KEY},
        service="1",
        staff="11",
        other_staff="12",
        begin=_ready,
        offer=_offer,
        visits=_visits,
        empty=_empty,
        booking="/visits",
        moving="/visits/*",
        cancelling="/visits/*/cancel",
        reading="/times",
        says=_says,
    ),
    # calendar]
    # [payments
    provider=Provider(
        "pingo",
        {},
        {"api_key": pingo.KEY},
        repeat=Repeat.CHECKABLE,
        writes={"link": ("POST", "/payments"), "refund": ("POST", "/refunds")},
        reading=("GET", "/payments/*"),
        told=_told_of,
        forged=_forged,
        says=_says,
    ),
    # payments]
    # [access
    oauth=OAuth(
        "pingo",
        {"client_id": "pingo-integration"},
        {"client_secret": pingo.KEY},
        others=({"account": "another"},),
        says=lambda row: (row.status or 400, {"error": row.says}),
    ),
    # access]
)
