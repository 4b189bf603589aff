"""The store in memory for tens of thousands of documents: what sweeps ask for, and what is due, is found at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from heapq import heappop, heappush

from fakes import MemoryStore
from svyazka.engine.journal.kinds import queries
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Delete, Document, Task, Write

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
TIMES = {kind: {one.at_most for one in queries() if one.kind == kind and one.at_most} for kind in
         {one.kind for one in queries()}}  # fmt: skip
"""The times of each kind that something is found by."""


class QuickStore(MemoryStore):
    """Documents by kind and, where they wait for a time, by that."""

    def __init__(self) -> None:
        super().__init__()
        self.by_kind: dict[str, dict[str, Document]] = defaultdict(dict)
        self.timed: dict[tuple[str, str], dict[str, Document]] = defaultdict(dict)
        self.waiting: list[tuple[datetime, int, Task]] = []
        self._count = 0

    def _among(self, query: Query) -> Iterable[Document]:
        where = self.timed[query.kind, query.at_most] if query.at_most else self.by_kind[query.kind]
        return where.values()

    def _of_kind(self, query: Query) -> Iterable[Document]:
        return self.by_kind[query.kind].values()

    def _apply(self, write: Write) -> str:
        version = super()._apply(write)
        key = (write.kind, write.id) if isinstance(write, Delete) else write.document.key
        kind, id_ = key
        there = self.documents.get(key)
        if there is None:
            self.by_kind[kind].pop(id_, None)
        else:
            self.by_kind[kind][id_] = there
        for name in TIMES.get(kind, ()):
            if there is not None and there.fields.get(name) is not None:
                self.timed[kind, name][id_] = there
            else:
                self.timed[kind, name].pop(id_, None)
        return version

    # The queue

    def _add(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            if task.name is not None and task.name in self.names:
                continue
            if task.name is not None:
                self.names.add(task.name)
            self.put_off(task, task.due or LONG_AGO)

    def put_off(self, task: Task, due: datetime) -> None:
        """A task that is due then."""
        self._count += 1
        heappush(self.waiting, (due, self._count, task))

    def due(self, now: datetime, most: int) -> list[Task]:
        """What is due by now, taken out."""
        taken: list[Task] = []
        while self.waiting and self.waiting[0][0] <= now and len(taken) < most:
            taken.append(heappop(self.waiting)[2])
        return taken

    def next_at(self) -> datetime | None:
        """When there is something to do: a task, or what a sweep would find."""
        times = [self.waiting[0][0]] if self.waiting else []
        for (_, name), documents in self.timed.items():
            if name == "wake_at":
                times += [at for one in documents.values() if isinstance(at := one.fields["wake_at"], datetime)]
        return min(times, default=None)
