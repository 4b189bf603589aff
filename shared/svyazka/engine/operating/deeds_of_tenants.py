"""Buttons about a business as a whole, its connections and flows."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.operating.deeds import Deeds, Hands
from svyazka.model.requests import Request, Wish
from svyazka.model.tenants import Tenant


class DeedsOfTenants:
    """Carries them out."""

    def __init__(self, hub: Hub, hands: Hands) -> None:
        self._hub, self._hands = hub, hands
        self.deeds: Deeds = {Wish.PAUSE: self._paused, Wish.RESUME: self._resumed}

    async def _paused(self, request: Request, tenant: Tenant) -> str:
        await self._hands.set_paused(self._hub, tenant, request.about, True)
        return N_("it waits now")

    async def _resumed(self, request: Request, tenant: Tenant) -> str:
        await self._hands.set_paused(self._hub, tenant, request.about, False)
        return N_("it goes on")
