"""So many leads at once, and three worker processes: together they never call a CRM more often than it allows, counted
where the calls arrive."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chaos.installation import until
from chaos.leads import Lead, LeadInstallation
from chaos.site import Site
from simulators.bitrix24.limits import Bucket
from simulators.serve import Running
from svyazka.backends.local.store import LocalStore
from svyazka.model.deliveries import OPEN, Status
from vendors import VENDORS
from vendors.parts.base import Guest
from vendors.parts.crms import Crm

WORKERS = 3
TOGETHER = 16
LOOK_EVERY = 5.0
"""Seconds."""

QUICKER = 10
"""A bucket of which two calls a second leak away would take an hour: it, and what we take of it, are so much bigger."""


def most_in_a_second(times: Iterable[float]) -> float:
    """Calls in the fullest second, wherever it begins."""
    within: deque[float] = deque()
    most = 0
    for at in times:
        within.append(at)
        while within[0] <= at - 1:
            within.popleft()
        most = max(most, len(within))
    return most


def highest_in_the_bucket(times: Iterable[float]) -> float:
    """How full it was at most."""
    bucket = _bucket()
    for at in times:
        assert bucket.takes(at), f"the bucket ran over, {bucket.highest:.0f} were in it"
    return bucket.highest


def _bucket() -> Bucket:
    return Bucket(holds=50.0 * QUICKER, leaks=2.0 * QUICKER)


def _widen(running: Running) -> None:
    running.of("bitrix24").bucket = _bucket()


@dataclass(frozen=True)
class Bears:
    """How a vendor counts, and how much it bears."""

    counted: Callable[[Iterable[float]], float]
    most: float
    rates: Mapping[str, Any]
    """Settings of its connection; none: the connector's own rates."""
    begin: Callable[[Running], None] | None = None


BEARS = {
    "amocrm": Bears(most_in_a_second, 7, {}),
    "bitrix24": Bears(
        highest_in_the_bucket, 50 * QUICKER,
        {"limit": {"per_second": 3 * QUICKER, "per_minute": 110 * QUICKER, "concurrency": 4}}, _widen,
    ),
}  # fmt: skip
"""Sheets: 7 calls in any second; a bucket of 50 from which 2 a second leak."""


class Crowd(LeadInstallation):
    """Three working processes, each with its share of the vendor's rate. Business time is real time."""

    further = MappingProxyType({"SVYAZKA_RATES": "leased"})

    def __init__(self, folder: Path, vendors: Running, crm: Crm) -> None:
        super().__init__(folder, vendors, crm, speed=1.0, scale=1.0)
        self.rates = BEARS[crm.vendor].rates


async def crowd(installation: Crowd, guests: int, patience: float) -> float:
    """Everybody's lead in the CRM, once; how often it was called by its own way of counting."""
    crm, running = installation.crm, installation.vendors
    bears, hurry = BEARS[crm.vendor], VENDORS[crm.vendor].hurry
    assert hurry is not None
    await installation.prepare()
    crm.open(running)
    hurry(running)
    if bears.begin is not None:
        bears.begin(running)
    leads = [Lead(Guest(number)) for number in range(guests)]
    try:
        for name in ("accept", *["work"] * WORKERS):
            installation.start(name)
        await installation.ready()
        async with installation.caller() as client:
            site, turns = Site(installation, client), asyncio.Semaphore(TOGETHER)

            async def send(lead: Lead) -> None:
                async with turns:
                    await site.post("lead", lead.body, f"at-once-{lead.guest.number}")

            await asyncio.gather(*map(send, leads))
        await until(partial(seen_settled, installation), "everything settled", patience)
        fates = Counter(one.status for one in (await installation.journal()).deliveries)
    finally:
        installation.stop()
    assert set(fates) == {Status.SUCCEEDED}, fates
    done = crm.done(running)
    once = {"create contact": guests, "create deal": guests, "note deal": guests}
    assert {what: done[what] for what in once} == once
    highest = bears.counted(call["at"] for call in running.of(crm.vendor).calls)
    assert highest <= bears.most, f"{crm.vendor} bears {bears.most}, and was called {highest}"
    return highest


async def seen_settled(installation: Crowd) -> bool:
    """By two counts: who reads the whole journal keeps the vendor, who is in the same process, from its clock."""
    await asyncio.sleep(LOOK_EVERY)
    still_open = ", ".join(f"'{status.value}'" for status in OPEN)
    async with installation.store() as store:
        assert isinstance(store, LocalStore)
        counts = store.read(
            f"SELECT (SELECT count(*) FROM events WHERE status = 'accepted'),"
            f" (SELECT count(*) FROM deliveries WHERE status IN ({still_open}))"
        )
    return counts == [(0, 0)]
