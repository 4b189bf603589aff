"""The fiscal receipt as CloudPayments' cash register takes it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from svyazka.connectors.cloudpayments.settings import CloudpaymentsSettings
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.money import Money
from svyazka.model.orders import Method, OrderLine, Subject
from svyazka.model.vat import Vat

RATES: dict[Vat, int | None] = {
    Vat.NONE: None, Vat.V0: 0, Vat.V5: 5, Vat.V7: 7, Vat.V10: 10, Vat.V20: 20, Vat.V22: 22,
    Vat.V5_105: 105, Vat.V7_107: 107, Vat.V10_110: 110, Vat.V20_120: 120, Vat.V22_122: 122,
}  # fmt: skip
"""Our rate -> its code; of an advance the denominator (memory, as its page has 110 and 120)."""

METHODS = {Method.FULL_PREPAYMENT: 1, Method.PREPAYMENT: 2, Method.ADVANCE: 3, Method.FULL_PAYMENT: 4}
SUBJECTS = {
    Subject.COMMODITY: 1, Subject.EXCISE: 2, Subject.JOB: 3, Subject.SERVICE: 4, Subject.PAYMENT: 10,
    Subject.ANOTHER: 13,
}  # fmt: skip
"""FFD tags 1214 and 1212."""


def receipt(
    settings: CloudpaymentsSettings, person: Contact | None, lines: Sequence[OrderLine], amount: Money, order: str
) -> dict[str, object]:
    """`CustomerReceipt`. An order without lines is one line."""
    whole_order = OrderLine.of(f"Заказ {order}"[:128], amount, vat=settings.vat)
    email = normalize_email(person.email) if person is not None else None
    phone = normalize_phone(person.phone) if person is not None else None
    return {
        "Items": [
            {
                "label": one.name[:128], "price": number(one.price), "quantity": float(one.quantity),
                "amount": number(one.amount), "vat": RATES[one.vat], "method": METHODS[one.method],
                "object": SUBJECTS[one.subject],
            }
            for one in lines or (whole_order,)
        ],
        "taxationSystem": settings.tax_system, "email": email, "phone": phone,
        "amounts": {"electronic": number(amount)},
    }  # fmt: skip


def number(amount: Money) -> float:
    """As JSON bears it: two decimals have a float of their own up to a hundred thousand million."""
    return float(amount.text)
