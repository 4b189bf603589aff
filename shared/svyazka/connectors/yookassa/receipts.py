"""What ЮKassa is told for the fiscal receipt that it registers with a payment, a capture or a refund. Pure.

The sum of its lines is the amount, to the kopeck, or the request is refused: where an order has no lines, one says it
all.
"""

from __future__ import annotations

from typing import Any

from svyazka.connectors.yookassa.schema import MEASURES, MODES, SUBJECTS, VAT_CODES
from svyazka.connectors.yookassa.settings import YookassaSettings
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.money import Money
from svyazka.model.orders import LINES_MOST, Method, OrderLine, Subject, total_of
from svyazka.model.vat import Vat

NAME_MOST = 128


def receipt(
    amount: Money, lines: tuple[OrderLine, ...], said: str, person: Contact | None, inn: str | None,
    settings: YookassaSettings,
) -> dict[str, Any]:  # fmt: skip
    """The receipt of so much. `said`: what an order without lines is for."""
    whole = (OrderLine.of(said or "—", amount, subject=settings.subject or Subject.COMMODITY),)
    fits = lines and len(lines) <= LINES_MOST and total_of(lines) == amount
    told: dict[str, Any] = {
        "customer": _customer(person or Contact(), inn),
        "items": [_item(line, settings) for line in (lines if fits else whole)],
    }
    if settings.tax_system is not None:
        told["tax_system_code"] = settings.tax_system
    return told


def amount_of(money: Money) -> dict[str, str]:
    return {"value": money.text, "currency": money.currency}


def _customer(person: Contact, inn: str | None) -> dict[str, str]:
    phone, email = normalize_phone(person.phone), normalize_email(person.email)
    said = {"email": email, "phone": (phone or "").lstrip("+"), "full_name": person.name, "inn": inn}
    return {name: value for name, value in said.items() if value}


def _item(line: OrderLine, settings: YookassaSettings) -> dict[str, Any]:
    vat = settings.vat if line.vat is Vat.NONE else line.vat
    method = settings.method if settings.method and line.method is Method.FULL_PAYMENT else line.method
    item: dict[str, Any] = {
        "description": line.name[:NAME_MOST], "quantity": line.quantity, "amount": amount_of(line.price),
        "vat_code": VAT_CODES[vat], "payment_mode": MODES[method], "payment_subject": SUBJECTS[line.subject],
        "measure": MEASURES.get(line.measure, "another"),
    }  # fmt: skip
    if line.seller is not None:
        said = {"name": line.seller.name, "phone": (line.seller.phone or "").lstrip("+"), "inn": line.seller.inn}
        item |= {"agent_type": "agent", "supplier": {name: value for name, value in said.items() if value}}
    return item
