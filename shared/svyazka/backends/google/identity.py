"""The instance's own access token, asked of the metadata server by hand.

Source: https://cloud.google.com/compute/docs/access/authenticate-workloads#applications. google-auth does the same
and costs an import of 150 ms.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from svyazka.backends.google.wire import NoAnswer, Origin

METADATA_HOST = "metadata.google.internal"
ACCOUNT_PATH = "/computeMetadata/v1/instance/service-accounts/default"
TOKEN_PATH = f"{ACCOUNT_PATH}/token"
FLAVOR = {"Metadata-Flavor": "Google"}

RENEW_BEFORE = 225.0
"""Seconds before a token's end from which a new one is asked for: the server hands out the same token until its last
four minutes (google-auth's own figure)."""


RENEW_LIMIT = 1.0


class Identity(Protocol):
    """Whose right a call claims."""

    async def header(self) -> str:
        """The Authorization header. Raises NoAnswer."""

    def refused(self) -> None:
        """A service didn't take it: the next call asks for another."""

    def close(self) -> None:
        """Let go of what is kept."""


class AccessToken:
    """Cached, renewed early, asked for once however many wait."""

    def __init__(self, host: str = METADATA_HOST) -> None:
        self._origin = Origin(f"http://{host}")
        self._asking = asyncio.Lock()
        self._token = ""
        self._ends_at = 0.0

    async def header(self) -> str:
        if time.monotonic() > self._ends_at - RENEW_BEFORE:
            async with self._asking:
                if time.monotonic() > self._ends_at - RENEW_BEFORE:
                    await self._renew()
        return f"Bearer {self._token}"

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(RENEW_LIMIT):
                answer = await self._origin.send("GET", TOKEN_PATH, FLAVOR)
            if answer.status != 200:
                raise NoAnswer(f"the metadata server answered {answer.status}")
            granted = answer.json()
        except (NoAnswer, TimeoutError) as error:
            if time.monotonic() > self._ends_at:
                raise NoAnswer(f"no access token: {error}") from error
            return  # the old one still serves
        self._token = granted["access_token"]
        self._ends_at = time.monotonic() + float(granted["expires_in"])

    def refused(self) -> None:
        self._ends_at = 0.0

    def close(self) -> None:
        self._origin.close()


class EmulatorToken:
    """What the Firestore emulator takes for everybody's right."""

    async def header(self) -> str:
        return "Bearer owner"

    def refused(self) -> None:
        return

    def close(self) -> None:
        return
