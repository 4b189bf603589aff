"""Buttons about who is in the console."""

from __future__ import annotations

import secrets
from contextlib import suppress

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.deeds import DONE_BEFORE, Deeds, Refused, end_of
from svyazka.engine.operating.sign_ins import all_tenants
from svyazka.engine.ports.store import Delete
from svyazka.engine.rules.access import SUPPORT_DAYS, may_end, support_session
from svyazka.engine.security.sealing import sealed_to
from svyazka.model.errors import Conflict
from svyazka.model.requests import Request, SignedIn, Wish
from svyazka.model.tenants import Tenant

SUPPORT = N_("support")
"""What whoever came by such a link is called."""


class DeedsOfPeople:
    """Carries them out."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.deeds: Deeds = {Wish.END_SIGN_IN: self._ended, Wish.SUPPORT_LINK: self._support}

    async def _ended(self, request: Request, tenant: Tenant) -> str:
        """Only by whoever is the owner of all that it opens: an owner of one business doesn't put out those who run the
        machine."""
        hub = self._hub
        held = await journal.load(hub.store, SignedIn, request.about)
        mine = await journal.load(hub.store, SignedIn, request.session)
        if held is None:
            return DONE_BEFORE
        tenants = {one.id: one for one in await all_tenants(hub)}
        if mine is None or not may_end(hub.keyring, mine.model, held.model, tenants):
            raise Refused(N_("this sign-in opens more than yours: only those who run the machine end it"))
        with suppress(Conflict):  # it was seen just now: what counts is that it is gone
            await hub.store.commit([Delete("signed_in", held.model.id)])
        return N_("whoever it was has to sign in anew")

    async def _support(self, request: Request, tenant: Tenant) -> str:
        """The link is sealed to the browser that asked, in the commit that makes it good: who dies before has made
        none."""
        given = request.arguments.get("days", "")
        if given not in map(str, SUPPORT_DAYS) or request.lock is None:
            raise Refused(N_("expected for how many days it shall be good"))
        hub, token, said = self._hub, secrets.token_urlsafe(32), N_("the link is good from now on")
        made = support_session(token, SUPPORT, tenant.id, hub.clock.real(), int(given))
        end = await end_of(hub, request, said, sealed_to(request.lock, token, request.context))
        await hub.store.commit([*end, journal.create(made)])
        return said
