"""Money, tax and lines of orders: exact to the kopeck, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svyazka.model.money import Money, amounts_as_text, sum_of
from svyazka.model.orders import OrderLine, fitted, total_of
from svyazka.model.vat import Vat


def rub(text: str) -> Money:
    return Money.read(text)


@pytest.mark.parametrize(
    ("text", "kopecks"),
    [("1049.30", 104930), ("1049.3", 104930), ("1049", 104900), ("0.01", 1), ("0", 0),
     ("999999999999.99", 99999999999999)],
)  # fmt: skip
def test_an_amount_is_read_from_its_text(text: str, kopecks: int) -> None:
    assert rub(text).kopecks == kopecks
    assert rub(rub(text).text) == rub(text)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1,5", " 1", "1 ", "1.", ".5", "1.005", "1e3", "NaN", "1_0", "١", "1.0 RUB", "9" * 13]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an amount"):
        rub(text)


def test_another_currency_is_refused_and_never_added_up() -> None:
    with pytest.raises(ValueError, match="RUB"):
        Money.read("1.00", "USD")
    with pytest.raises(ValueError, match="aren't added up"):
        rub("1") + Money(kopecks=100, currency="USD")


def test_a_fraction_in_json_stays_the_text_that_was_sent() -> None:
    assert amounts_as_text(b'{"Amount": 1049.30, "Fee": 10, "deep": [0.1]}') == {
        "Amount": "1049.30", "Fee": 10, "deep": ["0.1"],
    }  # fmt: skip


@given(
    st.integers(0, 10**10),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(lambda weights: sum(weights) > 0),
)
def test_shares_add_up_exactly_and_nobody_gets_more_than_a_kopeck_beside_theirs(
    kopecks: int, weights: list[int]
) -> None:
    shares = Money(kopecks=kopecks).shared(weights)
    assert sum(one.kopecks for one in shares) == kopecks
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.kopecks * sum(weights) - kopecks * weight) < sum(weights)


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.lists(st.integers(1, 10**5), min_size=1, max_size=8))
def test_a_refund_takes_from_each_share_no_more_than_it_had(paid: int, asked: int, weights: list[int]) -> None:
    shares = Money(kopecks=paid).shared(weights)
    back = Money(kopecks=min(asked, paid))
    if not paid:
        return
    parts = back.shared([share.kopecks for share in shares])
    assert sum_of(parts) == back
    assert all(part <= share for part, share in zip(parts, shares, strict=True))


@pytest.mark.parametrize(
    ("vat", "total", "tax"),
    [(Vat.V22, "122.00", "22.00"), (Vat.V22, "1049.30", "189.22"), (Vat.V20, "120", "20.00"), (Vat.V5, "1.05", "0.05"),
     (Vat.V10_110, "110", "10.00"), (Vat.NONE, "100", "0.00"), (Vat.V0, "100", "0.00"), (Vat.V7, "0.01", "0.00"),
     (Vat.V22_122, "0.03", "0.01")],
)  # fmt: skip
def test_the_tax_within_a_price(vat: Vat, total: str, tax: str) -> None:
    assert vat.inside(rub(total)).text == tax


def test_the_rate_of_an_advance_is_a_part_of_it() -> None:
    assert (Vat.V22.of_advance, Vat.V10.of_advance, Vat.NONE.of_advance) == (Vat.V22_122, Vat.V10_110, Vat.NONE)


def test_a_line_is_the_product_of_price_and_quantity_to_the_kopeck() -> None:
    assert OrderLine.of("Сыр", rub("899.90"), "0.355").amount == rub("319.46")
    with pytest.raises(ValueError, match="aren't"):
        OrderLine(name="Кофе", quantity="2", price=rub("100"), amount=rub("199.99"))
    for quantity in ("0", "0.000", "-1", "1.0005", "1e2", ""):
        with pytest.raises(ValueError, match="expected a quantity"):
            OrderLine.of("Кофе", rub("100"), quantity)


LINES = st.lists(
    st.builds(
        lambda price, pieces, weighed: OrderLine.of(
            "Товар", Money(kopecks=price), f"{pieces}.{weighed:03}" if weighed else str(pieces)
        ),
        st.integers(1, 10**6), st.integers(1, 30), st.sampled_from([0, 0, 5, 250, 999]),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=150)
@given(LINES, st.integers(1, 10**8))
def test_lines_fit_any_sum_to_the_kopeck_and_each_still_divides(lines: list[OrderLine], kopecks: int) -> None:
    total = Money(kopecks=min(kopecks, total_of(lines).kopecks))
    fitting = fitted(lines, total)
    assert total_of(fitting) == total
    assert all(line.price.times(line.quantity) == line.amount for line in fitting)
    assert fitted(lines, total_of(lines)) == tuple(lines)
