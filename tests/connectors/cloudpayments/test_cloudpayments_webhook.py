"""CloudPayments' signatures, its question before a payment, and its samples."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.support import NOW, calling, scripted
from simulators.cloudpayments import PUBLIC_ID, SECRET
from svyazka.connectors.cloudpayments.manifest import MANIFEST
from svyazka.connectors.cloudpayments.settings import CloudpaymentsSettings
from svyazka.connectors.cloudpayments.webhook import WEBHOOK, signature
from svyazka.engine.contracts.capabilities.payments import Which
from svyazka.engine.contracts.deciding import Book, KnownPayment
from svyazka.engine.contracts.webhook import Inbound, RawRequest
from svyazka.model.money import Money
from svyazka.model.outcomes import Refused, Succeeded, Unknown
from svyazka.model.paying import ChargeSaved, MakeLink, RefundPayment
from svyazka.model.seen import Decline, PaymentSeen, SeenState
from vendors.parts.base import SAMPLES
from vendors.parts.hooks import request_of

HERE = SAMPLES / "cloudpayments"
REQUESTS = sorted(HERE.glob("*.http"))
INBOUND = Inbound({}, {"api_secret": SECRET}, NOW.timestamp())
SETTINGS = CloudpaymentsSettings(public_id=PUBLIC_ID, api_secret=SECRET)


def without(request: RawRequest, *names: bytes) -> RawRequest:
    headers = [(name, value) for name, value in request.headers if name not in names]
    return RawRequest(request.method, request.path, request.query, headers, request.body)


# Signatures


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_either_header_proves_a_sample_and_neither_anything_else(path: Path) -> None:
    request = request_of(path)
    for proof in ((), (b"content-hmac",), (b"x-content-hmac",)):
        assert WEBHOOK.verify(without(request, *proof), INBOUND) is None
    assert WEBHOOK.verify(without(request, b"content-hmac", b"x-content-hmac"), INBOUND) is not None
    changed = RawRequest("POST", request.path, b"", request.headers, request.body.replace(b"1000", b"1001") + b"&a=1")
    assert WEBHOOK.verify(changed, INBOUND) is not None
    for secrets in ({}, {"api_secret": ""}, {"api_secret": SECRET + "1"}):
        assert WEBHOOK.verify(request, Inbound({}, secrets, 0)) is not None


def test_a_proxy_that_writes_the_form_anew_leaves_the_second_proof() -> None:
    request = request_of(HERE / "check_form.http")
    rewritten = request.body.replace(b"+", b"%20").replace(b"%40", b"@")
    assert rewritten != request.body
    assert WEBHOOK.verify(RawRequest("POST", request.path, b"", request.headers, rewritten), INBOUND) is None


# The question


def check(**changed: str) -> RawRequest:
    told = {"TransactionId": "7", "Amount": "1000.00", "Currency": "RUB", "InvoiceId": "p-1", **changed}
    body = "&".join(f"{name}={value}" for name, value in told.items()).encode()
    return RawRequest("POST", "/x/check", b"", [(b"content-type", b"application/x-www-form-urlencoded")], body)


OPEN = KnownPayment("pay_1", 100_000, "RUB", "waiting", closed=False)
PAID = KnownPayment("pay_1", 100_000, "RUB", "paid", closed=False, paid=True, paid_by="6")
CLOSED = KnownPayment("pay_1", 100_000, "RUB", "cancelled", closed=True)
MINE = {"cloudpayments:check:7": "7"}


@pytest.mark.parametrize(
    ("request_", "book", "code", "accepts"),
    [
        (check(), Book(OPEN), 0, MINE),
        (check(), Book(None), 10, {}),
        (check(Amount="999.99"), Book(OPEN), 12, {}),
        (check(Amount="1e3"), Book(OPEN), 12, {}),
        (check(Amount="-1000.00"), Book(OPEN), 12, {}),
        (check(Currency="USD"), Book(OPEN), 12, {}),
        (check(), Book(PAID), 13, {}),
        (check(), Book(CLOSED), 13, {}),
        (check(TransactionId=""), Book(OPEN), 13, {}),
        # Accepted once: accepted again, whatever has happened since.
        (check(), Book(PAID, MINE), 0, MINE),
        # Another card by the same link is a question of its own.
        (check(TransactionId="8"), Book(OPEN, MINE), 0, {"cloudpayments:check:8": "8"}),
        # A subscription that lives there has no order of ours.
        (check(InvoiceId="", SubscriptionId="sc_1"), Book(None), 0, {}),
    ],
)  # fmt: skip
def test_what_check_is_answered(request_: RawRequest, book: Book, code: int, accepts: dict[str, str]) -> None:
    decision = WEBHOOK.decide(request_, WEBHOOK.parse(request_, INBOUND), book)
    assert (decision.answer.status, json.loads(decision.answer.body)) == (200, {"code": code})
    assert dict(decision.accepts) == accepts


def test_while_nothing_can_be_looked_up_no_money_is_taken_and_all_else_comes_again() -> None:
    refused = WEBHOOK.out_of_service(check())
    assert refused is not None
    assert json.loads(refused.body) == {"code": 13}
    assert WEBHOOK.out_of_service(request_of(HERE / "pay_form.http")) is None


def test_json_sums_are_their_text() -> None:
    request = request_of(HERE / "pay_json_two_stage.http")
    asked = RawRequest("POST", "/cp/t1/check", b"", request.headers, request.body)
    assert WEBHOOK.asks(asked, []).names == ("cloudpayments:check:897728070",)
    assert WEBHOOK.decide(asked, [], Book(OPEN)).accepts == {"cloudpayments:check:897728070": "897728070"}


def test_an_address_without_a_type_is_told_what_is_expected() -> None:
    body = request_of(HERE / "pay_form.http").body
    form = [(b"content-type", b"application/x-www-form-urlencoded")]
    (item,) = WEBHOOK.parse(RawRequest("POST", "/webhook", b"", form, body), INBOUND)
    assert "/check" in (getattr(item, "reason", None) or "")


def test_its_signature_is_that_of_the_samples() -> None:
    request = request_of(HERE / "pay_form.http")
    assert signature(request.body, SECRET).decode() == request.header("content-hmac")


# Its answers, as its samples have them

NUMBER = "p" + "0" * 23 + "1-1"
ASKING: dict[str, Any] = {
    "payment": "pay_" + "0" * 23 + "1", "number": NUMBER, "order": "42", "amount": Money.read("399.00"),
    "description": "Заказ 42",
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "path", "answer", "state", "why"),
    [
        (MakeLink(**ASKING), "/orders/create", "order_create_ok.json", SeenState.WAITS, None),
        (ChargeSaved(**ASKING, token="a:t"), "/payments/tokens/charge", "tokens_charge_ok.json", SeenState.PAID, None),
        (
            ChargeSaved(**ASKING, token="a:t"), "/payments/tokens/charge", "tokens_charge_declined.json",
            SeenState.OVER, Decline.NO_MONEY,
        ),
    ],
    ids=["link", "charged", "declined"],
)  # fmt: skip
async def test_what_is_answered_is_what_is_seen(
    command: Any, path: str, answer: str, state: SeenState, why: Decline | None
) -> None:
    with scripted() as vendor:
        vendor.on(path, 200, (HERE / answer).read_bytes())
        async with calling(SETTINGS, vendor.url) as call:
            payments = MANIFEST.payments
            assert payments is not None
            done = payments.make_link if isinstance(command, MakeLink) else payments.charge
            outcome = await done(command, call)  # type: ignore[operator]
        (_, headers) = vendor.raw[0]
        (asked,) = vendor.asked(path)
    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.seen, PaymentSeen)
    assert (outcome.seen.state, outcome.seen.why) == (state, why)
    assert (headers["x-request-id"], asked["Amount"], asked["InvoiceId"]) == ("dlv_1.1", 399, NUMBER)
    assert isinstance(command, ChargeSaved) or [asked[name] for name in ("SendEmail", "SendSms", "SendViber")] == [
        False, False, False,
    ]  # fmt: skip
    if isinstance(command, ChargeSaved):
        wanted = json.loads((HERE / "tokens_charge_request.json").read_bytes())
        assert wanted.keys() <= asked.keys()


@pytest.mark.parametrize(("answer", "code"), [("bad_request.json", "not_taken"), ("need_3ds.json", "need_3ds")])
async def test_what_is_refused_is_not_taken(answer: str, code: str) -> None:
    with scripted() as vendor:
        vendor.on("/payments/tokens/charge", 200, (HERE / answer).read_bytes())
        async with calling(SETTINGS, vendor.url) as call:
            outcome = await MANIFEST.payments.charge(ChargeSaved(**ASKING, token="a:t"), call)  # type: ignore[union-attr]
    assert isinstance(outcome, Refused)
    assert outcome.code == code


async def test_a_refund_waits_until_it_is_shown_and_what_nobody_knows_is_not_there() -> None:
    with scripted() as vendor:
        vendor.on("/payments/refund", 200, (HERE / "refund_ok.json").read_bytes())
        for path in ("/payments/get", "/payments/find", "/v2/payments/find"):
            vendor.on(path, 200, (HERE / "find_not_found.json").read_bytes())
        refund = RefundPayment(
            payment="p", number=f"{NUMBER}-r1", external_id="897728064", amount=Money.read("250.00"), whole=False
        )
        async with calling(SETTINGS, vendor.url) as call:
            payments = MANIFEST.payments
            assert payments is not None
            outcome = await payments.refund(refund, call)
            assert await payments.find(refund, call) is None
            assert await payments.read(Which(external_id="gAS", number=NUMBER), call) is None
        questions = [headers for path, _, headers in vendor.seen if path != "/payments/refund"]
    assert isinstance(outcome, Succeeded)
    assert (outcome.external_id, outcome.seen and outcome.seen.state) == ("897900001", "waits")
    assert not any("x-request-id" in headers for headers in questions), "an old answer would be told again"


def operation(id_: int, type_: int, at: str, number: str | None = None) -> dict[str, Any]:
    return {
        "TransactionId": id_, "Type": type_, "Amount": 10.0, "Currency": "RUB", "InvoiceId": NUMBER,
        "Status": "Completed", "CreatedDateIso": at,
        "JsonData": json.dumps({"svyazka": number}) if number else None,
        **({"OriginalTransactionId": 897728064} if type_ else {}),
    }  # fmt: skip


OURS = operation(9, 1, "2026-03-14T15:00:10", f"{NUMBER}-r2")
BEFORE, SINCE = operation(8, 1, "2026-03-13T09:00:00", f"{NUMBER}-r1"), operation(10, 1, "2026-03-14T15:03:00", "other")
PAID_AGAIN = operation(11, 0, "2026-03-14T15:04:00")


@pytest.mark.parametrize(
    ("last", "day", "found"),
    [
        (OURS, [], "done"),
        (BEFORE, [], "not there"),
        (SINCE, [OURS, SINCE], "done"),
        (SINCE, [SINCE], "nobody can tell"),
        (PAID_AGAIN, [OURS, PAID_AGAIN], "done"),
        (PAID_AGAIN, [PAID_AGAIN], "not there"),
    ],
    ids=["last", "an older one is last", "another since", "another since, alone", "paid again", "paid again, alone"],
)
async def test_a_refund_is_found_though_something_else_came_after_it(
    last: dict[str, Any], day: list[dict[str, Any]], found: str
) -> None:
    """Only the last operation under a number is shown; its answer was lost an hour ago, and its key is forgotten."""
    with scripted() as vendor:
        vendor.on("/v2/payments/find", 200, {"Success": True, "Message": None, "Model": last})
        vendor.on("/payments/list", 200, {"Success": True, "Message": None, "Model": day})
        refund = RefundPayment(
            payment="p", number=f"{NUMBER}-r2", external_id="897728064", amount=Money.read("10.00"), whole=False
        )
        since = NOW - timedelta(hours=1)
        async with calling(SETTINGS, vendor.url, doubt_since=since) as call:
            assert MANIFEST.payments is not None
            outcome = await MANIFEST.payments.find(refund, call)
    kinds = {Succeeded: "done", Unknown: "nobody can tell", type(None): "not there"}
    assert kinds[type(outcome)] == found
    assert not isinstance(outcome, Succeeded) or outcome.external_id == "9"
