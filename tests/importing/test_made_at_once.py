"""An import and whatever else writes to the same system at the same moment: nobody is made twice, and no edit of either
is undone by the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from office import ANNA, IVAN, Office, office

from bringing import written
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.delivering.lanes import lane_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.model.commands import Guards, PutRecord, Step
from svyazka.model.contacts import Contact
from svyazka.model.records import RecordKind

LAGS = timedelta(seconds=30)
"""What was made isn't found by a search before."""


def once_within(side: Any, call: str, do: Callable[[], Awaitable[object]]) -> list[str]:
    """Do something between a call and its effect, the first time; what comes back is empty then."""
    left, original = [call], getattr(side, call)

    async def called(*given: Any) -> Any:
        if left:
            left.clear()
            await do()
        return await original(*given)

    setattr(side, call, called)
    return left


async def ivan_is_told_of(house: Office) -> None:
    """He is in the salon, and a delivery that would make him in the CRM is due."""
    house.salon.add(name="Иван Петров", phone=("8 999 123-45-67",))
    await house.hooks()
    await house.run()
    house.clock.step(61)


def people(house: Office, name: str = "crm") -> list[list[str]]:
    """By the words of their names, in whatever order."""
    return sorted(sorted(str(one.fields["name"]).split()) for one in house.sides[name].cards.values())


@pytest.mark.parametrize("first", ["import", "flow"])
async def test_who_is_being_made_by_one_isnt_made_by_the_other(first: str, tmp_path: Path) -> None:
    house = await office(create="all")
    house.crm.seen_after = LAGS
    await ivan_is_told_of(house)
    job = await house.begin(written(tmp_path, [IVAN, ANNA]))
    if first == "import":
        left = once_within(house.crm, "create", house.run)
        await house.worker.handle("/job", {"job": job})
    else:
        left = once_within(house.crm, "create", lambda: house.worker.handle("/job", {"job": job}))
        await house.run()
    ended = await house.carry(job)
    await house.quiet()
    assert not left
    assert (ended.counts.read, ended.counts.failed) == (3, 0)
    assert people(house) == people(house, "salon"), "both are in both"
    assert len(house.crm.cards) == len(house.records()) == 2
    assert all(set(one.sides) == {"salon", "crm", "file:base"} for one in house.records())
    assert not any(one.running or one.intent for one in house.records())


@pytest.mark.parametrize("first", ["import", "flow"])
async def test_two_who_write_one_field_of_a_card_at_once_lose_nothing(first: str, tmp_path: Path) -> None:
    house = await office()
    house.crm.answers_whole = True
    salon, crm = await house.pair(name="Иван Петров", phone=("+79991234567",), email=("old@example.org",))
    job = await house.begin(written(tmp_path, ["1;Петров Иван;+7 999 123-45-67;file@example.org;"]))
    house.salon.edit(salon, email=("old@example.org", "salon@example.org"))
    await house.hooks()

    async def flow() -> None:
        await house.run()

    async def brought() -> None:
        await house.worker.handle("/job", {"job": job})

    one, other = (brought, flow) if first == "import" else (flow, brought)
    left = once_within(house.crm, "update", other)
    await one()
    await house.carry(job)
    await house.quiet()
    assert not left
    everything = {"old@example.org", "salon@example.org", "file@example.org"}
    assert set(house.crm.shows(crm, "email")) == set(house.salon.shows(salon, "email")) == everything


async def test_a_row_that_waits_for_another_lets_the_rest_go_on(tmp_path: Path) -> None:
    house = await office(create="all")
    await ivan_is_told_of(house)
    job = await house.begin(written(tmp_path, [IVAN, ANNA]))

    async def brought() -> None:
        await house.worker.handle("/job", {"job": job})
        assert people(house) == [["Анна", "Сидорова"]]

    once_within(house.crm, "create", brought)
    await house.run()
    assert (await house.carry(job)).counts.read == 3
    await house.quiet()
    assert len(house.crm.cards) == 2


# Somebody who leaves his words at the site just then


async def a_lead(house: Office) -> None:
    """A delivery that puts him into the CRM is due."""
    house.crm.quietly = False
    command = PutRecord(record=RecordKind.CONTACT, person=Contact(name="Иван Петров", phone="8 999 123-45-67"))
    hashed = house.hub.keyring.person("kofe", "+79991234567")
    obligation = Obligation(
        tenant="kofe", flow="sync_contacts", subject="lead:1", event="evt_1", guards=Guards(), people=(hashed,),
        base_at=house.clock.now(), lane=lane_of("crm", hashed),
    )  # fmt: skip
    step = Step.through("intake/crm", "crm", "crm", command, carried(house.crm.manifest, command).safety)
    delivery = begun(obligation, (step,), house.clock.now())
    await house.store.commit([journal.create(delivery)], [perform_task(delivery)])


@pytest.mark.parametrize("first", ["lead", "other"])
@pytest.mark.parametrize("other", ["import", "flow"])
async def test_who_leaves_his_words_while_he_is_made_is_one_card(other: str, first: str, tmp_path: Path) -> None:
    house = await office(create="all")
    house.crm.seen_after = LAGS
    if other == "import":
        await house.begin(written(tmp_path, [IVAN]))
    else:
        await ivan_is_told_of(house)
    theirs, house.store.tasks[:] = list(house.store.tasks), []
    await a_lead(house)
    own, house.store.tasks[:] = list(house.store.tasks), []
    now, then = (own, theirs) if first == "lead" else (theirs, own)

    async def meanwhile() -> None:
        house.store.tasks.extend(then)
        await house.run()

    left = once_within(house.crm, "create", meanwhile)
    house.store.tasks.extend(now)
    await house.run()
    await house.quiet()
    assert not left
    assert len(house.crm.cards) == len(house.records()) == 1
    assert [one.status.value for one in house.deliveries() if one.command.kind == "PutRecord"] == ["succeeded"]
    assert [job.state.value for job in house.jobs()] == ["done"] * (other == "import")
