"""Whose visits a bot shows: those that were booked from the very chat, as their calendar has them now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fake_calendar import FakeCalendar
from fakes import House
from svyazka.engine.asking.booked_here import visits_booked_by
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.bookings import Visit, VisitStatus, WallTime
from svyazka.model.commands import BookVisit, Command, Guards, Repeat, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import NotSent
from svyazka.model.tenants import ConnectionSpec

HERS, HIS = Contact(name="Анна", chats={"telegram": "77"}), Contact(name="Пётр", chats={"telegram": "78"})


class Salon(House):
    """A calendar, and what was done in it."""

    def __init__(self) -> None:
        super().__init__()
        self.calendar = FakeCalendar()
        self.manifests["salon"] = self.calendar.manifest
        connections = {**self.tenant.connections, "salon": ConnectionSpec(vendor="salon")}
        self.tenant = self.tenant.model_copy(update={"connections": connections})

    async def booked(
        self, visit: str, person: Contact = HERS, days: int = 3, status: Status = Status.SUCCEEDED,
        now: VisitStatus | None = VisitStatus.BOOKED,
    ) -> None:  # fmt: skip
        """A visit was booked, and stands in the calendar so."""
        at = WallTime.at(self.clock.now() + timedelta(days=days), "Europe/Moscow")
        await self.did(visit, BookVisit(services=("331",), starts_at=at, person=person), person, status)
        if now is not None:
            self.calendar.visits[visit] = Visit(id=visit, status=now, starts_at=at)

    async def did(self, visit: str, command: Command, person: Contact, status: Status = Status.SUCCEEDED) -> None:
        people = tuple(self.keyring.person("kofe", f"telegram:{chat}") for chat in person.chats.values())
        delivery = Delivery(
            id=f"dlv_{visit}_{command.kind}", tenant="kofe", connection="salon", vendor="salon", flow="bot", step="s",
            event="evt_1", subject="s", command=command, status=status, external_id=visit, people=people,
            created_at=self.clock.now(), base_at=self.clock.now(), repeat=Repeat.CHECKABLE, guards=Guards(),
        )  # fmt: skip
        await self.store.commit([Put(journal.document(delivery))])

    async def shown(self, person: Contact = HERS) -> list[str] | None:
        account = await self.hub.directory.account("kofe", "salon")
        assert account is not None
        found = await visits_booked_by(self.hub, self.worker.asker, account, person, "bot")
        return None if found is None else [one.id for one in found]


@pytest.fixture
async def salon() -> Salon:
    made = Salon()
    await made.settle_in()
    return made


async def test_a_chats_own_visits_to_come_are_shown_the_next_first(salon: Salon) -> None:
    await salon.booked("2", days=5)
    await salon.booked("1", days=2)
    await salon.booked("3", HIS)
    await salon.booked("4", now=VisitStatus.CANCELLED)
    await salon.booked("5", days=-1)
    await salon.booked("6", status=Status.FAILED)
    await salon.booked("7", now=None)
    await salon.did("8", SendMessage(to=HERS, text="Вы записаны"), HERS)
    assert await salon.shown() == ["1", "2"]
    assert await salon.shown(HIS) == ["3"]
    assert await salon.shown(Contact(phone="+79991234567")) == []


async def test_who_only_bears_the_same_phone_is_shown_nothing(salon: Salon) -> None:
    await salon.booked("1", HERS.model_copy(update={"phone": "+79991234567"}))
    assert await salon.shown(HIS.model_copy(update={"phone": "+79991234567"})) == []


async def test_a_visit_that_was_moved_is_shown_at_its_new_time(salon: Salon) -> None:
    await salon.booked("1", days=-1)
    later = WallTime.at(salon.clock.now() + timedelta(days=9), "Europe/Moscow")
    salon.calendar.visits["1"] = salon.calendar.visits["1"].model_copy(update={"starts_at": later})
    assert await salon.shown() == ["1"]


async def test_a_calendar_that_is_silent_is_no_empty_list(salon: Salon) -> None:
    await salon.booked("1")
    salon.calendar.fails = lambda: NotSent("away")
    assert await salon.shown() is None
