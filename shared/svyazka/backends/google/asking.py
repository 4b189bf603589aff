"""The front door's way to the worker on Google: HTTP, under the function's own identity.

Source: https://cloud.google.com/run/docs/authenticating/service-to-service (the metadata server signs a token for an
audience; Cloud Run lets in whom `run.invoker` names, and the worker looks at the token again).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from svyazka.backends.google.identity import ACCOUNT_PATH, FLAVOR, METADATA_HOST, RENEW_BEFORE
from svyazka.backends.google.wire import Answer, NoAnswer, Origin
from svyazka.engine.ports.asking import NoReply, Reply

REFUSED = 401


class HttpWorker:
    """Asks over HTTP."""

    def __init__(self, worker_url: str, metadata: str = METADATA_HOST) -> None:
        parts = urlsplit(worker_url)
        self._worker = Origin(f"{parts.scheme}://{parts.netloc}")
        self._identity = IdentityToken(worker_url, metadata)

    @classmethod
    def from_environment(cls) -> HttpWorker | None:
        """As the function is deployed; None where nobody has said where the worker is."""
        url = os.environ.get("SVYAZKA_WORKER_URL", "")
        return cls(url, os.environ.get("GCE_METADATA_HOST", METADATA_HOST)) if url else None

    async def ask(self, path: str, body: Mapping[str, Any], seconds: float) -> Reply:
        """One call. Raises NoReply."""
        content = json.dumps(body).encode()
        try:
            async with asyncio.timeout(seconds):
                answer = await self._sent(path, content)
                if answer.status == REFUSED:  # nothing was done: another token may be believed
                    self._identity.refused()
                    answer = await self._sent(path, content)
        except (NoAnswer, TimeoutError) as error:
            raise NoReply(str(error) or type(error).__name__) from error
        try:
            told = answer.json()
        except NoAnswer:
            told = None
        if answer.status == REFUSED or not isinstance(told, dict):
            # The platform's own pages: no instance to be had, or we aren't among its callers.
            raise NoReply(f"the worker's address answered {answer.status}")
        return Reply(answer.status, told)

    async def _sent(self, path: str, content: bytes) -> Answer:
        headers = {"Authorization": await self._identity.header(), "Content-Type": "application/json"}
        return await self._worker.send("POST", path, headers, content)

    async def close(self) -> None:
        """Let go of the connections."""
        self._identity.close()
        self._worker.close()


class IdentityToken:
    """A signed word of who this instance is, for one audience; kept until shortly before its end."""

    def __init__(self, audience: str, host: str = METADATA_HOST) -> None:
        self._origin = Origin(f"http://{host}")
        # Without `format=full` some metadata servers leave out `email`, which the worker looks at (google-auth asks
        # so too).
        self._path = f"{ACCOUNT_PATH}/identity?audience={quote(audience, safe='')}&format=full"
        self._asking = asyncio.Lock()
        self._token = ""
        self._ends_at = 0.0

    async def header(self) -> str:
        """The Authorization header. Raises NoAnswer."""
        async with self._asking:
            if time.monotonic() > self._ends_at - RENEW_BEFORE:
                answer = await self._origin.send("GET", self._path, FLAVOR)
                if answer.status != 200:
                    raise NoAnswer(f"the metadata server answered {answer.status}")
                self._token = answer.body.decode("latin-1").strip()
                self._ends_at = time.monotonic() + _seconds_left(self._token)
        return f"Bearer {self._token}"

    def refused(self) -> None:
        self._ends_at = 0.0

    def close(self) -> None:
        self._origin.close()


def _seconds_left(token: str) -> float:
    """Of an identity token, by its own claim: the server may hand out one that it has had for a while. 0 where it
    doesn't say: then it serves once."""
    try:
        claims = token.split(".")[1]
        return float(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]) - time.time()
    except (IndexError, ValueError, KeyError, TypeError):
        return 0.0
