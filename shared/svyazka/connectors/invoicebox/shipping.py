"""Shipments at Invoicebox: what was handed over, by which it makes the closing documents of a bill.

Nothing makes a repeat harmless there, so that its list is looked through first; and that list's filter may be ignored
by it, as its own newer client (0.2.1) has found: each row is looked at.
"""

from __future__ import annotations

from svyazka.connectors.invoicebox import client
from svyazka.connectors.invoicebox.basket import Item
from svyazka.connectors.invoicebox.settings import InvoiceboxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.payments import Handed
from svyazka.engine.contracts.untrusted import text

PATH = "billing/api/order/shipment"


async def found(order: str, call: Call[InvoiceboxSettings]) -> str | None:
    """The shipment of an order, if there is one. Raises VendorFailure, NotSent, MaybeSent."""
    async for row in client.every(call, PATH, {"orderId": order}):
        if text(row.get("orderId"), 64) == order:
            return text(row.get("id"), 64) or "?"  # there it is, whatever it is called
    return None


async def told(what: Handed, items: list[Item], call: Call[InvoiceboxSettings]) -> str:
    """Raises VendorFailure, NotSent, MaybeSent."""
    body = {"orderId": what.external_id, "basketItems": items}
    if what.document is not None:
        body |= {"documentNumber": what.document, "documentDate": what.day.isoformat()}
    return text((await client.written(call, "POST", PATH, body))["id"], 64) or "?"
