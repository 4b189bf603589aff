"""ЮKassa, as the tests know it: the kits, the matrix and chaos read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulators import yookassa
from simulators.serve import Running
from simulators.till import State
from svyazka.connectors.yookassa import client
from svyazka.connectors.yookassa.schema import DECLINES
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from svyazka.model.events import Entity
from vendors.parts.asking import Asked, Question
from vendors.parts.base import Webhook, json_hook
from vendors.parts.hooks import Hooks
from vendors.parts.money import Provider
from vendors.parts.vendor import Vendor

HOOKS = Hooks(
    samples="yookassa",
    told={
        "webhook_payment_canceled_expired.json": ["payment.changed payment:2f1a8001-000f-5000-8000-111111111111"],
        "webhook_payment_succeeded.json": ["payment.changed payment:2f1a7c4e-000f-5000-8000-18db351245c7"],
        "webhook_refund_succeeded.json": ["payment.changed payment:2f1a7c4e-000f-5000-8000-18db351245c7"],
        "webhook_waiting_for_capture.json": ["payment.changed payment:2f1a7c4e-000f-5000-8000-18db351245c7"],
        "webhook_payment_method_active.json": [
            "other payment_method.active:2f1ac000-000f-5000-8000-555555555555 (no time): "
            "YooKassa tells of payment_method.active: nothing here acts on it"
        ],
    },
    others=("autopayment_*", "error_*", "me_*", "payment_*", "payments_*", "processing_*", "refund_*"),
)


def _says(case: Case) -> Iterator[tuple[int, object]]:
    statuses = {
        "invalid_request": 400, "invalid_credentials": 401, "forbidden": 403, "not_found": 404, "not_supported": 405,
        "unsupported_media_type": 415, "gone": 410, "too_many_requests": 429, "internal_server_error": 500,
    }  # fmt: skip
    if case.status == 202:
        yield 202, {"type": "processing", "description": "..."}
    elif case.code is not None:
        yield statuses[str(case.code)], {"type": "error", "id": "1", "code": case.code, "description": "..."}


def _of_shop(case: Case) -> Iterator[tuple[int, object]]:
    if case.status is None:
        yield from _says(case)


def _told(running: Running, number: str) -> Webhook:
    stand_in = running.of("yookassa")
    one = stand_in.till.of(number)
    refund = next((it for it in reversed(one.refunds) if it.state is State.DONE), None)
    return json_hook(stand_in.notification(refund.id if refund else one.id))


def _forged(running: Running, number: str) -> Sequence[Webhook]:
    stand_in = running.of("yookassa")
    one = stand_in.payment_object(stand_in.till.of(number))
    paid = {**one, "status": "succeeded", "paid": True}
    refunded = {"id": "2f1a9000-0015-5000-9000-1f2e3d4c5b6a", "payment_id": one["id"], "status": "succeeded",
                "amount": one["amount"], "metadata": one["metadata"]}  # fmt: skip
    return [
        json_hook({"type": "notification", "event": "payment.succeeded", "object": paid}),
        json_hook({"type": "notification", "event": "payment.succeeded", "object": {**paid, "id": "2f1a0000-0000"}}),
        json_hook({"type": "notification", "event": "refund.succeeded", "object": refunded}),
    ]


VENDOR = Vendor(
    name="yookassa",
    hooks=HOOKS,
    asked=Asked(
        "yookassa", {"shop_id": yookassa.SHOP}, {"secret_key": yookassa.KEY},
        entity=Entity(kind="payment", id="2f1a7c4e-000f-5000-8000-18db351245c7"),
        questions=(Question(path="/me", ask=client.shop, says=_of_shop, waits_in_the_body=True),),
    ),
    provider=Provider(
        "yookassa", {"shop_id": yookassa.SHOP, "return_url": "https://example.org/thanks"},
        {"secret_key": yookassa.KEY},
        repeat=Repeat.IDEMPOTENT,
        writes={
            "link": ("POST", "/payments"), "charge": ("POST", "/payments"), "refund": ("POST", "/refunds"),
            "capture": ("POST", "/payments/*/capture"), "cancel": ("POST", "/payments/*/cancel"),
        },
        reading=("GET", "/payments/*"),
        told=_told, forged=_forged, declines=DECLINES, says=_says,
        testing={True: {"secret_key": "test_1234567890"}, False: {"secret_key": "live_1234567890"}},
    ),
)  # fmt: skip
