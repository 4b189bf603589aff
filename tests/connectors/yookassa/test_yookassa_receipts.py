"""Receipts within payments and refunds: one of each, to the kopeck, as the law's table of rates has them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kits.paying import ANNA
from svyazka.connectors.yookassa.receipts import receipt
from svyazka.connectors.yookassa.schema import MEASURES, MODES, SUBJECTS, VAT_CODES
from svyazka.connectors.yookassa.settings import YookassaSettings
from svyazka.model.money import Money
from svyazka.model.orders import Method, OrderLine, Seller, Subject, fitted, total_of
from svyazka.model.vat import Vat

PLAIN = YookassaSettings()
PRICES = st.integers(1, 10**6).map(lambda kopecks: Money(kopecks=kopecks))
PIECES = st.integers(1, 9).map(str)
LINES = st.lists(
    st.builds(lambda price, count: OrderLine.of("Кофе", price, count), PRICES, PIECES), min_size=1, max_size=8
)


def total(told: dict[str, Any]) -> int:
    """Of its lines, in kopecks."""
    products = (Decimal(one["quantity"]) * Decimal(one["amount"]["value"]) * 100 for one in told["items"])
    exact = sum(products, Decimal(0))
    assert exact == exact.to_integral_value()
    return int(exact)


@given(LINES, st.integers(1, 100))
@settings(max_examples=300, deadline=None)
def test_a_receipt_is_of_what_is_paid_to_the_kopeck_whatever_the_discount(lines: list[OrderLine], percent: int) -> None:
    whole = total_of(lines)
    amount = Money(kopecks=max(1, whole.kopecks * percent // 100))
    told = receipt(amount, fitted(lines, amount), "Заказ", ANNA, None, PLAIN)
    assert total(told) == amount.kopecks
    assert all(Decimal(one["amount"]["value"]) > 0 for one in told["items"])


@given(PRICES, LINES)
@settings(max_examples=100, deadline=None)
def test_lines_that_are_of_another_sum_are_one_line(amount: Money, lines: list[OrderLine]) -> None:
    assert total(receipt(amount, tuple(lines), "Заказ", ANNA, None, PLAIN)) == amount.kopecks


def test_every_rate_subject_and_method_has_its_code() -> None:
    """Source: yookassa.ru/developers, «Справочник значений»: 11 and 12 are 22 % and 22/122, since 2026."""
    assert set(VAT_CODES) == set(Vat)
    assert sorted(VAT_CODES.values()) == list(range(1, 13))
    assert (VAT_CODES[Vat.V22], VAT_CODES[Vat.V22_122], VAT_CODES[Vat.V20]) == (11, 12, 4)
    assert set(SUBJECTS) == set(Subject)
    assert set(MODES) == set(Method)
    assert MEASURES["piece"] == "piece"


def test_what_a_line_doesnt_say_its_connection_does() -> None:
    taxed = OrderLine.of("Торт", Money.read("300.00"), vat=Vat.V10, method=Method.ADVANCE)
    plain = OrderLine.of("Кофе", Money.read("200.00"))
    chosen = YookassaSettings(vat=Vat.V22, subject=Subject.SERVICE, method=Method.FULL_PREPAYMENT, tax_system=2)
    told = receipt(Money.read("500.00"), (taxed, plain), "", ANNA, "7707083893", chosen)
    assert [(one["vat_code"], one["payment_mode"]) for one in told["items"]] == [
        (3, "advance"),
        (11, "full_prepayment"),
    ]
    assert told["tax_system_code"] == 2
    assert told["customer"] == {
        "email": "anna@example.org", "phone": "79991234567", "full_name": ANNA.name, "inn": "7707083893",
    }  # fmt: skip
    alone = receipt(Money.read("500.00"), (), "Стрижка", ANNA, None, chosen)
    assert [(one["description"], one["payment_subject"]) for one in alone["items"]] == [("Стрижка", "service")]


def test_anothers_goods_name_their_seller() -> None:
    seller = Seller(inn="7707083893", name="ИП Иванов", phone="+79990000001")
    line = OrderLine.of("Мёд", Money.read("100.00"), seller=seller)
    (item,) = receipt(line.amount, (line,), "", ANNA, None, PLAIN)["items"]
    assert item["agent_type"] == "agent"
    assert item["supplier"] == {"name": "ИП Иванов", "phone": "79990000001", "inn": "7707083893"}
