"""What became of a delivery whose fate nobody knows is said by an operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from svyazka.catalogue import N_
from svyazka.engine.delivering.once_per import releasing
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.transition import commit, ended
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.reopen import commit_reopened, seen_to, too_old
from svyazka.engine.ports.store import Write
from svyazka.engine.rules.sequences import needed_results
from svyazka.engine.rules.transitions import receipt_settles, stopped
from svyazka.engine.upkeep.retention import is_blank
from svyazka.model.deliveries import FINAL, NOT_BEGUN, Delivery, Status
from svyazka.model.errors import ConfigError
from svyazka.model.events import ReceiptState
from svyazka.model.references import Produced

Resolution = Literal["succeeded", "failed", "retry"]


async def resolve_delivery(
    operator: Operator, delivery_id: str, resolution: Resolution, how: How, made: Sequence[Produced] = ()
) -> Delivery:
    """Say what became of a delivery whose fate nobody knows, and what it made, where others go on from there. Raises
    ConfigError where that can't be said."""
    held = await journal.load(operator.hub.store, Delivery, delivery_id)
    if held is None:
        raise ConfigError(N_("no delivery {delivery_id}").format(delivery_id=delivery_id))
    delivery = held.model
    if delivery.status is Status.IN_FLIGHT:
        raise ConfigError(
            N_("{delivery} is being carried out right now: look again in a minute").format(delivery=delivery.id)
        )
    match resolution:
        case "retry":
            return await _retry(operator, held, how)
        case "succeeded":
            if delivery.status is Status.SUCCEEDED:
                raise ConfigError(N_("{delivery} is succeeded already").format(delivery=delivery.id))
            if delivery.status in NOT_BEGUN:
                raise ConfigError(
                    N_("{delivery} is {status}: only what was tried can have succeeded").format(
                        delivery=delivery.id, status=delivery.status.value
                    )
                )
            settled = receipt_settles(delivery, ReceiptState.DELIVERED, operator.hub.clock.now())
            resolved = settled.model_copy(update={"produced": tuple(made) or settled.produced})
            await _enough_is_said(operator, resolved)
        case "failed":
            if delivery.status in FINAL:
                raise ConfigError(
                    N_("{delivery} is {status} already").format(delivery=delivery.id, status=delivery.status.value)
                )
            why = N_("an operator said that it didn't happen")
            resolved = stopped(delivery, Status.FAILED, "operator", why, operator.hub.clock.now())
    await _commit_resolved(
        operator, held, resolved, N_("{resolution} by {who}").format(resolution=resolution, who=operator.who)
    )
    return resolved


async def _enough_is_said(operator: Operator, resolved: Delivery) -> None:
    """Those after it that use what it made need to know which object that is."""
    for key in resolved.then:
        held = await journal.load(operator.hub.store, Delivery, key)
        wanted = needed_results(held.model, resolved.stage_name) if held is not None else []
        unmet = [one for one in wanted if one.among(resolved.made) is None]
        if held is not None and unmet:
            raise ConfigError(
                N_(
                    "{step} goes on with what {delivery} made: expected --made {kind}=ID, as its vendor calls it"
                ).format(step=held.model.step, delivery=resolved.id, kind=unmet[0].made or "KIND")
            )


async def _retry(operator: Operator, held: Versioned[Delivery], how: How) -> Delivery:
    delivery = held.model
    if delivery.status is not Status.UNKNOWN:
        raise ConfigError(
            N_("{delivery} is {status}, not unknown: svyazka replay is for that").format(
                delivery=delivery.id, status=delivery.status.value
            )
        )
    now = operator.hub.clock.now()
    why_not = N_("its contents were blanked: nothing to send") if is_blank(delivery) else too_old(delivery, now, how)
    if why_not:
        raise ConfigError(f"{delivery.id}: {why_not}")
    await commit_reopened(operator, held, how)
    return delivery.reopened(operator.who, how.why, now)


async def _commit_resolved(operator: Operator, held: Versioned[Delivery], resolved: Delivery, what: str) -> None:
    resolved = resolved.model_copy(update={"notes": (*resolved.notes, N_("resolved as {what}").format(what=what))})
    extra: list[Write] = []
    if resolved.status is Status.FAILED:
        extra = await releasing(operator.hub.store, resolved)
        resolved = resolved.model_copy(update={"reservation": None})
    end = await ended(operator.hub.store, resolved, operator.hub.clock.now())
    await commit(operator.hub.store, [*end.over(held.version), *extra], end.tasks)
    await seen_to(operator, held.model)
