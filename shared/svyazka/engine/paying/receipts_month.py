"""A month's fiscal receipts of one business, all three columns read: see `rules/reconciling_receipts.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import PAYMENTS_OF_TENANT
from svyazka.engine.outages.learning import Outages
from svyazka.engine.paying.fiscalising import Fiscalising
from svyazka.engine.paying.month import OLDEST, edges
from svyazka.engine.rules.reconciling_receipts import CANNOT_ASK, NOT_ASKED, ReceiptMonth, compared, expected
from svyazka.model.payments import Payment
from svyazka.model.receipts import IntentState, ReceiptIntent
from svyazka.model.seen import ReceiptSeen
from svyazka.model.tenants import Tenant

PAGE = 100


async def receipts_of_month(hub: Hub, tenant: Tenant, month: date, connection: str | None = None) -> ReceiptMonth:
    """All three columns of a month; `connection`: of one fiscaliser. Each report is read once more, at its rate. Raises
    SourceUnavailable where a fiscaliser can't be asked."""
    first, until = edges(month, tenant.timezone)
    payments = [one async for one in _payments(hub, tenant, first - OLDEST)]
    wanted = [(one, asked) for one, asked in expected(payments, first, until) if connection in (None, one.connection)]
    known: dict[str, ReceiptIntent] = {}
    for place in range(0, len(wanted), PAGE):
        keys = [("receipts", one.id) for one, _ in wanted[place : place + PAGE]]
        documents = await hub.store.get_many(keys)
        held = journal.known(ReceiptIntent, [one for one in documents if one is not None])
        known |= {one.model.id: one.model for one in held}
    fiscalising = Fiscalising(hub, Outages(hub))
    shown: dict[str, ReceiptSeen | str | None] = {}
    for intent in known.values():
        if intent.state is IntentState.DONE and intent.by_hand is None:
            shown[intent.id] = await _shown(fiscalising, intent, hub.clock.now())
    return compared(wanted, known, shown, first, until)


async def _shown(fiscalising: Fiscalising, intent: ReceiptIntent, now: datetime) -> ReceiptSeen | str | None:
    if not await fiscalising.can_ask(intent):
        return CANNOT_ASK
    days = await fiscalising.kept_days(intent)
    done = next((one for one in reversed(intent.tries) if one.state == "done" and one.external_id), None)
    if done is None or days == 0 or (days is not None and now - done.at > timedelta(days=days)):
        return NOT_ASKED
    return await fiscalising.shown(intent, done.external_id or "")


async def _payments(hub: Hub, tenant: Tenant, oldest: datetime) -> AsyncIterator[Payment]:
    cursor: str | None = None
    while True:
        page = await hub.store.find(PAYMENTS_OF_TENANT, equal={"tenant": tenant.id}, limit=200, cursor=cursor)
        known = [one.model for one in journal.known(Payment, page.documents)]
        for payment in known:
            yield payment
        cursor = page.cursor
        if cursor is None or (known and known[-1].created_at < oldest):
            return
