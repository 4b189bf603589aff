"""Invoicebox as a provider: what only it does. What every provider promises: tests/kits."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.support import NOW
from kits.paying import cancel, done, found, link, number_of, opened, payments_of, read, refund, refund_of, seen_of
from simulators.invoicebox import Invoicebox
from simulators.serve import Running
from svyazka.connectors.invoicebox import client
from svyazka.connectors.invoicebox.schema import payment_seen, refund_seen
from svyazka.connectors.invoicebox.settings import InvoiceboxSettings
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import MaybeSent
from svyazka.model.money import Money, amounts_as_text
from svyazka.model.orders import OrderLine
from svyazka.model.outcomes import Refused, Succeeded, Unclear, Unknown
from svyazka.model.seen import Decline, RefundState, SeenState
from svyazka.model.vat import Vat
from vendors.invoicebox import HOOKS, SECRETS, SETTINGS

NAME = "invoicebox"


@pytest.fixture
def there(invoicebox: Running) -> Invoicebox:
    stand_in: Invoicebox = invoicebox.of(NAME)
    return stand_in


def sample(name: str) -> Any:
    return amounts_as_text((HOOKS.folder / name).read_bytes())


# A bill


async def test_a_bill_says_what_is_sold_and_who_pays_and_where_we_hear_of_it(
    invoicebox: Running, there: Invoicebox
) -> None:
    lines = (OrderLine.of("Обед", Money.read("333.33"), "3", vat=Vat.V22), OrderLine.of("Кофе", Money.read("200.01")))
    bill = link(amount="1200.00", lines=lines, inn="7799999002")
    async with opened(NAME, invoicebox, hook_url="https://hub.example/webhook_invoicebox?key=secret-key") as call:
        seen = seen_of(await payments_of(NAME).make_link(bill, call))
        story = json.dumps([one.model_dump(mode="json") for one in call.http.log])
    assert seen.amount == Money.read("1200.00")
    (one,) = there.till.payments.values()
    said = one.said
    assert (str(said["amount"]), str(said["vatAmount"]), said["merchantOrderIdVisible"]) == ("1200", "180.33", "A-1")
    assert [(item["vatCode"], str(item["totalVatAmount"])) for item in said["basketItems"]] == [
        ("RUS_VAT22", "180.33"), ("VATNONE", "0"),
    ]  # fmt: skip
    assert said["customer"] == {
        "type": "legal", "name": "Анна «Ко»", "phone": "79991234567", "email": "anna@example.org",
        "vatNumber": "7799999002",
    }  # fmt: skip
    assert said["notificationUrl"] == "https://hub.example/webhook_invoicebox?key=secret-key"
    assert "secret-key" not in story
    assert said["successUrl"] == said["failUrl"] == said["returnUrl"] == "https://example.org/thanks"
    assert datetime.fromisoformat(said["expirationDate"]) > NOW


async def test_both_versions_of_the_api_are_called_by_their_paths(invoicebox: Running, there: Invoicebox) -> None:
    async with opened(NAME, invoicebox, settings=InvoiceboxSettings(**SETTINGS, **SECRETS, api="l3")) as call:
        seen_of(await payments_of(NAME).make_link(link(), call))
    assert [one["path"] for one in there.calls] == ["/l3/billing/api/order/order"]


async def test_a_shop_without_a_contract_makes_bills_that_nobody_can_pay(
    invoicebox: Running, there: Invoicebox
) -> None:
    there.processable = False
    seen = seen_of(await done(NAME, invoicebox, link()))
    assert (seen.state, seen.why, seen.code, seen.url) == (SeenState.OVER, Decline.SETUP, "not_processable", None)
    there.processable = True
    again = await read(NAME, invoicebox, number=number_of(1))
    assert again is not None
    assert again.state is SeenState.WAITS


@pytest.mark.parametrize("unique", [False, True])
async def test_a_number_that_is_there_already_is_looked_up(
    unique: bool, invoicebox: Running, there: Invoicebox
) -> None:
    there.unique = unique
    first = seen_of(await done(NAME, invoicebox, link()))
    outcome = await done(NAME, invoicebox, link())
    assert isinstance(outcome, Succeeded)
    assert (seen_of(outcome).external_id == first.external_id) is unique
    if unique:
        assert isinstance(await done(NAME, invoicebox, link(amount="5.00")), Unknown)
        there.lag = 60.0
        assert isinstance(await done(NAME, invoicebox, link()), Unclear)


async def test_of_several_bills_under_one_number_the_paid_one_counts(invoicebox: Running, there: Invoicebox) -> None:
    ids = [seen_of(await done(NAME, invoicebox, link())).external_id for _ in range(3)]
    there.till.end(there.till.payments[ids[2]], "canceled")
    newest = await read(NAME, invoicebox, number=number_of(1))
    assert newest is not None
    assert newest.external_id in ids[:2]
    there.till.pay(there.till.payments[ids[0]])
    paid = await read(NAME, invoicebox, number=number_of(1))
    assert paid is not None
    assert (paid.external_id, paid.state) == (ids[0], SeenState.PAID)


# Cancelling


async def test_a_paid_bill_is_never_cancelled_for_that_would_give_the_money_back(
    invoicebox: Running, there: Invoicebox
) -> None:
    bill = seen_of(await done(NAME, invoicebox, link()))
    there.till.pay(there.till.of(number_of(1)))
    outcome = await done(NAME, invoicebox, cancel(bill), "dlv_2.1")
    assert isinstance(outcome, Succeeded)
    assert (seen_of(outcome).state, outcome.already) == (SeenState.PAID, True)
    assert there.till.money() == 104_930
    assert [one["kind"] for one in there.effects] == ["payment"]


async def test_an_unpaid_bill_is_cancelled_once(invoicebox: Running, there: Invoicebox) -> None:
    bill = seen_of(await done(NAME, invoicebox, link()))
    invoicebox.fault(NAME, kind="cut_after", path="/v3/billing/api/order/order/*", method="DELETE")
    with pytest.raises(MaybeSent):
        await done(NAME, invoicebox, cancel(bill), "dlv_2.1")
    earlier = await found(NAME, invoicebox, cancel(bill), "dlv_2.1")
    assert isinstance(earlier, Succeeded)
    again = await done(NAME, invoicebox, cancel(bill), "dlv_2.1")
    assert (seen_of(again).state, seen_of(again).why) == (SeenState.OVER, Decline.SHOP)


async def test_a_reversed_guarantee_is_told_by_the_bill(invoicebox: Running, there: Invoicebox) -> None:
    bill = seen_of(await done(NAME, invoicebox, link()))
    there.till.pay(there.till.of(number_of(1)))
    there.till.end(there.till.of(number_of(1)), "canceled")
    seen = await read(NAME, invoicebox, external_id=bill.external_id)
    assert seen is not None
    assert (seen.state, seen.captured, seen.captured_at is not None) == (SeenState.OVER, None, True)


# Refunds


async def test_what_goes_back_is_said_line_by_line_in_its_own_words(invoicebox: Running, there: Invoicebox) -> None:
    lines = (OrderLine.of("Обед", Money.read("450"), "2", vat=Vat.V10), OrderLine.of("Морс", Money.read("190.50")))
    bill = seen_of(await done(NAME, invoicebox, link(amount="1090.50", lines=lines)))
    there.till.pay(there.till.of(number_of(1)))
    for n, amount in enumerate(("100.01", "990.49"), 1):
        back = refund_of(await done(NAME, invoicebox, refund(bill, amount, n), f"dlv_{n}.2"))
        assert (back.state, back.amount) == (RefundState.DONE, Money.read(amount))
    said = [one.said for one in there.till.of(number_of(1)).refunds]
    assert [[str(item["totalAmount"]) for item in one["basketItems"]] for one in said] == [
        ["82.54", "17.47"], ["817.46", "173.03"],
    ]  # fmt: skip
    assert sum(item["totalVatAmount"] for one in said for item in one["basketItems"]) == sum(
        item["totalVatAmount"] for item in there.till.of(number_of(1)).said["basketItems"]
    )
    assert there.till.money() == 0


async def test_an_earlier_try_that_the_list_shows_late_isnt_taken_for_too_much(
    invoicebox: Running, there: Invoicebox
) -> None:
    bill = seen_of(await done(NAME, invoicebox, link()))
    there.till.pay(there.till.of(number_of(1)))
    refund_of(await done(NAME, invoicebox, refund(bill, "1049.30"), "dlv_1.2"))
    again = await done(NAME, invoicebox, refund(bill, "1049.30"), "dlv_1.2")
    assert refund_of(again).state is RefundState.DONE
    assert len(there.till.of(number_of(1)).refunds) == 1
    assert isinstance(await done(NAME, invoicebox, refund(bill, "1.00", 2), "dlv_2.2"), Refused)


# Lists


@pytest.mark.parametrize("paging", ["_page", "page"])
async def test_lists_are_read_in_either_spelling_of_pages(paging: str, invoicebox: Running, there: Invoicebox) -> None:
    there.paging = paging
    for n in range(250):
        there.till.make(number_of(7), 100 + n)
    async with opened(NAME, invoicebox) as call:
        rows = [one async for one in client.every(call, client.ORDERS, {"merchantOrderId": number_of(7)})]
        assert len({one["id"] for one in rows}) == 250
        asked = len(there.calls)
        assert [one async for one in client.every(call, client.ORDERS, {"merchantOrderId": "none"})] == []
        assert len(there.calls) == asked + 1, "which spelling it is is remembered"


@pytest.mark.parametrize(
    "meta", [{}, {"page": 1, "pageSize": 30}, {"page": 3, "pageSize": 30}, {"page": 1, "pageSize": 25}]
)
async def test_a_list_that_may_go_on_proves_nothing(meta: dict[str, object], invoicebox: Running) -> None:
    row = sample("order-list-response.json")["data"][0]
    listed(invoicebox, {"data": [row] * 100, "metaData": meta, "extendedData": []})
    with pytest.raises(VendorFailure) as refused:
        await read(NAME, invoicebox, number=number_of(1))
    assert refused.value.code == "no_pages"


async def test_a_filter_that_is_passed_over_is_looked_through(invoicebox: Running) -> None:
    listed(invoicebox, sample("order-list-response.json"))
    assert await read(NAME, invoicebox, number=number_of(1)) is None
    row = sample("order-list-response.json")["data"][0]
    listed(invoicebox, {"data": [row, {**row, "merchantOrderId": number_of(1), "status": "created"}], "metaData": {}})
    seen = await read(NAME, invoicebox, number=number_of(1))
    assert seen is not None
    assert seen.state is SeenState.WAITS


def listed(vendors: Running, answer: Any) -> None:
    """What its list of orders answers from now on."""
    vendors.of(NAME).faults.clear()
    path = "/v3/filter/api/order/order"
    vendors.fault(NAME, kind="answer", path=path, method="GET", status=200, body=answer, times=-1)


# Samples


def test_its_objects_are_read_as_they_stand() -> None:
    paid, waits = (payment_seen(one) for one in sample("order-list-response.json")["data"])
    assert (paid.state, paid.captured, paid.captured_at) == (
        SeenState.PAID, Money.read("1090"), datetime(2026, 3, 14, 15, 31, 2, tzinfo=UTC),
    )  # fmt: skip
    assert (waits.state, waits.url is not None, waits.number) == (SeenState.WAITS, True, None)
    made = payment_seen(sample("order-create-response.json")["data"])
    assert (made.state, made.url) == (
        SeenState.WAITS, "https://pay.invoicebox.ru/order/0195a000-0000-7000-8000-00000000cccc",
    )  # fmt: skip
    gone = payment_seen(sample("order-cancel-response.json")["data"])
    assert (gone.state, gone.why) == (SeenState.OVER, Decline.SHOP)
    back = refund_seen(sample("refund-create-response.json")["data"])
    assert (back.number, back.amount, back.state) == ("r1-check-1024-refund-1", Money.read("190"), RefundState.WAITS)
    told = payment_seen(sample("ws-on-order-status-change.json")["params"][0])
    assert told.state is SeenState.PAID
