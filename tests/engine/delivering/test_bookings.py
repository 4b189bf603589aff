"""From a request to a visit and a message: once, whatever dies on the way, and told where the answer came late."""

from __future__ import annotations

from typing import Any

import pytest

from dying import Killed, dies_at
from fake_calendar import DAY, FakeCalendar
from fake_crm import FakeCrm
from fakes import House
from svyazka.engine.asking.bookings import booking_of
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.support.failpoints import POINTS
from svyazka.model.contacts import Contact
from svyazka.model.errors import NotSent
from svyazka.model.events import EventType, Fact
from svyazka.model.records import RecordKind
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, FlowSpec

HOUR = 3600.0
TEXTS = {
    "text": "{name}: {date} {time}", "not_booked": "не вышло {time}", "moved": "теперь {time}", "cancelled": "отменено",
    "not_done": "позвоните",
}  # fmt: skip


class Salon:
    """A house with a calendar, and somebody who asks for visits."""

    def __init__(self) -> None:
        self.house, self.calendar, self.requests = House(), FakeCalendar(), 0
        self.house.manifests["salon"] = self.calendar.manifest
        flow = FlowSpec(id="booking", flow="booking", sources=("till",), via=("salon", "sms"), settings=TEXTS)
        made = {**self.house.tenant.connections, "salon": ConnectionSpec(vendor="salon")}
        self.house.tenant = self.house.tenant.model_copy(update={"connections": made, "flows": (flow,)})

    async def ask(self, type_: EventType = EventType.BOOKING_REQUESTED, booking: str = "", **data: Any) -> str:
        """A request, journaled; its event's id. `booking`: the subject that it shares with an earlier one."""
        self.requests += 1
        subject = booking or f"booking:{self.requests}"
        given = {"service": "331", "staff": "16", "starts_at": f"{DAY}T12:00", **data}
        fact = Fact(
            type=type_, key=(str(self.requests),), subject=subject, data=given,
            contact=Contact(name="Анна", phone="+79991234567"),
        )  # fmt: skip
        compiled = CompiledConnection(tenant="kofe", connection="till", vendor="till", wants=(type_.value,))
        create, tasks = found_event(self.house.hub, compiled, fact, self.house.clock.now(), "webhook")
        await self.house.store.commit([create], tasks)
        return create.document.id

    @property
    def told(self) -> list[str]:
        return [text for _, text in self.house.sms.sent]

    async def state(self, event: str) -> tuple[Any, ...]:
        found = await booking_of(self.house.hub, "kofe", event)
        assert found is not None
        clock = f"{found.starts_at.clock:%H:%M}" if found.starts_at else None
        return found.state, found.visit, clock, found.code


@pytest.fixture
async def salon() -> Salon:
    found = Salon()
    await found.house.settle_in()
    return found


async def test_a_booking_is_made_told_moved_and_cancelled(salon: Salon) -> None:
    event = await salon.ask()
    assert await salon.state(event) == ("accepted", None, None, None)
    await salon.house.run()
    assert await salon.state(event) == ("booked", "1", "12:00", None)
    same = {"booking": "booking:1", "visit": "1"}
    await salon.ask(EventType.BOOKING_MOVE_REQUESTED, starts_at=f"{DAY}T13:00", **same)
    await salon.house.run()
    assert await salon.state(event) == ("booked", "1", "13:00", None)
    await salon.ask(EventType.BOOKING_CANCEL_REQUESTED, **same)
    await salon.house.run()
    assert await salon.state(event) == ("cancelled", "1", "13:00", None)
    assert salon.calendar.writes == ["book 1", "move 1", "cancel 1"]
    assert salon.told == ["Анна: 05.10.2026 12:00", "теперь 13:00", "отменено"]
    assert await booking_of(salon.house.hub, "another", event) is None


async def test_of_two_for_one_time_one_is_booked_and_the_other_who_has_seen_it_isnt_written_to(salon: Salon) -> None:
    first, second = await salon.ask(), await salon.ask()
    await salon.house.run()
    assert [await salon.state(one) for one in (first, second)] == [
        ("booked", "1", "12:00", None), ("refused", None, "12:00", "taken"),
    ]  # fmt: skip
    await salon.house.pass_time(HOUR)
    assert salon.told == ["Анна: 05.10.2026 12:00"]


async def test_whoever_left_the_page_before_his_request_was_planned_is_written_to_that_the_time_is_gone(
    salon: Salon,
) -> None:
    """The worker was away for a minute: what it is refused then, and at once, nobody sees on the page any more."""
    await salon.ask()
    await salon.house.run()
    await salon.ask()
    salon.house.clock.step(60)
    await salon.house.pass_time(HOUR)
    assert salon.told == ["Анна: 05.10.2026 12:00", "не вышло 12:00"]


def away() -> Exception:
    return NotSent("no connection")


async def test_while_the_calendar_is_down_it_waits_and_is_booked_later_and_told(salon: Salon) -> None:
    salon.calendar.fails = away
    first, second = await salon.ask(), await salon.ask()
    await salon.house.pass_time(2 * HOUR)
    assert (await salon.state(first))[0] == "accepted"
    assert salon.told == []
    salon.calendar.fails = None
    await salon.house.pass_time(2 * HOUR)
    assert {(await salon.state(one))[0] for one in (first, second)} == {"booked", "refused"}
    assert sorted(salon.told) == ["Анна: 05.10.2026 12:00", "не вышло 12:00"]


async def test_what_the_calendar_never_answers_in_time_is_told_too(salon: Salon) -> None:
    salon.calendar.fails = away
    event = await salon.ask()
    await salon.house.pass_time(13 * HOUR)
    assert (await salon.state(event))[0] == "refused"
    assert salon.told == ["не вышло 12:00"]


async def test_what_still_waits_is_called_off_by_its_cancellation(salon: Salon) -> None:
    salon.calendar.fails = away
    event = await salon.ask()
    await salon.house.pass_time(HOUR)
    salon.house.clock.step(1)
    await salon.ask(EventType.BOOKING_CANCEL_REQUESTED, booking="booking:1")
    salon.calendar.fails = None
    await salon.house.pass_time(13 * HOUR)
    assert (await salon.state(event))[0] == "cancelled"
    assert (salon.calendar.writes, salon.told) == ([], [])


async def test_an_answer_that_is_lost_books_nobody_twice(salon: Salon) -> None:
    salon.calendar.cut.extend(["after"])
    event = await salon.ask()
    await salon.house.run()
    assert (await salon.state(event))[0] == "accepted"
    salon.house.clock.step(30)
    await salon.house.run()
    assert ("mark",) not in salon.calendar.asked, "its list may lag"
    await salon.house.pass_time(HOUR)
    assert await salon.state(event) == ("booked", "1", "12:00", None)
    assert salon.calendar.writes == ["book 1"]


@pytest.mark.parametrize(("clock", "told"), [("12:00", "Записан"), ("18:00", "Не записан")])
async def test_its_lead_stands_in_the_crm_though_that_is_down_for_days_and_says_how_it_ended(
    salon: Salon, clock: str, told: str
) -> None:
    crm = FakeCrm()
    salon.house.manifests["crm"] = crm.manifest
    tenant = salon.house.tenant
    flow = tenant.flows[0].model_copy(update={"via": ("salon", "crm", "sms")})
    made = {**tenant.connections, "crm": ConnectionSpec(vendor="crm")}
    salon.house.tenant = tenant.model_copy(update={"connections": made, "flows": (flow,)})
    await salon.house.settle_in()
    crm.down = True
    event = await salon.ask(starts_at=f"{DAY}T{clock}")
    await salon.house.run()
    assert (await salon.state(event))[0] == ("booked" if told == "Записан" else "refused")
    await salon.house.pass_time(62 * HOUR, step=600)
    assert crm.writes == []
    crm.down = False
    await salon.house.pass_time(8 * HOUR)
    assert crm.writes == ["create contact", "create deal", "note", "note"]
    ((on, text, _),) = [note for note in crm.notes if "записан" in note[1].lower() and "Просит" not in note[1]]
    assert text.startswith(told)
    assert on.kind is RecordKind.DEAL


TIMES = {"plan": 1, "claim": 1, "perform": 2, "settle": 2, "sweep": 2}
"""How often a worker passes each place on the way of a booking and of what is told of it."""


@pytest.mark.parametrize(
    ("point", "nth"),
    [(point, nth) for point in POINTS for nth in range(1, TIMES.get(point.split(".")[0], 0) + 1)],
)
async def test_it_is_booked_once_wherever_the_worker_dies(
    salon: Salon, monkeypatch: pytest.MonkeyPatch, point: str, nth: int
) -> None:
    left = dies_at(point, monkeypatch, nth)
    event = await salon.ask()
    for _ in range(2):
        try:
            await salon.house.pass_time(3 * HOUR)
        except Killed:
            salon.house.start()
    assert await salon.state(event) == ("booked", "1", "12:00", None)
    assert salon.calendar.writes == ["book 1"]
    assert len(salon.told) <= 1
    assert left == []
