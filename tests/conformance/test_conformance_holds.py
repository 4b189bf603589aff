"""What happens to very many at once is held over each backend: counted in the commits of the records themselves."""

from __future__ import annotations

from beside import beside
from conformance.harness import Backend
from in_step_house import InStep
from svyazka.model.in_step import SideState

PAIRS = 32
CHANGED, GONE = 20, 30
"""So many go through before the rest waits."""


async def test_a_mass_change_and_a_mass_deletion_wait_for_a_person(backend: Backend) -> None:
    house = InStep(store=beside(backend.store), delete="ask")
    await house.settle_in()
    crm = []
    for number in range(PAIRS):
        person = {"name": f"Человек {number}", "phone": (f"+7999{number:07}",), "birthday": f"19{number + 10}-01-02"}
        house.salon.add(**person)
        crm.append(house.crm.add(**person))
    await house.quiet(0.2)
    for side in house.sides.values():
        side.writes.clear()

    for id_ in crm:
        house.crm.edit(id_, birthday="1900-01-01")
    await house.quiet(0.2)
    switch = await house.switch()
    assert (house.writes(), switch.held["birthday"].count) == (CHANGED, CHANGED + 1)
    assert len(await house.let_go("birthday", "go-on")) == PAIRS - CHANGED
    await house.quiet(0.2)
    assert house.writes() == PAIRS
    assert {one.fields["birthday"] for one in house.salon.cards.values()} == {"1900-01-01"}

    for id_ in crm:
        house.crm.delete(id_)
    await house.quiet(0.2)
    await house.store.fetched()
    states = [one.sides["crm"].state for one in house.records()]
    assert (states.count(SideState.GONE), states.count(SideState.SUSPECT)) == (GONE, PAIRS - GONE)
    assert (await house.switch()).held["@crm"].why == "mass_deletion"
    assert [card.cause for card in house.cards("in_step_held")] == ["sync_contacts"]
    assert len(await house.let_go("@crm", "leave")) == PAIRS - GONE
    await house.quiet(0.2)
    await house.store.fetched()
    assert {one.sides["crm"].state for one in house.records()} == {SideState.GONE}
    assert (len(house.doubts()), house.writes(), len(house.salon.cards)) == (GONE, PAIRS, PAIRS)
    assert not (await house.switch()).held
