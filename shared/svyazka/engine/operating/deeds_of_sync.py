"""Buttons of systems in step: write from now on or only watch, show a doubt's cards side by side, answer it."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import InStep, switch_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating import answering, holding, syncing
from svyazka.engine.operating.deeds import DONE_BEFORE, Answer, Deeds, Refused
from svyazka.engine.operating.showing import cards_of
from svyazka.engine.outages.learning import Outages
from svyazka.engine.security.sealing import sealed_to
from svyazka.model.in_step import Doubt, Record, doubt_id
from svyazka.model.requests import Request, Wish
from svyazka.model.tenants import Tenant


class DeedsOfSync:
    """Carries them out."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages
        self.deeds: Deeds = {
            Wish.SYNC_START: self._started, Wish.SYNC_STOP: self._stopped, Wish.ANSWER_DOUBT: self._answered,
            Wish.LET_GO: self._let_go, Wish.SHOW_CARDS: self._shown,
        }  # fmt: skip

    async def _flow(self, request: Request, tenant: Tenant) -> InStep:
        return await syncing.flow_named(self._hub, tenant, request.arguments.get("flow", request.about))

    async def _started(self, request: Request, tenant: Tenant) -> Answer:
        """What it wrote down before is written down again: the same switch, the same job, wishes that wait already."""
        flow = await self._flow(request, tenant)
        toward = request.arguments.get("toward")
        await syncing.switched(self._hub, tenant, flow, [toward] if toward else (), on=True)
        job = await syncing.take_proposal(self._hub, tenant, flow.id)
        async for _id in syncing.look_anew(self._hub, tenant, flow):
            pass
        return Answer(N_("it writes from now on"), leads=f"/jobs/{job}" if job else "")

    async def _stopped(self, request: Request, tenant: Tenant) -> str:
        flow = await self._flow(request, tenant)
        toward = request.arguments.get("toward")
        await syncing.switched(self._hub, tenant, flow, [toward] if toward else (), on=False)
        if flow.rules.writes:
            return N_("the settings say mode: on, so it writes all the same: change it there")
        return N_("it only watches now")

    async def _answered(self, request: Request, tenant: Tenant) -> str:
        flow, field = await self._flow(request, tenant), request.arguments.get("field", "")
        id_ = doubt_id(tenant.id, flow.id, request.about, field)
        held = await journal.load(self._hub.store, Doubt, id_)
        if held is None:
            raise Refused(N_("that isn't asked"))
        if held.model.state != "open":
            return DONE_BEFORE
        await answering.answer(self._hub, tenant, flow, request.about, field, request.arguments.get("said", ""))
        return N_("taken down; both systems are looked at anew")

    async def _let_go(self, request: Request, tenant: Tenant) -> str:
        """The word is taken down first: who dies on the way goes on where it was."""
        flow, what = await self._flow(request, tenant), request.arguments.get("what", "")
        if what not in (await switch_of(self._hub, tenant.id, flow.id)).held:
            return DONE_BEFORE
        async for _id in holding.let_go(self._hub, tenant, flow, what, request.arguments.get("said", "")):
            pass
        return N_("taken down; they are looked at anew")

    async def _shown(self, request: Request, tenant: Tenant) -> Answer:
        """Read now, and sealed to the browser that asked: nothing of it is kept where anybody else reads it."""
        held = await journal.load(self._hub.store, Record, request.about)
        if held is None or held.model.tenant != tenant.id or request.lock is None:
            raise Refused(N_("there is no such record"))
        found = await cards_of(self._hub, self._outages, tenant, held.model)
        sealed = sealed_to(request.lock, found.model_dump_json(), request.context)
        return Answer(N_("both cards were read"), shown=sealed)
