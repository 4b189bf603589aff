"""Buttons of systems in step: write from now on or only watch, show a doubt's cards side by side, answer it."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import InStep, switch_of
from svyazka.engine.in_step.wanting import record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating import answering, holding, syncing, tombstones
from svyazka.engine.operating.deeds import DONE_BEFORE, Answer, Deeds, Refused
from svyazka.engine.operating.showing import cards_of
from svyazka.engine.outages.learning import Outages
from svyazka.engine.security.sealing import sealed_to
from svyazka.model.in_step import Doubt, Link, Record, SideState, doubt_id, link_id
from svyazka.model.requests import Request, Wish
from svyazka.model.tenants import Tenant


class DeedsOfSync:
    """Carries them out."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages
        self.deeds: Deeds = {
            Wish.SYNC_START: self._started, Wish.SYNC_STOP: self._stopped, Wish.ANSWER_DOUBT: self._answered,
            Wish.ANSWER_ALL: self._all_answered, Wish.LET_GO: self._let_go, Wish.SHOW_CARDS: self._shown,
            Wish.UNMERGE: self._taken_apart, Wish.REVIVE: self._made_anew,
        }  # fmt: skip

    async def _flow(self, request: Request, tenant: Tenant) -> InStep:
        return await syncing.flow_named(self._hub, tenant, request.arguments.get("flow", request.about))

    async def _started(self, request: Request, tenant: Tenant) -> Answer:
        """What it wrote down before is written down again: the same switch, the same job, wishes that wait already."""
        flow = await self._flow(request, tenant)
        toward = request.arguments.get("toward")
        await syncing.switched(self._hub, tenant, flow, [toward] if toward else (), on=True, said_at=request.asked_at)
        job = await syncing.take_proposal(self._hub, tenant, flow.id)
        if job is None:  # else the job does, once it is known what resembles them
            async for _id in syncing.look_anew(self._hub, tenant, flow):
                pass
        return Answer(N_("it writes from now on"), leads=f"/jobs/{job}" if job else "")

    async def _stopped(self, request: Request, tenant: Tenant) -> str:
        flow = await self._flow(request, tenant)
        toward = request.arguments.get("toward")
        await syncing.switched(self._hub, tenant, flow, [toward] if toward else (), on=False, said_at=request.asked_at)
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

    async def _all_answered(self, request: Request, tenant: Tenant) -> str:
        """Only what was asked when the button was pressed: nobody has looked at what came since."""
        flow, given = await self._flow(request, tenant), request.arguments
        async for _row in answering.answer_all(
            self._hub, tenant, flow, given.get("said", ""), field=given.get("field", ""), cause=given.get("cause", ""),
            until=request.asked_at,
        ):  # fmt: skip
            pass
        return N_("taken down; they are looked at anew")

    async def _taken_apart(self, request: Request, tenant: Tenant) -> str:
        """One card of a record: once more, it is another record's already."""
        flow, card = await self._flow(request, tenant), request.arguments.get("card", "")
        link = await journal.load(self._hub.store, Link, link_id(tenant.id, flow.rules.kind, *_parts(card)))
        if link is None:
            raise Refused(N_("there is no such card"))
        if (await record_of(self._hub.store, link.model.record)).model.id != request.about:
            return DONE_BEFORE
        await tombstones.unmerge(self._hub, tenant, flow, request.about, [card])
        return N_("they are two now; what stands in the systems stays")

    async def _made_anew(self, request: Request, tenant: Tenant) -> str:
        flow, within = await self._flow(request, tenant), request.arguments.get("within", "")
        held = await tombstones.record_in(self._hub, tenant, flow, request.about)
        side = held.model.sides.get(within)
        if side is None or side.state is not SideState.GONE:
            return DONE_BEFORE
        await tombstones.revive(self._hub, tenant, flow, request.about, within)
        return N_("it is looked for, and made anew where there is none")

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


def _parts(card: str) -> tuple[str, str]:
    connection, _slash, object_ = card.partition("/")
    return connection, object_
