"""From a request to YCLIENTS' journal and back: the engine, the connector and the stand-in together."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest

from connectors.yclients.house import SalonHouse
from simulators.serve import Running
from svyazka.engine.asking.bookings import Booked, booking_of
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.outages import state
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.events import EventType, Fact
from svyazka.model.questions import AskSlots
from svyazka.model.tenants import CompiledConnection, FlowSpec

DAY = date(2026, 3, 20)
HOUR = 3600.0
WRITING = "/api/v1/book_record/997441"


class Clients:
    """People who ask for visits, and what became of that."""

    def __init__(self, house: SalonHouse) -> None:
        self.house, self.asked = house, 0

    async def ask(self, type_: EventType = EventType.BOOKING_REQUESTED, subject: str = "", **data: Any) -> str:
        self.asked += 1
        given = {"service": "331", "staff": "16", "starts_at": f"{DAY}T12:00", **data}
        fact = Fact(
            type=type_, key=(str(self.asked),), subject=subject or f"booking:{self.asked}", data=given,
            contact=Contact(name="Анна", phone=f"+7999000000{self.asked}"),
        )  # fmt: skip
        compiled = CompiledConnection(tenant="kofe", connection="till", vendor="till", wants=(type_.value,))
        create, tasks = found_event(self.house.hub, compiled, fact, self.house.clock.now(), "webhook")
        await self.house.store.commit([create], tasks)
        return create.document.id

    async def of(self, event: str) -> Booked:
        found = await booking_of(self.house.hub, "kofe", event)
        assert found is not None
        return found

    def booked_there(self) -> list[str]:
        return [effect["kind"] for effect in self.house.vendor.effects]


@pytest.fixture
async def clients(salon: Running, monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setattr(state, "CACHED_FOR", 0.0)
    house = SalonHouse(salon)
    house.vendor.a_second = house.vendor.a_minute = 100_000
    texts = {"text": "{date} {time}", "not_booked": "не вышло"}
    flow = FlowSpec(id="booking", flow="booking", sources=("till",), via=("salon", "sms"), settings=texts)
    house.tenant = house.tenant.model_copy(update={"flows": (flow,)})
    await house.settle_in()
    return Clients(house)


async def test_two_for_one_time_are_told_apart_by_yclients_and_the_winner_cancels(clients: Clients) -> None:
    first, second = await clients.ask(), await clients.ask()
    await clients.house.run()
    assert [(await clients.of(one)).state for one in (first, second)] == ["booked", "refused"]
    assert (await clients.of(second)).code == "taken"
    assert clients.booked_there() == ["booked"]
    visit = (await clients.of(first)).visit
    await clients.ask(EventType.BOOKING_CANCEL_REQUESTED, subject="booking:1", visit=visit)
    await clients.house.run()
    assert (await clients.of(first)).state == "cancelled"
    assert clients.booked_there() == ["booked", "cancelled"]
    kept = [document for document in clients.house.store.documents.values() if document.kind == "tokens"]
    (secret,) = clients.house.vendor.front.hashes.values()
    everything = str([dataclasses.asdict(each) for each in clients.house.store.documents.values()])
    assert kept
    assert secret not in everything, "sealed where it is kept, and in no story"


@pytest.mark.parametrize(("fault", "looks"), [("cut_after", 1), ("cut_before", 1)])
async def test_an_answer_that_was_cut_is_asked_for_by_our_mark_and_nobody_is_booked_twice(
    clients: Clients, fault: str, looks: int
) -> None:
    clients.house.salon.fault("yclients", kind=fault, path=WRITING)
    event = await clients.ask(staff=None)
    await clients.house.run()
    assert (await clients.of(event)).state == "accepted"
    await clients.house.pass_time(HOUR)
    assert (await clients.of(event)).state == "booked"
    assert clients.booked_there() == ["booked"]
    asked = [one for one in clients.house.vendor.calls if one["path"] == "/api/v1/records/997441"]
    assert len(asked) == looks
    assert [text for _, text in clients.house.sms.sent] == ["20.03.2026 12:00"]


async def test_without_the_users_token_a_lost_answer_is_a_persons_to_judge(clients: Clients) -> None:
    house = clients.house
    salon = house.tenant.connections["salon"]
    spec = salon.model_copy(update={"settings": {**salon.settings, "user_token": None}})
    house.tenant = house.tenant.model_copy(update={"connections": {**house.tenant.connections, "salon": spec}})
    await house.settle_in()
    house.salon.fault("yclients", kind="cut_after", path=WRITING)
    event = await clients.ask()
    await house.pass_time(HOUR)
    assert (await clients.of(event)).state == "unknown"
    (delivery,) = [one for one in house.deliveries() if one.status is Status.UNKNOWN]
    assert delivery.last_error is not None
    assert delivery.last_error.code == "cannot_ask"
    assert clients.booked_there() == ["booked"]


async def test_a_salon_whose_licence_ended_books_whoever_waited_once_it_is_paid(clients: Clients) -> None:
    clients.house.vendor.licence_paid = False
    event = await clients.ask()
    await clients.house.pass_time(HOUR)
    assert ((await clients.of(event)).state, clients.booked_there()) == ("accepted", [])
    clients.house.vendor.licence_paid = True
    await clients.house.pass_time(3 * HOUR)
    assert (await clients.of(event)).state == "booked"


async def test_who_looks_at_times_sees_them_go_at_once(clients: Clients) -> None:
    account = await clients.house.hub.directory.account("kofe", "salon")
    assert account is not None
    question = AskSlots(service="331", staff="16", day=DAY)
    asker = clients.house.worker.asker
    before = await asker.ask(account, question)
    await clients.ask()
    await clients.house.run()
    after = await asker.ask(account, question)
    assert len(before.value) - len(after.value) == 3, "11:30, 12:00, 12:30: an hour from each would overlap"
