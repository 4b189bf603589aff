"""What `sync status` says while a flow only watches: whose card it is, and from what to what."""

from __future__ import annotations

from cli.conftest import Installation
from cli.test_diff_command import asked
from in_step_house import InStep, ivan
from svyazka.backends.local.store import LocalStore
from svyazka.cli.commands.sync import _whose, _would
from svyazka.engine.agreeing.diffing import cards_now
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.syncing import flow_named
from svyazka.engine.worker import Worker
from svyazka.model.in_step import Record


async def test_what_would_be_written_names_the_person_and_both_values_masked() -> None:
    house = InStep(mode="watch")
    await house.settle_in()
    house.salon.add(**ivan(email=("old@example.org",)))
    house.crm.add(**ivan(email=("ivan@example.org",)))
    house.salon.add(name="Анна", phone=("+79990000002",))
    house.crm.add(name="Анна", phone=("+79990000002",), email=("anna@example.org",))
    await house.quiet()
    flow = await flow_named(house.hub, house.tenant, house.flow)
    records = [one for one in house.records() if one.would]
    shown = await cards_now(house.hub, house.worker.outages, house.tenant, flow, records)
    told = {_whose(one, shown): _would(one, shown) for one in records}
    assert told == {
        "И•••, +7999•••4567": "crm: email i•••@example.org ← salon o•••@example.org; "
        "salon: email o•••@example.org ← crm i•••@example.org",
        "А•••, +7999•••0002": "salon: email — ← crm a•••@example.org",
    }
    for side in house.sides.values():
        side.down = True
    shown = await cards_now(house.hub, house.worker.outages, house.tenant, flow, records)
    assert {(_whose(one, shown), "example" in _would(one, shown)) for one in records} == {("", False)}


async def test_a_system_whose_settings_cant_be_used_shows_nothing_and_hides_no_other() -> None:
    house = InStep(mode="watch")
    await house.settle_in()
    house.salon.add(**ivan(email=("old@example.org",)))
    house.crm.add(**ivan(email=("ivan@example.org",)))
    await house.quiet()
    flow = await flow_named(house.hub, house.tenant, house.flow)
    records = [one for one in house.records() if one.would]
    crm = house.tenant.connections["crm"]
    broken = crm.model_copy(update={"settings": {**crm.settings, "no_such_setting": 1}})
    house.tenant = house.tenant.model_copy(update={"connections": {**house.tenant.connections, "crm": broken}})
    await house.settle_in()
    shown = await cards_now(house.hub, house.worker.outages, house.tenant, flow, records)
    assert {name for name, _ in shown} == {"salon"}


def test_cards_that_cant_be_read_now_are_named_by_their_ids(hub: Installation) -> None:
    (id_,) = asked(hub, "1")

    async def watch(_worker: Worker, store: LocalStore) -> None:
        held = await journal.load(store, Record, id_)
        assert held is not None
        watched = held.model.model_copy(update={"asked": {}, "would": {"crm": ("email",)}})
        await store.commit([journal.replace(watched, held.version)])

    hub.opened(watch)
    told = hub.svyazka("sync", "status", "kofe").output
    assert "crm/71, salon/1" in told
    assert "crm: email" in told
    assert "can't be read just now" in told
