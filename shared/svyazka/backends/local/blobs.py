"""Blobs of one machine: files that only their owner reads, in a folder beside the database.

A file is written under a name of its own, synced to the disk and only then linked to the name it is to have: whoever
is killed in between leaves nothing under that name, and of two who write at once one comes first. (A rename would let
the second replace what the first wrote.)
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from svyazka.engine.ports.blobs import PIECE, Blob, NoBlob, checked
from svyazka.engine.ports.clock import Clock, SystemClock
from svyazka.model.errors import Unavailable

FOLDER = "blobs"
UNFINISHED = ".unfinished"
"""The folder of what is being written. No blob's name begins with a dot."""

LEFT_BEHIND = 3600.0
"""Seconds after which whoever wrote an unfinished file is surely gone."""


class LocalBlobs:
    """The folder `blobs` of a data folder."""

    def __init__(self, data: Path, clock: Clock | None = None) -> None:
        self._folder = data / FOLDER
        self._clock = clock or SystemClock()
        self._swept = False

    async def put(self, name: str, content: bytes) -> bool:
        return await asyncio.to_thread(self._put, checked(name), content)

    async def open(self, names: Sequence[str]) -> AsyncIterator[bytes]:
        for name in names:
            file = await asyncio.to_thread(self._opened, self._folder / checked(name), name)
            try:
                while piece := await asyncio.to_thread(_read, file):
                    yield piece
            finally:
                os.close(file)

    async def delete(self, names: Sequence[str]) -> None:
        await asyncio.to_thread(self._delete, [checked(name) for name in names])

    async def list(self, prefix: str, after: str = "", limit: int = 1000) -> list[Blob]:
        return [*await asyncio.to_thread(self._list, prefix, after, limit)]

    async def close(self) -> None:
        return

    # In a thread of their own

    def _put(self, name: str, content: bytes) -> bool:
        path, unfinished = self._folder / name, self._folder / UNFINISHED / secrets.token_hex(16)
        if path.exists():
            return False
        try:
            self._sweep_unfinished()
            self._make_folders(path.parent, unfinished.parent)
            try:
                _write(unfinished, content)
                moment = self._clock.now().timestamp()
                os.utime(unfinished, (moment, moment))  # business time, by which its life counts
                os.link(unfinished, path)
                _sync_folders(path.parent, self._folder)
            except FileExistsError:
                return False
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"{self._folder}: {error.strerror}") from error
        return True

    def _make_folders(self, *folders: Path) -> None:
        data = self._folder.parent
        for folder in (folder.relative_to(data) for folder in folders):
            for one in (*reversed(folder.parents), folder):
                (data / one).mkdir(exist_ok=True, mode=0o700)  # a parent that is made along is open to all

    def _sweep_unfinished(self) -> None:
        """Once in a process's life: what killed ones left behind."""
        if self._swept:
            return
        self._swept = True
        with suppress(FileNotFoundError):
            for left in list((self._folder / UNFINISHED).iterdir()):
                with suppress(FileNotFoundError):
                    if left.stat().st_ctime < time.time() - LEFT_BEHIND:
                        left.unlink()

    @staticmethod
    def _opened(path: Path, name: str) -> int:
        try:
            return os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise NoBlob(name) from None
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror}") from error

    def _delete(self, names: Sequence[str]) -> None:
        try:
            for name in names:
                (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"{self._folder}: {error.strerror}") from error

    def _list(self, prefix: str, after: str, limit: int) -> Sequence[Blob]:
        within = self._folder / prefix.rpartition("/")[0]
        if not within.resolve().is_relative_to(self._folder.resolve()):
            raise ValueError(f"expected the beginning of a blob's name, got {prefix[:80]!r}")
        names = sorted(
            name
            for folder, _, files in os.walk(within)
            for file in files
            if (name := f"{Path(folder).relative_to(self._folder)}/{file}").startswith(prefix)
            and name > after
            and not name.startswith(UNFINISHED)
        )
        found = []
        for name in names[:limit]:
            with suppress(FileNotFoundError):  # removed meanwhile
                seen = (self._folder / name).stat()
                found.append(Blob(name, seen.st_size, datetime.fromtimestamp(seen.st_mtime, UTC)))
        return found


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folders(folder: Path, top: Path) -> None:
    """A file's name is durable when the folder that has it is, and that one's when its own is."""
    for one in (folder, *folder.parents):
        handle = os.open(one, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if one == top.parent:
            return


def _read(file: int) -> bytes:
    try:
        return os.read(file, PIECE)
    except OSError as error:
        raise Unavailable(f"a blob can't be read: {error.strerror}") from error
