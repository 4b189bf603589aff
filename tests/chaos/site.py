"""A business's own site in front of an installation: its back end calls while processes are lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import httpx

from chaos.installation import TENANT, LocalInstallation, until_it_stays
from chaos.scenario import Failpoint, watch
from svyazka.app import server_key_of
from svyazka.model.errors import Unavailable
from svyazka.model.events import EventStatus
from vendors.parts.base import Webhook
from vendors.parts.hooks import Source

SITE = Source("site", webhook=lambda running, guest: Webhook(b"", {}))
WEB = {"vendor": "site", "origins": ["https://example.test"]}

T = TypeVar("T")


@dataclass
class Site:
    """The caller's side of the story: everything is sent again until it is answered."""

    installation: LocalInstallation
    client: httpx.AsyncClient
    answers: Counter[int] = field(default_factory=Counter)

    async def post(self, call: str, body: Mapping[str, Any], key: str | None = None) -> httpx.Response:
        """Bring something."""
        return await self._answered("POST", call, {"Idempotency-Key": key} if key else {}, body)

    async def get(self, call: str) -> httpx.Response:
        """Look at something."""
        return await self._answered("GET", call, {})

    async def _answered(
        self, method: str, call: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """By the site's own server's key: nobody counts its calls."""
        secret = server_key_of(self.installation.keyring, "site", TENANT, "web", 1)
        assert secret is not None
        url, sent = f"{self.installation.url}/ingest/{call}", {"X-Site-Secret": secret, **headers}
        while True:
            try:
                answer = await self.client.request(method, url, json=body, headers=sent)
            except httpx.HTTPError:
                self.answers[0] += 1
            else:
                self.answers[answer.status_code] += 1
                if answer.status_code < 500:
                    return answer
            await asyncio.sleep(0.1)


async def live_through(
    installation: LocalInstallation, failpoint: Failpoint, tell: Callable[[Site], Awaitable[T]], patience: float = 60.0
) -> tuple[T, Counter[str]]:
    """Everything runs, the site tells what it has to, all settles; what it heard, and what happened to processes."""
    done = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            for name in ("accept", "work"):
                installation.start(name, failpoint(name))
            watching = group.create_task(watch(installation, 120 * installation.scale + 0.5, done, failpoint))
            await installation.ready()
            async with installation.caller() as client:
                heard = await tell(Site(installation, client))
            settled = partial(is_settled, installation)
            await until_it_stays(settled, "everything settled", patience, lambda: installation.spoken()[-2000:])
            done.set()
    finally:
        installation.stop()
    return heard, watching.result()


async def is_settled(installation: LocalInstallation) -> bool:
    """Everything is planned, and nothing is on its way."""
    try:
        journal = await installation.journal()
    except Unavailable:  # the emulator is busy with the others
        return False
    planned = all(record.status is not EventStatus.ACCEPTED for record in journal.events)
    return planned and not installation.frozen() and not any(one.is_open for one in journal.deliveries)
