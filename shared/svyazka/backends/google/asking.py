"""The front door's way to the worker on Google: HTTP, under the function's own identity.

Source: https://cloud.google.com/run/docs/authenticating/service-to-service (the metadata server signs a token for an
audience; Cloud Run lets in whom `run.invoker` names, and the worker looks at the token again).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from svyazka.backends.google.identity import METADATA_HOST
from svyazka.backends.google.wire import NoAnswer, Origin
from svyazka.engine.ports.asking import NoReply, Reply

IDENTITY_PATH = "/computeMetadata/v1/instance/service-accounts/default/identity"
KEPT_FOR = 45 * 60.0
"""Seconds for which a token is used; it holds for an hour."""


class HttpWorker:
    """Asks over HTTP."""

    def __init__(self, worker_url: str, metadata: str = METADATA_HOST) -> None:
        parts = urlsplit(worker_url)
        self._worker, self._audience = Origin(f"{parts.scheme}://{parts.netloc}"), worker_url
        self._metadata = Origin(f"http://{metadata}")
        self._renewing = asyncio.Lock()
        self._token, self._ends_at = "", 0.0

    @classmethod
    def from_environment(cls) -> HttpWorker | None:
        """As the function is deployed; None where nobody has said where the worker is."""
        url = os.environ.get("SVYAZKA_WORKER_URL", "")
        return cls(url, os.environ.get("GCE_METADATA_HOST", METADATA_HOST)) if url else None

    async def ask(self, path: str, body: Mapping[str, Any], seconds: float) -> Reply:
        """One call. Raises NoReply."""
        try:
            async with asyncio.timeout(seconds):
                headers = {"Authorization": f"Bearer {await self._identity()}", "Content-Type": "application/json"}
                answer = await self._worker.send("POST", path, headers, json.dumps(body).encode())
            content = answer.json()
        except (NoAnswer, TimeoutError) as error:
            raise NoReply(type(error).__name__) from error
        if answer.status == 401:
            self._ends_at = 0.0
        return Reply(answer.status, content if isinstance(content, dict) else {})

    async def _identity(self) -> str:
        async with self._renewing:
            if time.monotonic() > self._ends_at:
                where = (
                    f"/computeMetadata/v1/instance/service-accounts/default/identity?audience={quote(self._audience)}"
                )
                answer = await self._metadata.send("GET", where, {"Metadata-Flavor": "Google"})
                if answer.status != 200:
                    raise NoAnswer(f"the metadata server answered {answer.status}")
                self._token, self._ends_at = answer.body.decode("ascii").strip(), time.monotonic() + KEPT_FOR
        return self._token
