"""What a connector gets to call its vendor with."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from svyazka.engine.calling.oauth.refresh import authorisation_of
from svyazka.engine.calling.tokens import StoredTokens
from svyazka.engine.contracts.calls import Call, Exchanges
from svyazka.engine.hub import Hub
from svyazka.engine.rules.deadlines import TIMES
from svyazka.engine.tenants.directory import Account
from svyazka.model.commands import Deadline


class Caller:
    """Makes HTTP clients and surroundings for one look at a vendor, or one attempt."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def exchanges(
        self, account: Account, lease_until: datetime | None = None, deadline: Deadline = Deadline.CALL
    ) -> Exchanges:
        """An HTTP client for one attempt through this connection."""
        hub, limits = self._hub, self._hub.limits(account)
        limit = TIMES[deadline].call
        if account.settings.timeout is not None:
            limit = min(limit, account.settings.timeout.total_seconds())
        return Exchanges(
            hub.clients.of(f"{account.tenant.id}.{account.name}", limits.concurrency, account.manifest.network.ca_pem),
            base_url=account.base_url,
            deadline=time.monotonic() + limit,
            clock=hub.clock,
            lease_until=lease_until,
            secrets=account.secrets,
            guard=hub.guard_of(account),
        )

    def call(self, account: Account, exchanges: Exchanges, key: str) -> Call[Any]:
        """What the connector gets."""
        hub = self._hub
        return Call(
            tenant=account.tenant.id,
            connection=account.name,
            settings=account.settings,
            http=exchanges,
            key=key,
            now=hub.clock.now(),
            timezone=account.tenant.timezone,
            hook_url=hub.hook_url(account),
            memo=hub.memo(account),
            tokens=StoredTokens(hub, account),
            auth=authorisation_of(hub, account),
            pace=lambda: hub.pace(account),
        )
