"""Whose right the worker's own calls claim: the instance's service account, or whoever is signed in at a shell.

The way in asks the metadata server by hand (`identity.py`), which is quicker and knows no shell.
"""

from __future__ import annotations

import asyncio
from typing import Any

import google.auth
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

from svyazka.backends.google.wire import NoAnswer
from svyazka.catalogue import _
from svyazka.model.errors import ConfigError


class OwnCredentials:
    """Application default credentials for one scope, renewed in a thread, once however many wait."""

    def __init__(self, scope: str) -> None:
        self._scope = scope
        self._credentials: Any = None
        self._renewing = asyncio.Lock()

    async def header(self) -> str:
        """The Authorization header. Raises NoAnswer, and ConfigError where nobody is signed in."""
        async with self._renewing:
            if self._credentials is None or not self._credentials.valid:
                await asyncio.to_thread(self._renew)
        return f"Bearer {self._credentials.token}"

    def _renew(self) -> None:
        from google.auth.transport.requests import Request

        try:
            if self._credentials is None:
                self._credentials, _project = google.auth.default(scopes=[self._scope])
            self._credentials.refresh(Request())
        except DefaultCredentialsError as error:
            raise ConfigError(_("no Google credentials here: `gcloud auth application-default login`")) from error
        except GoogleAuthError as error:
            raise NoAnswer(f"no access token: {type(error).__name__}") from error

    def refused(self) -> None:
        """A service didn't take it: the next call asks for another."""
        if self._credentials is not None:
            self._credentials.token = None

    def close(self) -> None:
        """Nothing is kept open."""
