"""Whoever asked to be forgotten never rises again, and nothing of theirs stays but whose object it was."""

from __future__ import annotations

import pytest

from in_step_house import InStep, ivan
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact
from svyazka.model.in_step import SideState
from svyazka.model.tenants import CompiledConnection


async def test_a_person_who_was_forgotten_is_made_nowhere_again() -> None:
    house = InStep(create="all")
    await house.settle_in()
    house.salon.add(**ivan())
    await house.quiet()
    done = await Forgetting(house.hub).forget(house.tenant, "8 999 123 45 67")
    assert done.cards == ("crm/c1", "salon/s1")
    record = house.record()
    assert {side.state for side in record.sides.values()} == {SideState.GONE}
    assert not any(side.bases for side in record.sides.values())
    assert not record.people
    assert not [one for one in house.store.documents.values() if one.kind == "matches"]
    house.salon.delete("s1")
    house.crm.edit("c1", name="Пётр", phone=("+79991234567", "+79990000009"))
    await house.quiet()
    assert not house.salon.cards
    assert (len(house.records()), house.writes()) == (1, 0)


async def test_what_a_system_told_of_his_card_is_blanked_though_no_phone_stands_there() -> None:
    """A CRM's hook may say `card 1: Иван Петров` and no more."""
    house = InStep(create="all")
    await house.settle_in()
    house.salon.add(**ivan())
    await house.quiet()
    connection = CompiledConnection(tenant="kofe", connection="crm", vendor="crm", wants=())
    for card in ("c1", "c99"):
        fact = Fact(
            type=EventType.CONTACT_CHANGED, key=(card,), subject=f"contact:{card}", contact=Contact(name=f"Имя {card}")
        )
        create, tasks = found_event(house.hub, connection, fact, house.clock.now(), "webhook")
        await house.store.commit([create], tasks)
    before = (await Forgetting(house.hub).forget(house.tenant, "+79991234567", dry_run=True)).events
    done = await Forgetting(house.hub).forget(house.tenant, "+79991234567")
    kept = b"".join(one.data for one in house.store.documents.values() if one.kind == "events").decode()
    assert ("Имя c1" in kept, "Имя c99" in kept, before == done.events) == (False, True, True)


async def test_a_person_who_is_forgotten_in_the_middle_of_a_making_is_not_made_again() -> None:
    house = InStep(create="all")
    await house.settle_in()
    house.salon.add(**ivan())
    create = house.crm.create

    async def create_and_forget(*args: object, **more: object) -> object:
        done = await create(*args, **more)  # type: ignore[arg-type]
        await Forgetting(house.hub).forget(house.tenant, "+79991234567")
        return done

    house.crm.create = create_and_forget  # type: ignore[method-assign, assignment]
    await house.quiet()
    record = house.record()
    assert {name: side.state for name, side in record.sides.items()} == {
        "salon": SideState.GONE, "crm": SideState.GONE,
    }  # fmt: skip
    house.salon.edit("s1", name="Пётр")
    await house.quiet()
    assert len(house.crm.cards) == 1
    assert house.writes() == 0


async def test_nobody_is_asked_about_a_person_who_was_forgotten() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.salon.edit(salon, name="Пётр")
    house.crm.edit(crm, name="Сидор")
    await house.quiet()
    assert [one.field for one in house.doubts()] == ["name"]
    await Forgetting(house.hub).forget(house.tenant, "+79991234567")
    assert not house.doubts(), "an answer to it would find nothing that was asked"


@pytest.mark.parametrize("known", [True, False], ids=["heard of a moment ago", "never heard of"])
async def test_a_person_who_was_forgotten_before_anybody_looked_at_his_card_is_made_nowhere(known: bool) -> None:
    house = InStep(create="all")
    await house.settle_in()
    house.salon.hook = known
    house.salon.add(**ivan())
    await house.hooks()
    await house.run()
    await Forgetting(house.hub).forget(house.tenant, "+79991234567")
    house.salon.hook = True
    house.salon.edit("s1", birthday="1990-01-01")
    house.salon.add(**ivan(name="Анна Сидорова", phone=("+79992223344",)))
    await house.quiet()
    assert [one.fields["name"] for one in house.crm.cards.values()] == ["Анна Сидорова"]
    assert house.record_of("s1").refused == {"crm": "forgotten"}
