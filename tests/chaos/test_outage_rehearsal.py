"""Every vendor is away for three days: what is still of use comes after, what isn't expires, and people are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chaos.leaks import leaks
from chaos.rehearsal import DAY, MONTH, SPEED, Rehearsal, SteppedRehearsal
from chaos.scenario import call_until_answered
from simulators import telegram
from simulators.serve import Running
from svyazka.model.deliveries import Status
from vendors import MESSENGERS
from vendors.parts import Guest

GUESTS = [Guest(number) for number in range(6)]
PROBES = 120
"""Of one vendor in three days, after the first tries with everybody: one at a time, hourly at the end."""


@pytest.fixture(params=["local", "google"])
def house(request: pytest.FixtureRequest, tmp_path: Path, vendors: Callable[..., Running]) -> Iterator[Rehearsal]:
    """No vendor is there but the one through which the owner is told."""
    spare = vendors(MESSENGERS["telegram"])
    made = (
        Rehearsal(tmp_path, spare, speed=SPEED)
        if request.param == "local"
        else SteppedRehearsal(tmp_path, spare, request.getfixturevalue("stepped_cloud"))
    )
    yield made
    made.stop()


async def test_three_days_away(house: Rehearsal) -> None:
    await house.begin()
    await call_until_answered(house, GUESTS)
    await house.pass_time(timedelta(days=3))
    assert await stages(house) == {(vendor, "down"): 1 for vendor in MESSENGERS}
    tried = await tries(house)
    assert all(tried[vendor] <= 6 * len(GUESTS) + PROBES for vendor in MESSENGERS), tried

    async def over() -> bool:
        states = await fates(house)
        delivered = all(states[MONTH, vendor, Status.SUCCEEDED] == len(GUESTS) for vendor in MESSENGERS)
        return delivered and len(await stages(house)) == 2 * len(MESSENGERS)

    with house.vendors_back(GUESTS) as back:
        await house.live_until(over, "what is still of use is delivered")
    for vendor, messenger in MESSENGERS.items():
        assert messenger.sent(back) == {guest.address(messenger.reaches): 1 for guest in GUESTS}, vendor
    of_the_day = {key: count for key, count in (await fates(house)).items() if key[0] == DAY}
    expected = [vendor for vendor, messenger in MESSENGERS.items() if not messenger.backed_by]
    assert of_the_day == {(DAY, vendor, Status.EXPIRED): len(GUESTS) for vendor in expected}
    told = {(vendor, stage): 1 for vendor in MESSENGERS for stage in ("down", "recovered")}
    assert await stages(house) == told
    assert sorted(house.told().values()) == [1] * len(told), "the owner hears each once"
    assert not leaks(house.spoken())
    assert telegram.TOKEN not in house.spoken()


async def stages(house: Rehearsal) -> Counter[tuple[str | None, str]]:
    """Connection and stage of what somebody was told."""
    return Counter((alert.connection, alert.stage) for alert in await house.alerts())


async def fates(house: Rehearsal) -> Counter[tuple[str, str, Status]]:
    """Kind of flow, its vendor, and what became of its deliveries."""
    deliveries = (await house.journal()).deliveries
    flows = [(*delivery.flow.partition("-"), delivery.status) for delivery in deliveries]
    return Counter((kind, vendor, status) for kind, _, vendor, status in flows if vendor)


async def tries(house: Rehearsal) -> Counter[str]:
    """By connection."""
    found: Counter[str] = Counter()
    for delivery in (await house.journal()).deliveries:
        found[delivery.connection] += delivery.attempt_count
    return found
