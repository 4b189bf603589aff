"""WhatsApp, as the tests know it."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping

from matrix.hub import Machine
from simulators import whatsapp
from svyazka.connectors.whatsapp import client
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from vendors.parts.asking import Asked, Question
from vendors.parts.base import plus, taken_by
from vendors.parts.hooks import Hooks, Proof
from vendors.parts.messengers import Messenger, Stage
from vendors.parts.vendor import Vendor


def _signed(body: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={hmac.digest(secrets['app_secret'].encode(), body, 'sha256').hex()}"}


HOOKS = Hooks(
    samples="whatsapp-meta",
    told={
        "button_template.json": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASfclvd2yEI+V6J4VImj+c"],
        "contacts_vcard.json": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgAS5H8A3Io4IW0s0ms9GCzN"],
        "failed_131049.json": ["message.failed message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASQFOGv2PbR1fR0ZhzcocI"],
        "image_caption.json": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASTNm3Zy1/vuj7UfseBJ9p"],
        "interactive_button.json": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASSBTZIJOsig9KIWOrh97l"],
        "interactive_list.json": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASdqgnc0f1JTDhz5eRdaF4"],
        "location.json": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASKAS61v6UpV8YsrN+MAkZ"],
        "reaction.json": ["other: a reaction to a message"],
        "referral_ad.json": [
            "message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASDxlDZneTfrwUQml7bALg",
            "lead.created lead:wamid.HBgLNzk5OTEyMzQ1NjcVAgASDxlDZneTfrwUQml7bALg",
        ],
        "status_delivered.json": ["message.delivered message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASZ3YSgofvLLjq15go5bdv"],
        "status_failed_131026.json": ["message.failed message:wamid.HBgLNzk5OTEyMzQ1NjcVAgAS2L8Ei/UfQjJ77mD3fAwU"],
        "status_failed_131047.json": [
            "message.failed message:wamid.HBgLNzk5OTEyMzQ1NjcVAgAS92iSxFUvtRvUIBPHrSmC",
            "connection.disabled",
        ],
        "status_read.json": ["message.read message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASZ3YSgofvLLjq15go5bdv"],
        "status_sent.json": ["message.sent message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASZ3YSgofvLLjq15go5bdv"],
        "template_approved.json": ["other: the template review_request is APPROVED"],
        "template_paused.json": ["connection.disabled"],
        "text.json": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASYotJ2W3N6XpDDdT1l3BY"],
        "text_reply.json": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASxER0A41FnkDkcUr++nv4"],
        "text_signed.http": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASUS8mraPD1jSsPGsSt7M8"],
        "unsupported.json": ["message.received message:wamid.HBgLNzk5OTEyMzQ1NjcVAgASI4FlITcHyhXih16onAhE"],
        "user_preferences_stop.json": ["contact.changed"],
    },
    others=("error_*", "handshake*", "send_*"),
    public=({"phone_number_id": whatsapp.NUMBER},),
    proof=Proof(secrets={"app_secret": whatsapp.APP_SECRET}, headers=_signed),
    modules=frozenset({"account", "failures", "messages", "statuses"}),
)  # fmt: skip


def _begin(stage: Stage) -> None:
    stage.running.of("whatsapp").hook = stage.hook


async def _refuse(machine: Machine) -> None:
    await machine.tell("whatsapp", "settings", {"refusals": {"*": 131026}})


async def _receipt(machine: Machine, id_: str, arrived: bool) -> None:
    status = {"status": "delivered"} if arrived else {"status": "failed", "code": 131026}
    told = {"id": id_, **status, "hook": await machine.hook("whatsapp")}
    assert await machine.tell("whatsapp", "status", told) == {"sent": [200]}


async def _down(machine: Machine, down: bool) -> None:
    await machine.tell("whatsapp", "settings", {"refusals": {"*": 130429} if down else {}})


def _says(case: Case) -> Iterator[tuple[int, object]]:
    for status in (400, 500):
        yield status, {"error": {"code": case.code, "error_data": "Подробности"}}


VENDOR = Vendor(
    name="whatsapp",
    hooks=HOOKS,
    asked=Asked(
        "whatsapp",
        {"phone_number_id": whatsapp.NUMBER},
        {"access_token": whatsapp.TOKEN, "app_secret": whatsapp.APP_SECRET, "verify_token": "verify-token-for-tests"},
        questions=(Question(path="/v*", ask=client.phone_number, says=_says),),
    ),
    messenger=Messenger(
        "whatsapp",
        {"phone_number_id": whatsapp.NUMBER},
        {"access_token": whatsapp.TOKEN, "app_secret": whatsapp.APP_SECRET},
        repeat=Repeat.UNSAFE,
        sent=taken_by("whatsapp", plus),
        begin=_begin,
        # A template reaches whoever never wrote to us.
        extra={"template": {"name": "review_request", "language": "ru", "parameters": ["{name|гость}"]}},
        text="review_request/ru: {name|гость}",
        backed_by="smsru",
        sending="/*/messages",
        refuse=_refuse,
        receipt=_receipt,
        down=_down,
        says=_says,
    ),
)
