"""A long piece of work for tests: rows at a vendor that are read page by page, each to be counted once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from fakes import House
from svyazka.engine.jobs.runner import Jobs
from svyazka.engine.jobs.steering import start
from svyazka.engine.jobs.work import Patience, Slice, Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Create, Document
from svyazka.model.ids import stable_id
from svyazka.model.jobs import Job, counted
from svyazka.model.tenants import Tenant

JOB = "job_1"


@dataclass
class Rows(Work):
    """Reads rows in the order of their ids, and writes down whom it saw, in the slice's own commit."""

    kind = "rows"
    title = "сверка строк"
    rows: list[int] = field(default_factory=lambda: list(range(1, 24)))
    page: int = 5
    reads: int = 0
    on_slice: Callable[[Job], object] = lambda job: None

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        self.on_slice(job)
        self.reads += 1
        behind = json.loads(job.cursor) if job.cursor else 0
        page = [row for row in self.rows if row > behind][: self.page]
        seen = Document("meta", f"seen-{behind}-{len(page)}", {}, json.dumps(page).encode())
        new = sum(row % 2 for row in page)
        return Slice(
            counts=counted(created=new, unchanged=len(page) - new), cursor=json.dumps(max([behind, *page])),
            total=len(self.rows), writes=[Create(seen)] if page else [], end=len(page) < self.page,
        )  # fmt: skip

    async def wrap_up(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        return Slice(end=True, result={"wrapped_up": True})


class Working(House):
    """A house with that work."""

    def __init__(self, store: object = None, **parts: object) -> None:
        self.rows = Rows()
        super().__init__(store, **parts)  # type: ignore[arg-type]

    def start(self) -> None:
        super().start()
        self.worker.jobs = Jobs(self.hub, self.worker.outages, [self.rows])

    async def begin(self, job: str = JOB, **parameters: int) -> bool:
        return await start(self.hub, "kofe", "rows", "till", job, parameters)

    async def job(self, job: str = JOB) -> Job:
        held = await journal.load(self.hub.store, Job, job)
        assert held is not None
        return held.model

    async def slice(self, job: str = JOB) -> int:
        return await self.worker.handle("/job", {"job": job})

    async def seen(self) -> list[int]:
        """The rows that were seen, in the order of their being written down."""
        found = await self.hub.store.get_many([("meta", f"seen-{at}-{n}") for at in range(100) for n in range(10)])
        return sorted(row for one in found if one is not None for row in json.loads(one.data))

    def job_id(self, *parts: str) -> str:
        return stable_id("job", *parts)
