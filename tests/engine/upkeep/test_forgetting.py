"""Whoever can be messaged can be forgotten: found however the phone was spelled, and whoever named the person."""

from __future__ import annotations

import json

import pytest

from engine.planning.test_hearsay import Hearing
from fakes import House, order
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery
from svyazka.model.events import EventRecord

PHONE, OTHER = "+79990000108", "+79161112233"


@pytest.fixture
async def house() -> Hearing:
    house = Hearing()
    await house.settle_in()
    return house


def left(house: House) -> str:
    """What the journal holds of people."""
    told = [record.event.model_dump_json() + repr(record.request) for record in house.events()]
    return "".join((*told, *(one.command.model_dump_json() for one in house.deliveries())))


@pytest.mark.parametrize(
    "phone",
    [
        "8\u00a0(999)\u00a0000-01-08", "+7\u2011999\u2011000\u201101\u201108", "79990000108.0", "7.9990000108e10",
        "8\ufe0f\u20e39990000108",
    ],
)  # fmt: skip
@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "as it is"])
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among others"])
async def test_a_person_is_found_by_an_unusual_spelling(house: Hearing, phone: str, escaped: bool, alone: bool) -> None:
    items = [{**order(1), "phone": phone, "name": "Аня"}, {**order(2), "phone": OTHER, "name": "Пётр"}]
    await house.post(json.dumps(items[0] if alone else items, ensure_ascii=escaped).encode())
    await house.run()
    assert len(house.sms.sent) == (1 if alone else 2)
    done = await Forgetting(house.hub).forget(house.tenant, PHONE)
    assert (done.events, done.deliveries) == (1, 1)
    assert "Аня" not in left(house)
    assert alone or "Пётр" in left(house)


async def test_a_person_whom_only_the_source_named_is_found(house: Hearing) -> None:
    house.has("1")
    shown = house.shows.orders["1"]
    house.shows.orders["1"] = shown.model_copy(update={"contact": Contact(name="Аня", phone="8 999 000-01-08")})
    await house.hear({"changed": 1})
    await house.run()
    assert len(house.sms.sent) == 1
    await Forgetting(house.hub).forget(house.tenant, PHONE)
    assert "Аня" not in left(house)


async def test_an_email_is_found_in_every_spelling(house: Hearing) -> None:
    await house.post({**order(1), "phone": None, "name": "Аня", "email": "MAILTO:Anya@XN--E1AFMKFD.xn--p1ai."})
    done = await Forgetting(house.hub).forget(house.tenant, "anya@пример.рф")
    assert done.events == 1
    assert "Аня" not in left(house)


async def test_models_say_whose_they_are(house: Hearing) -> None:
    await house.post({**order(1), "phone": "8\u00a0999\u00a0000 01 08"})
    await house.run()
    person = house.keyring.person("kofe", PHONE)
    (record,), (delivery,) = house.events(), house.deliveries()
    assert isinstance(record, EventRecord)
    assert isinstance(delivery, Delivery)
    assert record.people[0] == delivery.people[0] == person
