"""Every vendor is away for three days: what is still of use comes after, what isn't expires, people are told, and every
lead that came meanwhile stands in the CRM once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.leaks import leaks
from chaos.rehearsal import ASKED, DAY, LEADS, MONTH, CrmRehearsal, QuickRehearsal, Rehearsal, SteppedRehearsal
from chaos.scenario import call_until_answered
from chaos.takers import STEPS
from simulators import telegram
from simulators.serve import Running
from svyazka.model.commands import AddNote, PutRecord
from svyazka.model.deliveries import Delivery, Status
from vendors import LEAD_TAKERS, MESSENGERS
from vendors.http import told_by
from vendors.parts.base import Guest, Webhook

GUESTS = [Guest(number) for number in range(4)]
PROBES = 120
"""Of one vendor in three days, after the first tries with everybody: one at a time, hourly at the end."""


@pytest.fixture(params=[QuickRehearsal, CrmRehearsal, SteppedRehearsal], ids=["local", "local-crms", "google"])
def house(request: pytest.FixtureRequest, tmp_path: Path, vendors: Callable[..., Running]) -> Iterator[Rehearsal]:
    """No vendor is there but the one through which the owner is told."""
    cloud = [request.getfixturevalue("stepped_cloud")] if request.param is SteppedRehearsal else []
    made: Rehearsal = request.param(tmp_path, vendors(MESSENGERS["telegram"]), *cloud)
    yield made
    made.stop()


async def test_three_days_away(house: Rehearsal) -> None:
    await house.begin()
    await call_until_answered(house, GUESTS)
    for event, time in zip(ASKED, house.lasts, strict=True):
        await call_until_answered(house, GUESTS, tells=tells(event))
        await house.pass_time(time)
    begun = {(vendor, "down"): 1 for vendor in house.parties}

    async def told_of() -> bool:
        return await stages(house) == begun

    await house.live_until(told_of, "each trouble is told of, once")
    tried = await tries(house)
    assert all(tried[vendor] <= 6 * len(GUESTS) + PROBES for vendor in house.parties), tried

    leads = len(ASKED) * len(GUESTS)

    async def over() -> bool:
        states = await fates(house)
        delivered = all(states[MONTH, vendor, Status.SUCCEEDED] == len(GUESTS) for vendor in house.messengers)
        kept = all(states[LEADS, vendor, Status.SUCCEEDED] == len(STEPS) * leads for vendor in house.takers)
        return delivered and kept and len(await stages(house)) == 2 * len(house.parties)

    with house.vendors_back(GUESTS) as back:
        await house.live_until(over, "what is still of use is delivered")
        house.stop()  # before the vendors go again
    for vendor, messenger in house.messengers.items():
        assert messenger.sent(back) == {guest.address(messenger.reaches): 1 for guest in GUESTS}, vendor
    for vendor in house.takers:
        written = {what: count for what, count in LEAD_TAKERS[vendor].done(back).items() if not what.startswith("link")}
        once = {"create contact": len(GUESTS), "create deal": leads, "note deal": leads}
        assert written == once, vendor
    await in_order(house)
    of_the_day = {key: count for key, count in (await fates(house)).items() if key[0] == DAY}
    expected = [vendor for vendor, messenger in house.messengers.items() if not messenger.backed_by]
    assert of_the_day == {(DAY, vendor, Status.EXPIRED): len(GUESTS) for vendor in expected}
    told = {(vendor, stage): 1 for vendor in house.parties for stage in ("down", "recovered")}
    assert await stages(house) == told
    assert sorted(house.told().values()) == [1] * len(await house.alerts()), "the owner hears each once"
    assert not leaks(house.spoken())
    assert telegram.TOKEN not in house.spoken()


def tells(event: str) -> Callable[[Running, Guest], Webhook]:
    """This of each guest."""
    return lambda running, guest: told_by(event, guest)


async def stages(house: Rehearsal) -> Counter[tuple[str | None, str]]:
    """Connection and stage of what somebody was told. Which of a CRM's looks and its leads fails for hours first is a
    matter of the clock's speed; it is the same trouble, and told of as one."""
    alike = {"failing": "down"}
    troubles = [alert for alert in await house.alerts() if alert.kind in ("outage", "poll")]
    return Counter((alert.connection, alike.get(alert.stage, alert.stage)) for alert in troubles)


async def in_order(house: Rehearsal) -> None:
    """Of each person's leads, what came first was carried out first."""
    settled: dict[tuple[str, str, str | None], list[Delivery]] = {}
    for delivery in (await house.journal()).deliveries:
        if delivery.connection in house.takers:
            assert isinstance(delivery.command, PutRecord | AddNote)
            assert delivery.command.person is not None
            whose = (delivery.connection, delivery.step, delivery.command.person.phone)
            settled.setdefault(whose, []).append(delivery)
    assert len(settled) == len(house.takers) * len(STEPS) * len(GUESTS)
    for of_one in settled.values():
        ends = [one.settled_at for one in sorted(of_one, key=lambda one: one.created_at) if one.settled_at]
        assert len(ends) == len(ASKED)
        assert ends == sorted(ends), of_one


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
