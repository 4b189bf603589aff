"""What somebody wants of a subscription: that it ends, that its period is charged now, that it isn't charged at all.

Whoever cancels and whoever charges meet in documents: a charge that nobody has begun yet is stopped in the very commit
that cancels, over the version that a claim would need, so that one of them comes first.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import subscription_task
from svyazka.engine.journal.transition import Transition, ended
from svyazka.engine.paying.turning import Held, Move, move_of
from svyazka.engine.rules.subscription_moves import moved
from svyazka.engine.rules.subscriptions import Found, Happening, Standing, charges_of, is_under_way
from svyazka.engine.rules.transitions import stopped
from svyazka.model.deliveries import NOT_BEGUN, Delivery, Status
from svyazka.model.events import Event
from svyazka.model.payments import IN_FLIGHT
from svyazka.model.subscriptions import PeriodState, Subscription, Why
from svyazka.model.tenants import Tenant

H = Happening

WHY_NOT = {
    "over": N_("this subscription is over already"),
    "under_way": N_("a charge is under way, and nobody knows yet what it comes to"),
    "nothing_due": N_("nothing of it is due"),
    "no_subscription": N_("there is no such subscription"),
}
"""Why nothing is done: code -> words."""


def is_of(subscription: Subscription, event: Event) -> bool:
    """Whether it began by the very site that an event comes from."""
    return (subscription.tenant, subscription.connection) == (event.tenant, event.connection)


async def wanted(hub: Hub, held: Held, tenant: Tenant, what: Happening, why: Why | None = None) -> Move | str:
    """What is written where somebody wants this (`CANCEL`, `GO_ON`, `SKIP`), or the code of why not. Writes nothing."""
    stands = held.stands
    refused = _refused(stands, what)
    if refused is not None:
        return refused
    move = await move_of(hub, held, moved(stands, Found(what, why), hub.clock.now()), tenant)
    off = await _called_off(hub, stands) if what is H.CANCEL else None
    writes = [*move.writes, *(off[0].over(off[1]) if off is not None else ())]
    tasks = [*move.tasks, *(off[0].tasks if off is not None else ()), subscription_task(stands.subscription.id)]
    return Move(writes, tasks)


def _refused(stands: Standing, what: Happening) -> str | None:
    if stands.subscription.is_over:
        return "over"
    if what is H.CANCEL:
        return None
    payment = stands.payment
    if stands.period is None or stands.period.state is not PeriodState.OPEN or (payment and payment.captured):
        return "nothing_due"
    return "under_way" if payment is not None and is_under_way(payment) else None


async def _called_off(hub: Hub, stands: Standing) -> tuple[Transition, str | None] | None:
    """The charge that is to be made, stopped before anybody makes it."""
    charges = charges_of(stands.payment) if stands.payment is not None else []
    waiting = next((one.delivery for one in charges if one.status in IN_FLIGHT and one.delivery is not None), None)
    held = await journal.load(hub.store, Delivery, waiting) if waiting is not None else None
    if held is None or held.model.status not in NOT_BEGUN:
        return None
    now, why = hub.clock.now(), N_("the subscription was cancelled")
    return await ended(hub.store, stopped(held.model, Status.CANCELLED, "unsubscribed", why, now), now), held.version
