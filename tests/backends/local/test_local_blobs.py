"""Blobs of one machine: killed while it writes, it leaves nothing that has a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import SteppedClock
from svyazka.backends.local import blobs as under_test
from svyazka.backends.local.blobs import LocalBlobs
from svyazka.engine.ports.blobs import whole
from svyazka.model.errors import Unavailable

NAME = "rows/kofe/a"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", ["write", "fsync", "utime", "link"])
async def test_whoever_is_killed_while_it_writes_leaves_nothing_and_the_next_one_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def die(*_: object) -> None:
        raise Killed

    blobs = LocalBlobs(tmp_path, SteppedClock())
    with monkeypatch.context() as patched:
        patched.setattr(under_test.os, at, die)
        patched.setattr(Path, "unlink", lambda *_, **__: None)  # a dead process tidies nothing up
        with pytest.raises(Killed):
            await blobs.put(NAME, b"half")
    assert await blobs.list("rows/") == []
    left = list((tmp_path / "blobs" / ".unfinished").iterdir())
    assert len(left) == 1

    after = LocalBlobs(tmp_path, SteppedClock())
    monkeypatch.setattr(under_test, "LEFT_BEHIND", -1.0)
    assert await after.put(NAME, b"whole")
    assert await whole(after, [NAME]) == b"whole"
    assert list((tmp_path / "blobs" / ".unfinished").iterdir()) == []


async def test_only_their_owner_reads_them(tmp_path: Path) -> None:
    await LocalBlobs(tmp_path).put(NAME, b"here")
    for path in (tmp_path / "blobs" / NAME, tmp_path / "blobs" / "rows" / "kofe", tmp_path / "blobs"):
        assert path.stat().st_mode & 0o077 == 0


async def test_a_disk_that_fails_is_unavailable_and_nothing_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    blobs = LocalBlobs(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(under_test.os, "write", full)
        with pytest.raises(Unavailable, match="No space"):
            await blobs.put(NAME, b"here")
    assert await blobs.list("rows/") == []
    assert list((tmp_path / "blobs" / ".unfinished").iterdir()) == []


async def test_a_data_folder_may_be_named_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".data").mkdir()
    blobs = LocalBlobs(Path(".data"))
    assert await blobs.put(NAME, b"here")
    assert await whole(blobs, [NAME]) == b"here"
    assert [one.name for one in await blobs.list("rows/")] == [NAME]
    assert (tmp_path / ".data" / "blobs" / NAME).exists()
