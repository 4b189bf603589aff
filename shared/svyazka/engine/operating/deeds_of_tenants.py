"""Buttons about a business as a whole, its connections and flows."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.operating.deeds import Answer, Deeds, Hands, Refused, connection_in, end_of, typed
from svyazka.engine.operating.preview import Preview
from svyazka.engine.operating.trying_out import expectation
from svyazka.engine.security.sealing import sealed_to
from svyazka.model.errors import Conflict, SourceUnavailable
from svyazka.model.requests import Request, Wish
from svyazka.model.tenants import Tenant


class DeedsOfTenants:
    """Carries them out."""

    def __init__(self, hub: Hub, hands: Hands, preview: Preview) -> None:
        self._hub, self._hands, self._preview = hub, hands, preview
        self.deeds: Deeds = {
            Wish.PAUSE: self._paused,
            Wish.RESUME: self._resumed,
            Wish.PLAN_FILE: self._planned,
            Wish.APPLY_FILE: self._applied,
            Wish.TRY_OUT: self._tried_out,
        }

    async def _paused(self, request: Request, tenant: Tenant) -> str:
        return await self._set_paused(request, tenant, True, N_("it waits now"))

    async def _resumed(self, request: Request, tenant: Tenant) -> str:
        return await self._set_paused(request, tenant, False, N_("it goes on"))

    async def _set_paused(self, request: Request, tenant: Tenant, paused: bool, said: str) -> str:
        end = await end_of(self._hub, request, said)
        await self._hands.set_paused(self._hub, tenant, request.about, paused, end)
        return said

    async def _planned(self, request: Request, tenant: Tenant) -> Answer:
        """Sealed to whoever asked: a file says where a business is told of troubles, and who its people are."""
        plan = await self._hands.plan_file(self._hub, tenant, typed(self._hub, request))
        if plan.revision != request.arguments.get("revision") or request.lock is None:
            raise Refused(N_("somebody changed the settings meanwhile: look at them anew"))
        return Answer(
            N_("nothing is changed yet"), shown=sealed_to(request.lock, plan.model_dump_json(), request.context)
        )

    async def _applied(self, request: Request, tenant: Tenant) -> str:
        said = N_("the settings are changed")
        text, revision = typed(self._hub, request), request.arguments.get("revision", "")
        also = await end_of(self._hub, request, said)
        try:
            await self._hands.apply_file(self._hub, tenant, text, revision, also)
        except Conflict:
            raise Refused(N_("somebody changed the settings meanwhile: look at them anew")) from None
        return said

    async def _tried_out(self, request: Request, tenant: Tenant) -> Answer:
        """Nothing is written or sent. Raises Refused where a system has to be asked first, and can't be now."""
        name = connection_in(tenant, request.about)
        if request.lock is None:
            raise Refused(N_("nobody is there to see it"))
        try:
            found = await expectation(self._hub, self._preview, tenant, name)
        except SourceUnavailable as error:
            raise Refused(str(error)) from None
        return Answer(N_("nothing was sent"), shown=sealed_to(request.lock, found.model_dump_json(), request.context))
