"""The open check of a table: what its guests owe by the till, and what is done with it once somebody has paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from svyazka.model.base import Frozen, Stored
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine, Subject, fitted, total_of

SERVICE = "Обслуживание"
"""The line of what a till adds to the prices of its dishes."""


class TableCheck(Frozen):
    """A check as its till shows it now."""

    id: str
    number: str
    """As the waiter knows it."""
    table: str
    total: Money
    """What the guests owe in all: discounts and service charge are in it."""
    paid: Money
    """What the till has taken already."""
    lines: tuple[OrderLine, ...] = ()
    closed: bool = False

    @property
    def left(self) -> Money:
        """Still to be paid."""
        return self.total - self.paid if self.paid < self.total else self.total - self.total


class SettleCheck(Stored):
    """A check that was paid elsewhere: the till shall hold that payment, and close the table."""

    kind: Literal["SettleCheck"] = "SettleCheck"
    check: str
    table: str
    amount: Money
    """What was paid, and has to be what the guests owe."""
    payment: str
    """Ours."""


def lines_of(items: Sequence[OrderLine], total: Money) -> tuple[OrderLine, ...]:
    """Lines that cost what the check says: what it adds to its dishes is a line of its own, what it takes off is spread
    over them."""
    dishes = tuple(item for item in items if item.amount)
    there = total_of(dishes)
    if there < total:
        return (*dishes, OrderLine.of(SERVICE, total - there, subject=Subject.SERVICE))
    return fitted(dishes, total) if dishes and total else ()
