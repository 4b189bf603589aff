"""Every system that keeps people takes a file: each row once, and the corrected file changes what it corrects."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bringing import Brings, written
from shop import Shop
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.connectors.registry import load_manifest
from svyazka.engine.jobs.runner import Jobs
from svyazka.importing.carrying import Importing
from svyazka.model.jobs import JobState
from svyazka.model.records import RecordKind
from vendors import CRMS

TARGETS = sorted(name for name, known in CRMS.items() if RecordKind.CONTACT in known.fields)
ROWS = [f"{n};Иванов Иван {chr(1040 + n)}ич;8916123{n:04};i{n}@ya.ru;" for n in range(23)]


class House(Brings, Shop):
    """The engine with one of them."""

    def start(self) -> None:
        super().start()
        self.worker.jobs = Jobs(self.hub, self.worker.outages, [Importing(self.hub, self.worker.outages)])


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve([load_simulator(name) for name in TARGETS]) as up:
        yield up


async def before(name: str, running: Running) -> House:
    """A house beside a CRM in which nobody is yet."""
    known, simulator = CRMS[name], running.of(name)
    simulator.clear()
    known.open(running)
    house = House(load_manifest(name), {**known.settings, **known.secrets, "base_url": running.base_url(name)})
    await house.settle_in()
    simulator.ahead = house.clock.now().timestamp() - time.time()
    return house


@pytest.mark.parametrize("name", TARGETS)
async def test_each_row_is_there_once_and_its_correction_goes_where_it_differs(
    name: str, running: Running, tmp_path: Path
) -> None:
    known, house = CRMS[name], await before(name, running)
    lines = [*ROWS, "99;Без телефона;;nobody@ya.ru;"]
    job = await house.bring(written(tmp_path, lines))
    lacks = "phone" in house.manifest.records.requires(RecordKind.CONTACT)
    assert (job.state, job.counts.created, job.counts.failed) == (JobState.DONE, 24 - lacks, int(lacks))
    lines[3] = lines[3].replace("i3@ya.ru", "new3@ya.ru")
    job = await house.bring(written(tmp_path, lines))
    assert (job.counts.updated, job.counts.created, job.counts.unchanged) == (1, 0, 23 - lacks)
    assert known.done(running)["create contact"] == 24 - lacks
    await house.clients.close()


@pytest.mark.parametrize("name", TARGETS)
async def test_a_correction_of_what_the_list_doesnt_show_goes_there_too(
    name: str, running: Running, tmp_path: Path
) -> None:
    """YCLIENTS lists phones and addresses only: a birthday that was added to the file was called unchanged."""
    house = await before(name, running)
    await house.bring(written(tmp_path, [f"{ROWS[0]}14.02.1985", ROWS[1]]))
    job = await house.bring(written(tmp_path, [f"{ROWS[0]}14.02.1985", f"{ROWS[1]}15.03.1986"]))
    assert (job.counts.updated, job.counts.unchanged) == (1, 1)
    carried = [one.is_carried for one in await house.plan(written(tmp_path, [f"{ROWS[0]}14.02.1985"]))]
    assert carried == [False, False], "what was agreed isn't read again"
    await house.clients.close()
