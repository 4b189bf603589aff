"""Value added tax as receipts know it: a rate within a price, or a part of an advance."""

from __future__ import annotations

from enum import StrEnum

from svyazka.model.money import Money


class Vat(StrEnum):
    """The rates of Russian receipts. 22 % holds since 1 January 2026; 20 % stands in receipts for what was sold before.
    A fraction (`22/122`) is the tax of an advance, whose goods aren't known yet."""

    NONE = "none"
    V0 = "0"
    V5 = "5"
    V7 = "7"
    V10 = "10"
    V20 = "20"
    V22 = "22"
    V5_105 = "5/105"
    V7_107 = "7/107"
    V10_110 = "10/110"
    V20_120 = "20/120"
    V22_122 = "22/122"

    @property
    def percent(self) -> int:
        """Of the price without tax."""
        return 0 if self is Vat.NONE else int(self.value.partition("/")[0])

    def inside(self, total: Money) -> Money:
        """The tax within what is paid, rounded half up to the kopeck."""
        whole = 100 + self.percent
        return Money(kopecks=(2 * total.kopecks * self.percent + whole) // (2 * whole), currency=total.currency)

    @property
    def of_advance(self) -> Vat:
        """The same rate within an advance."""
        return _OF_ADVANCE.get(self, self)


_OF_ADVANCE = {
    Vat.V5: Vat.V5_105, Vat.V7: Vat.V7_107, Vat.V10: Vat.V10_110, Vat.V20: Vat.V20_120, Vat.V22: Vat.V22_122,
}  # fmt: skip
