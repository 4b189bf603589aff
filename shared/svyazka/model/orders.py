"""What is paid for: an order, with lines whose sums are exact."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from pydantic import Field, field_validator, model_validator

from svyazka.model.base import Stored, Time
from svyazka.model.ids import stable_id
from svyazka.model.money import Money, sum_of
from svyazka.model.vat import Vat

LINES_MOST = 100
"""What a receipt takes (YooKassa, ATOL)."""

_QUANTITY = re.compile(r"\d{1,6}(?:\.\d{1,3})?", re.ASCII)


class Subject(StrEnum):
    """What a line is, as receipts ask (FFD tag 1212)."""

    COMMODITY = "commodity"
    EXCISE = "excise"
    JOB = "job"
    SERVICE = "service"
    PAYMENT = "payment"
    ANOTHER = "another"


class Method(StrEnum):
    """How a line is paid (FFD tag 1214)."""

    FULL_PREPAYMENT = "full_prepayment"
    PREPAYMENT = "prepayment"
    ADVANCE = "advance"
    FULL_PAYMENT = "full_payment"


class Seller(Stored):
    """Whose goods they are, where the business sells as an agent."""

    inn: str = Field(pattern=r"^(\d{10}|\d{12})$")
    name: str
    phone: str | None = None


class OrderLine(Stored):
    """One line of an order: so many at a price, tax inside. Its sum is the product, to the kopeck."""

    name: str = Field(min_length=1)
    sku: str | None = None
    quantity: str = "1"
    """`2`, `0.350`."""
    measure: str = "piece"
    """`piece`, `kg`, `g`, `l`, `m`, `h`, `day`, ..."""
    price: Money
    """Of one."""
    amount: Money
    vat: Vat = Vat.NONE
    subject: Subject = Subject.COMMODITY
    method: Method = Method.FULL_PAYMENT
    seller: Seller | None = None

    @classmethod
    def of(cls, name: str, price: Money, quantity: str = "1", **more: object) -> OrderLine:
        """A line whose sum follows."""
        fields = {"name": name, "price": price, "quantity": a_quantity(quantity), **more}
        return cls.model_validate({**fields, "amount": price.times(quantity)})

    @field_validator("quantity")
    @classmethod
    def _is_a_quantity(cls, value: str) -> str:
        return a_quantity(value)

    @model_validator(mode="after")
    def _adds_up(self) -> OrderLine:
        if self.price.times(self.quantity) != self.amount:
            raise ValueError(f"{self.name}: {self.quantity} at {self.price} aren't {self.amount}")
        return self


def a_quantity(text: str) -> str:
    """The text, where it is a quantity. Raises ValueError."""
    if not _QUANTITY.fullmatch(text) or not text.strip("0."):
        raise ValueError(f"expected a quantity such as 2 or 0.350, got {text[:20]!r}")
    return text


class CheckOf(Stored):
    """Which check of which till an order or a payment is for."""

    connection: str
    check: str
    table: str


class KnownBy(StrEnum):
    """Who told what an order costs: never the payer's browser."""

    SERVER = "server"
    """The site's own back end."""
    SYSTEM = "system"
    """A till, a CRM, a booking system: one of the business's connections."""


class Order(Stored):
    """An order that we know with its amount: only such a one may be paid for from a page."""

    id: str
    tenant: str
    connection: str
    """Within which its number means something."""
    number: str
    amount: Money
    lines: tuple[OrderLine, ...] = ()
    known_by: KnownBy
    told_by: str | None = None
    """The last event of its own server's in which stands whose it is: to them its receipts go."""
    check: CheckOf | None = None
    """Of a table's: by which it is known, and asked for anew."""
    cancelled: bool = False
    payments: dict[str, str] = {}
    """By part (`""`: the whole): its payment. One each, so that nobody begins a second."""
    created_at: Time
    changed_at: Time
    expire_at: Time | None = None


def order_id(tenant: str, connection: str, number: str) -> str:
    """Document id of an order."""
    return stable_id("ord", tenant, connection, number)


def total_of(lines: Sequence[OrderLine]) -> Money:
    """What these lines cost together."""
    return sum_of([line.amount for line in lines])


def fitted(lines: Sequence[OrderLine], total: Money) -> tuple[OrderLine, ...]:
    """The lines so that they cost `total`: a discount or a part payment is spread over them, and where a line's new sum
    doesn't divide by its quantity it becomes two (2 x 33.33 + 1 x 33.34), or one piece at the whole sum where it is
    weighed. Receipts have no place for a rounding."""
    if total_of(lines) == total:
        return tuple(lines)
    return fitted_to(lines, total.shared([line.amount.kopecks for line in lines]))


def fitted_to(lines: Sequence[OrderLine], amounts: Sequence[Money]) -> tuple[OrderLine, ...]:
    """The lines so that each of them costs its amount; what costs nothing is left out."""
    fitting: list[OrderLine] = []
    for line, amount in zip(lines, amounts, strict=True):
        fitting += [line] if line.amount == amount else _at(line, amount)
    return tuple(fitting)


def _at(line: OrderLine, amount: Money) -> list[OrderLine]:
    """A line that costs so much in all."""
    if not amount:
        return []
    if not line.quantity.isdecimal():
        name = f"{line.name}, {line.quantity} {line.measure}"
        return [line.model_copy(update={"name": name, "quantity": "1", "measure": "piece", "price": amount,
                                        "amount": amount})]  # fmt: skip
    pieces = int(line.quantity)
    price, left = divmod(amount.kopecks, pieces)
    parts = ((pieces - left, price), (left, price + 1))
    return [
        line.model_copy(
            update={
                "quantity": str(count), "price": Money(kopecks=at, currency=amount.currency),
                "amount": Money(kopecks=at * count, currency=amount.currency),
            }
        )
        for count, at in parts
        if count and at
    ]  # fmt: skip
