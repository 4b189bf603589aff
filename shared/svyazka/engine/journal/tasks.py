"""Tasks of the queue: what each asks for, built in one place. `worker.py` carries them out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from svyazka.engine.ports.store import Task
from svyazka.engine.security.keyring import Keyring
from svyazka.model.deliveries import Delivery
from svyazka.model.events import Event
from svyazka.model.ids import connection_id, stable_id
from svyazka.model.tenants import CompiledConnection


def plan_task(event: str, due: datetime | None = None) -> Task:
    """The task that plans an event."""
    return Task("plan", "/plan", {"event": event}, due)


def redirect_task(keyring: Keyring, compiled: CompiledConnection, parameters: Mapping[str, str]) -> Task:
    """The task that sees to what a GET brought; its parameters (an OAuth code) are nobody's to read on the way."""
    owner = connection_id(compiled.tenant, compiled.connection)
    sealed = keyring.seal("mint", json.dumps(dict(parameters)), f"{owner}.errand")
    return Task("plan", "/redirected", {"tenant": compiled.tenant, "connection": compiled.connection, "sealed": sealed})


def quarantined_task(raw: str) -> Task:
    """The task that tells somebody of a request of which nothing could be read."""
    return Task("plan", "/quarantined", {"raw": raw})


def foreign_task(event: Event) -> Task:
    """The task that tells somebody that what comes to a connection belongs to another business. One a day: a mistyped
    id makes everything that comes such."""
    name = stable_id("foreign", event.tenant, event.connection, f"{event.received_at:%Y-%m-%d}")
    return Task("plan", "/foreign", {"event": event.id}, name=name)


def perform_task(delivery: Delivery, due: datetime | None = None) -> Task:
    """The task that tries a delivery; one queue a vendor, so that one vendor's trouble is its own."""
    return Task(delivery.vendor, "/perform", {"delivery": delivery.id}, due)


def lane_task(lane: str) -> Task:
    """The task that tries whoever is next in a lane."""
    return Task("plan", "/lane", {"lane": lane})


def release_task(tenant: str, connection: str, after: float = 0.0, due: datetime | None = None) -> Task:
    """The task that lets go of the next batch."""
    return Task("plan", "/release", {"tenant": tenant, "connection": connection, "after": str(after)}, due)


def resume_task(tenant: str, connection: str, again_at: datetime | None = None) -> Task:
    """The task that lets a connection try again after something about it was changed; `again_at`: a second time."""
    body = {"tenant": tenant, "connection": connection, **({"again": "yes"} if again_at else {})}
    return Task("plan", "/resume", body, again_at)
