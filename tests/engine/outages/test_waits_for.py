"""An outage is its own connection's, also when another's work hangs on it: a source that is down for a weekend is not
hammered, nothing is lost, and what waited goes on in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from fakes import TILL, House, order
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, Reading
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.commands import Command
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.errors import NotSent
from svyazka.model.events import Entity, EventStatus, EventType, Fact
from svyazka.model.outages import Outage
from svyazka.model.outcomes import Outcome, Retry, Succeeded, WaitsFor
from svyazka.model.tenants import ConnectionSettings

HOUR = 3600.0
WEEKEND = 62 * HOUR
LOOKS = 95
"""What may be asked of a source that is down so long: every quarter of an hour for six hours, then every hour."""

NOT_WELL = WaitsFor(connection="till", code="not_connected", message="till could not be asked")


class Books(Reading[ConnectionSettings], Doctor[ConnectionSettings]):
    """A source as accountants keep it: switched off over the weekend."""

    up = False
    asked = 0

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    def _ask(self) -> None:
        self.asked += 1
        if not self.up:
            raise NotSent("nobody listens there")

    async def read(self, entity: Entity, call: Call[ConnectionSettings]) -> Fact | None:
        self._ask()
        contact = Contact(phone=f"+7999123{int(entity.id):04}")
        return Fact(type=EventType.ORDER_COMPLETED, subject=f"order:{entity.id}", contact=contact)

    async def check(self, call: Call[ConnectionSettings]) -> list[Finding]:
        self._ask()
        return [Finding("access", "ok", "it answers")]


@pytest.fixture
async def house() -> House:
    """What it sends is worth sending after a weekend too."""
    made = House(flow={"expires_after": "30d"})
    await made.settle_in()
    return made


@pytest.fixture
async def books(house: House) -> Books:
    made = Books()
    house.manifests["till"] = replace(TILL, reading=made, doctor=made)
    house.start()
    return made


@pytest.fixture
def unread(house: House, books: Books) -> Books:
    """The same source; its events need nothing of it, and what is done about them does."""
    house.manifests["till"] = replace(TILL, doctor=books)
    house.start()
    return books


def nameless(number: int) -> dict[str, object]:
    return {**order(number), "phone": None}


def outage(house: House, connection: str = "till") -> Outage | None:
    document = house.store.documents.get(("outages", f"kofe.{connection}"))
    return None if document is None else journal.read(Outage, document).model


async def in_trouble(house: House) -> None:
    account = await house.hub.directory.account("kofe", "till")
    assert account is not None
    await house.worker.outages.open(account, "down", "not_connected", "nobody listens there")


def well(house: House, books: Books) -> Callable[[Command, str], Outcome]:
    """A command that has to read its source first, as a record's other side does."""

    def perform(command: Command, key: str) -> Outcome:
        books.asked += 1
        return house.sms.deliver(command, key) if books.up else NOT_WELL  # type: ignore[arg-type]

    return perform


# Learnt from reads


async def test_a_source_that_is_down_for_a_weekend_is_left_alone_and_its_events_wait(
    house: House, books: Books
) -> None:
    for number in range(12):
        await house.post(nameless(number))
        await house.pass_time(600)
    found = outage(house)
    assert found is not None
    assert (found.kind, found.is_open) == ("down", True)
    await house.pass_time(WEEKEND)
    assert books.asked <= LOOKS
    assert {record.status for record in house.events()} == {EventStatus.ACCEPTED}

    books.up = True
    await house.pass_time(2 * HOUR)
    assert {record.status for record in house.events()} == {EventStatus.PLANNED}
    subjects = {delivery.key: delivery.subject for delivery in house.deliveries()}
    assert [subjects[key] for key, _ in house.sms.sent] == [f"order:{number}" for number in range(12)]
    after = outage(house)
    assert after is not None
    assert not after.is_open


async def test_a_source_that_fails_now_and_then_is_not_down(house: House, books: Books) -> None:
    for number in range(12):
        books.up = number % 3 == 0
        await house.post(nameless(number))
        await house.run()
    assert outage(house) is None


# Waiting for another connection


async def test_what_waits_for_another_connection_is_parked_on_it_and_counts_no_failure(
    house: House, unread: Books
) -> None:
    await in_trouble(house)
    house.sms.script.extend([well(house, unread)] * 1000)
    await house.post([order(number) for number in range(7)])
    await house.run()
    waiting = house.deliveries()
    assert {(one.status, one.waits_on, one.failures) for one in waiting} == {(Status.PARKED, "till", 0)}
    assert outage(house, "sms") is None
    tried = unread.asked
    await house.pass_time(WEEKEND)
    assert unread.asked - tried <= LOOKS
    assert {(one.status, one.failures) for one in house.deliveries()} == {(Status.PARKED, 0)}

    unread.up = True
    await house.pass_time(2 * HOUR)
    assert {one.status for one in house.deliveries()} == {Status.SUCCEEDED}
    assert len(house.sms.sent) == 7


async def test_the_connection_that_it_goes_through_serves_the_others_meanwhile(house: House, unread: Books) -> None:
    await in_trouble(house)
    house.sms.script.append(NOT_WELL)
    await house.post(order(1))
    await house.run()
    house.sms.script.append(lambda command, key: Succeeded(external_id="x"))
    await house.post(order(2, phone="+79990000002"))
    await house.run()
    assert sorted(one.status for one in house.deliveries()) == [Status.PARKED, Status.SUCCEEDED]


async def test_while_the_other_one_counts_as_well_it_is_looked_at_in_a_minute(house: House, unread: Books) -> None:
    house.sms.script.extend([NOT_WELL] * 2)
    await house.post(order())
    await house.run()
    (delivery,) = house.deliveries()
    assert (delivery.status, delivery.failures) == (Status.PENDING, 0)
    assert delivery.next_attempt_at == house.clock.now() + timedelta(minutes=1)
    await house.pass_time(180)
    assert house.deliveries()[0].status is Status.SUCCEEDED


async def test_released_by_one_it_waits_for_the_other_that_is_down_too(house: House, unread: Books) -> None:
    """Both sides are in an outage: it is filed under the one that still is."""
    await in_trouble(house)
    house.sms.script.append(NOT_WELL)
    await house.post(order())
    await house.run()
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    await house.worker.outages.open(account, "down", "503", "down")
    await house.worker.outages.close(house.tenant, "till")
    await house.run()
    (delivery,) = house.deliveries()
    assert (delivery.status, delivery.waits_on) == (Status.PARKED, None)
    await house.worker.outages.close(house.tenant, "sms")
    await house.pass_time(120)
    assert house.deliveries()[0].status is Status.SUCCEEDED


async def test_what_the_release_before_parked_says_nothing_and_waits_for_its_own_connection(house: House) -> None:
    house.sms.script.extend([Retry(code="503", message="down")] * 100)
    await house.post([order(number) for number in range(3)])
    await house.pass_time(HOUR)
    parked = [d for d in house.store.documents.values() if d.kind == "deliveries" and d.fields["status"] == "parked"]
    assert {document.fields["waits_on"] for document in parked} == {"sms"}
    for document in parked[:2]:
        await house.store.commit([Put(replace(document, fields={**document.fields, "waits_on": None}))])
    house.sms.script.clear()
    await house.worker.outages.close(house.tenant, "sms")
    await house.pass_time(120)
    assert {one.status for one in house.deliveries()} == {Status.SUCCEEDED}
