"""The fiscal receipt as T-Bank's cash register takes it (FFD 1.05). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from svyazka.connectors.tbank.settings import TbankSettings
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine
from svyazka.model.vat import Vat

TAXES = {
    Vat.NONE: "none", Vat.V0: "vat0", Vat.V5: "vat5", Vat.V7: "vat7", Vat.V10: "vat10", Vat.V20: "vat20",
    Vat.V22: "vat22", Vat.V5_105: "vat105", Vat.V7_107: "vat107", Vat.V10_110: "vat110", Vat.V20_120: "vat120",
    Vat.V22_122: "vat122",
}  # fmt: skip
"""Our rate -> T-Bank's code."""

NAME_MOST = 128


def receipt(
    settings: TbankSettings, person: Contact | None, lines: Sequence[OrderLine], amount: Money, order: str
) -> dict[str, object]:
    """Its lines add up to the sum: T-Bank refuses it otherwise (308, 334). An order without lines is one line."""
    who: dict[str, object] = {}
    if person is not None and (email := normalize_email(person.email)):
        who["Email"] = email
    elif person is not None and (phone := normalize_phone(person.phone)):
        who["Phone"] = phone
    whole_order = OrderLine.of(f"Заказ {order}"[:NAME_MOST], amount, vat=settings.vat)
    items = [_item(one) for one in lines or (whole_order,)]
    return {**who, "Taxation": settings.taxation, "Items": items}


def _item(line: OrderLine) -> dict[str, object]:
    quantity = float(line.quantity) if "." in line.quantity else int(line.quantity)
    item: dict[str, object] = {
        "Name": line.name[:NAME_MOST], "Price": line.price.kopecks, "Quantity": quantity, "Amount": line.amount.kopecks,
        "Tax": TAXES[line.vat], "PaymentMethod": line.method.value, "PaymentObject": line.subject.value,
    }  # fmt: skip
    if line.seller is not None:
        item["AgentData"] = {"AgentSign": "another"}
        item["SupplierInfo"] = {
            "Name": line.seller.name, "Inn": line.seller.inn,
            **({"Phones": [line.seller.phone]} if line.seller.phone else {}),
        }  # fmt: skip
    return item
