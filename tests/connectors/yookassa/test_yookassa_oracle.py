"""What we send and read, as ЮKassa's own Python package sees it. It is an oracle: nothing of ours calls by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kits.paying import capture, charge, done, link, number_of, refund, seen_of, till_of
from simulators.serve import Running
from svyazka.connectors.yookassa.schema import MEASURES, MODES, SUBJECTS
from svyazka.connectors.yookassa.webhook import NETWORKS, OF_PAYMENTS, OF_REFUNDS
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine
from svyazka.model.paying import Split

pytest.importorskip("yookassa", reason="ЮKassa's package isn't installed: `make setup`")


NAME = "yookassa"


@pytest.fixture
def vendors(stand_in: Callable[[str], Running]) -> Running:
    return stand_in(NAME)


LINES = (OrderLine.of("Кофе", Money.read("200.00"), "2"), OrderLine.of("Торт", Money.read("600.00")))
SPLIT = (Split(account="100501", amount=Money.read("1000.00"), fee=Money.read("70.00"), description="Доля"),)


def sent(vendors: Running, path: str) -> list[dict[str, Any]]:
    """Bodies of our writes to a path."""
    return [json.loads(one["body"]) for one in vendors.of(NAME).calls if (one["method"], one["path"]) == ("POST", path)]


def understood(request: Any, body: dict[str, Any]) -> None:
    """The package takes it, knows each of its fields, and would send the same."""
    request.validate()
    again = json.loads(json.dumps(dict(request), default=str))
    for field, value in body.items():
        if field not in ("receipt", "transfers", "sources"):
            assert again[field] == value, field
    told = body.get("receipt")
    if told is not None:
        assert len(again["receipt"]["items"]) == len(told["items"])
        for one, its in zip(told["items"], again["receipt"]["items"], strict=True):
            assert {name: its[name] for name in ("description", "vat_code", "payment_mode", "payment_subject")} == {
                name: one[name] for name in ("description", "vat_code", "payment_mode", "payment_subject")
            }
            assert its["amount"] == one["amount"]


async def test_every_request_is_one_that_its_own_package_would_send(vendors: Running) -> None:
    from yookassa.domain.request import CapturePaymentRequest, PaymentRequest, RefundRequest

    asked = {"amount": "1000.00", "lines": LINES, "receipt": True, "inn": "7707083893"}
    seen = seen_of(await done(NAME, vendors, link(1, save=True, split=SPLIT, **asked), "dlv_1.1"))
    till_of(NAME, vendors).pay(till_of(NAME, vendors).of(number_of(1)))
    token = till_of(NAME, vendors).of(number_of(1)).token or ""
    seen_of(await done(NAME, vendors, charge(token, 2, **asked), "dlv_2.1"))
    held = seen_of(await done(NAME, vendors, link(3, capture=False, amount="1000.00"), "dlv_3.1"))
    till_of(NAME, vendors).pay(till_of(NAME, vendors).of(number_of(3)))
    await done(NAME, vendors, capture(held, "700.00"), "dlv_4.1")
    await done(NAME, vendors, refund(seen, "1000.00", lines=LINES, receipt=True, split=SPLIT), "dlv_5.1")
    payments = sent(vendors, "/payments")
    assert len(payments) == 3
    for body in payments:
        understood(PaymentRequest(body), body)
    (body,) = sent(vendors, f"/payments/{held.external_id}/capture")
    understood(CapturePaymentRequest(body), body)
    (body,) = sent(vendors, "/refunds")
    understood(RefundRequest(body), body)


async def test_the_stand_in_answers_and_tells_what_its_own_package_reads(vendors: Running) -> None:
    from yookassa.domain.notification import WebhookNotificationFactory
    from yookassa.domain.response import PaymentResponse

    seen = seen_of(await done(NAME, vendors, link(1, save=True)))
    stand_in = vendors.of(NAME)
    stand_in.till.pay(stand_in.till.of(number_of(1)))
    read = PaymentResponse(stand_in.payment_object(stand_in.till.of(number_of(1))))
    assert (read.id, read.status, str(read.amount.value), read.payment_method.saved) == (
        seen.external_id, "succeeded", "1049.30", True,
    )  # fmt: skip
    told = WebhookNotificationFactory().create(stand_in.notification(seen.external_id))
    assert (told.event, told.object.id) == ("payment.succeeded", seen.external_id)


async def test_tables_hold_its_words() -> None:
    from yookassa.domain.common.security_helper import SecurityHelper
    from yookassa.domain.models.receipt_data.receipt_item import PaymentMode, PaymentSubject
    from yookassa.domain.notification import WebhookNotificationEventType

    def words(of: type) -> set[object]:
        return {value for name, value in vars(of).items() if name.isupper()}

    assert set(MODES.values()) <= words(PaymentMode)
    assert set(SUBJECTS.values()) <= words(PaymentSubject)
    assert words(WebhookNotificationEventType) >= OF_PAYMENTS | OF_REFUNDS
    helper = SecurityHelper()
    for network in NETWORKS[:-1]:
        assert helper.is_ip_trusted(network.partition("/")[0]), network
    assert set(MEASURES.values()) <= {"piece", "kilogram", "gram", "liter", "meter", "hour", "day"}
