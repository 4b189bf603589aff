"""Processes that come at once for their shares of a vendor's rate, on every backend."""

from __future__ import annotations

import asyncio

from svyazka.engine.contracts.manifest import Limits
from svyazka.engine.outbound.shares import TOGETHER, Leases
from svyazka.engine.ports.store import Store


async def test_processes_that_come_at_once_take_no_more_than_there_is(store: Store) -> None:
    now = 1000.0
    processes = [Leases(store, f"process-{number}", lambda: now) for number in range(4)]
    limits = Limits(per_second=6.0)
    await asyncio.gather(*[process.share("kofe.sms", limits) for process in processes])
    now += 10
    shares = await asyncio.gather(*[process.share("kofe.sms", limits) for process in processes])
    now += 5
    shares = await asyncio.gather(*[process.share("kofe.sms", limits) for process in processes])
    assert sorted(round(share.per_second * TOGETHER, 3) for share, _ in shares) == [1.0, 1.0, 2.0, 2.0]
