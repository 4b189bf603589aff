"""The socket by which the front door asks the worker, where its folder is everybody's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from svyazka.engine.ports.asking import NoReply, Reply
from svyazka.server.asked import SocketWorker, answering, socket_of

LONG = "a-folder-with-a-very-long-name" * 4


async def echo(path: str, body: Any) -> Reply:
    return Reply(200, {"path": path, **body})


@pytest.fixture
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of a data folder whose path is too long for an address; the folder for temporary files has a short one."""
    with tempfile.TemporaryDirectory(prefix="svz") as shared:
        monkeypatch.setattr(tempfile, "tempdir", shared)
        path = socket_of(tmp_path / LONG)
        assert path.parent.parent == Path(shared)
        yield path


async def test_a_folder_of_ours_is_made_and_used(socket: Path) -> None:
    async with await answering(socket, echo):
        reply = await SocketWorker(socket).ask("/ask", {"a": 1}, 5.0)
    assert (reply.status, reply.content) == (200, {"path": "/ask", "a": 1})


async def test_a_folder_that_others_may_write_to_is_neither_served_nor_asked(socket: Path) -> None:
    socket.parent.mkdir()
    socket.parent.chmod(0o777)
    with pytest.raises(PermissionError, match="only its owner"):
        await answering(socket, echo)
    with pytest.raises(NoReply, match="PermissionError"):
        await SocketWorker(socket).ask("/ask", {}, 5.0)
