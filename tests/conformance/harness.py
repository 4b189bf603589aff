"""What the conformance suite needs of a backend: its ports, time that can be stepped, and what reached the worker."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from svyazka.engine.ports.store import Inbox, Queue, Store


@dataclass(frozen=True)
class Handed:
    """A task as the worker got it."""

    path: str
    body: Mapping[str, str]

    @classmethod
    def of(cls, path: str, body: bytes) -> Handed:
        """From an HTTP request of the queue."""
        return cls(path, json.loads(body))


class Worker:
    """Takes what is handed over; answers `script` in turn, then 204."""

    def __init__(self) -> None:
        self.handed: list[Handed] = []
        self.script: deque[int] = deque()

    def take(self, handed: Handed) -> int:
        """One task comes; the status to answer with."""
        self.handed.append(handed)
        return self.script.popleft() if self.script else 204


class Backend(ABC):
    """One backend under test, empty, with QUEUES. A harness implements the rest."""

    QUEUES = ("plan", "salvage", "smsru", "sms", "mail")

    def __init__(self) -> None:
        self.worker = Worker()
        self._seen = 0

    store: Store
    inbox: Inbox
    queue: Queue

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything."""

    @abstractmethod
    def now(self) -> datetime:
        """The queue's time."""

    @abstractmethod
    async def pass_time(self, seconds: float) -> None:
        """Let the queue live through `seconds` and hand over what falls due."""

    async def deliver(self, seconds: float = 0.0) -> list[Handed]:
        """What the worker was handed while `seconds` went by, in no particular order."""
        await self.pass_time(seconds)
        fresh = self.worker.handed[self._seen :]
        self._seen = len(self.worker.handed)
        return sorted(fresh, key=_by_text)


def _by_text(handed: Handed) -> Any:
    return handed.path, sorted(handed.body.items())
