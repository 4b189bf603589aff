"""Firestore and Cloud Tasks over REST: the few calls of the way in. Both raise NoAnswer; time limits are the caller's.

Sources: https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.documents (batchGet, batchWrite),
https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from svyazka.backends.google.codec import document_id, from_json, key_of, new_stamp, restored, stored, to_json
from svyazka.backends.google.identity import Identity
from svyazka.backends.google.tasks import Addressing
from svyazka.backends.google.wire import Answer, NoAnswer, Origin
from svyazka.engine.ports.store import Document, Task

FIRESTORE = "https://firestore.googleapis.com"
CLOUD_TASKS = "https://cloudtasks.googleapis.com"

BATCH = 500
"""Writes that one batchWrite takes."""

TASKS_AT_ONCE = 16
OK, ALREADY_EXISTS = 0, 6
TRANSIENT = frozenset({4, 8, 10, 13, 14})
"""google.rpc.Code of an item: done, there already; and (deadline, exhausted, aborted, internal, unavailable) those
that another try may change."""


class Service:
    """Calls of one Google API under one identity."""

    def __init__(self, url: str, identity: Identity) -> None:
        self._origin = Origin(url)
        self._identity = identity

    async def post(self, path: str, content: object) -> Answer:
        """One call with a JSON body, whatever the answer's status."""
        headers = {"Authorization": await self._identity.header(), "Content-Type": "application/json"}
        body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        answer = await self._origin.send("POST", path, headers, body)
        if answer.status == 401:
            self._identity.refused()
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        self._origin.close()
        self._identity.close()


class Documents:
    """Reading documents by their names, and creating those that aren't there."""

    def __init__(self, service: Service, project: str) -> None:
        self._service = service
        self._root = f"projects/{project}/databases/(default)/documents"

    async def read(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        """Those that exist, by key."""
        if not keys:
            return {}
        entries = await self._call("batchGet", {"documents": [self._name(*key) for key in keys]})
        found = (self._document(entry["found"]) for entry in entries if "found" in entry)
        return {document.key: document for document in found}

    async def create(self, documents: Sequence[Document]) -> list[int]:
        """Create each that is absent, each for itself; what became of each (google.rpc.Code)."""
        codes: list[int] = []
        for start in range(0, len(documents), BATCH):
            writes = [self._creation(document) for document in documents[start : start + BATCH]]
            answer = await self._call("batchWrite", {"writes": writes})
            codes += [int(status.get("code", OK)) for status in answer["status"]]
        return codes

    async def _call(self, method: str, content: object) -> Any:
        answer = await self._service.post(f"/v1/{self._root}:{method}", content)
        if answer.status != 200:
            raise NoAnswer(f"Firestore answered {answer.status}")
        return answer.json()

    def _creation(self, document: Document) -> dict[str, Any]:
        fields = to_json(stored(document, new_stamp()))
        return {
            "update": {"name": self._name(*document.key), "fields": fields},
            "currentDocument": {"exists": False},
        }

    def _name(self, kind: str, key: str) -> str:
        return f"{self._root}/{kind}/{document_id(key)}"

    def _document(self, found: dict[str, Any]) -> Document:
        kind, escaped = found["name"].rsplit("/", 2)[1:]
        return restored(kind, key_of(escaped), from_json(found["fields"]), found["updateTime"])

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()


class Tasks:
    """Handing tasks over."""

    def __init__(self, service: Service, addressing: Addressing) -> None:
        self._service = service
        self._addressing = addressing
        self._slots = asyncio.Semaphore(TASKS_AT_ONCE)

    async def create(self, tasks: Sequence[Task]) -> None:
        """All of them; one that fails is raised once all were tried."""
        results = await asyncio.gather(*[self._create(task) for task in tasks], return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _create(self, task: Task) -> None:
        content = {"task": self._addressing.task(task, datetime.now(UTC))}
        async with self._slots:
            answer = await self._service.post(f"/v2/{self._addressing.queue(task.queue)}/tasks", content)
        if answer.status not in (200, 409):  # 409: a task of that name is or was there
            raise NoAnswer(f"Cloud Tasks answered {answer.status}")

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()
