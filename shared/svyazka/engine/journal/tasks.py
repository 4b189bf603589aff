"""Tasks of the queue: where each goes and what it asks for, in one place. `worker.py` carries them out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from svyazka.engine.ports.store import Task
from svyazka.engine.security.keyring import Keyring
from svyazka.model.events import Event
from svyazka.model.ids import connection_id, stable_id
from svyazka.model.tenants import CompiledConnection

if TYPE_CHECKING:
    from svyazka.model.deliveries import Delivery


class Route(StrEnum):
    """A path of the worker's. A task that waits in a queue keeps its own through an upgrade: never rename one."""

    PLAN = "/plan"
    PERFORM = "/perform"
    LANE = "/lane"
    RELEASE = "/release"
    RESUME = "/resume"
    REDIRECTED = "/redirected"
    RENEW = "/renew"
    PROBE = "/probe"
    POLL = "/poll"
    SWEEP = "/sweep"
    RETAIN = "/retain"
    QUARANTINED = "/quarantined"
    FOREIGN = "/foreign"
    SALVAGE = "/salvage"
    NOTICED = "/noticed"
    JOB = "/job"
    REQUEST = "/request"
    PAY = "/pay"
    SUBSCRIPTION = "/subscription"
    RECEIPT = "/receipt"
    SIGN_IN = "/sign-in"


class Asked(StrEnum):
    """A path at which somebody waits for the answer: the front door, which has no credentials of its own."""

    ASK = "/ask"
    PERFORM_NOW = "/perform-now"


TICKS = (Route.SWEEP, Route.POLL, Route.RETAIN)
"""What the scheduler calls by the clock."""

PLANNING, SALVAGING = "plan", "salvage"
"""The queues that are no vendor's: for what is ours to do, and for what could not be journaled. What asks a vendor goes
by that vendor's own: one that hangs would hold up everybody's planning."""


def plan_task(event: str, due: datetime | None = None) -> Task:
    """The task that plans an event."""
    return Task(PLANNING, Route.PLAN, {"event": event}, due)


def salvage_task(body: Mapping[str, str]) -> Task:
    """The task that journals a request for which the journal could not be reached."""
    return Task(SALVAGING, Route.SALVAGE, body)


def noticed_task(tenant: str, connection: str, what: str) -> Task:
    """The task that tells somebody of what the front door noticed: codes that run out, or that nobody reads."""
    return Task(PLANNING, Route.NOTICED, {**_connection(tenant, connection), "what": what})


def redirect_task(keyring: Keyring, compiled: CompiledConnection, parameters: Mapping[str, str]) -> Task:
    """The task that sees to what a GET brought; its parameters (an OAuth code) are nobody's to read on the way."""
    owner = connection_id(compiled.tenant, compiled.connection)
    sealed = keyring.seal("mint", json.dumps(dict(parameters)), f"{owner}.errand")
    return Task(PLANNING, Route.REDIRECTED, {**_connection(compiled.tenant, compiled.connection), "sealed": sealed})


def redirect_again_task(body: Mapping[str, str], tries: int, due: datetime) -> Task:
    """The same once more: nobody answered who could take the code."""
    return Task(PLANNING, Route.REDIRECTED, {**body, "tries": str(tries)}, due)


def quarantined_task(raw: str) -> Task:
    """The task that tells somebody of a request of which nothing could be read."""
    return Task(PLANNING, Route.QUARANTINED, {"raw": raw})


def foreign_task(event: Event) -> Task:
    """The task that tells somebody that what comes to a connection belongs to another business. One a day: a mistyped
    id makes everything that comes such."""
    name = stable_id("foreign", event.tenant, event.connection, f"{event.received_at:%Y-%m-%d}")
    return Task(PLANNING, Route.FOREIGN, {"event": event.id}, name=name)


def perform_task(delivery: Delivery, due: datetime | None = None) -> Task:
    """The task that tries a delivery; one queue a vendor, so that one vendor's trouble is its own."""
    return Task(delivery.vendor, Route.PERFORM, {"delivery": delivery.id}, due)


def pay_task(payment: str, vendor: str, due: datetime | None = None) -> Task:
    """The task that looks at a payment; its provider may be asked."""
    return Task(vendor, Route.PAY, {"payment": payment}, due)


def subscription_task(subscription: str) -> Task:
    """The task that turns a subscription: what it brings is charged by deliveries of their own."""
    return Task(PLANNING, Route.SUBSCRIPTION, {"subscription": subscription})


def told_again_task(event: str, vendor: str) -> Task:
    """The task that looks at the payment of a notification which came before: its vendor doesn't tell them apart."""
    return Task(vendor, Route.PAY, {"event": event})


def receipt_task(receipt: str, vendor: str, due: datetime | None = None) -> Task:
    """The task that looks at a fiscal receipt; its fiscaliser may be asked."""
    return Task(vendor, Route.RECEIPT, {"receipt": receipt}, due)


def lane_task(lane: str) -> Task:
    """The task that tries whoever is next in a lane."""
    return Task(PLANNING, Route.LANE, {"lane": lane})


def release_task(tenant: str, connection: str, after: float = 0.0, due: datetime | None = None) -> Task:
    """The task that lets go of the next batch."""
    return Task(PLANNING, Route.RELEASE, {**_connection(tenant, connection), "after": str(after)}, due)


def resume_task(tenant: str, connection: str, again_at: datetime | None = None) -> Task:
    """The task that lets a connection try again after something about it was changed; `again_at`: a second time."""
    again = {"again": "yes"} if again_at else {}
    return Task(PLANNING, Route.RESUME, {**_connection(tenant, connection), **again}, again_at)


def renew_task(tenant: str, connection: str) -> Task:
    """The task that renews a connection's access before it ends."""
    return Task(PLANNING, Route.RENEW, _connection(tenant, connection))


def probe_task(tenant: str, connection: str, vendor: str) -> Task:
    """The task that looks whether a connection is well again."""
    return Task(vendor, Route.PROBE, _connection(tenant, connection))


def poll_task(compiled: CompiledConnection, due: datetime) -> Task:
    """The task that asks a vendor what we missed."""
    body = {**_connection(compiled.tenant, compiled.connection), "due": due.isoformat()}
    return Task(compiled.vendor, Route.POLL, body, due)


def job_task(job: str, due: datetime | None = None, *, released: bool = False) -> Task:
    """The task that does a job's next slice. `released`: what it waited for is over, whenever it was to look again."""
    return Task(PLANNING, Route.JOB, {"job": job, **({"released": "yes"} if released else {})}, due)


def request_task(request: str) -> Task:
    """The task that carries out what the console asked for."""
    return Task(PLANNING, Route.REQUEST, {"request": request})


def sign_in_task(asked: str) -> Task:
    """The task that sends whoever is known by what was typed a code. No sweep looks after it: whoever waits for a code
    asks for another."""
    return Task(PLANNING, Route.SIGN_IN, {"asked": asked})


def retain_task() -> Task:
    """The task that goes on with blanking where one run was too short."""
    return Task(PLANNING, Route.RETAIN, {})


def _connection(tenant: str, connection: str) -> dict[str, str]:
    return {"tenant": tenant, "connection": connection}
