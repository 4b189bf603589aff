"""Invoicebox, as the tests know it: the kits, the matrix and chaos read it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from connectors.support import NOW
from simulators import invoicebox
from simulators.serve import Running
from svyazka.connectors.invoicebox import client
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from svyazka.model.events import Entity
from vendors.parts.asking import Asked, Question
from vendors.parts.base import Webhook
from vendors.parts.hooks import Hooks, Proof
from vendors.parts.money import Provider
from vendors.parts.vendor import Vendor

ORDER = "0195a000-0000-7000-8000-00000000000"
SETTINGS = {"merchant_id": invoicebox.MERCHANT}
SECRETS = {"token": invoicebox.TOKEN, "notification_key": invoicebox.NOTIFICATION_KEY}


def _headers(body: bytes, secrets: Mapping[str, str]) -> Mapping[str, str]:
    return {"x-signature": invoicebox.signature(body, secrets["notification_key"])}


HOOKS = Hooks(
    samples="invoicebox",
    told={
        "notification-of-the-sdk.http": [
            "other payment:0188d934-85f8-f872-2ac6-ad202d71b985 (no time): it is about another shop's order"
        ],
        **{f"notification-{status}.{form}": [f"payment.changed payment:{ORDER}{n} (no time)"]
        for n, status in enumerate(("completed", "canceled"), 1)
        for form in ("http", "json")},
    },
    others=(
        "activation-*", "auth-*", "error-*", "guarantee-*", "invite-*", "miniapp-*", "notification-answer-*", "order-*",
        "refund-*", "shipment-*", "ws-*",
    ),
    public=(SETTINGS, {}),
    proof=Proof(secrets={"notification_key": invoicebox.NOTIFICATION_KEY}, headers=_headers),
)  # fmt: skip


def _says(case: Case) -> Iterator[tuple[int, object]]:
    statuses = {"unauthorized": 401, "forbidden": 403}
    if case.code is not None:
        fields = [{"name": "amount", "code": "wrong_value", "message": ""}]
        error = {"message": "...", "code": case.code, "fields": fields}
        yield statuses.get(str(case.code), 422), {"error": error}
        yield statuses.get(str(case.code), 422), {**error, "fields": []}
    elif case.status == 429:
        yield 429, {}
    elif case.status is not None:
        yield case.status, {"error": {"message": "...", "code": "something_new"}}


def _of_account(case: Case) -> Iterator[tuple[int, object]]:
    if case == Case(code="unauthorized"):
        yield 200, {"data": {"userId": None, "profile": None, "accessToken": None}, "extendedData": []}
    yield from _says(case)


def _told(running: Running, number: str) -> Webhook:
    stand_in = running.of("invoicebox")
    return Webhook(*stand_in.notification(stand_in.till.of(number)))


def _forged(running: Running, number: str) -> Sequence[Webhook]:
    stand_in = running.of("invoicebox")
    order = {**stand_in.order(stand_in.till.of(number)), "status": "completed"}
    body, headers = invoicebox.signed(order)
    other, _ = invoicebox.signed({**order, "amount": 1})
    return [
        Webhook(body, {"content-type": "application/json"}),
        Webhook(other, headers),
        Webhook(*invoicebox.signed(order, "another-key")),
        Webhook(*invoicebox.signed({**order, "merchantId": "02900000-1111-7222-8333-444444444444"})),
    ]


def _begin(running: Running) -> None:
    """Its clock is the tests': a bill must end in the future."""
    stand_in = running.of("invoicebox")
    if not stand_in.till.payments:
        stand_in.ahead = NOW.timestamp() - time.time()


VENDOR = Vendor(
    name="invoicebox",
    hooks=HOOKS,
    asked=Asked(
        "invoicebox", SETTINGS, SECRETS,
        entity=Entity(kind="payment", id="0195a000-0000-7000-8000-000000000001"),
        questions=(Question(path="/v3/security/api/auth/auth", ask=client.account, says=_of_account),),
    ),
    provider=Provider(
        "invoicebox", SETTINGS, SECRETS,
        repeat=Repeat.CHECKABLE, tells_refunds=False,
        writes={
            "link": ("POST", "/v3/billing/api/order/order"), "refund": ("POST", "/v3/billing/api/order/refund-order"),
            "cancel": ("DELETE", "/v3/billing/api/order/order/*"),
        },
        reading=("GET", "/v3/billing/api/order/order/*"),
        begin=_begin, told=_told, forged=_forged, says=_says,
    ),
)  # fmt: skip
