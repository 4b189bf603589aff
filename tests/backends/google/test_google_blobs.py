"""A bucket on its bad days: what is tried again, what isn't, and what an answer that was lost means."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backends.google.cloud_storage import BUCKET, CUT, Bucket, bucket
from fakes import SteppedClock
from svyazka.backends.google import blobs as under_test
from svyazka.backends.google.blobs import GoogleBlobs
from svyazka.backends.google.identity import EmulatorToken
from svyazka.engine.ports.blobs import whole
from svyazka.model.errors import ConfigError, Unavailable
from svyazka.settings import Settings

NAME = "rows/kofe/a"


@pytest.fixture
async def kept(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    monkeypatch.setattr(under_test, "FIRST_PAUSE", 0.0)
    async with bucket(SteppedClock().now) as made:
        yield made


@pytest.fixture
async def blobs(kept: Bucket) -> AsyncIterator[GoogleBlobs]:
    made = GoogleBlobs(BUCKET, EmulatorToken(), kept.url)
    yield made
    await made.close()


@pytest.mark.parametrize("bad", [[503], [429, 500, 502], [401], [408, 504]])
async def test_a_call_is_tried_again_while_that_can_help(kept: Bucket, blobs: GoogleBlobs, bad: list[int]) -> None:
    kept.script.extend(bad)
    assert await blobs.put(NAME, b"here")
    kept.script.extend(bad)
    assert await whole(blobs, [NAME]) == b"here"
    kept.script.extend(bad)
    assert [one.name for one in await blobs.list("rows/")] == [NAME]


async def test_a_write_whose_answer_was_lost_is_there_once(kept: Bucket, blobs: GoogleBlobs) -> None:
    kept.script.append(CUT)
    assert not await blobs.put(NAME, b"here"), "the second try finds what the first has written"
    assert kept.objects[NAME][0] == b"here"


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_refusal_is_not_repeated(kept: Bucket, blobs: GoogleBlobs, status: int) -> None:
    kept.script.append(status)
    with pytest.raises(Unavailable, match=str(status)):
        await blobs.put(NAME, b"here")
    assert kept.server is not None
    assert len(kept.server.asked) == 1


async def test_who_never_answers_is_unavailable(kept: Bucket) -> None:
    blobs = GoogleBlobs(BUCKET, EmulatorToken(), kept.url, limit=0.02)
    kept.script.extend([503] * 10_000)
    with pytest.raises(Unavailable, match="503"):
        await blobs.put(NAME, b"here")
    await blobs.close()


def test_a_deployment_without_a_bucket_says_what_is_missing() -> None:
    with pytest.raises(ConfigError, match="SVYAZKA_BUCKET"):
        GoogleBlobs.from_settings(Settings(backend="google", project="demo"))
