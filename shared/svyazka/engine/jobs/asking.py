"""Reading at a vendor within a slice: in idle shares of its rate, and its troubles are the connection's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from svyazka.catalogue import N_
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.calls import Call
from svyazka.engine.hub import Hub
from svyazka.engine.jobs.work import Failed, Waits
from svyazka.engine.outages.learning import Outages
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.tenants.directory import Account
from svyazka.model.errors import ConfigError, LeaseTooShort, MaybeSent, NoPlace, NotSent, SourceUnavailable


async def account_of(hub: Hub, outages: Outages, tenant: str, connection: str) -> Account:
    """A connection that a job reads. Raises Failed where it is gone, Waits where it is in trouble, or not set."""
    account = await hub.directory.account(tenant, connection)
    if account is None:
        raise Failed("connection_removed", N_("{connection} is no connection any more").format(connection=connection))
    if account.missing:
        lacking = ", ".join(account.missing)
        raise Waits(connection, "settings", N_("{connection}: not set: {lacking}").format(
            connection=connection, lacking=lacking
        ))  # fmt: skip
    held = await outages.of(tenant, connection)
    if held is not None:
        raise Waits(connection, held.model.code, held.model.message)
    return account


@asynccontextmanager
async def asking(
    hub: Hub, outages: Outages, account: Account, key: str, lease_until: datetime | None = None
) -> AsyncIterator[Call[Any]]:
    """A call to read with, once; what goes wrong is learnt of the connection. Raises Waits, and NoPlace where others
    call it at all the rate that it allows. `lease_until`: nothing is sent later, however long this process was frozen.
    """
    call = call_to(hub, account, exchanges(hub, account, CalledFor.IDLE, lease_until=lease_until), key=key)
    try:
        yield call
    except (NoPlace, ConfigError):
        raise
    except (NotSent, MaybeSent, LeaseTooShort, SourceUnavailable) as error:
        await outages.learn(account, error, of_source=True)
        outcome = getattr(error, "outcome", None)
        raise Waits(account.name, getattr(outcome, "code", "unavailable"), str(error)) from error
    outages.answered(account)
