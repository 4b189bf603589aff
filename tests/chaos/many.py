"""`python -m chaos --many`: what it costs vendors in calls that two full systems are linked, compared at night, and
one is edited as a whole, our own changes coming back."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from beside import beside
from real_side import FIELDS, RealHouse
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.backends.local.store import LocalStore
from svyazka.engine.agreeing import first_link, linking
from svyazka.engine.agreeing.nightly import begin, job_id
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.engine.jobs.steering import start
from svyazka.engine.journal import documents as journal
from svyazka.model.jobs import Job, JobState
from vendors import CRMS

PEOPLE = 5000
SLACK = 5
"""Calls beside those of the pages: dictionaries, the last page, the first looks."""

SPENT = 2
"""So many times a page is read where it is written to as well: what stood there is read anew before a write once it is
no more fresh."""

TOLD_EVERY = 30.0
"""Seconds."""


class Filled(RealHouse):
    """Two systems that are full before they are linked."""

    def __init__(self, names: Sequence[str], running: Running, store: Any = None, **settings: object) -> None:
        self._bound = False
        super().__init__(names, running, store, mode="watch", **settings)
        self._bound, self._before = True, Counter[str]()

    def calls(self) -> dict[str, int]:
        """Of each system, since this was asked last."""
        now = Counter({name: len(self.vendors.of(name).calls) for name in self.sides})
        since, self._before = now - self._before, now
        return {name: since[name] for name in self.sides}

    async def job(self, id_: str) -> Job:
        """Let a job come to its end, and what follows from it."""
        for _ in range(2000):
            await self.run(10**9)
            held = await journal.load(self.store, Job, id_)
            if held is not None and held.model.has_ended and not self.is_busy():
                return held.model
            await self.pass_time(60)
        raise AssertionError(f"{id_} never ends")

    def is_busy(self) -> bool:
        """Whether anything waits."""
        return any(task.due is None or task.due <= self.clock.now() for task in self.store.tasks)

    async def night(self, name: str, when: str) -> Job:
        (flow,) = await in_step_flows(self.hub, self.tenant)
        await begin(self.hub, self.tenant, flow, name, when, full=True)
        return await self.job(job_id("kofe", flow.id, name, when))

    async def link(self) -> Job:
        """The first link: proposed, taken."""
        self.clock.step(86400)
        await start(self.hub, "kofe", first_link.KIND, "sync_contacts", "job_plan", {"flow": "sync_contacts"})
        await self.job("job_plan")
        self.bind(mode="on")
        await self.settle_in()
        taken = {"flow": "sync_contacts", "proposal": "job_plan"}
        await start(self.hub, "kofe", linking.KIND, "sync_contacts", "job_take", taken)
        return await self.job("job_take")

    def bind(self, **settings: object) -> None:
        connections = self.tenant.connections if self._bound else None
        super().bind(**settings)
        if connections is not None:
            self.tenant = self.tenant.model_copy(update={"connections": connections})


class Many(Filled):
    """So many people, each in both."""

    task_takes = 0.001
    """Thousands are told of one after the other, and wait in that order: not all since the same moment."""

    def __init__(self, names: Sequence[str], running: Running, people: int, store: Any = None) -> None:
        super().__init__(names, running, store, fields={**dict.fromkeys(FIELDS, "both"), "birthday": "off"})
        self.people = people
        self.ids: dict[str, list[str]] = {name: [] for name in names}
        for number in range(people):
            person = {"name": f"Гость {number}", "phones": [f"+7999{number:07}"], "emails": [f"g{number}@example.test"]}
            for name in names:
                self.ids[name].append(CRMS[name].person(running, person))
        self.calls()

    async def arrived(self) -> int:
        """All hooks that are on their way arrive, and are planned before anything is looked at; how many."""
        count = 0
        self._pass_over()
        for name, side in self.sides.items():
            assert side.writes is not None  # what we wrote is noticed, and told of too
            while side.told:
                await self.tell(name, side.told.popleft())
                count += 1
        await self.run(10**9)
        return count

    def _pass_over(self) -> None:
        """Business time stands still while they work, and their vendors' clocks don't: whatever was saved up to now,
        was saved a while ago."""
        there = max(self.vendors.of(name).ahead for name in self.sides) + time.time()
        self.clock.step(60 + max(0.0, there - self.clock.now().timestamp()))


def pages(name: str, people: int) -> int:
    """Calls that show so many cards of a system, by their ids."""
    return ceil(people / CRMS[name].batch)


async def count_calls(
    names: tuple[str, str], running: Running, people: int, data: Path | None = None, says: Callable[[str], object] = len
) -> dict[str, dict[str, int]]:  # fmt: skip
    """What each step costs each system. `data`: a folder for SQLite; the fake looks through all that it has.
    `says`: how far it is, twice a minute."""
    house = Many(names, running, people, beside(LocalStore.open(data)) if data is not None else None)
    edited, other = names
    found: dict[str, dict[str, int]] = {}

    async def tells() -> None:
        begun = time.monotonic()
        while True:
            calls = {name: len(running.of(name).calls) for name in names}
            says(f"{time.monotonic() - begun:.0f} s, done: {', '.join(found) or 'nothing yet'}; calls so far {calls}")
            await asyncio.sleep(TOLD_EVERY)

    telling = asyncio.create_task(tells())
    try:
        await house.settle_in()
        taken = await house.link()
        assert (taken.state, taken.counts.linked) == (JobState.DONE, people)
        found["first link"] = house.calls()
        for name in names:
            night = await house.night(name, "tonight")
            assert (night.counts.read, night.result["mended"]) == (people, 0), f"{name}: {night}"
        found["night"] = house.calls()
        for number, id_ in enumerate(house.ids[edited]):
            house.sides[edited].edit(id_, name=f"Другой {number}")
        await house.arrived()
        found["bulk edit"] = house.calls()
        written = house.sides[other].writes
        assert len(written) == people, "each once"
        assert await house.arrived() == people
        found["echoes"] = house.calls()
        assert len(house.sides[other].writes) == people
        assert not house.sides[edited].writes
        shown = {one.fields["name"] for one in house.sides[other].cards.values()}
        assert shown == {f"Другой {number}" for number in range(people)}
    finally:
        telling.cancel()
        await house.clients.close()
    for name in names:
        assert found["night"][name] <= ceil(people / CRMS[name].page) + SLACK, found
        assert found["echoes"][name] <= pages(name, people) + SLACK, found
    assert found["bulk edit"][edited] <= pages(edited, people) + SLACK, found
    assert found["bulk edit"][other] <= people + ceil(pages(other, people) * SPENT) + SLACK, found
    return found


def rehearse_many(people: int) -> None:
    """Each of the two is edited as a whole once."""
    for names in (("bitrix24", "amocrm"), ("amocrm", "bitrix24")):
        with (
            tempfile.TemporaryDirectory() as folder, serve([load_simulator(name) for name in names]) as running,
        ):  # fmt: skip

            def says(text: str, of: str = names[0]) -> None:
                print(f"  {of} edited: {text}", flush=True)

            for step, calls in asyncio.run(count_calls(names, running, people, Path(folder), says)).items():
                print(f"  {names[0]} edited, {people} people, {step}: {calls}", flush=True)
