"""What a visit costs, as it is shown to other systems."""

from __future__ import annotations

from decimal import Decimal

import pytest

from svyazka.engine.contracts.capabilities.visits import price_of
from svyazka.model.records import CLEARED, Shown


@pytest.mark.parametrize(
    ("costs", "shown"),
    [
        ([1500], "1500"),
        ([1200.5, 0.1, 0.2], "1200.8"),
        ([1_234_567, 0.5], "1234567.5"),
        ([Decimal("800.00")], "800"),
        ([0], CLEARED),
        ([], CLEARED),
    ],
)  # fmt: skip
def test_a_price_is_the_sum_of_its_services_to_the_kopeck(costs: list[int | float | Decimal], shown: Shown) -> None:
    assert price_of(costs) == shown
