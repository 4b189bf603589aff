"""What an outcome makes of a delivery: pure functions from (delivery, outcome, time) to delivery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from svyazka.engine.rules.ambiguity import ask_at
from svyazka.engine.rules.beginning import WAKE_GRACE, Obligation, begun
from svyazka.engine.rules.retry import DEFAULT_POLICY, RetryPolicy, next_delay, sweep_delay
from svyazka.model.base import SKELETON
from svyazka.model.deliveries import FINAL, Attempt, Delivery, LastError, Status
from svyazka.model.events import RECEIPT_RANK, ReceiptState
from svyazka.model.outcomes import Blocked, GaveBack, Outcome, Refused, Retry, Succeeded, Unknown, WaitsFor
from svyazka.model.seen import moved_money

GIVE_BACK_DELAY = timedelta(seconds=2)

WAITS_AGAIN = timedelta(minutes=1)
"""When it is looked at again whether another connection is well, as long as that one doesn't count as in trouble."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What settling needs beside the outcome."""

    now: datetime
    policy: RetryPolicy = DEFAULT_POLICY
    chance: float = 0.5
    parked: bool = False
    """An outage of the connection is open: what failed waits for its end instead of a time of its own."""


def settled(delivery: Delivery, outcome: Outcome, attempt: Attempt, around: Surroundings) -> Delivery:
    """The delivery after an attempt of the claim that it still holds."""
    now = around.now
    delivery = delivery.with_attempt(attempt)
    if isinstance(outcome, Succeeded):
        id_ = outcome.external_id or delivery.external_id
        return _taken(
            delivery, now, external_id=id_, produced=outcome.produced, cost=outcome.cost, seen=outcome.seen,
            last_error=None,
        )  # fmt: skip
    if isinstance(outcome, Refused):
        return _final(delivery, Status.FAILED, now, last_error=_problem(outcome))
    if isinstance(outcome, Unknown):
        return delivery.moved(
            Status.UNKNOWN, lease_until=None, next_attempt_at=None, wake_at=None, last_error=_problem(outcome)
        )
    if isinstance(outcome, Blocked):
        return parked(delivery, Status.BLOCKED, _problem(outcome))
    if isinstance(outcome, GaveBack):
        again = waiting(delivery, Status.PENDING, now + max(GIVE_BACK_DELAY, timedelta(seconds=outcome.after)))
        # Whoever stood in line until his time ran out goes on from where he stood.
        return again.model_copy(update={"place_at": again.next_attempt_at if outcome.after else None})
    if isinstance(outcome, WaitsFor):
        why = LastError(code=outcome.code, message=outcome.message)
        if around.parked:
            return parked(delivery, Status.PARKED, why, waits_on=outcome.connection)
        return waiting(delivery, Status.PENDING, now + WAITS_AGAIN).model_copy(update={"last_error": why})
    assert isinstance(outcome, Retry), "what is unclear is resolved before it is settled"
    return _failed_for_now(delivery, outcome, around)


def _failed_for_now(delivery: Delivery, outcome: Retry, around: Surroundings) -> Delivery:
    now = around.now
    since = delivery.first_failed_at or now
    delivery = delivery.model_copy(
        update={"failures": delivery.failures + 1, "first_failed_at": since, "last_error": _problem(outcome)}
    )
    delay = next_delay(
        delivery.failures, (now - since).total_seconds(), outcome.code, outcome.after, around.policy, around.chance
    )
    if delay is None:
        return _final(delivery, Status.DEAD, now)
    if around.parked:
        return parked(delivery, Status.PARKED, _problem(outcome))
    due = now + timedelta(seconds=delay)
    return waiting(delivery, Status.RETRYING, max(due, ask_at(delivery) or due))


def waiting(delivery: Delivery, status: Status, until: datetime) -> Delivery:
    """Open, with a time of its own: the earliest of the next attempt, the expiry and the fallback."""
    due = min(moment for moment in (until, delivery.guards.expires_at, delivery.fallback_at) if moment)
    return delivery.moved(status, next_attempt_at=due, lease_until=None, wake_at=due + WAKE_GRACE, wake_step=0)


LANE_STEP = 3
"""The sweep's first look at what waits in a lane comes after 8 minutes, and each next one after twice as long."""


def queued(delivery: Delivery, behind: str, now: datetime) -> Delivery:
    """Open, waiting in its lane for another delivery's end: without a time of its own. The sweep sees to its deadlines,
    and to a wake that was lost."""
    waits = delivery.moved(Status.PENDING, behind=behind, next_attempt_at=None, lease_until=None, wake_step=LANE_STEP)
    return rewoken(waits, now)


def parked(delivery: Delivery, status: Status, why: LastError | None, waits_on: str | None = None) -> Delivery:
    """Open, waiting for its connection, or another one: only deadlines wake it."""
    deadlines = [moment for moment in (delivery.guards.expires_at, delivery.fallback_at) if moment]
    return delivery.moved(
        status,
        next_attempt_at=None,
        lease_until=None,
        wake_at=min(deadlines, default=None),
        wake_step=0,
        last_error=why or delivery.last_error,
        waits_on=waits_on if waits_on != delivery.connection else None,
    )


def stopped(delivery: Delivery, status: Status, code: str, reason: str, now: datetime) -> Delivery:
    """Ended by a guard or a decision rather than by a vendor."""
    return _final(delivery, status, now, last_error=LastError(code=code, message=reason))


def found_equal(delivery: Delivery, now: datetime, note: str) -> Delivery:
    """Done without a call: what was to be made so is so, or can't be; `note` says which."""
    notes = (*delivery.notes, note) if note else delivery.notes
    return _final(delivery, Status.SUCCEEDED, now, last_error=None, notes=notes)


def merged(current: Delivery, outcome: Outcome, attempt: Attempt, now: datetime) -> Delivery:
    """A settle that comes late, when the claim is no longer ours: merged, not dropped (DESIGN 5.4).

    Proof of success beats everything that is not success; a second success is a `duplicate_effect`.
    Anything else only adds its attempt to the story.
    """
    current = current.with_attempt(attempt)
    if not isinstance(outcome, Succeeded):
        return current
    if current.status is not Status.SUCCEEDED:
        id_ = outcome.external_id or current.external_id
        made, seen = outcome.produced or current.produced, outcome.seen or current.seen
        return _taken(current, now, external_id=id_, produced=made, cost=outcome.cost, seen=seen, last_error=None)
    if current.external_id is None:
        # A receipt or an operator had said so before us: it is one and the same success.
        made = outcome.produced or current.produced
        return current.model_copy(
            update={"external_id": outcome.external_id, "produced": made, "cost": outcome.cost, "seen": outcome.seen}
        )  # fmt: skip
    same = outcome.already or outcome.external_id in (None, current.external_id)
    if moved_money(outcome.seen) and not moved_money(current.seen):
        # Refused to whoever took the claim over, and done all the same for whoever was frozen.
        return current.model_copy(update={"seen": outcome.seen})
    return current if same else current.model_copy(update={"duplicate_effect": True})


def fallback_of(delivery: Delivery, now: datetime) -> Delivery | None:
    """The delivery of the next channel, or None when this was the last."""
    if not delivery.fallbacks or delivery.successor:
        return None
    guards = delivery.guards.model_copy(update={"not_before": None})
    stage = delivery.stage_name if delivery.after or delivery.then else None
    obligation = replace(Obligation.of(delivery), guards=guards, stage=stage)
    return begun(obligation, delivery.fallbacks, now, predecessor=delivery.id)


def has_arrived(delivery: Delivery) -> bool:
    """Whether a channel did its work after all: then nobody need try another."""
    if delivery.status is not Status.SUCCEEDED or delivery.receipt is ReceiptState.UNDELIVERED:
        return False
    doubted = delivery.last_error is not None and delivery.last_error.code == NO_RECEIPT
    return not doubted or RECEIPT_RANK[delivery.receipt] > RECEIPT_RANK[ReceiptState.UNDELIVERED]


NO_RECEIPT = "no_receipt"
"""Code of what was taken and of which nobody said in time that it arrived."""


def wants_fallback(delivery: Delivery) -> bool:
    """Whether a settled delivery's end calls for the next channel."""
    if not delivery.fallbacks or delivery.successor:
        return False
    if delivery.status in (Status.FAILED, Status.DEAD):
        return not (delivery.last_error and delivery.last_error.code.endswith(OPT_OUT_MARK))
    return delivery.status is Status.SUCCEEDED and delivery.receipt is ReceiptState.UNDELIVERED


OPT_OUT_MARK = ":opt-out"
"""Ends the code of a refusal that means that the person wants no messages: on no channel."""


def rewoken(delivery: Delivery, now: datetime) -> Delivery:
    """Moved on by the sweep, which doubles its patience each time."""
    deadlines = [one for one in (delivery.guards.expires_at, delivery.fallback_at) if one is not None and one > now]
    wake_at = min([now + sweep_delay(delivery.wake_step), *deadlines])
    return delivery.model_copy(update={"wake_at": wake_at, "wake_step": delivery.wake_step + 1})


def receipt_settles(delivery: Delivery, state: ReceiptState, now: datetime) -> Delivery:
    """The status that a receipt proves: the vendor had taken it, whatever we believed."""
    if RECEIPT_RANK[state] < RECEIPT_RANK[ReceiptState.SENT]:
        return delivery
    if state is ReceiptState.SENT:
        return delivery if delivery.status is Status.SUCCEEDED else _taken(delivery, now)
    if delivery.status is not Status.SUCCEEDED:
        return _final(delivery, Status.SUCCEEDED, now)
    # It has arrived, or never will: nothing more is waited for.
    return delivery.model_copy(update={"fallback_at": None, "wake_at": None}) if delivery.fallback_at else delivery


def _taken(delivery: Delivery, now: datetime, **changes: object) -> Delivery:
    """The vendor took it. Where that proves little, the next channel's time stays until it is known to have arrived."""
    done = _final(delivery, Status.SUCCEEDED, now, **changes)
    wait = delivery.fallback_seconds if delivery.needs_receipt and delivery.fallbacks else None
    if wait is None or delivery.successor or RECEIPT_RANK[delivery.receipt] > RECEIPT_RANK[ReceiptState.SENT]:
        return done
    due = now + timedelta(seconds=wait)
    return done.model_copy(update={"fallback_at": due, "wake_at": due + WAKE_GRACE, "wake_step": 0})


def _final(delivery: Delivery, status: Status, now: datetime, **changes: object) -> Delivery:
    assert status in FINAL
    return delivery.moved(
        status, settled_at=now, next_attempt_at=None, lease_until=None, wake_at=None, fallback_at=None,
        expire_at=now + SKELETON, **changes,
    )  # fmt: skip


def _problem(outcome: Retry | Refused | Unknown | Blocked) -> LastError:
    code = outcome.code + (OPT_OUT_MARK if isinstance(outcome, Refused) and outcome.opt_out else "")
    return LastError(code=code, message=outcome.message, reason=outcome.reason)
