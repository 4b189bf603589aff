"""What every till decides alike before it is told of a payment. Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from svyazka.catalogue import N_
from svyazka.model.checks import SettleCheck, TableCheck
from svyazka.model.money import MOST, Money
from svyazka.model.orders import OrderLine, fitted
from svyazka.model.outcomes import Outcome, Refused, Succeeded
from svyazka.model.reasons import Reason
from svyazka.model.vat import Vat


class WhyNot(StrEnum):
    """Why a check isn't settled by what was paid for it."""

    GONE = "check_gone"
    CLOSED = "check_closed"
    COSTS_MORE = "check_costs_more"
    """Less was paid than the guests owe by now."""
    COSTS_LESS = "check_costs_less"
    """More was paid."""
    PAID_IN_PART = "check_paid_in_part"
    """The till has taken something itself meanwhile."""


WORDS = {
    WhyNot.GONE: N_("the till has no such check any more"),
    WhyNot.CLOSED: N_("the check was closed in the till without this payment"),
    WhyNot.COSTS_MORE: N_("the check costs more by now than was paid for it"),
    WhyNot.COSTS_LESS: N_("the check costs less by now than was paid for it"),
    WhyNot.PAID_IN_PART: N_("the till has taken a part of the check itself meanwhile"),
}


def settled(command: SettleCheck, check: TableCheck | None, noted: bool) -> Outcome | None:
    """How it stands with a check before anything is written; None: it is to be settled. `noted`: our payment is among
    the till's own."""
    if check is None:
        return refused(WhyNot.GONE)
    if check.closed:
        return Succeeded(external_id=check.id, already=True) if noted else refused(WhyNot.CLOSED)
    if check.total != command.amount:
        return refused(WhyNot.COSTS_MORE if command.amount < check.total else WhyNot.COSTS_LESS)
    if check.paid and not noted:
        return refused(WhyNot.PAID_IN_PART)
    return None


def refused(why: WhyNot) -> Refused:
    """Nothing was written: whoever is at the tables has to see to it."""
    return Refused(code=why.value, message=WORDS[why], reason=Reason.CONFLICT)


def amount_of(value: object) -> Money | None:
    """A till's own number of roubles, to the kopeck: tills count in fractions of one, and speak JSON. None for what is
    no sum."""
    kopecks = _parts_of(value, 100)
    return Money(kopecks=kopecks) if kopecks is not None and 0 <= kopecks < MOST else None


def quantity_of(value: object) -> str | None:
    """A till's own number of portions as lines have it: at most three decimals. None for what is none."""
    thousandths = _parts_of(value, 1000)
    if thousandths is None or not 0 < thousandths < 10**9:
        return None
    return f"{Decimal(thousandths).scaleb(-3):f}".rstrip("0").rstrip(".")


def _parts_of(value: object, parts: int) -> int | None:
    """A number in hundredths or thousandths, rounded half up; None for what is no number, or is without end."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        return int((Decimal(str(value)) * parts).quantize(Decimal(1), ROUND_HALF_UP))
    except (ArithmeticError, ValueError):
        return None


def line_of(name: str, quantity: object, sum_: Money, vat: Vat = Vat.NONE, sku: str | None = None) -> OrderLine:
    """A line of so much in all: at the price that divides, else one piece with the quantity in its name."""
    count = quantity_of(quantity) or "1"
    price = Money(kopecks=int((Decimal(sum_.kopecks) / Decimal(count)).quantize(Decimal(1), ROUND_HALF_UP)))
    if price.times(count) == sum_:
        return OrderLine.of(name, price, count, vat=vat, sku=sku)
    lines = fitted([OrderLine.of(name, price, count, vat=vat, sku=sku)], sum_) if price else ()
    return lines[0] if len(lines) == 1 else OrderLine.of(f"{name}, {count}", sum_, vat=vat, sku=sku)


VATS: dict[float, Vat] = {5: Vat.V5, 7: Vat.V7, 10: Vat.V10, 20: Vat.V20, 22: Vat.V22}


def vat_of(percent: object) -> Vat:
    """The rate that a till says of a dish; none where it says nothing, or nothing that receipts know."""
    return VATS.get(percent, Vat.NONE) if isinstance(percent, int | float) else Vat.NONE
