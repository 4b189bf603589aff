from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backends.google.deployment import Deployment
from backends.google.fixtures import cloud_tasks, firestore, google
from fakes import MemoryStore, SteppedClock
from svyazka.backends.google.store import FirestoreStore
from svyazka.backends.local.schema import microseconds, moment
from svyazka.backends.local.store import FILE, LocalStore
from svyazka.engine.journal.kinds import KINDS, RECENT_ALERTS, RECENT_DELIVERIES
from svyazka.engine.journal.transition import commit_in_parts
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Document, Put, Task
from svyazka.model.deliveries import Delivery
from upgrade.town import Town

__all__ = ["cloud_tasks", "firestore", "google"]

FOLDER = Path(__file__).parent / "first_release"
TOLD: Mapping[str, Any] = json.loads((FOLDER / "documents.json").read_text())
NOW = datetime.fromisoformat(TOLD["now"])


def _documents() -> list[Document]:
    found = []
    for one in TOLD["documents"]:
        fields = {
            name: datetime.fromisoformat(value) if KINDS[one["kind"]].fields[name].type == "time" else value
            for name, value in one["fields"].items()
        }
        data = json.dumps(one["data"], ensure_ascii=False).encode()
        found.append(Document(one["kind"], one["id"], fields, data))
    return found


def _tasks() -> list[Task]:
    return [
        Task(t["queue"], t["path"], t["body"], datetime.fromisoformat(t["due"]) if t["due"] else None)
        for t in TOLD["tasks"]
    ]


class Kept(MemoryStore):
    """Only the queue of it: what the store hands over is done by the town."""

    async def close(self) -> None:
        return None


class Upgraded(Town):
    """The town on a store that the first release wrote, its clock where that one stopped."""

    def __init__(self, clock: SteppedClock, store: Any, inbox: Any, kept: MemoryStore | None = None) -> None:
        self.kept = kept
        super().__init__(store, clock, queue=kept or store, inbox=inbox)
        for name in ("sms", "mail", "push"):
            getattr(self, name).sent.extend((key, text) for key, text in TOLD["sent"][name])

    def sent_now(self) -> list[str]:
        """`sms order:1` for each that went out since the upgrade."""
        before = {key for sent in TOLD["sent"].values() for key, _ in sent}
        return [key for m in (self.sms, self.mail, self.push) for key, _ in m.sent if key not in before]

    async def run(self, limit: int = 10_000) -> int:
        for done in range(limit):
            task = self._next()
            if task is None:
                return done
            status = await self.worker.handle(task.path, task.body)
            if status >= 300:
                later = Task(task.queue, task.path, task.body, self.clock.now() + timedelta(seconds=10))
                await (self.kept or self.store).enqueue([later])
        raise AssertionError("the queue never runs dry")

    def _next(self) -> Task | None:
        now = self.clock.now()
        if self.kept is not None:
            due = [task for task in self.kept.tasks if task.due is None or task.due <= now]
            if due:
                self.kept.tasks.remove(due[0])
            return due[0] if due else None
        rows = self.store.read(
            "SELECT id, queue, path, body, due FROM tasks WHERE due <= ? LIMIT 1", [microseconds(now)]
        )
        for number, queue, path, body, due in rows:
            with sqlite3.connect(self.store.path) as connection:
                connection.execute("DELETE FROM tasks WHERE id = ?", (number,))
            return Task(queue, path, json.loads(body), moment(due))
        return None

    async def tell(self, where: str, body: object) -> Any:
        answer = await super().tell(where, body)
        if self.kept is not None:
            told = json.loads(answer.body)["events"]
            await self.kept.enqueue([Task("plan", "/plan", {"event": e["id"]}) for e in told])
        return answer

    async def all_of(self, query: Query) -> list[Document]:
        """Every document that a query finds."""
        return (await self.store.find(query, limit=1000)).documents

    async def owed(self) -> dict[str, Delivery]:
        """Every delivery, by tenant, flow, whose order and step."""
        found = {}
        for document in await self.all_of(RECENT_DELIVERIES):
            delivery = Delivery.model_validate_json(document.data, extra="ignore")
            found[f"{delivery.tenant} {delivery.flow} {delivery.subject} {delivery.step}"] = delivery
        return found

    async def told_of(self) -> list[str]:
        """Kinds of every alert."""
        return sorted(json.loads(document.data)["kind"] for document in await self.all_of(RECENT_ALERTS))


@pytest.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Upgraded]:
    """The first release's database."""
    clock = SteppedClock(NOW)
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executescript((FOLDER / "svyazka.sql").read_text())
    connection.close()
    store = LocalStore.open(tmp_path, clock, upgrade=True)
    yield Upgraded(clock, store, store)
    await store.close()


@pytest.fixture
async def on_firestore(google: Deployment) -> AsyncIterator[Upgraded]:
    """The first release's documents in Firestore."""
    kept = Kept()
    kept.tasks = _tasks()
    store = FirestoreStore(google.project, kept)  # type: ignore[arg-type]
    await commit_in_parts(store, (), [Put(document) for document in _documents()])
    yield Upgraded(SteppedClock(NOW), store, google.inbox, kept)
    await store.close()


@pytest.fixture(params=["on_sqlite", "on_firestore"])
def town(request: pytest.FixtureRequest) -> Upgraded:
    """The town on what the first release wrote."""
    found: Upgraded = request.getfixturevalue(request.param)
    return found
