"""The order of a plan's steps: what a delivery becomes as those before it end. Pure.

Who waits is told of each end in that end's own commit; whoever wasn't told (the process died, another release wrote the
end) is woken by the sweep and looks. Both come here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.rules.beginning import WAKE_GRACE, Obligation, begun, fallback_time
from svyazka.engine.rules.transitions import rewoken, stopped, waiting
from svyazka.model.commands import Command, OnFailed, Plan, Stage
from svyazka.model.deliveries import UNSUCCESSFUL, Before, Delivery, LastError, Status
from svyazka.model.errors import NothingMade
from svyazka.model.ids import delivery_id
from svyazka.model.references import Result, filled, results_in

SKIPPED = "skipped"
"""Code of a delivery that was never tried, for what goes before it didn't come to what it needs."""

BEFORE_UNKNOWN = "before_unknown"
"""Code of a delivery that waits for one whose fate nobody knows."""

WAIT_STEP = 6
"""The sweep first looks at what waits for a step before it after about an hour, and then after twice as long each."""


def awaiting(delivery: Delivery, now: datetime) -> Delivery:
    """Not its turn yet: without a time of its own, but for the sweep's looks."""
    waits = delivery.model_copy(
        update={"status": Status.WAITING_FOR, "next_attempt_at": None, "fallback_at": None, "wake_step": WAIT_STEP}
    )
    return rewoken(waits, now)


def deliveries_of(plan: Plan, shared: Obligation, now: datetime) -> list[Delivery]:
    """A plan's deliveries, the first due at once, in its order."""
    ids = {
        stage.step.name: delivery_id(shared.tenant, shared.flow, shared.subject, stage.step.name)
        for stage in plan.stages
    }
    before = {stage.step.name: plan.before(stage) for stage in plan.stages}
    rules = {stage.step.name: stage.on_failed for stage in plan.stages}
    made = []
    for stage in plan.stages:
        name = stage.step.name
        own = replace(
            shared,
            guards=stage.guards.model_copy(update={"expires_at": _earlier(stage.until, plan.expires_at)}),
            lane=f"{shared.tenant}/{stage.lane}" if stage.lane else None,
            supersedes=stage.supersedes,
            fallback_seconds=_seconds(stage.fallback_after) or None,
            after=tuple(
                Before(step=one, delivery=ids[one], on_failed=rules[one], failing_after=_failing_after(stage, one))
                for one in before[name]
            ),
            then=tuple(ids[other] for other, names in before.items() if name in names),
        )
        delivery = begun(own, stage.steps, now)
        made.append(awaiting(delivery, now) if delivery.after else delivery)
    return made


def _failing_after(stage: Stage, step: str) -> float | None:
    """What it needs the result of must succeed; the failure of the others is what it is for."""
    referred = {result.step for each in stage.steps for result in results_in(each.command)}
    return None if step in referred else _seconds(stage.if_failed)


def _seconds(wait: timedelta | None) -> float | None:
    return wait.total_seconds() if wait is not None else None


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def hears(delivery: Delivery, of: Delivery, now: datetime) -> Delivery:
    """The delivery after it has heard how `of`, one of those before it, stands. The same where that changes nothing."""
    if not (delivery.status is Status.WAITING_FOR or is_skipped(delivery)):
        return delivery
    after = with_word_of(delivery, of).after
    if after == delivery.after:
        return delivery
    guards = delivery.guards
    later = of.guards.expires_at
    if of.generation > 1 and guards.expires_at and later and later > guards.expires_at:
        # A sequence has one expiry, and an operator has put it off where it had stopped.
        guards = guards.model_copy(update={"expires_at": later})
    return _turned(delivery.model_copy(update={"after": after, "guards": guards}), now)


def with_word_of(delivery: Delivery, of: Delivery) -> Delivery:
    """It notes how one of those before it stands, and nothing follows from that yet."""
    after = tuple(_heard(before, of) if before.step == of.stage_name else before for before in delivery.after)
    return delivery.model_copy(update={"after": after})


def _heard(before: Before, of: Delivery) -> Before:
    if before.status is Status.SUCCEEDED and of.status is not Status.SUCCEEDED:
        return before  # one channel did it: what becomes of the others doesn't matter
    if of.status is Status.SUCCEEDED:
        stops = before.failing_after is not None
        return before.model_copy(update={"status": of.status, "made": of.made, "stops": stops})
    if of.status in UNSUCCESSFUL:
        stops = _stops(before, of)
        return before.model_copy(
            update={"status": of.status, "code": of.last_error and of.last_error.code, "stops": stops}
        )
    status = of.status if of.status is Status.UNKNOWN else None
    return before.model_copy(update={"status": status, "code": None, "stops": False})


def _stops(before: Before, of: Delivery) -> bool:
    """Whether the end of `of` without success is the end of who goes after it."""
    if before.failing_after is None:
        return before.on_failed is OnFailed.STOP or is_skipped(of)
    if of.status is Status.CANCELLED:
        return True  # somebody has called it off: nothing failed
    asked_at = min(of.base_at, of.created_at)  # whoever waits counts from there, however late it was planned
    lasted = ((of.settled_at or of.created_at) - asked_at).total_seconds()
    return lasted < before.failing_after


def _turned(delivery: Delivery, now: datetime) -> Delivery:
    """Its turn, no more, or not yet, by what is known of those before it."""
    why_not = obstacle(delivery)
    if why_not is not None:
        return delivery if is_skipped(delivery) else stopped(delivery, Status.CANCELLED, SKIPPED, why_not, now)
    if is_skipped(delivery):
        if delivery.blank_at is None:
            return delivery  # nothing is left of it to carry out
        delivery = delivery.reopened("svyazka", N_("what goes before it succeeded after all"), now)
    return begins(delivery, now) if has_turn(delivery) else _waits_on(delivery, now)


def begins(delivery: Delivery, now: datetime) -> Delivery:
    """Its turn: due at once, and what counts from its beginning counts from now."""
    due = waiting(delivery, Status.PENDING, now) if delivery.status is Status.WAITING_FOR else delivery
    fallback_at = fallback_time(due.guards, now, due.fallback_seconds) if due.fallbacks and not due.successor else None
    return due.model_copy(
        update={
            "last_error": None, "fallback_at": fallback_at, "next_attempt_at": now, "wake_at": now + WAKE_GRACE,
            "wake_step": 0,
        }
    )  # fmt: skip


def orphaned(delivery: Delivery, step: str, now: datetime) -> Delivery:
    """Its turn will never come: what goes before it isn't there."""
    why = N_("{step}, which goes before it, is not in the journal").format(step=step)
    return stopped(delivery, Status.CANCELLED, SKIPPED, why, now)


def _waits_on(delivery: Delivery, now: datetime) -> Delivery:
    unknown = [before.step for before in delivery.after if before.status is Status.UNKNOWN]
    message = N_("nobody knows whether {step}, which goes before it, was done: svyazka resolve decides")
    error = LastError(code=BEFORE_UNKNOWN, message=message.format(step=unknown[0])) if unknown else None
    waits = delivery if delivery.status is Status.WAITING_FOR else awaiting(delivery, now)
    return waits.model_copy(update={"last_error": error})


def has_turn(delivery: Delivery) -> bool:
    """Whether all that goes before it has ended."""
    return all(before.status not in (None, Status.UNKNOWN) for before in delivery.after)


def failed_before(delivery: Delivery) -> Before | None:
    """The first of those before it whose failure stops it."""
    return next((before for before in delivery.after if before.stops), None)


def obstacle(delivery: Delivery) -> str | None:
    """Why it will never be carried out, as far as is known by now; None where its turn may come."""
    failed = failed_before(delivery)
    if failed is not None and failed.failing_after is not None:
        return N_("it is for where {step} fails unseen, and that is {status}").format(
            step=failed.step, status=failed.status
        )
    if failed is not None:
        return N_("{step}, which goes before it, is {status} ({code})").format(
            step=failed.step, status=failed.status, code=failed.code
        )
    try:
        with_results(delivery, delivery.command)
    except NothingMade as error:
        return N_("what {step} was to make is needed, and nobody knows of it").format(step=error.step)
    return None


def with_results(delivery: Delivery, command: Command) -> Command:
    """One of its commands, with what the steps before it made. Raises NothingMade where that lacks what it needs."""
    if not delivery.after:
        return command
    ended = {before.step: before for before in delivery.after if before.status not in (None, Status.UNKNOWN)}

    def id_of(result: Result) -> str | None:
        before = ended.get(result.step)
        return result.among(before.made) if before is not None else _NOT_YET

    return filled(command, id_of)


_NOT_YET = "not yet"


def needed_results(delivery: Delivery, step: str) -> list[Result]:
    """References to what `step` makes, without which a delivery is pointless."""
    return [result for result in results_in(delivery.command) if result.step == step and result.needed]


def is_skipped(delivery: Delivery) -> bool:
    """Never tried, because of what goes before it."""
    error = delivery.last_error
    return delivery.status is Status.CANCELLED and error is not None and error.code == SKIPPED
