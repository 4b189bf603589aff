"""A real backend's documents beside the fakes' queue: what the engine's tests over fakes do, they do over it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fakes import MemoryStore
from svyazka.backends.local.schema import rows_of
from svyazka.backends.local.store import LocalStore
from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.ports.store import Document, Store, Task, Write

READ_BY_TESTS = {
    "records": "rec_", "links": "lnk_", "matches": "mtc_", "doubts": "dbt_", "deliveries": "dlv_", "events": "evt_",
    "problems": "prb_", "outages": "kofe.", "jobs": "job_",
}  # fmt: skip
"""Kinds, and how their ids begin."""


class Beside(MemoryStore):
    """Documents lie in `real`; tasks, and whatever else the fake has, here."""

    def __init__(self, real: Store) -> None:
        super().__init__()
        self.real = real
        for name in ("get", "get_many", "ids", "find", "tally", "total", "scrub", "close"):
            setattr(self, name, getattr(real, name))

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        versions = await self.real.commit(writes)
        self._add(tasks)
        return versions


class BesideLocal(Beside):
    """SQLite's documents, to be looked at as the fake's are."""

    @property
    def documents(self) -> Mapping[tuple[str, str], Document]:  # type: ignore[override]
        real: Any = self.real
        assert isinstance(real, LocalStore)
        found = (rows_of(kind).document(row) for kind in READ_BY_TESTS for row in real.read(rows_of(kind).select))
        return {one.key: one for one in found}

    @documents.setter
    def documents(self, value: object) -> None:
        """The fake begins with none; here they lie in the file."""


class BesideCloud(Beside):
    """Firestore's documents: `fetched` before they are looked at."""

    async def fetched(self) -> None:
        """All that tests look at, as it is now."""
        self.documents = {}
        for kind, prefix in READ_BY_TESTS.items():
            keys = [(kind, id_) for id_ in await self.real.ids(kind, prefix, limit=10_000)]
            for first in range(0, len(keys), 100):
                found = await self.real.get_many(keys[first : first + 100])
                self.documents |= {one.key: one for one in found if one is not None}


def beside(real: Store) -> MemoryStore:
    """A backend's documents beside the fake's queue."""
    if isinstance(real, MemoryStore):
        return real
    return BesideLocal(real) if isinstance(real, LocalStore) else BesideCloud(real)


assert set(READ_BY_TESTS) <= set(KINDS)
