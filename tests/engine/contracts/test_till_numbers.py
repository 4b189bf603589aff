"""What tills say in numbers, and what is made of it: never a sum that isn't one, never an exception."""

from __future__ import annotations

from math import inf, nan

import pytest

from svyazka.engine.contracts.settling import amount_of, line_of, quantity_of, vat_of
from svyazka.model.money import Money
from svyazka.model.vat import Vat


@pytest.mark.parametrize(
    ("said", "amount", "quantity"),
    [
        (2466.666666666667, "2466.67", "2466.667"), (0.005, "0.01", "0.005"), ("333.33", "333.33", "333.33"),
        (10, "10.00", "10"), (0, "0.00", None), (1e-3, "0.00", "0.001"), (-1, None, None), (1e30, None, None),
        (nan, None, None), ("NaN", None, None), (inf, None, None), (True, None, None), (None, None, None),
        ({"sum": 1}, None, None), ("сто", None, None),
    ],
)  # fmt: skip
def test_a_number_of_a_tills(said: object, amount: str | None, quantity: str | None) -> None:
    found = amount_of(said)
    assert (found.text if found is not None else None, quantity_of(said)) == (amount, quantity)


@pytest.mark.parametrize(
    ("said", "rate"), [(20, Vat.V20), (10.0, Vat.V10), (0, Vat.NONE), (18, Vat.NONE), (nan, Vat.NONE), ("20", Vat.NONE)]
)
def test_a_rate_of_a_tills(said: object, rate: Vat) -> None:
    assert vat_of(said) is rate


@pytest.mark.parametrize("quantity", [1, 0.35, 3, "0.333", nan, None])
def test_a_line_costs_what_the_till_says_whatever_divides(quantity: object) -> None:
    for kopecks in (1, 99, 10_000, 11_667):
        assert line_of("Сыр", quantity, Money(kopecks=kopecks)).amount == Money(kopecks=kopecks)
