"""Pictures: the numbers behind them, and that each has its table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.visitor import Visitor
from fakes import House, order
from svyazka.console import charting
from svyazka.console.charting import HEIGHT, WIDTH, Done
from svyazka.console.pictures import lasts
from svyazka.model.outcomes import Refused

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")


def done(ago: float = 0, status: str = "succeeded", took: float = 2, **other: Any) -> Done:
    """A delivery of so many hours ago."""
    made = NOW - timedelta(hours=ago)
    settled = made + timedelta(seconds=took) if status == "succeeded" else None
    usual = {"tenant": "kofe", "connection": "sms", "flow": "review_request", "event": f"evt_{ago}",
             "command": {"kind": "SendMessage"}}  # fmt: skip
    return Done.model_validate(
        {**usual, "status": status, "created_at": made, "base_at": made, "settled_at": settled, **other}
    )


def test_an_hour_holds_what_was_made_in_it_and_a_day_what_its_own_zone_calls_so() -> None:
    sample = [done(0), done(0.4), done(1.2, "dead"), done(23), done(30), done(2, receipt="undelivered")]
    hours = charting.by_hour(sample, NOW, MOSCOW)
    assert (hours.moments[-1].hour, len(hours.moments)) == (15, 24)
    assert [hours.total(name) for name in charting.OUTCOMES] == [3, 0, 2, 0]
    assert hours.series["good"][-1] == 2
    # 16 hours ago it was 23:30 in Moscow: yesterday.
    cost = charting.cost_by_day(
        [done(16, cost=1.5), done(1, cost=2.0), done(1, cost=4, connection="mail")], NOW, MOSCOW
    )
    assert list(cost.series) == ["mail", "sms"]
    assert cost.series["sms"][-2:] == [1.5, 2.0]


@pytest.mark.parametrize("values", [[0.0], [1], [3, 7, 0], [19.5, 1000]])
def test_no_bar_leaves_its_picture(values: list[float]) -> None:
    chart = charting.stacked([NOW] * len(values), {"good": values, "bad": values})
    assert chart.top >= 2 * max(values)
    for part in chart.parts:
        assert 0 <= part.x <= part.x + part.width <= WIDTH
        assert part.y >= 0
        assert part.y + part.height <= HEIGHT + 0.1
    assert chart.is_empty is not any(values)
    assert len(list(chart.rows())) == sum(bool(value) for value in values)


def test_half_are_quicker_and_nineteen_of_twenty() -> None:
    (pace,) = charting.paces([done(0, took=took) for took in range(1, 101)])
    assert (pace.count, pace.half, pace.most) == (100, 50, 95)
    assert pace.half_width < pace.most_width == WIDTH
    assert lasts(lambda text, **values: text.format(**values), pace.most) == "2 min"


@pytest.mark.parametrize(
    ("shares", "low"), [([100], 99), ([99.5, 100], 99), ([97, 99], 95), ([40, 100], 0), ([0, 100], 0), ([], 99)]
)  # fmt: skip
def test_what_agrees_by_night_stays_in_its_picture(shares: list[float], low: float) -> None:
    nights = [(NOW + timedelta(days=at), 1000, round(10 * share)) for at, share in enumerate(shares)]
    found = charting.agreements([*nights, (NOW, 0, 0)], MOSCOW)
    assert (found.low, [part.value for part in found.parts]) == (low, shares)
    assert all(part.height >= 1 and part.y >= 0 and part.y + part.height <= HEIGHT + 0.1 for part in found.parts)
    assert [one.hour for one, _fields, _same in found.nights] == [0] * len(shares)


def test_sides_of_one_night_are_one_bar() -> None:
    found = charting.agreements([(NOW, 100, 100), (NOW + timedelta(hours=2), 300, 100)], MOSCOW)
    assert [(fields, same) for _day, fields, same in found.nights] == [(400, 200)]


def test_the_funnel_never_widens() -> None:
    sample = [done(1, receipt="read"), done(2, receipt="delivered"), done(3, receipt="sent"), done(4, "dead"),
              done(5, command={"kind": "PutRecord"})]  # fmt: skip
    assert [one.count for one in charting.funnel(sample)] == [4, 4, 3, 2, 1]


async def test_the_page_shows_them_with_their_tables_and_of_ones_own_business_alone(
    house: House, visitor: Visitor
) -> None:
    assert "Ничего делать не пришлось" in await visitor.page("/pictures")
    house.sms.script.append(Refused(code="202", message="bad number"))
    for number in range(3):
        await house.post(order(number + 1, phone=f"+7999123456{number}"))
    await house.run()
    fresh = await Visitor(house).come_in()
    page = await fresh.page("/pictures?tenant=kofe")
    assert page.count("<svg") == 2 + 5 + 1
    assert page.count("<table") == 4
    assert 'class="bad"></span>не сделано: посмотрите: 1' in page
    assert "Петров" not in page
    stranger = await Visitor(house).come_in(tenant="kofe")
    await stranger.page("/pictures?tenant=bar", 404)
