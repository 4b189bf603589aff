"""What a bill says line by line, in sums that Invoicebox reckons after us. Pure.

Its rules (422 otherwise): price times quantity, rounded, is a line's sum; so is, within a kopeck, the price without
tax times quantity, with the tax; lines add up to the bill, and their taxes to its tax. A line that can't be said so,
and one whose product is no whole kopeck, becomes one piece at its sum, with the quantity in its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from svyazka.connectors.invoicebox.schema import MEASURES, MODES, PIECE, SUBJECTS, VAT_CODES
from svyazka.connectors.invoicebox.settings import InvoiceboxSettings
from svyazka.model.money import Money, sum_of
from svyazka.model.orders import Method, OrderLine, total_of
from svyazka.model.vat import Vat

NAME_MOST = 500
SKU_MOST = 500
KOPECK = 1
"""By so much its own reckoning of a line's tax may differ."""

NUMBERS = frozenset(
    {"quantity", "amount", "amountWoVat", "totalAmount", "totalVatAmount", "grossWeight", "netWeight", "excise"}
)

Item = dict[str, Any]


def basket_of(
    amount: Money, lines: Sequence[OrderLine], said: str, settings: InvoiceboxSettings
) -> tuple[list[Item], Money]:
    """The lines of a bill of so much, and its tax. `said`: what an order without lines is for."""
    given = [line for line in lines if line.amount]
    fits = given and total_of(given) == amount
    whole = [OrderLine.of(said[:NAME_MOST] or "—", amount, subject=settings.subject)]
    items = [_item(number, line, settings) for number, line in enumerate(given if fits else whole, 1)]
    return [item for item, _ in items], sum_of([vat for _, vat in items], amount.currency)


def roubles(money: Money) -> int | float:
    """A JSON number that is written as these roubles: whole ones without a fraction. The float never is reckoned
    with; the shortest text that names it is the sum's own."""
    whole, rest = divmod(money.kopecks, 100)
    return whole if not rest else float(money.text)


def _item(number: int, line: OrderLine, settings: InvoiceboxSettings) -> tuple[Item, Money]:
    vat = settings.vat if line.vat is Vat.NONE else line.vat
    tax = vat.inside(line.amount)
    net = line.price - vat.inside(line.price)
    if not _reckons(line, net, tax):
        line, net = _as_one_piece(line), line.amount - tax
    method = settings.method if settings.method and line.method is Method.FULL_PAYMENT else line.method
    measure, code = MEASURES.get(line.measure, PIECE)
    item = {
        "sku": (line.sku or str(number))[:SKU_MOST], "name": line.name[:NAME_MOST], "measure": measure,
        "measureCode": code, "quantity": _quantity(line.quantity), "amount": roubles(line.price),
        "amountWoVat": roubles(net), "totalAmount": roubles(line.amount), "totalVatAmount": roubles(tax),
        "vatCode": VAT_CODES[vat], "type": SUBJECTS[line.subject], "paymentType": MODES[method],
    }  # fmt: skip
    return item, tax


def _reckons(line: OrderLine, net: Money, tax: Money) -> bool:
    if line.price.kopecks * _thousandths(line.quantity) != line.amount.kopecks * 1000:
        return False
    return abs(net.times(line.quantity).kopecks + tax.kopecks - line.amount.kopecks) <= KOPECK


def _as_one_piece(line: OrderLine) -> OrderLine:
    measure = MEASURES.get(line.measure, PIECE)[0]
    tail = f", {line.quantity} {measure}"
    name = line.name[: NAME_MOST - len(tail)] + tail
    return line.model_copy(update={"name": name, "quantity": "1", "measure": "piece", "price": line.amount})


def _thousandths(quantity: str) -> int:
    whole, _, rest = quantity.partition(".")
    return int(whole) * 1000 + int(rest.ljust(3, "0"))


def _quantity(quantity: str) -> int | float:
    return int(quantity) if quantity.isdecimal() else float(quantity)


# What goes back


def returned(available: Sequence[Item], amount: Money) -> tuple[list[Item], Money]:
    """So much of a bill's lines, in the vendor's own words of what may still go back, and its tax: in proportion to
    what is left of each, to the kopeck. Raises ValueError where less is left."""
    left = [_left(one) for one in available]
    if sum_of(left, amount.currency) < amount:
        raise ValueError("less is left")
    items, taxes = [], []
    for one, share, rest in zip(available, amount.shared([money.kopecks for money in left]), left, strict=True):
        if share:
            item, tax = _part(one, share, rest)
            items.append(item)
            taxes.append(tax)
    return items, sum_of(taxes, amount.currency)


def _left(one: Item) -> Money:
    return Money.read(str(one["availableAmount"]))


def _part(one: Item, share: Money, rest: Money) -> tuple[Item, Money]:
    """A share of a line: as it stood, where all of it goes back, else one piece at its sum."""
    item = {name: value for name, value in one.items() if name not in ("availableAmount", "availableVatAmount")}
    tax_left = Money.read(str(one.get("availableVatAmount") or 0))
    tax = tax_left if share == rest else Money(kopecks=tax_left.kopecks * share.kopecks // rest.kopecks)
    if share == Money.read(str(one["totalAmount"])):
        return _as_it_stood(item), tax
    item = _as_it_stood(item) | {
        "measure": PIECE[0], "measureCode": PIECE[1], "quantity": 1, "amount": roubles(share),
        "amountWoVat": roubles(share - tax), "totalAmount": roubles(share), "totalVatAmount": roubles(tax),
    }  # fmt: skip
    return item, tax


def _as_it_stood(item: Item) -> Item:
    """Its fractions are numbers again: they were kept as text so that nothing is reckoned with a float."""
    return {name: float(value) if name in NUMBERS and isinstance(value, str) else value for name, value in item.items()}
