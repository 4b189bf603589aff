"""Resend, as the tests know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from matrix.hub import Machine
from simulators import resend
from simulators.serve import Running
from svyazka.connectors.resend import client
from svyazka.engine.contracts.failures import Case
from svyazka.engine.security.standardwebhooks import signed_headers
from svyazka.model.commands import Repeat
from svyazka.model.events import Entity
from vendors.parts.asking import Asked, Question
from vendors.parts.base import Webhook, answers, json_hook, taken_by
from vendors.parts.hooks import Hooks, Proof
from vendors.parts.messengers import Messenger, Stage
from vendors.parts.vendor import Vendor

NOW = 1_773_504_000


def _signed(body: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    headers = signed_headers(secrets["signing_secret"], "msg_1", NOW, body)
    return {name.replace("webhook-", "svix-"): value for name, value in headers.items()}


HOOKS = Hooks(
    samples="resend",
    told={
        "bounce_undetermined.json": ["message.failed message:0b6f0f0e-1111-4222-8333-000000000007"],
        "domain_event.json": ["connection.disabled"],
        "suppressed.json": ["message.failed message:0b6f0f0e-1111-4222-8333-000000000009"],
        "unknown_type.json": ["other (no key): Resend tells of inbox.created: nothing here acts on it"],
        "webhook_bounced.json": ["message.failed message:56761188-7520-42d8-8898-ff6fc54ce619"],
        "webhook_clicked.json": ["message.delivered message:56761188-7520-42d8-8898-ff6fc54ce618"],
        "webhook_complained.json": [
            "message.delivered message:56761188-7520-42d8-8898-ff6fc54ce61a",
            "connection.disabled",
        ],
        "webhook_delayed.json": ["message.sent message:56761188-7520-42d8-8898-ff6fc54ce618"],
        "webhook_delivered_signed.http": ["message.delivered message:56761188-7520-42d8-8898-ff6fc54ce618"],
        "webhook_failed.json": ["message.failed message:56761188-7520-42d8-8898-ff6fc54ce61b", "connection.disabled"],
        "webhook_received.json": ["message.received message:56761188-7520-42d8-8898-ff6fc54ce700 (in part)"],
        "webhook_sent.json": ["message.sent message:56761188-7520-42d8-8898-ff6fc54ce618"],
    },
    others=("batch_*", "email_get*", "error_*", "send_*"),
    proof=Proof(secrets={"signing_secret": resend.SECRET}, headers=_signed),
    modules=frozenset({"unsubscribe"}),
)  # fmt: skip


def _begin(stage: Stage) -> None:
    """Its clock stays the real one: events are signed with the time of sending."""
    stage.running.of("resend").endpoints.append({"id": "1", "status": "enabled", "endpoint": stage.hook})


async def _refuse(machine: Machine) -> None:
    fault = {"kind": "answer", "path": "/emails", "times": -1, "status": 422}
    await machine.tell("resend", "faults", {**fault, "body": {"name": "validation_error", "message": "Invalid `to`."}})


async def _receipt(machine: Machine, id_: str, arrived: bool) -> None:
    event = {"id": id_, "event": "delivered" if arrived else "bounced", "hook": await machine.hook("resend")}
    assert await machine.tell("resend", "event", event) == {"sent": [200]}


def _asked_says(case: Case) -> Iterator[tuple[int, object]]:
    if case.code != client.ONLY_SENDS:  # such a key shows nothing: see test_resend_doctor
        yield from _says(case)


LETTER = "0b6f0f0e-1111-4222-8333-000000000077"


def _delivered(running: Running, now: datetime) -> Sequence[Webhook]:
    letters = running.of("resend").letters
    head = {"from": "Кофейня <noreply@example.com>", "to": ["anna@example.org"], "subject": "Как вам?"}
    letters[LETTER] = {**head, "id": LETTER, "last_event": "sent", "created_at": now.timestamp()}
    return [json_hook(running.of("resend").event(LETTER, "delivered"))]


def _says(case: Case) -> Iterator[tuple[int, object]]:
    status = case.status or 418
    yield status, {"statusCode": status, "message": "...", **({"name": case.code} if case.code else {})}


VENDOR = Vendor(
    name="resend",
    hooks=HOOKS,
    asked=Asked(
        "resend", {"sender": "Кофейня <noreply@example.com>"}, {"api_key": resend.KEY},
        entity=Entity(kind="email", id="7"),
        questions=(Question(path="/domains", ask=client.domains, says=_asked_says),),
        happens=_delivered,
    ),
    messenger=Messenger(
        "resend",
        {"sender": "Кофейня <noreply@example.com>"},
        {"api_key": resend.KEY, "signing_secret": resend.SECRET},
        repeat=Repeat.IDEMPOTENT,
        sent=taken_by("resend"),
        begin=_begin,
        reaches="email",
        extra={
            "subject": "Как вам {business}?", "html": '<p>{name}, спасибо!</p><a href="{review_url}">{business}</a>',
        },
        text="{name}, спасибо за визит в «{business}». Отзыв: {review_url}",
        sending="/emails",
        refuse=_refuse,
        receipt=_receipt,
        bounces_late=True,
        down=answers("resend", "/emails", 503),
        says=_says,
    ),
)  # fmt: skip
