"""Blobs in a bucket of Cloud Storage, by its JSON API.

Sources: https://cloud.google.com/storage/docs/json_api/v1/objects (insert, get, delete, list) and
https://cloud.google.com/storage/docs/request-preconditions: `ifGenerationMatch=0` writes only what isn't there, and
answers 412 where it is. An object is whole or not there, and a list shows it as soon as it is written
(https://cloud.google.com/storage/docs/consistency).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from svyazka.backends.google.identity import EmulatorToken, Identity
from svyazka.backends.google.wire import NoAnswer
from svyazka.catalogue import _
from svyazka.engine.ports.blobs import PIECE, Blob, NoBlob, checked
from svyazka.model.errors import ConfigError, Unavailable
from svyazka.settings import Settings

CLOUD_STORAGE = "https://storage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"

LIMIT = 30.0
"""Seconds for one blob with all its tries."""

TRY_LIMIT = 15.0
FIRST_PAUSE = 0.1

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which it says to try again (https://cloud.google.com/storage/docs/retry-strategy)."""

TAKEN, NOT_THERE, NOT_ALLOWED = 412, 404, 401
MOST_LISTED = 1000
AT_ONCE = 16


class GoogleBlobs:
    """The bucket of a deployment."""

    def __init__(self, bucket: str, identity: Identity, url: str = CLOUD_STORAGE, limit: float = LIMIT) -> None:
        self._objects = f"/storage/v1/b/{quote(bucket, safe='')}/o"
        self._identity, self._url, self._limit = identity, url, limit
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._made: httpx.AsyncClient | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> GoogleBlobs:
        """The bucket that the settings name. Raises ConfigError."""
        if not settings.bucket:
            raise ConfigError(_("SVYAZKA_BUCKET: expected the bucket that Terraform makes, got none"))
        if settings.storage_url:  # a stand-in
            return cls(settings.bucket, EmulatorToken(), settings.storage_url)
        from svyazka.backends.google.credentials import OwnCredentials

        return cls(settings.bucket, OwnCredentials(SCOPE))

    async def put(self, name: str, content: bytes) -> bool:
        """A try whose answer was lost may have written it: then the next one finds the name taken, and answers False.
        Names are their writer's own, so what is there is his."""
        query = {"uploadType": "media", "name": checked(name), "ifGenerationMatch": "0"}
        answer = await self._call("POST", f"/upload{self._objects}", query, content, meant=(TAKEN,))
        return answer.status_code != TAKEN

    async def open(self, names: Sequence[str]) -> AsyncIterator[bytes]:
        for name in names:
            async with self._streamed(checked(name)) as answer:
                try:
                    async for piece in answer.aiter_bytes(PIECE):
                        yield piece
                except httpx.HTTPError as error:
                    raise Unavailable(f"Cloud Storage broke off: {type(error).__name__}") from error

    async def delete(self, names: Sequence[str]) -> None:
        paths = [f"{self._objects}/{quote(checked(name), safe='')}" for name in names]
        await asyncio.gather(*(self._call("DELETE", path, meant=(NOT_THERE,)) for path in paths))

    async def list(self, prefix: str, after: str = "", limit: int = MOST_LISTED) -> list[Blob]:
        query = {"prefix": prefix, "fields": "items(name,size,timeCreated),nextPageToken"}
        if after:
            query["startOffset"] = after  # that one included: it is dropped here
        found: list[Blob] = []
        while len(found) < limit:
            wanted = min(limit - len(found) + bool(after), MOST_LISTED)
            page = (await self._call("GET", self._objects, {**query, "maxResults": str(wanted)})).json()
            found += [_blob(item) for item in page.get("items", ()) if item["name"] > after]
            if "nextPageToken" not in page:
                break
            query["pageToken"] = page["nextPageToken"]
        return found[:limit]

    async def close(self) -> None:
        if self._made is not None:
            await self._made.aclose()
        self._identity.close()

    # Calls

    @property
    def _client(self) -> httpx.AsyncClient:
        # Made on first use: its connections belong to the loop that makes them.
        if self._made is None:
            self._made = httpx.AsyncClient(base_url=self._url, timeout=TRY_LIMIT)
        return self._made

    async def _call(
        self, method: str, path: str, query: Mapping[str, str] | None = None, content: bytes | None = None,
        meant: tuple[int, ...] = (),
    ) -> httpx.Response:  # fmt: skip
        """One call, tried again while that can help. `meant`: statuses that the caller understands."""
        request = self._client.build_request(method, path, params=query, content=content)
        if content is not None:
            request.headers["Content-Type"] = "application/octet-stream"
        async with self._slots:
            return await self._patiently(request, meant)

    @asynccontextmanager
    async def _streamed(self, name: str) -> AsyncIterator[httpx.Response]:
        request = self._client.build_request("GET", f"{self._objects}/{quote(name, safe='')}", params={"alt": "media"})
        async with self._slots:
            answer = await self._patiently(request, (NOT_THERE,), stream=True)
            try:
                if answer.status_code == NOT_THERE:
                    raise NoBlob(name)
                yield answer
            finally:
                await answer.aclose()

    async def _patiently(
        self, request: httpx.Request, meant: tuple[int, ...], *, stream: bool = False
    ) -> httpx.Response:
        until, pause = time.monotonic() + self._limit, FIRST_PAUSE
        while True:
            said = await self._tried(request, meant, stream)
            if isinstance(said, httpx.Response):
                return said
            pause = random.uniform(pause, 2 * pause)
            if time.monotonic() + pause >= until:
                raise Unavailable(f"Cloud Storage: {said} within {self._limit:g} s")
            await asyncio.sleep(pause)

    async def _tried(self, request: httpx.Request, meant: tuple[int, ...], stream: bool) -> httpx.Response | str:
        """The answer; or, where another try may help, what was wrong. Raises Unavailable where none can."""
        try:
            request.headers["Authorization"] = await self._identity.header()
            answer = await self._client.send(request, stream=stream)
        except (httpx.HTTPError, NoAnswer) as error:
            return type(error).__name__
        if answer.is_success or answer.status_code in meant:
            return answer
        await answer.aclose()
        if answer.status_code == NOT_ALLOWED:
            self._identity.refused()
        elif answer.status_code not in TRANSIENT:
            raise Unavailable(f"Cloud Storage refused: {answer.status_code}")
        return f"status {answer.status_code}"


def _blob(item: Mapping[str, Any]) -> Blob:
    return Blob(item["name"], int(item["size"]), datetime.fromisoformat(item["timeCreated"]))
