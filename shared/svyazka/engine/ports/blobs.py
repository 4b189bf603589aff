"""Blobs: bytes too large for a document, or whose life is another's. A folder beside SQLite, a bucket on Google.

A blob is written once and never changed: whoever needs other bytes writes another one, and moves what names it. So no
reader ever sees half of anything, and a writer that is killed and begins anew finds what it wrote, or nothing.

Each stands under the purpose that it is kept for, and that says how long it lives: a bucket's own lifecycle rules go by
the beginning of a name, and `upkeep/retention.py` by the same table.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from svyazka.model.errors import ConfigError, SvyazkaError


class Purpose(StrEnum):
    """What a blob is kept for: the first part of its name."""

    BEFORE = "before"
    """What stood in a card before we wrote into it."""
    PROPOSALS = "proposals"
    """Which cards of filled systems are the same person, until somebody decides."""
    ROWS = "rows"
    """Rows of a file on their way into a system."""
    DOUBTS = "doubts"
    """What a person is asked."""
    FILES = "files"
    """A file that somebody gave us."""
    REPORTS = "reports"
    """What came of a job."""


LIVES = {
    Purpose.BEFORE: timedelta(days=90),
    Purpose.PROPOSALS: timedelta(days=14),
    Purpose.ROWS: timedelta(days=30),
    Purpose.DOUBTS: timedelta(days=90),
    Purpose.FILES: timedelta(days=30),
    Purpose.REPORTS: timedelta(days=90),
}
"""How long each is kept."""

PIECE = 256 * 1024
"""Bytes that a reader holds at once, at most."""

_NAME = re.compile(r"[a-z0-9_][a-z0-9._-]{0,149}(?:/[a-z0-9_][a-z0-9._-]{0,149}){1,5}")
"""No part begins with a dot, so that none leads anywhere else; small letters only, for a file system may not tell them
from great ones."""


class NoBlob(SvyazkaError):
    """There is no blob of that name: it was removed, or its life is over."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no blob {name}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Blob:
    """One of a list."""

    name: str
    size: int
    put_at: datetime


class Blobs(Protocol):
    """Named bytes, durable. All methods raise Unavailable when the store can't answer, ValueError for a bad name."""

    async def put(self, name: str, content: bytes) -> bool:
        """Write what isn't there yet; False where something of that name is, which stays as it is."""

    def open(self, names: Sequence[str]) -> AsyncIterator[bytes]:
        """Their bytes, one after the other, in pieces of at most PIECE. Raises NoBlob at the first that isn't there."""

    async def delete(self, names: Sequence[str]) -> None:
        """Remove those that are there."""

    async def list(self, prefix: str, after: str = "", limit: int = 1000) -> list[Blob]:
        """Those whose names begin so, in the order of their names, at most `limit`, from behind `after` on."""

    async def close(self) -> None:
        """Let go of connections."""


class Nowhere:
    """Where an installation has no place for blobs: whoever needs one hears why, and nobody else."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def put(self, name: str, content: bytes) -> bool:
        raise ConfigError(self._why)

    async def open(self, names: Sequence[str]) -> AsyncIterator[bytes]:
        raise ConfigError(self._why)
        yield b""

    async def delete(self, names: Sequence[str]) -> None:
        raise ConfigError(self._why)

    async def list(self, prefix: str, after: str = "", limit: int = 1000) -> list[Blob]:
        return []

    async def close(self) -> None:
        return


def checked(name: str) -> str:
    """The name itself. Raises ValueError for one that no backend keeps."""
    if not _NAME.fullmatch(name) or name.partition("/")[0] not in LIVES:
        raise ValueError(f"expected <purpose>/<tenant>/<rest> in small letters, digits and ._-, got {name[:80]!r}")
    return name


def purpose_of(name: str) -> Purpose:
    """What a blob is kept for."""
    return Purpose(name.partition("/")[0])


async def whole(blobs: Blobs, names: Sequence[str]) -> bytes:
    """All their bytes: for what is known to be small. Raises NoBlob."""
    return b"".join([piece async for piece in blobs.open(names)])
