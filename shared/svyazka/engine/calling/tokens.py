"""Short-lived access tokens that instances share, sealed with the `vault` key."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from svyazka.engine.contracts.calls import TokenCache
from svyazka.engine.ports.store import Document, Put

if TYPE_CHECKING:
    from svyazka.engine.hub import Hub
    from svyazka.engine.tenants.directory import Account


class StoredTokens(TokenCache):
    """One connection's tokens in the store."""

    def __init__(self, hub: Hub, account: Account) -> None:
        self._hub = hub
        self._owner = f"{account.tenant.id}.{account.name}"

    def _key(self, name: str) -> str:
        return f"{self._owner}.{name}"

    async def get(self, name: str) -> tuple[str, datetime] | None:
        document = await self._hub.store.get("tokens", self._key(name))
        if document is None:
            return None
        kept = json.loads(document.data)
        until = datetime.fromisoformat(kept["until"])
        if until <= self._hub.clock.real():
            return None
        return self._hub.keyring.unseal("vault", kept["sealed"], document.id), until

    async def put(self, name: str, value: str, until: datetime) -> None:
        key = self._key(name)
        sealed = self._hub.keyring.seal("vault", value, key)
        data = json.dumps({"sealed": sealed, "until": until.isoformat()}).encode()
        await self._hub.store.commit([Put(Document("tokens", key, {"expire_at": until}, data))])
