"""A final delivery begins anew. The engine never does that by itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

from svyazka.catalogue import N_
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.sequences import looked_back
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import replace_delivery
from svyazka.engine.operating.operator import Done, How, Operator
from svyazka.engine.problems.cards import look_soon
from svyazka.engine.problems.kinds import DEAD, UNKNOWN
from svyazka.engine.rules.beginning import WAKE_GRACE, fallback_time
from svyazka.engine.rules.sequences import awaiting, failed_before, has_turn, obstacle
from svyazka.engine.upkeep.retention import is_blank
from svyazka.model.deliveries import FINAL, Delivery, Status
from svyazka.model.errors import ConfigError
from svyazka.model.paying import MONEY_COMMANDS
from svyazka.model.receipts import RegisterReceipt

USUAL_LIFE = timedelta(hours=24)
"""How long a message that is sent in spite of its age may still wait, where its own life isn't known."""

CHAIN = 10
"""That many fallbacks are followed at most."""


async def reopen(operator: Operator, delivery_id: str, how: How, beside: Collection[str] = ()) -> Done:
    """A final delivery begins anew as its next generation, in its turn where its plan has an order; `beside`: what a
    dry run would have reopened by now."""
    held = await journal.load(operator.hub.store, Delivery, delivery_id)
    if held is None:
        raise ConfigError(N_("no delivery {delivery_id}").format(delivery_id=delivery_id))
    why_not = await _not_reopened(operator, held.model, how)
    if why_not:
        return Done(delivery_id, "skipped", why_not)
    delivery = await looked_back(held.model, partial(_as_reopened, operator, beside))
    failed = failed_before(delivery)
    if failed is not None:
        why = N_("{step}, which goes before it, is {status}: replay that one")
        stopped = why.format(step=failed.step, status=failed.status) if failed.failing_after is None else None
        return Done(delivery_id, "skipped", stopped or obstacle(delivery))
    if not how.dry_run:
        await commit_reopened(operator, Versioned(delivery, held.version), how)
    return Done(delivery_id, "reopened", N_("generation {value}").format(value=held.model.generation + 1))


async def _as_reopened(operator: Operator, beside: Collection[str], key: str) -> Delivery | None:
    held = await journal.load(operator.hub.store, Delivery, key)
    if held is None or key not in beside or held.model.is_open:
        return held.model if held is not None else None
    return held.model.reopened(operator.who, "", operator.hub.clock.now())


async def _not_reopened(operator: Operator, delivery: Delivery, how: How) -> str | None:
    if delivery.status is Status.UNKNOWN:
        return N_("nobody knows whether it was done: svyazka resolve decides")
    if delivery.status not in FINAL:
        return N_("it is {status}: nothing to replay").format(status=delivery.status.value)
    if delivery.command.kind in MONEY_COMMANDS:
        return N_("it moves money, and a second key would move it twice: its payment is asked for, or given back, anew")
    if isinstance(delivery.command, RegisterReceipt):
        words = N_(
            "it asks for a receipt, and another of its numbers may be registered by now: svyazka receipts {receipt}"
        )
        return words.format(receipt=delivery.command.receipt)
    if delivery.status is Status.SUCCEEDED and not how.again:
        return N_("it succeeded: --again does it once more")
    if is_blank(delivery):
        return N_("its contents were blanked (retention, forget): nothing is left to send")
    if not how.again:
        successor = await _successor_in_the_way(operator, delivery)
        if successor:
            return successor
    return too_old(delivery, operator.hub.clock.now(), how)


def too_old(delivery: Delivery, now: datetime, how: How) -> str | None:
    """Why it is of no use any more; None where it still is, or where the operator wants it all the same."""
    expires_at = delivery.guards.expires_at
    if expires_at and expires_at <= now and not how.ignore_age:
        return N_("too old to be of use: --ignore-age sends it all the same")
    return None


async def _successor_in_the_way(operator: Operator, delivery: Delivery) -> str | None:
    """Its fallback is on the way or was successful: doing both would tell the person twice."""
    for _ in range(CHAIN):
        if delivery.successor is None:
            return None
        held = await journal.load(operator.hub.store, Delivery, delivery.successor)
        if held is None:
            return None
        delivery = held.model
        if delivery.status is Status.SUCCEEDED or delivery.is_open:
            return N_("its fallback {delivery} is {status}: --again does it all the same").format(
                delivery=delivery.id, status=delivery.status.value
            )
    return None


async def commit_reopened(operator: Operator, held: Versioned[Delivery], how: How) -> None:
    """Its next generation, with time to live, and the task that tries it."""
    now = operator.hub.clock.now()
    before = held.model
    delivery = before.reopened(operator.who, how.why, now)
    guards = before.guards
    if guards.expires_at and guards.expires_at <= now:
        life = max(guards.expires_at - before.base_at, timedelta(0)) or USUAL_LIFE
        guards = guards.model_copy(update={"expires_at": now + life})
    falls_back = before.fallbacks and not before.successor
    fallback_at = fallback_time(guards, now, before.fallback_seconds) if falls_back else None
    delivery = delivery.model_copy(
        update={"guards": guards, "fallback_at": fallback_at, "wake_at": now + WAKE_GRACE, "wake_step": 0}
    )
    if has_turn(delivery):
        await operator.hub.store.commit([replace_delivery(held, delivery)], [perform_task(delivery)])
    else:
        await operator.hub.store.commit([replace_delivery(held, awaiting(delivery, now))])
    await seen_to(operator, before)


async def seen_to(operator: Operator, before: Delivery) -> None:
    """The card that asked somebody to see to a delivery like this one needs not stay until its next look."""
    asks = {Status.UNKNOWN: UNKNOWN, Status.DEAD: DEAD}.get(before.status)
    if asks is not None:
        await look_soon(operator.hub, before.tenant, before.connection, asks)
