"""What was done in a week or a month is told by the business's own channel: once, by day, if there is any."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dying import Killed, dies_once
from fakes import House, order
from svyazka.engine.telling.digests import Period, tell_digests, waking_hour
from svyazka.model.deliveries import Status
from svyazka.model.outcomes import Refused
from svyazka.model.tenants import Addressee, AlertSettings

MOSCOW = ZoneInfo("Europe/Moscow")
MONDAY = datetime(2026, 3, 16, 0, 17, tzinfo=UTC)  # 03:17 in Moscow
BOSS = Addressee(connection="mail", email="boss@example.org")
POINTS = ("digest.before_commit", "digest.after_commit")


async def house_of(orders: int = 3, **alerts: Any) -> House:
    """One message was refused, the others were sent, on a Saturday."""
    house = House()
    house.tenant = house.tenant.model_copy(update={"alerts": AlertSettings(to=(BOSS,), **alerts)})
    await house.settle_in()
    if orders:
        house.sms.script.append(Refused(code="202", message="bad number"))
    for number in range(orders):
        await house.post(order(number + 1, phone=f"+7999123450{number}"))
    await house.run()
    house.mail.sent.clear()
    return house


async def at(house: House, moment: datetime) -> list[str]:
    """What has been told by then."""
    house.clock.step((moment - house.clock.now()).total_seconds())
    await house.worker.handle("/retain", {})
    await house.run()
    return [text for _, text in house.mail.sent]


async def test_a_week_is_told_once_and_not_at_night() -> None:
    house = await house_of(digest="weekly")
    assert await at(house, MONDAY) == []
    await house.pass_time(7 * 3600)
    said = ["Кофейня, 09.03–15.03: сделано 2, не получилось 1, перебоев 0."]
    assert [text for _, text in house.mail.sent] == said
    for days in (0.5, 1, 4):
        assert await at(house, MONDAY + timedelta(days=days)) == said
    assert await at(house, MONDAY + timedelta(days=7, hours=8)) == said  # nothing was done in the week after


@pytest.mark.parametrize(
    ("settings", "orders"), [({}, 3), ({"digest": None}, 3), ({"digest": False}, 3), ({"digest": "weekly"}, 0)]
)  # fmt: skip
async def test_nothing_is_told_where_it_is_off_or_nothing_was_done(settings: dict[str, Any], orders: int) -> None:
    house = await house_of(orders, **settings)
    assert await at(house, MONDAY + timedelta(hours=8)) == []
    assert not [one for one in house.alerts() if one.kind == "digest"]


async def test_a_month_is_told_on_its_first_days_and_what_the_engine_told_is_no_work() -> None:
    house = await house_of(digest="monthly")
    assert await at(house, MONDAY + timedelta(hours=8)) == []
    (said,) = await at(house, datetime(2026, 4, 1, 8, 0, tzinfo=UTC))
    assert said.startswith("Кофейня, 01.03–31.03: сделано 2, не получилось 1")
    assert len(await at(house, datetime(2026, 5, 1, 8, 0, tzinfo=UTC))) == 1  # but the digest itself nothing was done


async def test_who_turns_it_on_late_or_was_away_waits_for_the_next() -> None:
    house = await house_of(digest="weekly")
    assert await at(house, MONDAY + timedelta(days=3, hours=9)) == []


@pytest.mark.parametrize("point", POINTS)
async def test_whoever_dies_on_the_way_has_told_it_once(point: str) -> None:
    house = await house_of(digest="weekly")
    with dies_once(point), pytest.raises(Killed):
        await at(house, MONDAY + timedelta(hours=8))
    house.start()
    for hours in (8.1, 9, 30):
        await at(house, MONDAY + timedelta(hours=hours))
    await house.pass_time(3600)
    assert len(house.mail.sent) == 1
    assert [one.kind for one in house.alerts() if one.kind == "digest"] == ["digest"]


async def test_two_workers_at_once_tell_it_once() -> None:
    house = await house_of(digest="weekly")
    house.clock.step((MONDAY + timedelta(hours=8) - house.clock.now()).total_seconds())
    assert sum(await asyncio.gather(*(tell_digests(house.hub) for _ in range(8)))) == 1
    await house.run()
    assert len(house.mail.sent) == 1


async def test_a_channel_that_is_down_does_not_lose_it() -> None:
    house = await house_of(digest="weekly")
    house.mail.script.append(Refused(code="550", message="no such box"))
    await at(house, MONDAY + timedelta(hours=8))
    assert [one.status for one in house.deliveries() if one.flow == "alerts"][-1] is Status.FAILED  # and it is seen


@pytest.mark.parametrize(
    ("how", "now", "name", "begin", "end"),
    [("weekly", "2026-03-16T00:00", "2026-W11", "03-09", "03-16"),
     ("weekly", "2026-03-15T23:59", "2026-W10", "03-02", "03-09"),
     ("monthly", "2026-04-01T00:00", "2026-03", "03-01", "04-01"),
     ("monthly", "2026-03-31T23:59", "2026-02", "02-01", "03-01")],
)  # fmt: skip
def test_a_period_is_whole_by_the_businesss_own_clock(how: str, now: str, name: str, begin: str, end: str) -> None:
    found = Period.last(how, datetime.fromisoformat(now).replace(tzinfo=MOSCOW).astimezone(UTC), MOSCOW)
    assert (found.name, f"{found.begin:%m-%d}", f"{found.end:%m-%d}") == (name, begin, end)


def test_a_clock_that_was_turned_moves_no_border() -> None:
    berlin = ZoneInfo("Europe/Berlin")  # summer time began on the 29th
    found = Period.last("weekly", datetime(2026, 3, 30, 5, tzinfo=UTC), berlin)
    assert found.end.astimezone(UTC) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert found.begin.astimezone(UTC) == datetime(2026, 3, 22, 23, tzinfo=UTC)


@pytest.mark.parametrize(("hour", "told"), [(3, 10), (10, 10), (19, 19), (20, 34), (23, 34)])
def test_nobody_is_woken(hour: int, told: int) -> None:
    day = datetime(2026, 3, 16, tzinfo=MOSCOW)
    assert waking_hour(day + timedelta(hours=hour), MOSCOW) == day + timedelta(hours=told)
