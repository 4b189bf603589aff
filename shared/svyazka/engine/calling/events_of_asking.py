"""Makes of a fact that was found by asking (a poll, a re-read) the same event as a webhook would: one id, so that
both collapse into one."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from svyazka.engine.contracts.webhook import RawRequest
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.events_of_request import journaled
from svyazka.engine.journal.tasks import plan_task
from svyazka.engine.ports.store import Create, Task
from svyazka.model.base import made_storable
from svyazka.model.events import EventStatus, Fact, Origin
from svyazka.model.tenants import CompiledConnection


def found_event(
    hub: Hub, compiled: CompiledConnection, fact: Fact, now: datetime, origin: Origin
) -> tuple[Create, list[Task]]:
    """The event's document, to be created if absent, and the task to plan it where anything may follow."""
    fact = made_storable(fact)
    shown = fact.model_dump_json(exclude_defaults=True).encode()
    request = RawRequest("POLL", f"/{compiled.vendor}", b"", (), shown)
    people = partial(hub.keyring.people, compiled.tenant)
    _, (item,) = journaled(request, compiled, [fact], now, people=people, origin=origin)
    accepted = item.record.status is EventStatus.ACCEPTED
    return Create(journal.document(item.record)), [plan_task(item.record.event.id)] if accepted else []
