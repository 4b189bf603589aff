"""What the front door asks of the worker, which alone has credentials: two calls, each with its deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

READ_SECONDS, ACT_SECONDS = 3.0, 8.0
"""What somebody who looks at a page bears for a look, and for something done."""


class NoReply(Exception):
    """The worker didn't answer in time, or can't be reached. What was asked for may still be done."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The worker's answer: a status of HTTP, and JSON."""

    status: int
    content: Mapping[str, Any]

    @classmethod
    def why_not(cls, status: int, code: str) -> Reply:
        """No, and why."""
        return cls(status, {"code": code})


class WorkerAsked(Protocol):
    """The way to the worker."""

    async def ask(self, path: str, body: Mapping[str, Any], seconds: float) -> Reply:
        """One call. Raises NoReply."""


class NobodyAsked:
    """Where there is no way to the worker: everything is accepted and done later."""

    async def ask(self, path: str, body: Mapping[str, Any], seconds: float) -> Reply:
        raise NoReply("there is no way to the worker here")
