"""One turn of a subscription: what is due of it is begun, what came of it is taken in, step after step.

Level-triggered as a look at a payment is: its time, the end of a charge and a word of somebody's all come to the same
turn. Each step is one commit with everything that it changes, by compare-and-set on the documents that it was decided
by; whoever dies between two of them takes the next one again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import ModelT, Versioned
from svyazka.engine.journal.tasks import pay_task, perform_task
from svyazka.engine.paying.charging import charge, link_under_way, payment_for, provider_of
from svyazka.engine.paying.subscribing import charged_by
from svyazka.engine.paying.subscription_news import news_of, tell
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.subscription_moves import UNDER_WAY, moved
from svyazka.engine.rules.subscriptions import Found, Happening, Standing, found, method_of
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log
from svyazka.model.base import SKELETON
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.payments import Payment
from svyazka.model.subscriptions import Dunning, Method, Period, Subscription, Why, period_id
from svyazka.model.tenants import Tenant

STEPS = 60
"""Of one turn: what is left then is the sweep's."""

TRIES = 8

H = Happening


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription as it stands, in the versions that were read."""

    subscription: Versioned[Subscription]
    period: Versioned[Period] | None = None
    payment: Versioned[Payment] | None = None

    @property
    def stands(self) -> Standing:
        return Standing(
            self.subscription.model, self.period.model if self.period is not None else None,
            self.payment.model if self.payment is not None else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Move:
    """What is written of it, and queued."""

    writes: Sequence[Write] = ()
    tasks: Sequence[Task] = ()


async def held_of(hub: Hub, id_: str) -> Held | None:
    """One subscription with what belongs to its present period; None: there is none."""
    subscription = await journal.load(hub.store, Subscription, id_)
    if subscription is None:
        return None
    period = await journal.load(hub.store, Period, period_id(id_, subscription.model.n))
    named = period.model.payment if period is not None else None
    payment = await journal.load(hub.store, Payment, named) if named is not None else None
    return Held(subscription, period, payment)


async def latest_payment(hub: Hub, id_: str) -> str | None:
    """What is paid for the present period of a subscription, or was for the one before; None: there is none."""
    held = await held_of(hub, id_)
    if held is None:
        return None
    if held.period is not None and held.period.model.payment is not None:
        return held.period.model.payment
    before = await journal.load(hub.store, Period, period_id(id_, held.subscription.model.n - 1))
    return before.model.payment if before is not None else None


class Turning:
    """Turns subscriptions."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def turn(self, id_: str) -> None:
        """All that is to be done now; unknown ids are nothing. Raises Unavailable."""
        conflicts = 0
        for _ in range(STEPS):
            held = await held_of(self._hub, id_)
            tenant = await self._hub.directory.tenant(held.subscription.model.tenant) if held is not None else None
            if held is None or tenant is None:
                return
            now, stands = self._hub.clock.now(), held.stands
            dunning = await charged_by(self._hub, tenant, stands.subscription.flow)
            seen = await self._found(stands, now, dunning)
            if seen.what is H.NOTHING:  # told before the next turn is put off
                await tell(self._hub, tenant, stands.subscription)
            try:
                if seen.what is H.TRY:
                    move = await self._tried(held, tenant, dunning, now)
                else:
                    move = await move_of(self._hub, held, moved(stands, seen, now), tenant)
                await self._commit(move)
            except Conflict:
                conflicts += 1
                if conflicts == TRIES:
                    raise Unavailable(N_("others move this subscription all the time")) from None
                continue
            if seen.what is H.NOTHING:
                return

    async def _found(self, stands: Standing, now: datetime, dunning: Dunning | None) -> Found:
        """What is to be done; no charge beside a link that somebody has just asked for."""
        seen = found(stands, now, dunning or Dunning())
        if seen.what is H.TRY and stands.payment is not None and await link_under_way(self._hub, stands.payment):
            return Found(H.NOTHING)  # the look that takes the link in comes back here
        return seen

    async def _tried(self, held: Held, tenant: Tenant, dunning: Dunning | None, now: datetime) -> Move:
        """One charge more; or what keeps it from being made."""
        stands = held.stands
        subscription, period = stands.subscription, stands.period
        assert period is not None
        method = subscription.method or await self._shown_since(subscription)
        account = await provider_of(self._hub, subscription, method) if method is not None else None
        if dunning is None or (method is not None and account is None):
            return await move_of(self._hub, held, moved(stands, Found(H.OWNER, Why.NO_FLOW), now), tenant)
        if method is None or account is None:
            why = Why.CARD_GONE if subscription.card_gone else Why.NOT_SAVED
            return await move_of(self._hub, held, moved(stands, Found(H.NO_CARD, why), now), tenant)
        payment = stands.payment or payment_for(self._hub, subscription, period.n, tenant, now)
        payment, delivery = charge(subscription, period, payment, method, account, tenant, now)
        after = Standing(
            subscription.model_copy(update={"method": method, "wake_at": now + UNDER_WAY, "wake_step": 0}),
            period.model_copy(update={"payment": payment.id, "again_at": None}),
            payment.model_copy(update={"wake_at": now + timedelta(minutes=2)}),
        )
        move = await move_of(self._hub, held, after, tenant)
        return Move([*move.writes, journal.create(delivery)], [*move.tasks, perform_task(delivery)])

    async def _shown_since(self, subscription: Subscription) -> Method | None:
        """The method, where its provider has shown it only after the payment; never one that is known to be gone."""
        if subscription.card_gone:
            return None
        first = await journal.load(self._hub.store, Payment, subscription.first)
        return method_of(first.model) if first is not None else None

    async def _commit(self, move: Move) -> None:
        if not move.writes:
            return
        reach("subscription.before_commit")
        await self._hub.store.commit(move.writes, move.tasks)
        reach("subscription.after_commit")


async def move_of(hub: Hub, held: Held, after: Standing, tenant: Tenant) -> Move:
    """What is written where a subscription is to stand so; nothing where it does."""
    before, now = held.subscription.model, hub.clock.now()
    subscription = after.subscription
    changes: dict[str, object] = {}
    if subscription.state is not before.state:
        changes["since"] = now
    if subscription.is_over and before.ended_at is None:
        changes |= {"ended_at": now, "blank_at": now + tenant.retention}
    if subscription.is_over and subscription.wake_at is None and subscription.expire_at is None:
        changes["expire_at"] = now + SKELETON
    subscription = subscription.model_copy(update=changes)
    writes = [
        *_over(held.subscription, subscription), *_over(held.period, after.period), *_over(held.payment, after.payment),
    ]  # fmt: skip
    if not writes:
        return Move()
    news, tasks = await news_of(hub, before, subscription, now)
    payment, known = after.payment, held.payment.model if held.payment is not None else None
    if payment is not None and payment.closed and known is not None and not known.closed and payment.attempts:
        tasks.append(pay_task(payment.id, payment.attempts[-1].vendor))
    if subscription.state is not before.state:
        log("INFO", "subscription moves", tenant=before.tenant, connection=before.connection, flow=before.flow,
            status=subscription.state.value)  # fmt: skip
    return Move([*writes, *news], tasks)


def _over(held: Versioned[ModelT] | None, after: ModelT | None) -> list[Write]:
    """Written where it is new, or other than it was."""
    if after is None or (held is not None and held.model == after):
        return []
    return [journal.replace(after, held.version) if held is not None else journal.create(after)]
