"""Whose money a payment is, where it isn't all the business's own: sellers, and what of it is each one's."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from svyazka.model.base import Frozen, Stored
from svyazka.model.money import Money


class Dividing(Frozen):
    """One of those among whom a business's payments are divided."""

    accounts: dict[str, str]
    """By connection: what this provider calls them."""
    part: int = 0
    """Of how many, where the request doesn't say: 70 beside 30. 0: only where it does."""
    fee: Decimal = Decimal(0)
    """Percent of their share that stays with the business."""

    def of(self, seller: str, amount: Money) -> Share:
        """Their share, when it is so much."""
        exact = Decimal(amount.kopecks) * self.fee / 100
        fee = Money(kopecks=int(exact.quantize(Decimal(1), ROUND_HALF_UP)), currency=amount.currency)
        return Share(seller=seller, amount=amount, fee=fee if self.fee else None, accounts=self.accounts)


class Share(Stored):
    """What of a payment is one seller's. All shares together are the payment."""

    seller: str
    amount: Money
    fee: Money | None = None
    """What of it stays with the business."""
    accounts: dict[str, str]
