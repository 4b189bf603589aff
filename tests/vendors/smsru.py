"""sms.ru, as the tests know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from matrix.hub import Machine
from simulators.serve import Running
from simulators.smsru.account import Message
from simulators.smsru.receipts import signed, status_record
from svyazka.connectors.smsru import client
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from svyazka.model.events import Entity
from vendors.parts.asking import Asked, Question
from vendors.parts.base import FORM, LATE, Webhook, business, plus, taken_by
from vendors.parts.hooks import Hooks, Proof
from vendors.parts.messengers import Messenger, Stage
from vendors.parts.vendor import Vendor

API_ID = "C0FFEE00-1234-5678-9ABC-DEF012345678"

HOOKS = Hooks(
    samples="smsru",
    told={
        "webhook_bad_hash.form": ["message.delivered message:202626-1000001"],
        "webhook_heartbeat_and_callcheck.form": [
            "other: a heartbeat: sms.ru's callback works",
            "other: a check by telephone call: nothing here asks for it",
        ],
        "webhook_status_batch.form": [
            "message.sent message:202626-1000001",
            "message.delivered message:202626-1000002",
            "message.failed message:202626-1000004",
        ],
        "webhook_test.form": ["other: a heartbeat: sms.ru's callback works"],
    },
    others=(
        "auth_*", "balance*", "callback_*", "cost_*", "free_*", "limit*", "send_*", "senders_*", "status_*",
    ),
    proof=Proof(secrets={"api_id": API_ID}),
    content_type=FORM,
)  # fmt: skip


def _begin(stage: Stage) -> None:
    smsru = stage.running.of("smsru")
    smsru.delay = 0.2 if stage.early else LATE
    smsru.account(API_ID).callbacks.append(stage.hook)
    smsru.now = business(stage.clock)


async def _refuse(machine: Machine) -> None:
    await machine.tell("smsru", "account", {"refusals": {"*": 202}})


async def _receipt(machine: Machine, id_: str, arrived: bool) -> None:
    await machine.tell("smsru", "account", {"callbacks": [await machine.hook("smsru")]})
    receipts = {"ids": [id_], "code": 103 if arrived else 104}
    assert await machine.tell("smsru", "receipts", receipts) == {"statuses": [200]}


async def _down(machine: Machine, down: bool) -> None:
    await machine.tell("smsru", "account", {"outer": 220 if down else None})


def _only_this_account(running: Running, now: datetime) -> None:
    running.of("smsru").right = [API_ID]


def _status_told(running: Running, now: datetime) -> Sequence[Webhook]:
    id_ = "202626-7000007"
    running.of("smsru").messages[id_] = Message(id_, API_ID, "79990000007", "...", 103, 1.74)
    body, headers = signed(API_ID, [status_record(id_, 103, now.timestamp())])
    return [Webhook(body, headers)]


def _asked_says(case: Case) -> Iterator[tuple[int, object]]:
    yield 200, {"status": "ERROR", "status_code": case.code, "status_text": "..."}


TILL_MIDNIGHT: Mapping[Case, Mapping[str, object]] = {Case(code=code): {"after": 18_300.0} for code in (206, 230)}
"""A day's limit ends a little after midnight in Moscow: so many seconds after the kit's moment."""


def _says(case: Case) -> Iterator[tuple[int, object]]:
    said = {"status": "ERROR", "status_code": case.code, "status_text": "..."}
    yield 200, said
    yield 200, {"status": "OK", "status_code": 100, "sms": {"79990000007": said}}


VENDOR = Vendor(
    name="smsru",
    hooks=HOOKS,
    asked=Asked(
        "smsru",
        {"sender": "KOFE"},
        {"api_id": API_ID},
        entity=Entity(kind="message", id="202626-7"),
        questions=(Question(path="/my/balance", ask=client.balance, says=_asked_says, changed=TILL_MIDNIGHT),),
        begin=_only_this_account,
        happens=_status_told,
    ),
    messenger=Messenger(
        "smsru",
        {"sender": "KOFE"},
        {"api_id": API_ID},
        repeat=Repeat.UNSAFE,
        sent=taken_by("smsru", plus),
        begin=_begin,
        sending="/sms/send",
        refuse=_refuse,
        receipt=_receipt,
        down=_down,
        says=_says,
        changed=TILL_MIDNIGHT,
    ),
)
