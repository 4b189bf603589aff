"""The HTTP client of one attempt, or one look: its time, its turn at the vendor's rate, its guard."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from svyazka.engine.contracts.calls import Exchanges, Turn
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.rules.deadlines import TIMES
from svyazka.model.commands import Deadline

if TYPE_CHECKING:
    from svyazka.engine.hub import Hub
    from svyazka.engine.tenants.directory import Account


def exchanges(
    hub: Hub,
    account: Account,
    called_for: CalledFor = CalledFor.WORK,
    *,
    lease_until: datetime | None = None,
    deadline: Deadline = Deadline.CALL,
    booked: bool = False,
    spend: Callable[[], None] | None = None,
    most: float | None = None,
) -> Exchanges:
    """`most`: seconds, where there is less time than an operation of this kind has. `booked`: the first call came by
    the limiter's timetable. `spend`: a further limit, asked before each call; it
    raises NoPlace."""
    limits = hub.limits(account)
    limit = TIMES[deadline].call
    if account.settings.timeout is not None:
        limit = min(limit, account.settings.timeout.total_seconds())
    limit = min(limit, most) if most is not None else limit
    return Exchanges(
        hub.clients.of(f"{account.tenant.id}.{account.name}", limits.concurrency, account.manifest.network.ca_pem),
        base_url=account.base_url,
        deadline=time.monotonic() + limit,
        clock=hub.clock,
        lease_until=lease_until,
        secrets=account.secrets,
        guard=hub.guard_of(account),
        turn=_turns(hub, account, called_for, booked, spend),
    )


def _turns(hub: Hub, account: Account, called_for: CalledFor, booked: bool, spend: Callable[[], None] | None) -> Turn:
    scope, limits = hub.counted_as(account), hub.limits(account)

    async def turn(patience: float) -> None:
        nonlocal booked
        if spend is not None:
            spend()
        known, booked = booked, False
        await hub.limiter.turn(
            scope, limits, patience=patience, called_for=called_for, tenant=account.tenant.id, booked=known
        )

    return turn
