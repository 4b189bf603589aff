"""Guards, claim, call, settle: one delivery's try, safe against crashes, duplicates and frozen workers."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

from svyazka.catalogue import N_
from svyazka.engine.asking.answers import Answers
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.calls import Call, Exchanges
from svyazka.engine.contracts.dispatch import Carried, carried
from svyazka.engine.delivering.admission import Admission
from svyazka.engine.delivering.claim import Claim
from svyazka.engine.delivering.known_objects import InMaking, known_objects, nobody_else_makes
from svyazka.engine.delivering.patience import at_most
from svyazka.engine.delivering.recording import Recorder, log_moved
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.ready import Ready
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.sequences import looked
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import Transition, commit, ended
from svyazka.engine.rules.ambiguity import (
    cannot_ask,
    doubt_since,
    in_doubt,
    in_plain,
    maybe_sent_at,
    no_answer,
    not_all,
    not_called,
    not_said,
    repeat_now,
    resolved,
)
from svyazka.engine.rules.deadlines import TAKE_OVER_GRACE, TIMES, holds
from svyazka.engine.rules.guards import GuardFacts, Stop, verdict
from svyazka.engine.rules.sequences import with_results
from svyazka.engine.rules.transitions import NO_RECEIPT, stopped
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log, plain_code, where
from svyazka.engine.tenants.directory import Account
from svyazka.model.commands import HIDDEN, Command, Repeat, SendMessage, VisitCommand
from svyazka.model.deliveries import Delivery, LastError, Status
from svyazka.model.errors import (
    Conflict,
    LeaseTooShort,
    MaybeSent,
    NoPlace,
    NoToken,
    NotSent,
    PlainHttp,
    RefusedAddress,
    SourceUnavailable,
    Unavailable,
)
from svyazka.model.outcomes import GaveBack, Outcome, Refused, Retry, Succeeded, Unknown
from svyazka.model.reasons import Reason

CLAIM_TRIES = 4

SHIFTS = 12
"""Times that the same is committed over a record for which wishes keep coming."""

STEP_ASIDE = 0.1
"""Seconds within which that is tried again."""


class Attempts:
    """Carries deliveries out."""

    def __init__(self, hub: Hub, admission: Admission, recorder: Recorder) -> None:
        self._hub, self._admission, self._recorder = hub, admission, recorder

    # One delivery by its id

    async def perform(self, delivery_id: str) -> None:
        """Try a delivery, if it is due and nobody else has it. Raises Unavailable when nothing was recorded."""
        for _ in range(CLAIM_TRIES):
            held = await journal.load(self._hub.store, Delivery, delivery_id)
            if held is None or await self._try(held):
                return
        raise Unavailable(N_("others move this delivery, its lane or its person's turn all the time"))

    async def _try(self, held: Versioned[Delivery]) -> bool:
        """False when something that it rests on was moved meanwhile: to be looked at anew."""
        delivery, now = held.model, self._hub.clock.now()
        if delivery.status is Status.SUCCEEDED and delivery.fallback_at:
            await self._give_up_waiting(held)
        if not delivery.is_open or delivery.status is Status.UNKNOWN:
            return True
        if delivery.status is Status.WAITING_FOR:
            return await self._looked_before(held)
        if delivery.status is Status.IN_FLIGHT:
            taken = self._taken_over(delivery)
            if taken is None:
                return True
            if taken.status is Status.UNKNOWN:
                await self._recorder.record_lost(taken, held.version)
                return True
            delivery = taken
        elif delivery.next_attempt_at and delivery.next_attempt_at > now + timedelta(milliseconds=500):
            return True  # an early duplicate: the right task comes at its time, or the sweep
        becomes = await self._admission.admitted(delivery)
        return becomes is None or await self._carried_out(becomes, held.version)

    async def _looked_before(self, held: Versioned[Delivery]) -> bool:
        """Nobody may have told it of the ends before it: it looks for itself, and whether it is too late by now."""
        store, now = self._hub.store, self._hub.clock.now()

        async def load(key: str) -> Delivery | None:
            found = await journal.load(store, Delivery, key)
            return found.model if found is not None else None

        after = await looked(held.model, load, now)
        late = verdict(after.guards, GuardFacts(), now)
        if after.status is Status.WAITING_FOR and isinstance(late, Stop):
            after = stopped(after, late.status, late.code, late.reason, now)
        if after is held.model:
            return True
        end = await ended(store, after, now)
        due = [perform_task(after)] if after.status is Status.PENDING else []
        try:
            await commit(store, end.over(held.version), [*end.tasks, *due])
        except Conflict:
            return False
        log_moved(after)
        return True

    async def _give_up_waiting(self, held: Versioned[Delivery]) -> None:
        """Taken, and no receipt says that it arrived: at its time the next channel tries."""
        delivery, now = held.model, self._hub.clock.now()
        if delivery.fallback_at is None or delivery.fallback_at > now:
            return  # an early duplicate
        why = LastError(code=NO_RECEIPT, message=N_("taken, and nobody said that it arrived: the next channel tries"))
        given_up = delivery.model_copy(update={"last_error": why, "fallback_at": None, "wake_at": None})
        end = await ended(self._hub.store, given_up, now)
        with suppress(Conflict):  # a receipt came at this very moment: its word counts
            await commit(self._hub.store, end.over(held.version), end.tasks)

    async def _carried_out(self, becomes: Transition, version: str | None) -> bool:
        """Commit what admission made of it; where that is a claim, the call follows."""
        reach("claim.before")
        try:
            made = await self._committed(becomes, version)
            if made is None:
                if isinstance(becomes, Claim):
                    await self._admission.sees_nothing(becomes.delivery, becomes.sees)
                return False
            becomes, versions = made
            reach("claim.after")
            if isinstance(becomes, Claim):
                await self.run(becomes.delivery, versions[0], becomes.account, becomes.ready)
            else:
                log_moved(becomes.delivery)
                await self._admission.waits(becomes.delivery)
        finally:
            if isinstance(becomes, Claim):
                becomes.release()
        return True

    async def _committed(self, becomes: Transition, version: str | None) -> tuple[Transition, list[str]] | None:
        """What was committed in the end; None where what it rests on has moved."""
        for _ in range(SHIFTS):
            try:
                return becomes, await commit(self._hub.store, becomes.over(version), becomes.tasks)
            except Conflict:
                again = await becomes.over_wishes(self._hub.store)
            if again is None:
                return None
            becomes = again
            await self._hub.limiter.rest(STEP_ASIDE * self._hub.chance())
        return None

    def _taken_over(self, delivery: Delivery) -> Delivery | None:
        """An abandoned claim as it may go on, or None while its lease (and the grace past it) holds."""
        clock = self._hub.clock
        if holds(delivery.lease_until, clock.real(), TAKE_OVER_GRACE):
            return None
        last = delivery.attempts[-1] if delivery.attempts else None
        if last is not None:
            lost = {
                "ended_at": clock.now(),
                "outcome": "lost",
                "maybe_sent": True,
                "message": N_("the worker was lost"),
            }
            delivery = delivery.with_attempt(last.model_copy(update=lost))
        if delivery.repeat is not Repeat.UNSAFE:
            return delivery
        why = LastError(
            code="worker_lost", message=N_("the worker died or froze around the call: sent or not, nobody knows")
        )
        return delivery.moved(Status.UNKNOWN, lease_until=None, next_attempt_at=None, wake_at=None, last_error=why)

    # The call

    async def run(self, claimed: Delivery, version: str, account: Account, ready: Ready | None = None) -> None:
        """Carry out a durable claim and settle it."""
        started = time.monotonic()
        reach("perform.before_call")
        said, http = await self._call(claimed, account, ready)
        # A vendor's own words may quote what it was sent.
        outcome = in_plain(resolved(claimed, said), http.cut)
        if isinstance(claimed.command, VisitCommand):
            Answers.of(self._hub, account).times_changed()
        reach("perform.after_call")
        attempt = claimed.attempts[-1].model_copy(
            update={
                "ended_at": self._hub.clock.now(),
                "outcome": outcome.kind,
                "maybe_sent": isinstance(outcome, Unknown) or (isinstance(outcome, Retry) and outcome.maybe_sent),
                "exchanges": tuple(http.log),
                "message": getattr(outcome, "message", None),
                "reason": getattr(outcome, "reason", None),
            }
        )
        await self._recorder.settle(claimed, version, account, outcome, attempt, ready)
        log(
            "INFO" if isinstance(outcome, Succeeded) else "WARNING", "attempt",
            tenant=claimed.tenant, connection=claimed.connection, vendor=claimed.vendor, delivery=claimed.id,
            event=claimed.event, flow=claimed.flow, status=outcome.kind,
            code=plain_code(getattr(outcome, "code", None)), attempt=attempt.number,
            seconds=round(time.monotonic() - started, 4),
            age_seconds=round((self._hub.clock.now() - claimed.created_at).total_seconds(), 3),
        )  # fmt: skip

    async def _call(
        self, delivery: Delivery, account: Account, ready: Ready | None = None
    ) -> tuple[Outcome, Exchanges]:
        told, secret = told_to_its_reader(self._hub.keyring, delivery)
        work = ready.carried() if ready else carried(account.manifest, with_results(delivery, told))
        deadline = work.safety.deadline
        http = exchanges(self._hub, account, lease_until=delivery.lease_until, deadline=deadline, booked=True,
                         most=at_most(delivery))  # fmt: skip
        if secret is not None:
            http.hide(secret)
        if self._hub.printer is not None and isinstance(told, SendMessage):
            self._hub.printer(delivery.connection, told.to, told.text)
            return Succeeded(external_id=f"printed-{delivery.key}", message="printed"), http
        call = call_to(self._hub, account, http, key=delivery.key)
        call.maybe_sent_at, call.doubt_since = maybe_sent_at(delivery), doubt_since(delivery)
        try:
            call.known = await known_objects(self._hub, delivery)
            if ready is not None and ready.making:
                await nobody_else_makes(self._hub, delivery)
        except InMaking as error:
            return GaveBack(code="in_making", message=str(error), after=error.wait), http
        except Unavailable as error:
            return GaveBack(message=str(error)), http
        try:
            async with asyncio.timeout(TIMES[deadline].call + 1):
                with call.reading():
                    done = await self._asked(delivery, work, call)
                return done or not_all(await work.perform(call), http.wrote_before), http
        except LeaseTooShort as error:
            if http.wrote:
                return no_answer(delivery, "lease_too_short"), http
            return GaveBack(after=error.wait if isinstance(error, NoPlace) else 0.0, message=str(error)), http
        except MaybeSent as error:
            if isinstance(error, NoToken) and not http.wrote:
                why = N_("no answer ({what})").format(what=error)
                return Retry(code="no_token", message=why, reason=Reason.OUT_OF_SERVICE), http
            return no_answer(delivery, str(error)), http
        except (NotSent, SourceUnavailable) as error:
            failed = _what_failed(error, account)
            return in_doubt(failed) if http.wrote else failed, http
        except TimeoutError:
            if http.wrote:
                return no_answer(delivery, "timeout"), http
            message = N_("time ran out before the call began")
            return Retry(code="timeout", message=message, reason=Reason.OUT_OF_SERVICE), http
        except Exception as error:
            # A bug or a body that no table foresaw: never a lost delivery, never a silent repeat of a send.
            code = f"connector_{type(error).__name__}"
            log(
                "ERROR", "connector failed", vendor=account.vendor, delivery=delivery.id, error=type(error).__name__,
                where=where(error),
            )  # fmt: skip
            if http.wrote:
                return no_answer(delivery, code), http
            message = N_("our connector failed")
            return Retry(code=code, message=message, reason=Reason.BAD_REQUEST, outage=False), http

    async def _asked(self, delivery: Delivery, work: Carried, call: Call[Any]) -> Outcome | None:
        """What an earlier attempt that is in doubt came to, where a repeat wouldn't be safe; None = carry it out."""
        since = call.doubt_since
        # What the release before has planned doesn't say how long its key lives: its connector does.
        key_life = delivery.key_life or work.safety.key_life
        if since is None or repeat_now(delivery, since, call.now, key_life) is not Repeat.CHECKABLE:
            return None
        if work.ask is None:
            return cannot_ask(delivery)
        try:
            return not_said(await work.ask(call))
        except SourceUnavailable as error:
            if not isinstance(error.outcome, Refused):
                raise
            return not_said(error.outcome)


def _what_failed(error: NotSent | SourceUnavailable, account: Account) -> Outcome:
    """What it means of the request that failed, or was never made: that one has done nothing."""
    if isinstance(error, RefusedAddress) and account.manifest.network.tenant_addresses:
        return Refused(code="refused_address", message=str(error), reason=Reason.SETTING)
    if isinstance(error, RefusedAddress | PlainHttp):
        return not_called(error)
    if isinstance(error, NotSent):
        return Retry(code="not_connected", message=str(error), reason=Reason.OUT_OF_SERVICE)
    # No access (OAuth), as a rule: its outcome says whether time is enough or a person has to act.
    return error.outcome or Retry(code="unavailable", message=str(error), reason=Reason.OUT_OF_SERVICE)


def told_to_its_reader(keyring: Keyring, delivery: Delivery) -> tuple[Command, str | None]:
    """The command with what is sealed in it, and that alone: no story may show it. Raises ConfigError."""
    command = delivery.command
    if not isinstance(command, SendMessage) or command.sealed is None:
        return command, None
    secret = keyring.unseal("vault", command.sealed, delivery.subject)
    return command.model_copy(update={"text": command.text.replace(HIDDEN, secret), "sealed": None}), secret


__all__ = ["CLAIM_TRIES", "Attempts"]
