"""A bill's lines, reckoned as Invoicebox reckons after us: every sum to the kopeck, whatever is sold."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import invoicebox as stand_in
from svyazka.connectors.invoicebox.basket import basket_of, returned, roubles
from svyazka.connectors.invoicebox.settings import InvoiceboxSettings
from svyazka.model.money import Money, amounts_as_text
from svyazka.model.orders import Method, OrderLine, Subject, fitted, total_of
from svyazka.model.vat import Vat
from vendors.invoicebox import HOOKS

PLAIN = InvoiceboxSettings()


def of(kopecks: int) -> Money:
    return Money(kopecks=kopecks)


lines = st.builds(
    lambda kopecks, quantity, vat: OrderLine.of("Бизнес-ланч", of(kopecks), quantity, vat=vat),
    st.integers(1, 5_000_000),
    st.integers(1, 60).map(str) | st.integers(1, 3_000).map(lambda n: f"{n // 1000}.{n % 1000:03}"),
    st.sampled_from(Vat),
).filter(lambda line: bool(line.amount))
baskets = st.lists(lines, min_size=1, max_size=8)


def written(told: dict[str, Any]) -> dict[str, Any]:
    """What Invoicebox reads: the numbers as they were written."""
    read: dict[str, Any] = json.loads(json.dumps(told), parse_float=Decimal, parse_int=Decimal)
    return read


@given(baskets)
@settings(max_examples=120, deadline=None)
def test_every_bill_is_reckoned_to_the_kopeck(sold: list[OrderLine]) -> None:
    amount = total_of(sold)
    items, vat = basket_of(amount, sold, "", PLAIN)
    told = {"amount": roubles(amount), "vatAmount": roubles(vat), "basketItems": items}
    assert stand_in.reckoned(written(told)) == amount.kopecks
    # The tax of a line is that of its rate, to half a kopeck, also where the line had to be said otherwise.
    for line, item in zip(sold, items, strict=True):
        rate = stand_in.RATES[item["vatCode"]]
        exact = Decimal(line.amount.kopecks) * rate / (100 + rate)
        assert abs(Decimal(str(item["totalVatAmount"])) * 100 - exact) <= Decimal("0.5")


@given(baskets, st.integers(1, 100))
@settings(max_examples=60, deadline=None)
def test_a_discount_leaves_no_rounding_behind(sold: list[OrderLine], percent: int) -> None:
    amount = of(max(total_of(sold).kopecks * percent // 100, 1))
    items, vat = basket_of(amount, fitted(sold, amount), "", PLAIN)
    told = {"amount": roubles(amount), "vatAmount": roubles(vat), "basketItems": items}
    assert stand_in.reckoned(written(told)) == amount.kopecks


@given(baskets, st.lists(st.integers(1, 100), max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_goes_back_in_parts_is_never_more_than_came_and_adds_up(sold: list[OrderLine], parts: list[int]) -> None:
    amount = total_of(sold)
    said, _ = basket_of(amount, sold, "", PLAIN)
    for number, item in enumerate(said):
        item["sku"] = str(number)
    till = stand_in.Invoicebox().till
    one = till.pay(till.make("n", amount.kopecks, said={"basketItems": written({"it": said})["it"]}))
    show = stand_in.Invoicebox()
    for percent in (*parts, 100):
        left = of(one.free)
        wanted = of(left.kopecks * percent // 100)
        if not wanted:
            continue
        available = amounts_as_text(json.dumps(show.refundable(one)))
        items, vat = returned(available, wanted)
        told = {"amount": roubles(wanted), "vatAmount": roubles(vat), "basketItems": items}
        assert stand_in.reckoned(written(told)) == wanted.kopecks
        till.refund(one, None, wanted.kopecks, written(told))
    assert one.free == 0
    with pytest.raises(ValueError, match="less is left"):
        returned(amounts_as_text(json.dumps(show.refundable(one))), of(1))


@given(st.integers(0, 10**13))
def test_a_sum_is_written_as_itself(kopecks: int) -> None:
    text = json.dumps(roubles(of(kopecks)))
    assert Decimal(text) * 100 == kopecks
    assert "e" not in text


@pytest.mark.parametrize(
    ("name", "lines", "settings"),
    [
        (
            "order-create-request-vat22.json",
            [
                OrderLine.of(
                    "Аренда переговорной, час", Money.read("122"), "3", sku="srv-1", vat=Vat.V22,
                    subject=Subject.SERVICE, method=Method.FULL_PREPAYMENT,
                )
            ],
            PLAIN,
        ),
        (
            "order-create-request.json",
            [
                OrderLine.of("Бизнес-ланч", Money.read("450"), "2", sku="dish-1029341", subject=Subject.SERVICE),
                OrderLine.of("Морс клюквенный 0,3 л", Money.read("190"), sku="dish-1029377", subject=Subject.SERVICE),
            ],
            PLAIN,
        ),
    ],
)  # fmt: skip
def test_the_lines_are_those_of_its_pages(name: str, lines: list[OrderLine], settings: InvoiceboxSettings) -> None:
    sample = json.loads((HOOKS.folder / name).read_text())
    items, vat = basket_of(total_of(lines), lines, "", settings)
    assert items == sample["basketItems"]
    assert (roubles(total_of(lines)), roubles(vat)) == (sample["amount"], sample["vatAmount"])


def test_what_cant_be_said_by_the_piece_is_one_piece_with_the_quantity_in_its_name() -> None:
    cheese = OrderLine.of("Сыр", Money.read("899.99"), "0.350", measure="kg")
    (item,), _ = basket_of(cheese.amount, [cheese], "", PLAIN)
    assert (item["name"], item["quantity"], item["amount"], item["measure"]) == ("Сыр, 0.350 кг", 1, 315, "шт")
    even = OrderLine.of("Сыр", Money.read("900.00"), "0.350", measure="kg")
    (item,), _ = basket_of(even.amount, [even], "", PLAIN)
    assert (item["name"], item["quantity"], item["measure"], item["measureCode"]) == ("Сыр", 0.35, "кг", "166")


def test_lines_that_dont_add_up_and_gifts_make_no_bill_that_is_refused() -> None:
    gift = OrderLine.of("Подарок", Money.read("0"))
    lunch = OrderLine.of("Обед", Money.read("450"))
    items, _ = basket_of(Money.read("450"), [lunch, gift], "Стол 7", PLAIN)
    assert [one["name"] for one in items] == ["Обед"]
    items, _ = basket_of(Money.read("400"), [lunch], "Стол 7", PLAIN)
    assert [(one["name"], one["totalAmount"]) for one in items] == [("Стол 7", 400)]


def test_the_stand_in_reckons_as_its_pages_say() -> None:
    for name in ("order-create-request.json", "order-create-request-vat22.json", "refund-create-request.json"):
        told = json.loads((HOOKS.folder / name).read_text(), parse_float=Decimal, parse_int=Decimal)
        assert stand_in.reckoned(told) == int(told["amount"] * 100)
        for field, code in (("amount", "wrong_total_amount"), ("vatAmount", "wrong_total_vat_amount")):
            with pytest.raises(stand_in.Refusal) as refused:
                stand_in.reckoned({**told, field: told[field] + 1})
            assert refused.value.body["error"]["code"] == code
