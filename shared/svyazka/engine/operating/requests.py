"""What the console asked for is looked at again, carried out and answered.

The console only puts requests down: it holds no credentials, and what a person may do is not its to decide. A worker
that dies between the deed and the answer does it once more, so each deed recognises itself: it leaves the request's id
in what it changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import Webhook
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import EVENTS_OF_CONNECTION_BY_STATUS
from svyazka.engine.journal.tasks import request_task
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.reopen import reopen
from svyazka.engine.operating.replay import discard, replay_event
from svyazka.engine.operating.resolve import resolve_delivery
from svyazka.engine.outages.learning import Outages
from svyazka.engine.support.failpoints import reach
from svyazka.model.deliveries import AuditLine, Delivery
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.events import EventRecord
from svyazka.model.requests import NEEDED, Request, SignedIn, Wish
from svyazka.model.tenants import Tenant

SetPaused = Callable[[Hub, Tenant, str, bool], Awaitable[None]]
"""Pauses a tenant, or its connection or flow of that name, or lets it go on. Raises ConfigError and Conflict."""

HELD_AT_ONCE = 500
"""Calls held back that are decided in one go; the rest in a task of its own."""

DONE_BEFORE = N_("it was done")


class Refused(Exception):
    """Why it isn't done."""


class Requests:
    """Carries them out."""

    def __init__(
        self, hub: Hub, outages: Outages, webhook_of: Callable[[str], Webhook | None], set_paused: SetPaused
    ) -> None:
        self._hub, self._outages = hub, outages
        self._webhook_of, self._set_paused = webhook_of, set_paused

    async def carry_out(self, id_: str) -> None:
        """One request, unless it has been answered."""
        held = await journal.load(self._hub.store, Request, id_)
        if held is None or held.model.state != "asked":
            return
        request = held.model
        try:
            tenant = await self._allowed(request)
            answer = await self._do(request, tenant)
        except (ConfigError, Refused) as error:
            await self._answered(held, "refused", str(error))
        except Conflict:
            await self._hub.queue.enqueue([request_task(id_)])
        else:
            if answer is not None:
                reach("request.before_answer")
                await self._answered(held, "done", answer)

    async def _allowed(self, request: Request) -> Tenant:
        """Rights are looked at here and now, whatever the console believed."""
        tenant = await self._hub.directory.tenant(request.tenant)
        session = await journal.load(self._hub.store, SignedIn, request.session)
        if tenant is None:
            raise Refused(N_("this business isn't here any more"))
        if session is None or session.model.expire_at <= self._hub.clock.real():
            raise Refused(N_("the sign-in is over: sign in and ask again"))
        if not session.model.may(request.tenant, NEEDED[request.wish]):
            raise Refused(N_("this role may not do that: ask the owner"))
        return tenant

    async def _do(self, request: Request, tenant: Tenant) -> str | None:
        """Do it; the answer, or None while more of it is to be done."""
        operator = Operator(self._hub, self._webhook_of, request.who)
        match request.wish:
            case Wish.RETRY:
                outage = await self._outages.probing.at_once(tenant, _connection(tenant, request.about))
                return N_("a probe is on its way") if outage else N_("it is in no trouble: there is nothing to try")
            case Wish.REPLAY:
                return await self._replayed(operator, request)
            case Wish.RESOLVE:
                return await self._resolved(operator, request)
            case Wish.PAUSE | Wish.RESUME:
                await self._set_paused(self._hub, tenant, request.about, request.wish is Wish.PAUSE)
                return N_("it waits now") if request.wish is Wish.PAUSE else N_("it goes on")
            case Wish.RELEASE | Wish.DISCARD:
                return await self._decided(operator, request, _connection(tenant, request.about))

    async def _replayed(self, operator: Operator, request: Request) -> str:
        if await self._is_done(request):
            return DONE_BEFORE
        how = How(again="again" in request.arguments, ignore_age="ignore_age" in request.arguments, why=request.id)
        done = await reopen(operator, request.about, how)
        if done.skipped:
            raise Refused(done.reason or "")
        return N_("it begins anew")

    async def _resolved(self, operator: Operator, request: Request) -> str:
        if await self._is_done(request):
            return DONE_BEFORE
        how = How(ignore_age="ignore_age" in request.arguments, why=request.id)
        signed = Operator(operator.hub, operator.webhook_of, f"{operator.who} ({request.id})")
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

    async def _decided(self, operator: Operator, request: Request, connection: str) -> str | None:
        """What was held when it was asked for, the oldest first; what is more than a go's worth in another one."""
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

    async def _answered(self, held: journal.Versioned[Request], state: str, answer: str) -> None:
        request, now = held.model, self._hub.clock.now()
        answered = request.model_copy(
            update={"state": state, "answer": answer, "answered_at": now, "wake_at": None, "wake_step": 0}
        )
        try:
            await self._hub.store.commit([journal.replace(answered, held.version), journal.create(_line(request, now))])
        except Conflict:
            return  # another worker has answered it


def _connection(tenant: Tenant, name: str) -> str:
    if name not in tenant.connections:
        raise Refused(N_("there is no such connection"))
    return name


def _line(request: Request, now: datetime) -> AuditLine:
    """The audit's line, as the command line leaves it."""
    whole = request.about.startswith("dlv_") or request.about == request.tenant
    target = request.about if whole else f"{request.tenant}/{request.about}"
    detail = {"by": "console", "request": request.id, **request.arguments}
    return AuditLine(
        id=f"aud_{request.id}", at=now, who=request.who, action=request.wish.value, target=target, detail={**detail}
    )
