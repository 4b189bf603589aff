"""A plan is written down, chunk by chunk, and becomes a job; nothing is sent before all of it stands.

Whoever is killed on the way leaves chunks that nobody carries and that end by themselves: the next run makes a plan of
its own. The job's id is that of the file's content, so that one file is never brought in twice at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from svyazka.engine.jobs.steering import start
from svyazka.engine.journal import documents as journal
from svyazka.engine.keeping.sealed import SealedValues
from svyazka.engine.ports.blobs import Purpose
from svyazka.engine.ports.store import Create
from svyazka.importing.carrying import Importing, chunk_id
from svyazka.importing.planning import Planned, Target
from svyazka.model.contacts import Contact
from svyazka.model.ids import stable_id
from svyazka.model.imports import CHUNK, Chunk
from svyazka.model.jobs import Job, counted

KEPT_FOR = timedelta(days=30)
"""As long as its rows."""


@dataclass(slots=True)
class Written:
    """What was written down of a plan."""

    plan: str
    chunks: int
    lines: int
    sums: Counter[str]
    """Lines for which nothing is carried, by what they are counted as."""


async def job_id(target: Target, digest: str) -> str:
    """The job of one file's content for one system: the one that is on its way, else a new one."""
    tenant, number = target.account.tenant.id, 0
    while True:
        id_ = stable_id("job", "import", tenant, target.account.name, target.name, digest, str(number))
        held = await journal.load(target.hub.store, Job, id_)
        if held is None or not held.model.has_ended:
            return id_
        number += 1


async def is_on_its_way(target: Target, job: str) -> bool:
    """Whether all of it is written down already: whoever began it may have died since."""
    return await journal.load(target.hub.store, Job, job) is not None


async def write_down(target: Target, lines: AsyncIterator[Planned]) -> Written:
    """Seal all rows that are carried, and write down their chunks. Raises Unavailable."""
    written = Written(f"pln_{uuid4().hex}", 0, 0, Counter())
    some: list[Planned] = []
    async for one in lines:
        written.lines += 1
        if not one.is_carried:
            written.sums[one.counted_as] += 1
            continue
        some.append(one)
        if len(some) == CHUNK:
            await _chunk(target, written, some)
            some = []
    if some:
        await _chunk(target, written, some)
    return written


async def _chunk(target: Target, written: Written, some: Iterable[Planned]) -> None:
    rows = list(some)
    hub, account, id_ = target.hub, target.account, chunk_id(written.plan, written.chunks)
    people = [[Contact(name=one.row.text("name"))] for one in rows]
    sealed = await SealedValues(hub).keep(Purpose.ROWS, account.tenant.id, id_, [one.as_json() for one in rows], people)
    chunk = Chunk(
        id=id_, tenant=account.tenant.id, connection=account.name, rows=sealed,
        numbers=tuple(one.row.number for one in rows), expire_at=hub.clock.now() + KEPT_FOR,
    )  # fmt: skip
    await hub.store.commit([Create(journal.document(chunk))])
    written.chunks += 1


async def begin(target: Target, written: Written, job: str, listed_at: datetime) -> bool:
    """Let it be carried out; False: this very file is on its way already."""
    return await start(
        target.hub, target.account.tenant.id, Importing.kind, target.name, job,
        {
            "plan": written.plan, "into": target.account.name, "name": target.name, "chunks": written.chunks,
            "lines": written.lines, "listed_at": listed_at.isoformat(),
            "without_carrying": counted(**written.sums).model_dump(mode="json"),
        },
        total=written.lines,
    )  # fmt: skip
