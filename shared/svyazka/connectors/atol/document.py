"""A receipt as АТОЛ Онлайн is told of it. Pure.

Numbers are made of whole kopecks: none has more than two decimals, and the lines, the payment and the total are one
sum. There is no place for a discount: lines bear it already.
"""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

from svyazka.connectors.atol.schema import MEASURES, METHODS, OTHER_MEASURE, PAID_BY, SUBJECTS, VATS
from svyazka.connectors.atol.settings import AtolSettings
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.money import Money
from svyazka.model.orders import LINES_MOST, Method, OrderLine, Subject, total_of
from svyazka.model.receipts import RegisterReceipt
from svyazka.model.vat import Vat

NAME_MOST, ADDRESS_MOST, URL_MOST = 128, 64, 256

CALLBACK = re.compile(r"https?://[0-9a-zA-Zа-яА-Я][-.\w]*:?[a-zA-Z0-9а-яА-Я\-.?,'/\\+&=%$#_]*")
"""What the vendor's own mask lets through, said so that no address takes long to look at: one that doesn't fit is never
called, and its document is registered all the same."""


class NoAddress(ValueError):
    """Nobody to send the receipt to."""


class TooManyLines(ValueError):
    """More than a receipt takes, though equal ones were put together."""


def document(command: RegisterReceipt, settings: AtolSettings, zone: str, hook: str | None) -> dict[str, Any]:
    """The document. The same bytes at every try. Raises NoAddress, TooManyLines."""
    lines = _lines(command, settings)
    company = {
        "email": settings.email, "sno": settings.tax_system, "inn": settings.inn,
        "payment_address": settings.payment_address,
    }  # fmt: skip
    receipt: dict[str, Any] = {
        "client": _client(command.person or Contact(), command.inn, settings),
        "company": {name: value for name, value in company.items() if value is not None},
        "items": [_item(line, settings) for line in lines],
        "payments": [{"type": PAID_BY[command.of], "sum": number(command.amount)}],
        "total": number(command.amount),
    }
    if settings.version == "v5":
        receipt["internet"] = True
    told: dict[str, Any] = {
        "external_id": command.number, "receipt": receipt,
        "timestamp": f"{command.at.astimezone(ZoneInfo(zone)):%d.%m.%Y %H:%M:%S}",
    }  # fmt: skip
    if hook is not None and fits(hook):
        told["service"] = {"callback_url": hook}
    return told


def fits(hook: str) -> bool:
    """Whether that address will be called."""
    return len(hook) <= URL_MOST and CALLBACK.fullmatch(hook) is not None


def number(money: Money) -> int | float:
    """A JSON number of at most two decimals: `1429.5`, never what adding floats makes of it."""
    whole, rest = divmod(money.kopecks, 100)
    return float(f"{whole}.{rest:02}") if rest else whole


def _client(person: Contact, inn: str | None, settings: AtolSettings) -> dict[str, str]:
    email, phone = normalize_email(person.email), normalize_phone(person.phone)
    said = {
        "email": email if email and len(email) <= ADDRESS_MOST else None, "phone": phone,
        "name": (person.name or "")[:256], "inn": inn if re.fullmatch(r"\d{10}|\d{12}", inn or "") else None,
    }  # fmt: skip
    if said["email"] is None and phone is None:
        said["email"] = settings.fallback_email
    if said["email"] is None and phone is None:
        raise NoAddress
    return {name: value for name, value in said.items() if value}


def _lines(command: RegisterReceipt, settings: AtolSettings) -> tuple[OrderLine, ...]:
    if not command.lines or total_of(command.lines) != command.amount:
        said = command.description or command.order or "—"
        return (OrderLine.of(said, command.amount, subject=settings.subject or Subject.ANOTHER),)
    lines = command.lines
    if len(lines) > LINES_MOST:
        lines = _together(lines)
    if len(lines) > LINES_MOST:
        raise TooManyLines
    return lines


def _together(lines: tuple[OrderLine, ...]) -> tuple[OrderLine, ...]:
    """Equal lines of whole pieces as one."""
    found: dict[object, OrderLine] = {}
    for place, line in enumerate(lines):
        whole = line.quantity.isdecimal()
        key = line.model_copy(update={"quantity": "", "amount": line.price}).model_dump_json() if whole else place
        there = found.get(key)
        if there is not None:
            pieces = str(int(there.quantity) + int(line.quantity))
            line = there.model_copy(update={"quantity": pieces, "amount": there.price.times(pieces)})
        found[key] = line
    return tuple(found.values())


def _item(line: OrderLine, settings: AtolSettings) -> dict[str, Any]:
    new = settings.version == "v5"
    vat = settings.vat if line.vat is Vat.NONE else line.vat
    if line.method in (Method.FULL_PREPAYMENT, Method.PREPAYMENT, Method.ADVANCE):
        vat = vat.of_advance
    subject = settings.subject if settings.subject and line.subject is Subject.ANOTHER else line.subject
    quantity = float(line.quantity)
    item: dict[str, Any] = {
        "name": line.name[:NAME_MOST], "price": number(line.price),
        "quantity": int(quantity) if quantity.is_integer() else quantity, "sum": number(line.amount),
        "payment_method": METHODS[line.method], "payment_object": SUBJECTS[subject][1 if new else 0],
        "vat": {"type": VATS[vat], **({"sum": number(vat.inside(line.amount))} if new and vat is not Vat.NONE else {})},
    }  # fmt: skip
    known = MEASURES.get(line.measure)
    if new:
        item["measure"] = known[1] if known else OTHER_MEASURE
    elif line.measure:
        item["measurement_unit"] = (known[0] if known else line.measure)[:16]
    if line.seller is not None:
        phone = normalize_phone(line.seller.phone)
        supplier = {"phones": [phone] if phone else None, "name": line.seller.name[:256], "inn": line.seller.inn}
        item |= {
            "agent_info": {"type": settings.agent},
            "supplier_info": {name: value for name, value in supplier.items() if value},
        }
    return item
