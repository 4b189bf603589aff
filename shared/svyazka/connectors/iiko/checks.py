"""A table's order as a check: what the guests owe, by iiko's own sums. Pure.

`resultSum` of a dish has its discounts in it, and none of its modifiers'; `sum` of the order is what is owed in all.
Source: iikoCloud API, contracts 9.7.5.2 (`TableOrderInfo`).
"""

from __future__ import annotations

from collections.abc import Iterator

from svyazka.engine.contracts.settling import amount_of, line_of, vat_of
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.model.checks import TableCheck, lines_of
from svyazka.model.money import Money, sum_of
from svyazka.model.orders import OrderLine

OPEN = ("New", "Bill")
CLOSED = frozenset({"Closed", "Deleted"})
COMPONENTS = ("primaryComponent", "secondaryComponent")
NOTHING_PAID = Money(kopecks=0)


def check_seen(info: Section | None, table: str) -> TableCheck | None:
    """The check of an order; None for one that the till hasn't taken, or has deleted."""
    order = section(info, "order")
    id_, total, status = text(section(info).get("id")), amount_of(order.get("sum")), text(order.get("status"))
    if id_ is None or total is None or status is None or status == "Deleted":
        return None
    return TableCheck(
        id=id_.lower(), number=text(order.get("number")) or id_[:8], table=table, total=total, paid=_paid(order),
        lines=lines_of([line for item in sections(order.get("items")) for line in _lines(item)], total),
        closed=status in CLOSED,
    )  # fmt: skip


def noted(info: Section | None, payment_type: str | None, amount: Money) -> bool:
    """Whether what was paid past the till stands among an order's payments already."""
    payments = sections(section(info, "order").get("payments"))
    ours = [one for one in payments if _is_of(one, payment_type) and one.get("isProcessedExternally") is True]
    return sum_of([amount_of(one.get("sum")) or NOTHING_PAID for one in ours]) == amount


def _is_of(payment: Section, payment_type: str | None) -> bool:
    id_ = text(section(payment, "paymentType").get("id"))
    return payment_type is not None and id_ is not None and id_.lower() == payment_type.lower()


def _paid(order: Section) -> Money:
    """What the till has taken. A preliminary payment only says how somebody means to pay."""
    taken = [one for one in sections(order.get("payments")) if one.get("isPreliminary") is not True]
    by_payments = sum_of([amount_of(one.get("sum")) or NOTHING_PAID for one in taken])
    return max(by_payments, amount_of(order.get("processedPaymentsSum")) or NOTHING_PAID)


def _lines(item: Section) -> Iterator[OrderLine]:
    """A dish and its modifiers, each at its own sum; nothing of what was taken off the order."""
    if item.get("deleted"):
        return
    dishes = [item] if section(item, "product") else [section(item, name) for name in COMPONENTS]
    for dish in dishes:
        yield from _line(dish, item.get("amount"))
        for modifier in sections(dish.get("modifiers")):
            yield from _line(modifier, modifier.get("amount"))
    for modifier in sections(item.get("commonModifiers")):
        yield from _line(modifier, modifier.get("amount"))


def _line(part: Section, amount: object) -> Iterator[OrderLine]:
    product, sum_ = section(part, "product"), amount_of(part.get("resultSum"))
    name = text(product.get("name"))
    if name and sum_ and not part.get("deleted"):
        yield line_of(name, amount, sum_, vat_of(part.get("taxPercent")), sku=text(product.get("id")))
