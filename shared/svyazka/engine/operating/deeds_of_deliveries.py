"""Buttons about deliveries and what is held back: again, resolved, let go on, discarded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import Webhook
from svyazka.engine.hub import Hub
from svyazka.engine.jobs import steering
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import EVENTS_OF_CONNECTION_BY_STATUS
from svyazka.engine.journal.tasks import request_task
from svyazka.engine.operating import replaying
from svyazka.engine.operating.deeds import DONE_BEFORE, Answer, Deeds, Refused, connection_in
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.reopen import reopen
from svyazka.engine.operating.replay import discard, replay_event
from svyazka.engine.operating.resolve import resolve_delivery
from svyazka.engine.outages.learning import Outages
from svyazka.model.deliveries import FINAL, Delivery, Status
from svyazka.model.events import EventRecord
from svyazka.model.ids import stable_id
from svyazka.model.requests import Request, Wish
from svyazka.model.tenants import Tenant

HELD_AT_ONCE = 500
"""Calls held back that are decided in one go; the rest in a task of its own."""


class DeedsOfDeliveries:
    """Carries them out."""

    def __init__(self, hub: Hub, outages: Outages, webhook_of: Callable[[str], Webhook | None]) -> None:
        self._hub, self._outages, self._webhook_of = hub, outages, webhook_of
        self.deeds: Deeds = {
            Wish.RETRY: self._retried, Wish.REPLAY: self._replayed, Wish.RESOLVE: self._resolved,
            Wish.RELEASE: self._decided, Wish.DISCARD: self._decided, Wish.REPLAY_ALL: self._all_replayed,
        }  # fmt: skip

    def _operator(self, request: Request) -> Operator:
        return Operator(self._hub, self._webhook_of, request.who)

    async def _retried(self, request: Request, tenant: Tenant) -> str:
        outage = await self._outages.probing.at_once(tenant, connection_in(tenant, request.about))
        return N_("a probe is on its way") if outage else N_("it is in no trouble: there is nothing to try")

    async def _replayed(self, request: Request, tenant: Tenant) -> str:
        if await self._is_done(request):
            return DONE_BEFORE
        how = How(again="again" in request.arguments, ignore_age="ignore_age" in request.arguments, why=request.id)
        done = await reopen(self._operator(request), request.about, how)
        if done.skipped:
            raise Refused(done.reason or "")
        return N_("it begins anew")

    async def _resolved(self, request: Request, tenant: Tenant) -> str:
        if await self._is_done(request):
            return DONE_BEFORE
        how = How(ignore_age="ignore_age" in request.arguments, why=request.id)
        signed = Operator(self._hub, self._webhook_of, f"{request.who} ({request.id})")
        match request.arguments.get("as"):
            case "succeeded" | "failed" | "retry" as resolution:
                await resolve_delivery(signed, request.about, resolution, how)
                return N_("it is noted")
        raise Refused(N_("expected succeeded, failed or retry"))

    async def _is_done(self, request: Request) -> bool:
        """Whether this very request did it before. Raises Refused for a delivery that isn't this tenant's."""
        held = await journal.load(self._hub.store, Delivery, request.about)
        if held is None or held.model.tenant != request.tenant:
            raise Refused(N_("there is no such delivery"))
        return any(request.id in note for note in held.model.notes)

    async def _decided(self, request: Request, tenant: Tenant) -> str | None:
        """What was held when it was asked for, the oldest first; what is more than a go's worth in another one."""
        connection, operator = connection_in(tenant, request.about), self._operator(request)
        where = {"tenant": request.tenant, "connection": connection, "status": "quarantined"}
        held, cursor = list[str](), None
        while True:
            page = await self._hub.store.find(EVENTS_OF_CONNECTION_BY_STATUS, equal=where, limit=200, cursor=cursor)
            for one in journal.known(EventRecord, page.documents):
                if one.model.is_held and one.model.event.received_at <= request.asked_at:
                    held.append(one.model.event.id)
            cursor = page.cursor
            if cursor is None:
                break
        for id_ in held[: -HELD_AT_ONCE - 1 : -1]:
            if request.wish is Wish.RELEASE:
                await replay_event(operator, id_, How(why=request.id))
            else:
                await discard(operator, id_)
        if len(held) <= HELD_AT_ONCE:
            return N_("decided")
        await self._hub.queue.enqueue([request_task(request.id)])
        return None

    async def _all_replayed(self, request: Request, tenant: Tenant) -> Answer:
        """A job does them; the same request begins the same one."""
        given = request.arguments
        status = given.get("status", "")
        if status not in FINAL or status == Status.SUCCEEDED:
            raise Refused(N_("expected a state in which something ended without success"))
        connection = "" if request.about == tenant.id else connection_in(tenant, request.about)
        since = given.get("since", "")
        try:
            moment = datetime.fromisoformat(since) if since else None
        except ValueError:
            raise Refused(N_("expected a time since when")) from None
        if moment is not None and moment.tzinfo is None:
            raise Refused(N_("expected a time since when"))
        job = stable_id("job", "replay", request.id)
        total = await replaying.count(self._hub.store, tenant.id, connection, status, moment)
        await steering.start(
            self._hub, tenant.id, replaying.Replaying.kind, connection, job,
            {"status": status, "since": since, "until": request.asked_at.isoformat(), "who": request.who,
             "ignore_age": "ignore_age" in given, "why": request.id},
            total=total,
        )  # fmt: skip
        return Answer(N_("they begin anew, one after the other"), leads=f"/jobs/{job}")
