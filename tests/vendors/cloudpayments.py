"""CloudPayments, as the tests know it: the kits, the matrix and chaos read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

from simulators.cloudpayments import PUBLIC_ID, SECRET, headers_of
from simulators.serve import Running
from simulators.till import State
from svyazka.connectors.cloudpayments import client
from svyazka.connectors.cloudpayments.failures import DECLINES, NOT_TAKEN
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from svyazka.model.events import Entity
from vendors.parts.asking import Asked, Question
from vendors.parts.base import FORM, Webhook
from vendors.parts.hooks import Hooks, Proof
from vendors.parts.money import Provider
from vendors.parts.vendor import Vendor


def _signed(body: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    return {"content-hmac": headers_of(body, secrets)["Content-HMAC"]}


HOOKS = Hooks(
    samples="cloudpayments",
    told={
        "cancel_form.http": ["payment.changed payment:897728071"],
        "check_form.http": [
            "other payment:897728064: CloudPayments asks whether it may take this payment: it was answered"
        ],
        "confirm_form.http": ["payment.changed payment:897728070"],
        "fail_form.http": ["payment.changed payment:891583633"],
        "pay_form.http": ["payment.changed payment:897728064"],
        "pay_json_two_stage.http": ["payment.changed payment:897728070"],
        "recurrent_form.http": [
            "other subscription:sc_221da6421dc44dbd2cc3464f6f083 (no time): "
            "a subscription that lives at CloudPayments is PastDue: nothing here acts on it"
        ],
        "refund_form.http": ["payment.changed payment:897728064"],
    },
    others=("bad_*", "find_*", "need_*", "order_*", "refund_ok*", "sbp_*", "subscription_*", "tokens_*"),
    proof=Proof(secrets={"api_secret": SECRET}, headers=_signed),
    content_type=FORM,
)


def _says(case: Case) -> Iterator[tuple[int, object]]:
    """A row of the failure map, as CloudPayments says it."""
    if case.code == NOT_TAKEN:
        yield 200, {"Success": False, "Message": "Amount is required"}
    elif case.code is not None:
        yield 200, {"Success": False, "Message": None, "Model": {"ReasonCode": case.code, "TransactionId": 1}}
    elif case.status in (401, 429):
        yield case.status, {}


def _told(running: Running, number: str) -> Webhook:
    stand_in = running.of("cloudpayments")
    one = stand_in.till.of(number)
    refund = next((it for it in reversed(one.refunds) if it.state is State.DONE), None)
    type_ = "refund" if refund else "fail" if one.state is State.OVER else "pay"
    if one.why == "void":
        type_ = "cancel"
    elif one.state is State.PAID and one.hold and refund is None:
        type_ = "confirm"
    body = stand_in.notification(type_, one, refund)
    return Webhook(body, headers_of(body, {"api_secret": SECRET}), path=f"/{type_}")


def _forged(running: Running, number: str) -> Sequence[Webhook]:
    """Another secret's, a genuine one of a check told as a payment, and one whose fields were changed after signing."""
    stand_in = running.of("cloudpayments")
    one = stand_in.till.of(number)
    body = stand_in.notification("pay", one)
    genuine = headers_of(body, {"api_secret": SECRET})
    changed = urlencode({**dict(parse_qsl(body.decode(), keep_blank_values=True)), "Amount": "1.00"}).encode()
    check = stand_in.notification("check", one)
    return [
        Webhook(body, headers_of(body, {"api_secret": SECRET[:-1] + "2"}), path="/pay"),
        Webhook(body, {name: value for name, value in genuine.items() if "HMAC" not in name}, path="/pay"),
        Webhook(changed, genuine, path="/pay"),
        Webhook(check, headers_of(check, {"api_secret": SECRET}), path="/pay"),
    ]


VENDOR = Vendor(
    name="cloudpayments",
    hooks=HOOKS,
    asked=Asked(
        "cloudpayments", {"public_id": PUBLIC_ID}, {"api_secret": SECRET},
        entity=Entity(kind="payment", id="897728064"),
        questions=(Question(path="/test", ask=client.probe, says=_says),),
    ),
    provider=Provider(
        "cloudpayments", {"public_id": PUBLIC_ID}, {"api_secret": SECRET},
        repeat=Repeat.CHECKABLE,
        writes={
            "link": ("POST", "/orders/create"), "charge": ("POST", "/payments/tokens/charge"),
            "refund": ("POST", "/payments/refund"), "capture": ("POST", "/payments/confirm"),
            "cancel": ("POST", "/payments/void"),
        },
        reading=("POST", "/payments/*"), shows_links=False, shows_unpaid=False, shows_last_refund=True,
        told=_told, forged=_forged, says=_says, declines=DECLINES,
        testing={True: {"test": "true"}, False: {"test": "false"}},
    ),
)  # fmt: skip
