"""A file brought into a system of any house: what the command does, step by step."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import messy_rows
from svyazka.engine.journal import documents as journal
from svyazka.importing.columns import guess
from svyazka.importing.decisions import Decisions
from svyazka.importing.planning import Planned, listed, planned, target_of
from svyazka.importing.starting import begin, job_id, write_down
from svyazka.importing.survey import look_through
from svyazka.importing.tables import open_table
from svyazka.model.jobs import Job

HEAD = "Код;ФИО;Телефон;Почта;Дата рождения\n"


def written(path: Path, lines: Sequence[str], head: str = HEAD) -> Path:
    """A file of these lines."""
    file = path / "base.csv"
    file.write_text(head + "".join(f"{line}\n" for line in lines))
    return file


class Brings:
    """For a house to have."""

    hub: Any
    worker: Any
    clock: Any
    decisions = Decisions()

    async def plan(self, file: Path, name: str = "base", into: str = "crm") -> list[Planned]:
        """What would be done: the dry run."""
        return [one async for one in (await self.looked_through(file, name, into))[1]]

    async def begin(self, file: Path, name: str = "base", into: str = "crm") -> str:
        """All that is done before the first row is sent."""
        target, lines, at = await self.looked_through(file, name, into)
        job = await job_id(target, hashlib.sha256(file.read_bytes()).hexdigest())
        await begin(target, await write_down(target, lines), job, at)
        return job

    async def looked_through(
        self, file: Path, name: str = "base", into: str = "crm"
    ) -> tuple[Any, AsyncIterator[Planned], Any]:  # fmt: skip
        """Where it goes, what is to be done with each line, and the time before which the system was listed."""
        table = open_table(file)
        survey = look_through(table, guess(table, self.decisions, messy_rows.TODAY), self.decisions, messy_rows.TODAY)
        target = await target_of(self.hub, self.worker.outages, "kofe", into, name)
        cards, at = await listed(self.hub, self.worker.outages, target.account, target.records)
        return target, planned(survey, cards, target), at

    async def job(self, id_: str) -> Job:
        """A job as it stands."""
        held = await journal.load(self.hub.store, Job, id_)
        assert held is not None
        return held.model

    async def carry(self, id_: str, slices: int = 200) -> Job:
        """Slice after slice, as the queue does them, until it ends."""
        for _ in range(slices):
            job = await self.job(id_)
            if job.has_ended:
                return job
            if job.not_before is not None:
                self.clock.step(max((job.not_before - self.clock.now()).total_seconds(), 0))
            if job.lease_until is not None:
                self.clock.step(max((job.lease_until - self.clock.real()).total_seconds(), 0) + 1)
            await self.worker.handle("/job", {"job": id_})
        raise AssertionError(f"it doesn't end: {await self.job(id_)}")

    async def bring(self, file: Path, name: str = "base", into: str = "crm") -> Job:
        """The whole of it."""
        return await self.carry(await self.begin(file, name, into))
