"""What was paid for is handed over: the provider that makes the closing documents is told, once.

Its API takes a second telling for a second shipment. So it is written down that it is to be told before it is, and
whoever comes to it again looks first; not at once, for a list may lag behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.payments import Can, Handed, Payments
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Write
from svyazka.engine.tenants.directory import Account
from svyazka.model.errors import Conflict, LeaseTooShort, NotSent
from svyazka.model.outcomes import Blocked, Refused
from svyazka.model.payments import IN_FLIGHT, Payment, Shipment, TransactionKind
from svyazka.model.tenants import Tenant

LISTED_AFTER = timedelta(minutes=2)
"""How long its list may not show what it was told; no figure is published."""

WHY_NOT = {
    "not_paid": N_("nothing of it is paid, or all of it went back: there is nothing to close"),
    "cannot": N_("whoever has its money can't be told of that: make the closing documents yourself"),
    "no_connection": N_("the connection that has its money isn't there, or its credentials aren't"),
    "refunding": N_("a refund of it is on its way: wait for its end"),
    "told": N_("its provider has the shipment already"),
    "asked": N_("it was told a moment ago, and whether that came through isn't shown yet: try again in two minutes"),
}
"""Why nothing is told: code -> words."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is about to be told, and through whom."""

    account: Account
    payments: Payments[Any]
    what: Handed


async def prepared(hub: Hub, payment: Payment, tenant: Tenant, document: str | None) -> Telling | str:
    """What would be told now; else the code of why not."""
    attempt, amount = payment.paid_by, payment.captured.kopecks - payment.refunded.kopecks
    if attempt is None or attempt.external_id is None or amount <= 0:
        return "not_paid"
    if any(one.kind is TransactionKind.REFUND and one.status in IN_FLIGHT for one in payment.transactions):
        return "refunding"
    account = await hub.directory.account(tenant.id, attempt.connection)
    payments = account.manifest.payments if account is not None else None
    if account is None or payments is None or account.missing:
        return "no_connection"
    if Can.SHIP not in payments.can:
        return "cannot"
    now = hub.clock.now()
    if payment.shipment is not None:
        if payment.shipment.external_id is not None:
            return "told"
        if now - payment.shipment.asked_at < LISTED_AFTER:
            return "asked"
    left = payment.amount.model_copy(update={"kopecks": amount})
    day: date = now.astimezone(ZoneInfo(tenant.timezone)).date()
    what = Handed(external_id=attempt.external_id, amount=left, day=day, document=document)
    return Telling(account, payments, what)


async def told(hub: Hub, held: Versioned[Payment], telling: Telling, call: Call[Any], who: str, noted: Write) -> str:
    """The shipment's id. Raises Conflict where the payment has changed meanwhile; VendorFailure, NotSent, MaybeSent:
    what is in doubt stays written down as asked, what surely wasn't done doesn't."""
    payment = held.model
    asked = Shipment(connection=telling.account.name, asked_at=hub.clock.now(), by=who, document=telling.what.document)
    after = payment.model_copy(update={"shipment": asked})
    await hub.store.commit([journal.replace(after, held.version), noted])
    external_id = telling.what.external_id
    try:
        id_ = await telling.payments.shipment(external_id, call) or await telling.payments.ship(telling.what, call)
    except (NotSent, LeaseTooShort):
        await _stands(hub, payment.id, None)
        raise
    except VendorFailure as error:
        if isinstance(error.outcome, Refused | Blocked):
            await _stands(hub, payment.id, None)
        raise
    await _stands(hub, payment.id, asked.model_copy(update={"external_id": id_}))
    return id_


async def _stands(hub: Hub, id_: str, shipment: Shipment | None) -> None:
    """Whatever else moves the payment meanwhile."""
    while True:
        held = await journal.load(hub.store, Payment, id_)
        if held is None:
            return
        after = held.model.model_copy(update={"shipment": shipment})
        try:
            await hub.store.commit([journal.replace(after, held.version)])
        except Conflict:
            continue
        return
