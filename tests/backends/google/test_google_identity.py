"""Is the metadata server asked once, early enough, and no harm done when it is away?"""

from __future__ import annotations

import asyncio
import json

import pytest

from backends.google.http_server import Asked, response, serving
from svyazka.backends.google import identity
from svyazka.backends.google.identity import AccessToken
from svyazka.backends.google.wire import NoAnswer


class Metadata:
    """A metadata server: `lives` is how long its tokens live, `status` what it answers."""

    def __init__(self) -> None:
        self.lives, self.status, self.granted = 3600.0, 200, 0

    async def __call__(self, asked: Asked) -> bytes:
        if asked.headers.get("metadata-flavor") != "Google" or asked.path != identity.TOKEN_PATH:
            return response(status=403)
        await asyncio.sleep(0)
        self.granted += self.status == 200
        granted = {"access_token": f"ya29.{self.granted}", "expires_in": self.lives, "token_type": "Bearer"}
        return response(json.dumps(granted).encode(), self.status)


@pytest.fixture
async def metadata():
    made = Metadata()
    async with serving(made) as server:
        made.token = AccessToken(server.url.removeprefix("http://"))
        yield made
        made.token.close()


async def test_one_token_serves_all_that_wait_and_all_that_follow(metadata):
    first = await asyncio.gather(*[metadata.token.header() for _ in range(20)])
    assert {*first, await metadata.token.header()} == {"Bearer ya29.1"}


async def test_a_token_in_its_last_minutes_is_renewed(metadata):
    metadata.lives = identity.RENEW_BEFORE - 1
    assert await metadata.token.header() == "Bearer ya29.1"
    assert await metadata.token.header() == "Bearer ya29.2"


async def test_the_old_one_serves_to_its_end_when_no_new_one_is_to_be_had(metadata):
    metadata.lives = identity.RENEW_BEFORE - 1
    await metadata.token.header()
    metadata.status = 500
    assert await metadata.token.header() == "Bearer ya29.1"


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_without_any_there_is_no_answer(metadata, status):
    metadata.status = status
    with pytest.raises(NoAnswer):
        await metadata.token.header()
    metadata.status = 200
    assert await metadata.token.header() == "Bearer ya29.1"


async def test_a_metadata_server_that_hangs_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(identity, "RENEW_LIMIT", 0.02)

    async def hang(asked: Asked) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with serving(hang) as server:
        with pytest.raises(NoAnswer):
            await AccessToken(server.url.removeprefix("http://")).header()


async def test_one_that_was_refused_is_not_shown_again(metadata):
    assert await metadata.token.header() == "Bearer ya29.1"
    metadata.token.refused()
    assert await metadata.token.header() == "Bearer ya29.2"


async def test_the_simulators_metadata_server_is_understood(cloud_tasks):
    token = AccessToken(cloud_tasks.tasks.metadata_host)
    header = await token.header()
    assert cloud_tasks.tasks.call(lambda service: service.signer.knows(header.removeprefix("Bearer ")))
    token.close()
