"""Two filled systems over each backend: linked for the first time, kept in step, and found to agree at night."""

from __future__ import annotations

import pytest

from beside import beside
from conformance.harness import Backend
from listed_side import Listed
from svyazka.engine.agreeing import first_link, linking
from svyazka.engine.jobs.steering import start
from svyazka.model.jobs import Job, JobState

BOTH = 4


def person(number: int) -> dict[str, object]:
    return {"name": f"Гость {'абвгде'[number]}", "phone": (f"+7999300000{number}",)}


@pytest.fixture
async def house(backend: Backend) -> Listed:
    made = Listed(store=beside(backend.store), mode="watch")
    await made.settle_in()
    return made


async def work(house: Listed, job: str, kind: str, **more: object) -> Job:
    """A job from its beginning to its end, and what follows from it."""
    await start(house.hub, "kofe", kind, "sync_contacts", job, {"flow": "sync_contacts", **more})  # type: ignore[dict-item]
    await house.quiet(0.2)
    await house.store.fetched()
    return next(one for one in house.jobs() if one.id == job)


async def test_filled_systems_are_linked_once_agree_and_what_no_hook_told_of_is_mended(house: Listed) -> None:
    for side in house.sides.values():
        side.hook = False
    ids = {name: [side.add(**person(number)) for number in range(BOTH)] for name, side in house.sides.items()}
    for at, side in enumerate(house.sides.values()):
        side.add(**person(BOTH + at))
    house.clock.step(86400)

    plan = await work(house, "job_plan", first_link.KIND)
    assert (plan.state, plan.result["proposed"], plan.result["doubts"]) == (JobState.DONE, BOTH, 0)
    house.bind(mode="on")
    await house.settle_in()
    taken = await work(house, "job_take", linking.KIND, proposal="job_plan")
    assert (taken.state, taken.counts.linked) == (JobState.DONE, BOTH)
    assert house.writes() == 0

    for name in house.sides:
        night = await house.night(name, full=True)
        assert (night.state, night.result["mended"]) == (JobState.DONE, 0), night.result
    for name, other in (("salon", "crm"), ("crm", "salon")):
        house.clock.step(86400)
        house.silently(name, ids[name][1], name=f"Гость из {name}")
        night = await house.night(name, full=True)
        assert (night.counts.updated, night.counts.read) == (1, BOTH + 1)
        assert house.sides[other].shows(ids[other][1], "name") == f"Гость из {name}"
    pairs = [{name: side.object for name, side in one.live.items()} for one in house.records() if len(one.live) > 1]
    expected = [{"salon": salon, "crm": crm} for salon, crm in zip(ids["salon"], ids["crm"], strict=True)]
    assert sorted(pairs, key=str) == sorted(expected, key=str)
    assert not [side.made for side in house.sides.values() if side.made]
