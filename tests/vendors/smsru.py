"""sms.ru, as the tests know it."""

from __future__ import annotations

from collections.abc import Iterator

from matrix.hub import Machine
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from vendors.parts import (
    FORM,
    LATE,
    Hooks,
    Messenger,
    Proof,
    Stage,
    Vendor,
    business,
    plus,
    taken_by,
)

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


def _says(case: Case) -> Iterator[tuple[int, object]]:
    said = {"status": "ERROR", "status_code": case.code, "status_text": "..."}
    yield 200, said
    yield 200, {"status": "OK", "status_code": 100, "sms": {"79990000007": said}}


VENDOR = Vendor(
    name="smsru",
    hooks=HOOKS,
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
    ),
)
