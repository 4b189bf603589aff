"""The front door's way to the worker on one machine: a Unix socket that only their owner can open.

A question and its answer are a line of JSON each. The accepting process asks, the working one answers; where it isn't
there yet, or no more, nobody waits: what was accepted is done by the queue.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from svyazka.engine.ports.asking import NoReply, Reply
from svyazka.engine.support.logs import log, where

LONGEST_PATH = 100
"""Bytes of a Unix socket's address: 108 on Linux, 104 elsewhere."""

LINE = 4 << 20
AT_ONCE = 32
"""Questions that are worked on at a time: a flood of looks at a calendar must leave the rest its turn."""

Answered = Callable[[str, Mapping[str, Any]], Awaitable[Reply]]


def socket_of(data: Path) -> Path:
    """Where the socket of a data folder is: in it, or, where that is too long for an address, in a folder of ours."""
    inside = data.resolve() / "worker.sock"
    if len(os.fsencode(inside)) < LONGEST_PATH:
        return inside
    name = sha256(os.fsencode(inside)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"svyazka-{os.getuid()}-{name}" / "worker.sock"


class SocketWorker:
    """Asks over the socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def ask(self, path: str, body: Mapping[str, Any], seconds: float) -> Reply:
        """One call. Raises NoReply."""
        try:
            _only_ours(self._path.parent)
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_unix_connection(str(self._path), limit=LINE)
                try:
                    writer.write(json.dumps({"path": path, "body": body}).encode() + b"\n")
                    await writer.drain()
                    answer = json.loads(await reader.readuntil(b"\n"))
                finally:
                    writer.close()
            return Reply(int(answer["status"]), answer["content"])
        except (OSError, EOFError, TimeoutError, ValueError, KeyError, asyncio.LimitOverrunError) as error:
            raise NoReply(type(error).__name__) from error


async def answering(path: Path, answered: Answered) -> asyncio.Server:
    """Serve the socket; what an earlier process left there is put away."""
    _make_room(path)
    turns = asyncio.Semaphore(AT_ONCE)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readuntil(b"\n"))
            async with turns:
                reply = await answered(str(asked["path"]), asked["body"])
            writer.write(json.dumps({"status": reply.status, "content": reply.content}).encode() + b"\n")
            await writer.drain()
        except (OSError, EOFError, ValueError, KeyError, asyncio.LimitOverrunError):
            return  # whoever asked is gone, or speaks another language: nobody waits
        except Exception as error:
            log("CRITICAL", "answer failed", error=type(error).__name__, where=where(error))
        finally:
            writer.close()

    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(serve, str(path), limit=LINE)
    finally:
        os.umask(before)


def _only_ours(folder: Path) -> None:
    """Raises PermissionError where somebody else may put a socket of his own in the place of ours: the folder for
    everybody's temporary files may hold one by this name already."""
    if folder.parent != Path(tempfile.gettempdir()):
        return  # the data folder, whose owner has decided who may write to it
    there = folder.lstat()
    if there.st_uid != os.getuid() or stat.S_IMODE(there.st_mode) & 0o022 or not stat.S_ISDIR(there.st_mode):
        raise PermissionError(f"{folder}: expected a folder that only its owner can write to, and that is ours")


def _make_room(path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    _only_ours(path.parent)
    with suppress(FileNotFoundError):
        path.unlink()
