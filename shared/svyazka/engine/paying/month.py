"""A month's money of one provider's connection, both sides read: see `rules/reconciling.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import PAYMENTS_OF_TENANT
from svyazka.engine.outages.learning import Outages
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.paying.looking import Looking
from svyazka.engine.rules.reconciling import (
    Cause,
    Month,
    Moved,
    What,
    compared,
    given_up_here,
    moved_here,
    moved_there,
)
from svyazka.engine.support.logs import log
from svyazka.engine.tenants.directory import Account
from svyazka.model.commands import Deadline
from svyazka.model.errors import ConfigError, SourceUnavailable
from svyazka.model.payments import Payment

AROUND = timedelta(days=3)
"""Days read before and after, in which what lies across the edge is found."""

OLDEST = timedelta(days=400)
"""Before the month's beginning: a payment that was begun earlier isn't there any more."""


def edges(month: date, zone: str) -> tuple[datetime, datetime]:
    """A month's first moment, and that of the next, by the business's own clock."""
    here = ZoneInfo(zone)
    following = (month.replace(day=28) + timedelta(days=7)).replace(day=1)
    return (
        datetime(month.year, month.month, 1, tzinfo=here), datetime(following.year, following.month, 1, tzinfo=here)
    )  # fmt: skip


async def month_of(hub: Hub, account: Account, month: date) -> Month:
    """Both sides of a month. Raises ConfigError where the provider has no list, and what its connector raises."""
    payments = account.manifest.payments
    if payments is None or Can.LIST not in payments.can:
        raise ConfigError(N_("{name} lists no payments").format(name=f"«{account.name}»"))
    first, until = edges(month, account.tenant.timezone)
    theirs: list[Moved] = []
    cursor: str | None = None
    while True:
        http = exchanges(hub, account, CalledFor.IDLE, deadline=Deadline.SLOW)
        call = call_to(hub, account, http, key="reconcile")
        call.only_read = True
        page = await payments.list(first - AROUND, until + AROUND, cursor, call)
        theirs += moved_there(page.payments, page.refunds)
        cursor = page.cursor
        if cursor is None:
            break
    ours, given_up = list[Moved](), set[str]()
    async for payment in _payments(hub, account, first - OLDEST):
        ours += moved_here([payment], account.name)
        given_up.update(given_up_here(payment))
    return compared(ours, theirs, first, until, given_up)


async def looked_into(hub: Hub, outages: Outages, account: Account, found: Month) -> None:
    """Payments of ours of which their provider lists what isn't done here are asked about: what is found is taken in,
    and what is odd about it becomes a card."""
    looking = Looking(hub, outages)
    for one in found.differences:
        if one.payment is None or one.cause not in (Cause.NOT_HERE, Cause.REFUSED_HERE):
            continue
        refund = one.external_id if one.what is What.REFUND else None
        try:
            await looking.look(one.payment, told=True, refund=refund)
        except SourceUnavailable as error:
            log("WARNING", "not looked into", connection=account.name, tenant=account.tenant.id, error=str(error))


async def moved_in(hub: Hub, account: Account, month: date) -> list[Moved]:
    """What came and went through a connection in a month, by the business's own clock, as we know it."""
    first, until = edges(month, account.tenant.timezone)
    found = [payment async for payment in _payments(hub, account, first - OLDEST)]
    return [one for one in moved_here(found, account.name) if first <= one.at < until]


async def _payments(hub: Hub, account: Account, oldest: datetime) -> AsyncIterator[Payment]:
    cursor: str | None = None
    while True:
        page = await hub.store.find(PAYMENTS_OF_TENANT, equal={"tenant": account.tenant.id}, limit=200, cursor=cursor)
        known = [one.model for one in journal.known(Payment, page.documents)]
        for payment in known:
            yield payment
        cursor = page.cursor
        if cursor is None or (known and known[-1].created_at < oldest):
            return
