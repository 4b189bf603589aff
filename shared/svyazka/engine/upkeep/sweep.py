"""The queue may forget, the journal doesn't: what is due and was not done is queued again (DESIGN 5.8)."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TypeVar

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    DUE_DELIVERIES,
    DUE_EVENTS,
    DUE_GRANTS,
    DUE_JOBS,
    DUE_OUTAGES,
    DUE_PAYMENTS,
    DUE_PROBLEMS,
    DUE_RECEIPTS,
    DUE_REQUESTS,
    DUE_SUBSCRIPTIONS,
)
from svyazka.engine.journal.tasks import (
    PLANNING,
    job_task,
    pay_task,
    perform_task,
    plan_task,
    receipt_task,
    renew_task,
    request_task,
    subscription_task,
)
from svyazka.engine.journal.transition import replace_delivery
from svyazka.engine.outages.learning import Outages
from svyazka.engine.ports.store import Document, Replace, Task
from svyazka.engine.problems import cards as problems
from svyazka.engine.rules.retry import sweep_delay
from svyazka.engine.rules.transitions import rewoken
from svyazka.engine.support.each_due import each_due
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log
from svyazka.engine.upkeep.problem_looks import LOOKS
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import Conflict
from svyazka.model.events import EventRecord
from svyazka.model.grants import Grant
from svyazka.model.jobs import Job
from svyazka.model.outages import Outage
from svyazka.model.payments import Payment
from svyazka.model.problems import Problem
from svyazka.model.receipts import ReceiptIntent
from svyazka.model.requests import Request
from svyazka.model.subscriptions import Subscription

Woken = TypeVar("Woken", EventRecord, Payment, Subscription, ReceiptIntent, Request, Grant, Job)

SWEEP_LIMIT = 15.0
"""Real seconds that one round takes for each kind of work; what is left then is the next round's."""

WITHIN_THE_HOUR = 5
"""The longest step for a job: nothing else looks after one that waits."""

SIGN_OF_LIFE = 50.0
"""Real seconds after which a sweep that finds nothing says so all the same."""


class Sweep:
    """Looks for what is due."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub = hub
        self._outages = outages
        self._say_again_at = 0.0

    async def sweep(self) -> int:
        """One round; how many things were woken. Work queued twice is harmless: it begins with a claim."""
        reach("sweep.before")
        now = oldest = self._hub.clock.now()
        woken = 0
        for query, wake in (
            (DUE_EVENTS, self._wake_event),
            (DUE_DELIVERIES, self._wake_delivery),
            (DUE_OUTAGES, self._wake_outage),
            (DUE_GRANTS, self._wake_grant),
            (DUE_PROBLEMS, self._wake_problem),
            (DUE_JOBS, self._wake_job),
            (DUE_REQUESTS, self._wake_request),
            (DUE_PAYMENTS, self._wake_payment),
            (DUE_SUBSCRIPTIONS, self._wake_subscription),
            (DUE_RECEIPTS, self._wake_receipt),
        ):
            through = await each_due(self._hub.store, query, now, SWEEP_LIMIT, wake)
            woken, oldest = woken + through.done, min(oldest, through.oldest or oldest)
        self._say(woken, (now - oldest).total_seconds())
        return woken

    def _say(self, woken: int, overdue: float) -> None:
        """What was woken and how long the oldest was due; without work a sign of life, whose absence is an alert."""
        if woken or time.monotonic() >= self._say_again_at:
            self._say_again_at = time.monotonic() + SIGN_OF_LIFE
            log("NOTICE" if woken else "DEBUG", "swept", count=woken, age_seconds=round(overdue, 1))

    async def _wake_event(self, document: Document) -> bool:
        later, write = self._later(EventRecord, document)
        return await self._wake(write, plan_task(later.event.id))

    async def _wake_delivery(self, document: Document) -> bool:
        held, now = journal.read(Delivery, document), self._hub.clock.now()
        later = _due_now(rewoken(held.model, now), now)
        return await self._wake(replace_delivery(held, later), perform_task(later))

    async def _wake_outage(self, document: Document) -> bool:
        await self._outages.wake(journal.read(Outage, document))
        return True

    async def _wake_problem(self, document: Document) -> bool:
        await problems.wake(self._hub, journal.read(Problem, document), LOOKS)
        return True

    async def _wake_request(self, document: Document) -> bool:
        later, write = self._later(Request, document)
        return await self._wake(write, request_task(later.id))

    async def _wake_payment(self, document: Document) -> bool:
        later, write = self._later(Payment, document)
        vendor = later.attempts[-1].vendor if later.attempts else PLANNING
        return await self._wake(write, pay_task(later.id, vendor))

    async def _wake_subscription(self, document: Document) -> bool:
        later, write = self._later(Subscription, document)
        return await self._wake(write, subscription_task(later.id))

    async def _wake_receipt(self, document: Document) -> bool:
        later, write = self._later(ReceiptIntent, document)
        return await self._wake(write, receipt_task(later.id, later.vendor))

    async def _wake_grant(self, document: Document) -> bool:
        later, write = self._later(Grant, document)
        task = renew_task(later.tenant, later.connection)
        return await self._wake(write, task)

    async def _wake_job(self, document: Document) -> bool:
        later, write = self._later(Job, document, WITHIN_THE_HOUR)
        return await self._wake(write, job_task(later.id))

    def _later(self, kind: type[Woken], document: Document, most: int | None = None) -> tuple[Woken, Replace]:
        """The same, to be looked at again later should its task be lost, each time after longer (`most`: steps)."""
        held = journal.read(kind, document)
        step = held.model.wake_step if most is None else min(held.model.wake_step, most)
        due = {"wake_at": self._hub.clock.now() + sweep_delay(step), "wake_step": step + 1}
        later = held.model.model_copy(update=due)
        return later, journal.replace(later, held.version)

    async def _wake(self, write: Replace, task: Task) -> bool:
        try:
            await self._hub.store.commit([write], [task])
        except Conflict:
            return False
        return True


def _due_now(delivery: Delivery, now: datetime) -> Delivery:
    """What is parked or waits in its lane has no time of its own; the rest keep theirs if it is past."""
    if delivery.status in (Status.PENDING, Status.RETRYING) and delivery.behind is None:
        return delivery.model_copy(update={"next_attempt_at": min(delivery.next_attempt_at or now, now)})
    return delivery
