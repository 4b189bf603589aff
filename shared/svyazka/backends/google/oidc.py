"""Who may call the worker: the queue and the scheduler, by the identity tokens that Google signs for them.

Source: https://cloud.google.com/tasks/docs/creating-http-target-tasks#token (RS256, `aud`, `email`); the platform's own
IAM check comes before, and this holds if somebody opens that.
"""

from __future__ import annotations

import asyncio
import re
import time
from urllib.parse import urlsplit

from google.auth import jwt
from google.auth.exceptions import GoogleAuthError

from svyazka.backends.google.wire import NoAnswer, Origin
from svyazka.catalogue import _
from svyazka.engine.journal.tasks import Asked
from svyazka.engine.support.logs import log
from svyazka.model.errors import ConfigError
from svyazka.settings import Settings

ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
CLOCK_SKEW = 30
"""Seconds by which clocks may differ."""

FETCH_LIMIT = 5.0
KEPT_FOR = 3600.0
"""Seconds for which certificates are kept where their answer doesn't say."""

FETCH_AGAIN = 60.0
"""Seconds between two fetches for the sake of a key that isn't known: anybody can invent one."""


class CallerCheck:
    """Looks at an Authorization header: None, or why it lets nobody in."""

    def __init__(self, audience: str, accounts: frozenset[str], certs_url: str, asking: str = "") -> None:
        self._audience = audience
        self._accounts = accounts
        self._asking = frozenset(filter(None, (asking,)))
        self._certificates = Certificates(certs_url)

    @classmethod
    def from_settings(cls, settings: Settings) -> CallerCheck:
        """The check of a deployment. Raises ConfigError when it would let in anybody, or nobody."""
        accounts = frozenset(filter(None, (settings.worker_account, settings.scheduler_account)))
        if not settings.worker_url or not settings.worker_account:
            raise ConfigError(
                _(
                    "SVYAZKA_WORKER_URL and SVYAZKA_WORKER_ACCOUNT: expected the worker's address and the queue's "
                    "identity"
                )
            )
        return cls(settings.worker_url, accounts, settings.certs_url, settings.ingest_account)

    async def __call__(self, authorization: str | None, path: str = "") -> str | None:
        """The front door may ask its two questions, and nobody else may; tasks and ticks are not for it."""
        refused = await self._refusal(authorization or "", self._asking if path in set(Asked) else self._accounts)
        if refused is not None:
            log("WARNING", "caller refused", reason=refused)
        return refused

    async def _refusal(self, authorization: str, accounts: frozenset[str]) -> str | None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "expected an identity token"
        try:
            key_id = jwt.decode_header(token).get("kid")  # type: ignore[no-untyped-call]
            claims = jwt.decode(  # type: ignore[no-untyped-call]
                token,
                certs=await self._certificates.having(key_id),
                audience=self._audience,
                clock_skew_in_seconds=CLOCK_SKEW,
            )
        except (GoogleAuthError, ValueError):
            return "not a valid identity token for this service"
        except NoAnswer:
            return "the certificates can't be read just now"
        if claims.get("iss") not in ISSUERS:
            return "not an identity of Google's"
        if claims.get("email") not in accounts or claims.get("email_verified") is not True:
            return "this identity may not call the worker"
        return None


class Certificates:
    """Google's certificates by key id, kept as long as their answer allows, and on when no new ones can be had."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._origin, self._path = Origin(f"{parts.scheme}://{parts.netloc}"), parts.path
        self._fetching = asyncio.Lock()
        self._known: dict[str, str] = {}
        self._fetched_at = self._ends_at = float("-inf")

    async def having(self, key_id: object) -> dict[str, str]:
        """All of them, fetched anew when they are old or don't hold this one. Raises NoAnswer when there are none."""
        if self._wanting(key_id):
            async with self._fetching:
                if self._wanting(key_id):
                    await self._fetch()
        return self._known

    def _wanting(self, key_id: object) -> bool:
        if not self._known:
            return True
        now = time.monotonic()
        return (now > self._ends_at or key_id not in self._known) and now > self._fetched_at + FETCH_AGAIN

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_LIMIT):
                answer = await self._origin.send("GET", self._path)
            if answer.status != 200:
                raise NoAnswer(f"certificates answered {answer.status}")
            self._known = answer.json()
        except (NoAnswer, TimeoutError) as error:
            if not self._known:
                raise NoAnswer("no certificates") from error
            log("WARNING", "old certificates serve", error=type(error).__name__)
        else:
            age = re.search(r"max-age=(\d+)", answer.headers.get("cache-control", ""))
            self._ends_at = time.monotonic() + (float(age[1]) if age else KEPT_FOR)
        self._fetched_at = time.monotonic()
