"""Recording what became of an attempt: over our claim, or merged behind whoever took it over. Never dropped."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf

from svyazka.catalogue import N_
from svyazka.engine.delivering.known_objects import noting
from svyazka.engine.delivering.once_per import keeps, releasing, reservation_id, reserving, taken_until
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.ready import Ready
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import commit, ended
from svyazka.engine.keeping.consent import marks
from svyazka.engine.outages.learning import Outages
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.problems import sights
from svyazka.engine.rules.deadlines import TAKE_OVER_GRACE
from svyazka.engine.rules.retry import RetryPolicy
from svyazka.engine.rules.transitions import Surroundings, merged, settled
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log, plain_code, where
from svyazka.engine.telling.alerts import ALERT_FLOW
from svyazka.engine.tenants.directory import Account
from svyazka.model.commands import SendMessage, SyncObject
from svyazka.model.deliveries import Attempt, Delivery, Status
from svyazka.model.errors import Conflict, Unavailable, Unstorable
from svyazka.model.outcomes import Outcome, Refused, Succeeded

LEFT_OUT = N_("the vendor's words could not be stored")

NOT_TOLD = frozenset({Status.FAILED, Status.DEAD, Status.EXPIRED, Status.UNKNOWN})
"""Ends of an alert's delivery after which its addressee may not know."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


MOVED = N_("the outcome of an attempt could not be recorded: others move it all the time")

SETTLE_TRIES = 5
"""Times that an outcome is computed anew at once, before its settle rests a while."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What an attempt came to, on its way into the journal."""

    account: Account
    outcome: Outcome
    attempt: Attempt
    park: bool
    """An outage of the connection is open."""
    ready: Ready | None
    """For what is kept in step: the record's part of it."""
    alone: bool
    """At the end of all patience the delivery is written without what belongs to its outcome in other documents: that
    it was done comes before all else."""


class Recorder:
    """Records outcomes."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages

    async def settle(
        self, claimed: Delivery, version: str, account: Account, outcome: Outcome, attempt: Attempt,
        ready: Ready | None = None,
    ) -> None:  # fmt: skip
        """Record the outcome over our claim; when the claim is no longer ours, merge it. Raises Unavailable.

        What it says is known nowhere else, so it is kept in hand until the claim may be taken over. Where it can't be
        written for what it holds, it is written without that: that it was done comes before the words about it.
        """
        hub, pause, park, whole = self._hub, FIRST_PAUSE, None, True
        until = (claimed.lease_until or hub.clock.real()) + timedelta(seconds=TAKE_OVER_GRACE)
        alone = False
        while True:
            try:
                if park is None:
                    park = await self._outages.note(account, claimed, outcome)
                if await self._recorded(claimed, version, _Said(account, outcome, attempt, park, ready, alone)):
                    return
                trouble, moved = Unavailable(MOVED), True
            except Exception as error:
                if whole and (isinstance(error, Unstorable) or not isinstance(error, Unavailable)):
                    log(
                        "CRITICAL", "recorded without its content", tenant=claimed.tenant, delivery=claimed.id,
                        error=type(error).__name__, where=where(error),
                    )  # fmt: skip
                    outcome, attempt, whole = _bare(outcome), _bare_attempt(attempt), False
                    continue
                if not isinstance(error, Unavailable):
                    raise
                trouble, moved = error, False
            if hub.clock.real() >= until:
                if alone or not moved:
                    raise trouble
                alone = True
                continue
            await hub.limiter.rest(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _recorded(self, claimed: Delivery, version: str | None, said: _Said) -> bool:
        """Over our claim while it is ours, computed anew from what it rests on whenever another document was moved;
        merged once the delivery itself was. False while others move things all the time."""
        for _ in range(SETTLE_TRIES):
            try:
                await self._record(claimed, version, said)
                return True
            except Conflict:
                held = await journal.load(self._hub.store, Delivery, claimed.id)
            if held is None:
                return True
            current = held.model
            # Still our claim: a receipt or the sweep touched the document, or it was given up as unknown and nobody has
            # tried since: then our late word is the truth, also that nothing was sent.
            ours = current.status in (Status.IN_FLIGHT, Status.UNKNOWN) and current.claim == claimed.claim
            if ours:
                claimed, version = current, held.version
            elif await self._merged_late(held, said):
                return True
        return False

    async def _record(self, claimed: Delivery, version: str | None, said: _Said) -> None:
        hub = self._hub
        now = hub.clock.now()
        policy = policy_of(said.account)
        if isinstance(claimed.command, SyncObject):  # a wish that systems agree has no end
            policy = replace(policy, horizon=inf)
        around = Surroundings(now=now, policy=policy, chance=hub.chance(), parked=said.park)
        delivery = settled(claimed, said.outcome, said.attempt, around)
        delivery, beside = await self._turn_given_back(delivery, said)
        if isinstance(said.outcome, Succeeded) and not said.alone:
            beside += await noting(hub, delivery)
        if isinstance(said.outcome, Refused) and said.outcome.opt_out:
            beside += self.optout_writes(delivery, f"{said.account.vendor}: {said.outcome.code}")
        tasks = _next_task(delivery)
        if said.ready is not None and not said.alone:
            part = await said.ready.settled(delivery, said.outcome)
            beside, tasks = [*beside, *part.writes], [*tasks, *part.tasks]
        await sights.settled_badly(self._hub, delivery, said.outcome)
        end = await ended(hub.store, delivery, now, said.alone)
        reach("settle.before")
        await commit(hub.store, [*end.over(version), *beside], [*end.tasks, *tasks])
        reach("settle.after")
        log_moved(end.delivery)
        await self._outages.releasing.unpark(end.delivery)

    async def _turn_given_back(self, delivery: Delivery, said: _Said) -> tuple[Delivery, list[Write]]:
        """A person's turn that was taken for nothing, given back to whoever comes next."""
        if not delivery.reservation or keeps(delivery, said.outcome):
            return delivery, []
        if said.alone:
            log("CRITICAL", "recorded without giving its turn back", tenant=delivery.tenant, delivery=delivery.id)
            return delivery, []
        writes = await releasing(self._hub.store, delivery)
        return delivery.model_copy(update={"reservation": None}), writes

    async def _merged_late(self, held: Versioned[Delivery], said: _Said) -> bool:
        """False when somebody moved what it rests on meanwhile."""
        current, now = held.model, self._hub.clock.now()
        combined = merged(current, said.outcome, said.attempt, now)
        if combined.duplicate_effect and not current.duplicate_effect:
            await sights.done_twice(self._hub, combined)
        writes: list[Write] = []
        if combined.status is Status.SUCCEEDED and current.status is not Status.SUCCEEDED and not said.alone:
            combined, writes = await self._turn_after_all(combined)
            writes += await noting(self._hub, combined)
        end = await ended(self._hub.store, combined, now, said.alone)
        try:
            await commit(self._hub.store, [*end.over(held.version), *writes], [*end.tasks, *_next_task(combined)])
        except Conflict:
            return False
        log("WARNING", "late settle merged", delivery=current.id, status=combined.status.value, tenant=current.tenant)
        await self._outages.releasing.unpark(combined)  # ours, perhaps, of which no more than this was left to do
        return True

    async def _turn_after_all(self, delivery: Delivery) -> tuple[Delivery, list[Write]]:
        """A success that comes late takes the person's turn, which an attempt in between may have given back."""
        guard, now = delivery.guards.once_per, self._hub.clock.now()
        if guard is None:
            return delivery, []
        key = reservation_id(delivery.tenant, guard)
        present = await self._hub.store.get("reservations", key)
        others_until = taken_until(present, delivery)
        if others_until is not None and others_until > now:
            return delivery, []
        return delivery.model_copy(update={"reservation": key}), [reserving(delivery, guard, present, now)]

    async def record_lost(self, delivery: Delivery, version: str | None) -> None:
        """A claim whose worker was lost, of a command that nobody may repeat: unknown, and somebody is told."""
        await sights.settled_badly(self._hub, delivery, None)
        end = await ended(self._hub.store, delivery, self._hub.clock.now())
        with suppress(Conflict):
            await self._hub.store.commit(end.over(version), end.tasks)
            log_moved(delivery)

    def optout_writes(self, delivery: Delivery, why: str) -> list[Write]:
        """Marks for every address of the person whom a delivery addressed: keyed hashes, no addresses."""
        if not isinstance(delivery.command, SendMessage):
            return []
        return marks(self._hub, delivery.tenant, delivery.command.to, why, self._hub.clock.now())


def _bare(outcome: Outcome) -> Outcome:
    """An outcome without its vendor's words: what was done, and names short and plain enough for every store."""
    changes: dict[str, object] = {"message": LEFT_OUT}
    for name in ("code", "external_id"):
        value = getattr(outcome, name, None)
        if isinstance(value, str) and not (value.isascii() and value.isprintable() and len(value) <= PLAIN):
            changes[name] = "unstorable" if name == "code" else None
    if getattr(outcome, "remedy", None) is not None:
        changes["remedy"] = LEFT_OUT
    return outcome.model_copy(update=changes)


def _bare_attempt(attempt: Attempt) -> Attempt:
    return attempt.model_copy(update={"exchanges": (), "message": LEFT_OUT})


PLAIN = 200
"""Characters of a code or an id that nobody doubts."""


def _next_task(delivery: Delivery) -> list[Task]:
    """The task that comes at the settled delivery's next time, if it has one."""
    due = delivery.fallback_at if delivery.status is Status.SUCCEEDED else delivery.next_attempt_at
    return [perform_task(delivery, due)] if due else []


def log_moved(delivery: Delivery) -> None:
    """One line for a delivery's new state."""
    log(
        "INFO", "delivery moved", tenant=delivery.tenant, connection=delivery.connection, delivery=delivery.id,
        status=delivery.status.value, flow=delivery.flow,
        code=plain_code(delivery.last_error.code) if delivery.last_error else None,
    )  # fmt: skip
    if delivery.flow == ALERT_FLOW and delivery.status in NOT_TOLD and delivery.successor is None:
        # Nobody can be told of it by the same way: the log and `doctor` say it.
        log("ERROR", "an alert did not arrive", tenant=delivery.tenant, connection=delivery.connection,
            delivery=delivery.id, status=delivery.status.value)  # fmt: skip


def policy_of(account: Account) -> RetryPolicy:
    """The connection's retry policy: the house's, with what its settings change."""
    own, house = account.settings.retry, RetryPolicy()
    if own is None:
        return house
    return RetryPolicy(
        delays=tuple(d.total_seconds() for d in own.delays) if own.delays else house.delays,
        horizon=own.horizon.total_seconds() if own.horizon else house.horizon,
    )
