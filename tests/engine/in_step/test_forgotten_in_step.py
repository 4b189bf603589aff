"""Whoever asked to be forgotten never rises again, and nothing of theirs stays but whose object it was."""

from __future__ import annotations

from in_step_house import InStep, ivan
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.model.in_step import SideState


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
