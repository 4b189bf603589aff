"""What people who wait are answered, and what that costs a vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from fake_calendar import DAY, FakeCalendar
from fakes import House
from svyazka.engine.asking.answers import MOST, Answers
from svyazka.engine.asking.asker import CALLS_A_MINUTE, Asker
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.tenants.directory import Account
from svyazka.model.bookings import Slot, Visit, VisitStatus, WallTime
from svyazka.model.errors import ConfigError, MaybeSent, NotAnswered, NotSent
from svyazka.model.outcomes import Blocked, Refused, Retry
from svyazka.model.questions import QUESTION, Answer, AskDays, AskNearest, AskServices, AskSlots, AskVisit
from svyazka.model.tenants import ConnectionSpec

NOON = WallTime.read("2026-10-06T12:00", "Europe/Moscow")
SLOTS = AskSlots(service="331", staff="16", day=DAY)


class Salon:
    """A house with one calendar."""

    def __init__(self, house: House) -> None:
        self.house, self.calendar = house, FakeCalendar()
        house.manifests["salon"] = self.calendar.manifest
        self.seconds = 0.0
        self.asker = Asker(house.hub, house.worker.outages, now=lambda: self.seconds)

    async def account(self, name: str = "salon") -> Account:
        found = await self.house.hub.directory.account(self.house.tenant.id, name)
        assert found is not None
        return found

    async def ask(self, question: Any = SLOTS, by: str = "site") -> list[str]:
        """The answer's clocks, `stale` before them where it is."""
        answer = await self.asker.ask(await self.account(), question, by)
        shown = [f"{one.starts_at.clock:%H:%M}" if isinstance(one, Slot) else str(one) for one in answer.value]
        return ["stale", *shown] if answer.stale else shown

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.house.clock.step(seconds)


@pytest.fixture
async def salon() -> Salon:
    house = House()
    made = {name: ConnectionSpec(vendor=name) for name in ("salon", "sms")}
    house.tenant = house.tenant.model_copy(update={"connections": {**house.tenant.connections, **made}})
    await house.settle_in()
    return Salon(house)


def down() -> Exception:
    return VendorFailure(Retry(code="503", message="away"))


async def test_one_answer_serves_all_who_ask_for_half_a_minute(salon: Salon) -> None:
    assert await salon.ask() == ["12:00", "13:00"]
    salon.calendar.times[DAY] = ["13:00"]
    salon.pass_time(29)
    assert await salon.ask(by="another site") == ["12:00", "13:00"]
    salon.pass_time(2)
    assert await salon.ask() == ["13:00"]
    assert len(salon.calendar.asked) == 2


async def test_however_many_ask_at_once_the_vendor_is_asked_once(salon: Salon) -> None:
    salon.calendar.gate = asyncio.Event()
    asking = [asyncio.create_task(salon.ask()) for _ in range(50)]
    for _ in range(200):
        await asyncio.sleep(0)
    asking[0].cancel()  # who asked first goes away
    salon.calendar.gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert answers[1:] == [["12:00", "13:00"]] * 49
    assert len(salon.calendar.asked) == 1


async def test_a_site_has_a_share_by_the_minute_and_gets_old_answers_beyond_it(salon: Salon) -> None:
    await salon.ask()
    for number in range(CALLS_A_MINUTE - 1):
        await salon.ask(AskSlots(service=str(number), day=DAY))
    salon.pass_time(31)
    salon.calendar.times[DAY] = []
    assert await salon.ask() == ["stale", "12:00", "13:00"]
    with pytest.raises(NotAnswered) as caught:
        await salon.ask(AskSlots(service="new", day=DAY))
    assert (caught.value.code, caught.value.retry_after) == ("busy", 29)
    assert len(salon.calendar.asked) == CALLS_A_MINUTE
    assert await salon.ask(AskSlots(service="new", day=DAY), by="another") == []
    salon.pass_time(30)
    assert await salon.ask() == []


@pytest.mark.parametrize("kind", ["down", "blocked"])
async def test_a_vendor_in_an_outage_isnt_asked_and_old_answers_are_said_to_be_old(salon: Salon, kind: str) -> None:
    await salon.ask()
    await salon.house.worker.outages.open(await salon.account(), kind, "503", "away", remedy="Заплатите")
    salon.pass_time(31)
    assert await salon.ask() == ["stale", "12:00", "13:00"]
    with pytest.raises(NotAnswered) as caught:
        await salon.ask(AskServices())
    assert caught.value.code == kind
    salon.pass_time(3600)
    with pytest.raises(NotAnswered):
        await salon.ask()
    assert len(salon.calendar.asked) == 1


@pytest.mark.parametrize(
    ("fails", "code"),
    [
        (down, "down"),
        (lambda: NotSent("no connection"), "down"),
        (lambda: MaybeSent("timeout"), "slow"),
        (lambda: TimeoutError(), "slow"),
        (lambda: VendorFailure(Blocked(code="401", message="no key", remedy="Возьмите ключ")), "blocked"),
        (lambda: ZeroDivisionError(), "down"),
    ],
)
async def test_who_waits_is_told_why_there_is_no_answer_or_gets_the_last(
    salon: Salon, fails: Callable[[], Exception], code: str
) -> None:
    salon.calendar.fails = fails
    with pytest.raises(NotAnswered) as caught:
        await salon.ask()
    assert caught.value.code == code
    salon.calendar.fails = None
    await salon.house.worker.outages.close(salon.house.tenant, "salon")
    await salon.ask()
    salon.pass_time(31)
    salon.calendar.fails = fails
    assert await salon.ask() == ["stale", "12:00", "13:00"]


async def test_reads_teach_of_an_outage_and_slowness_doesnt(salon: Salon) -> None:
    outages, tenant = salon.house.worker.outages, salon.house.tenant.id
    for fails, is_open in ((lambda: MaybeSent("timeout"), False), (down, True)):
        salon.calendar.fails = fails
        for number in range(6):
            with pytest.raises(NotAnswered):
                await salon.ask(AskSlots(service=str(number), day=DAY))
        assert (await outages.of(tenant, "salon", fresh=True) is not None) is is_open


async def test_what_the_vendor_refuses_to_tell_is_no_trouble_of_the_connections(salon: Salon) -> None:
    await salon.ask()
    salon.pass_time(31)
    salon.calendar.fails = lambda: VendorFailure(Refused(code="no_service", message="gone"))
    with pytest.raises(NotAnswered) as caught:
        await salon.ask()
    assert (caught.value.code, caught.value.why) == ("refused", "no_service")


async def test_a_visit_is_always_read_and_free_times_after_a_change_too(salon: Salon) -> None:
    account = await salon.account()
    salon.calendar.visits["7"] = Visit(id="7", status=VisitStatus.BOOKED, starts_at=NOON)
    for _ in range(2):
        await salon.ask(AskVisit(visit="7"))
        await salon.ask(AskServices())
        await salon.ask()
        Answers.of(salon.house.hub, account).times_changed()
    asked = [what[0] for what in salon.calendar.asked if isinstance(what, tuple)]
    assert (asked.count("visit"), asked.count("services"), asked.count("slots")) == (2, 1, 2)


async def test_the_next_free_times_go_over_to_the_days_after(salon: Salon) -> None:
    salon.calendar.times |= {DAY + timedelta(days=days): ["10:00", "11:00"] for days in (3, 5, 40)}
    after = AskNearest(service="331", staff="16", after="2026-10-05T12:00:00+03:00")
    assert await salon.ask(after) == ["13:00", "10:00", "11:00"]
    assert len(salon.calendar.asked) == 3
    assert await salon.ask(after.model_copy(update={"count": 1})) == ["13:00"]
    salon.calendar.fails = down
    assert await salon.ask(after.model_copy(update={"count": 10})) == ["13:00", "10:00", "11:00"]


async def test_strangers_cant_make_us_remember_without_end(salon: Salon) -> None:
    account = await salon.account()
    for number in range(MOST + 50):
        await salon.ask(AskSlots(service=str(number), day=DAY), by=str(number))
    known = Answers.of(salon.house.hub, account)
    assert known.get(AskSlots(service="0", day=DAY)) is None
    assert known.get(AskSlots(service=str(MOST + 49), day=DAY)) is not None


async def test_a_connection_without_a_calendar_is_a_mistake_of_settings(salon: Salon) -> None:
    with pytest.raises(ConfigError, match="no calendar"):
        await salon.asker.ask(await salon.account("sms"), SLOTS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "balance"}, {"kind": "slots", "service": "x" * 65, "day": "2026-10-05"},
        {"kind": "days", "service": "1", "first": "2026-10-05", "last": "2027-10-05"},
        {"kind": "days", "service": "1", "first": "2026-10-05", "last": "2026-10-04"},
        {"kind": "nearest", "service": "1", "after": "soon"}, {"kind": "visit"}, [], "slots",
    ],
)  # fmt: skip
def test_a_question_is_bounded(wrong: object) -> None:
    with pytest.raises(ValueError, match="validation error"):
        QUESTION.validate_python(wrong)


def test_an_answer_is_told_with_times_that_can_be_asked_back() -> None:
    question = QUESTION.validate_json('{"kind":"days","service":"331","first":"2026-10-05","last":"2026-10-06"}')
    assert question == AskDays(service="331", first=DAY, last=DAY + timedelta(days=1))
    slot = Slot(starts_at=WallTime.read("2026-10-05T12:00", "Asia/Omsk"), staff="16", minutes=60)
    told = Answer(value=(slot, DAY), as_of=datetime.fromisoformat("2026-10-01T00:00Z")).told()
    assert told == {
        "value": [
            {"starts_at": "2026-10-05T12:00:00+06:00", "staff": "16", "minutes": 60, "zone": "Asia/Omsk"}, "2026-10-05",
        ],
        "as_of": "2026-10-01T00:00:00+00:00",
        "stale": False,
    }  # fmt: skip
