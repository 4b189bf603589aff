"""What every keeper of blobs promises: once written never changed, whole or not there, found by a name's beginning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from backends.google.cloud_storage import BUCKET, bucket
from fakes import MemoryBlobs, SteppedClock
from svyazka.backends.google.blobs import GoogleBlobs
from svyazka.backends.google.identity import EmulatorToken
from svyazka.backends.local.blobs import LocalBlobs
from svyazka.engine.ports.blobs import LIVES, PIECE, Blobs, NoBlob, whole

NAME = "rows/kofe/job_1.1"


@dataclass
class Keeping:
    """A keeper, and how another process sees the same."""

    blobs: Blobs
    clock: SteppedClock
    another: Callable[[], Blobs]


@pytest.fixture(params=["memory", "local", "google"])
async def keeping(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Keeping]:
    clock = SteppedClock()
    if request.param == "memory":
        kept = MemoryBlobs(clock)
        yield Keeping(kept, clock, lambda: kept)
    elif request.param == "local":
        yield Keeping(LocalBlobs(tmp_path, clock), clock, lambda: LocalBlobs(tmp_path, clock))
    else:
        async with bucket(clock.now) as made:
            made.page = 2
            opened = [GoogleBlobs(BUCKET, EmulatorToken(), made.url) for _ in range(2)]
            yield Keeping(opened[0], clock, lambda: opened[1])
            for one in opened:
                await one.close()


async def test_what_was_written_stays_as_it_was(keeping: Keeping) -> None:
    assert await keeping.blobs.put(NAME, b"first")
    assert not await keeping.another().put(NAME, b"second")
    assert await whole(keeping.another(), [NAME]) == b"first"


async def test_of_many_who_write_one_name_at_once_one_comes_first(keeping: Keeping) -> None:
    contents = [f"writer {number}".encode() for number in range(8)]
    written = await asyncio.gather(*(keeping.blobs.put(NAME, content) for content in contents))
    assert written.count(True) == 1
    assert await whole(keeping.blobs, [NAME]) == contents[written.index(True)]


async def test_several_are_read_one_after_the_other_in_small_pieces(keeping: Keeping) -> None:
    contents = {"files/kofe/a": b"x" * (PIECE + 7), "files/kofe/b": b"", "files/kofe/c": bytes(range(256)) * 3}
    for name, content in contents.items():
        await keeping.blobs.put(name, content)
    pieces = [piece async for piece in keeping.blobs.open(list(contents))]
    assert b"".join(pieces) == b"".join(contents.values())
    assert max(map(len, pieces)) <= PIECE


async def test_what_is_not_there_is_said_when_its_turn_comes(keeping: Keeping) -> None:
    await keeping.blobs.put(NAME, b"here")
    async with aclosing(keeping.blobs.open([NAME, "rows/kofe/gone"])) as reading:
        assert await anext(reading) == b"here"
        with pytest.raises(NoBlob, match="rows/kofe/gone"):
            await anext(reading)


async def test_what_is_removed_is_gone_and_removing_it_again_is_no_error(keeping: Keeping) -> None:
    await keeping.blobs.put(NAME, b"here")
    for _ in range(2):
        await keeping.blobs.delete([NAME, "rows/kofe/never-there"])
    with pytest.raises(NoBlob):
        await whole(keeping.another(), [NAME])
    assert await keeping.blobs.put(NAME, b"anew")


async def test_a_list_is_in_order_of_names_and_goes_on_behind_one(keeping: Keeping) -> None:
    names = ["before/kofe/1", "rows/kofe/a-1", "rows/kofe/a.1", "rows/kofe/a1", "rows/kofe-2/a", "rows/salon/a"]
    for name in reversed(names):
        await keeping.blobs.put(name, name.encode())
        keeping.clock.step(60)
    found = await keeping.blobs.list("rows/kofe")
    assert [one.name for one in found] == sorted(names[1:5])
    assert [(one.size, one.put_at) for one in found if one.name == "rows/salon/a"] == []
    (first,) = await keeping.blobs.list("before/")
    assert (first.size, first.put_at) == (len(names[0]), keeping.clock.in_real(-60))

    seen: list[str] = []
    while page := await keeping.blobs.list("rows/", after=seen[-1] if seen else "", limit=3):
        assert len(page) <= 3
        seen += [one.name for one in page]
    assert seen == sorted(names[1:])
    assert await keeping.blobs.list("doubts/") == []


BAD = (
    "rows", "rows/", "/rows/kofe/a", "rows/../../keys/vault.json", "rows/kofe/../a", "rows/kofe/.hidden", "rows//a",
    "rows/kofe/Ä", "rows/kofe/A", "rows/kofe/a\n", "rows/kofe/a b", "rows\\kofe\\a", "tenants/kofe/a",
    "rows/" + "a" * 151, "rows" + "/a" * 6, "rows/kofe/a\0",
)  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_no_name_leads_anywhere_else(keeping: Keeping, name: str) -> None:
    for attempt in (keeping.blobs.put(name, b""), whole(keeping.blobs, [name]), keeping.blobs.delete([name])):
        with pytest.raises(ValueError, match="small letters"):
            await attempt


def test_every_purpose_has_a_life() -> None:
    assert all(life.days >= 14 for life in LIVES.values())
    assert {purpose.value for purpose in LIVES} == {"before", "proposals", "rows", "doubts", "files", "reports"}
