"""A long-lived credential ends some day: people are told 30 days before, once (DESIGN 6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.engine.problems.cards import Sight, meet
from svyazka.engine.problems.kinds import ENDS
from svyazka.engine.telling.alerts import local_time

if TYPE_CHECKING:
    from svyazka.engine.hub import Hub
    from svyazka.engine.tenants.directory import Account

WARN_BEFORE = timedelta(days=30)
_TOLD = "expiry.told"


async def warn_before_end(hub: Hub, account: Account) -> None:
    """Look at the credential that the settings hold; costs nothing while its end is far or has been told."""
    ends = account.manifest.access.ends(account.settings) if account.manifest.access else None
    if ends is not None:
        await tell_end(hub, account, ends, N_("получите новый и сохраните его: svyazka secret set"))


async def tell_end(hub: Hub, account: Account, ends: datetime, remedy: str) -> None:
    """Tell of an end that is near. What has ended already is told by the outage that follows from it."""
    left = ends - hub.clock.real()
    memo = hub.memo(account)
    if not timedelta() < left <= WARN_BEFORE or memo.get(_TOLD) == ends:
        return
    tenant = account.tenant
    text = N_("{tenant}: доступ к «{connection}» ({vendor}) действует до {local_time} {ends:%Y} года; {remedy}").format(
        tenant=tenant.name,
        connection=account.name,
        vendor=hub.directory.called(account.vendor),
        local_time=local_time(ends, tenant),
        ends=ends,
        remedy=remedy,
    )
    sight = Sight(
        kind=ENDS, tenant=tenant, connection=account.name, vendor=account.vendor, text=text, since=hub.clock.now(),
        cause=f"{ends:%Y-%m-%d}", advice=remedy,
    )  # fmt: skip
    await meet(hub, sight)
    memo[_TOLD] = ends
