"""Alerts that have not arrived: overtaken by later news, waiting behind a broken connection, or without success."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import DELIVERIES_OF_FLOW
from svyazka.engine.journal.transition import ended
from svyazka.engine.ports.store import Store
from svyazka.engine.rules.transitions import stopped
from svyazka.engine.telling.addressees import reaches, step_through
from svyazka.engine.telling.alerts import ALERT_FLOW
from svyazka.engine.tenants.directory import Account
from svyazka.model.commands import SendMessage
from svyazka.model.deliveries import Alert, Delivery, Status
from svyazka.model.errors import Conflict
from svyazka.model.ids import connection_id
from svyazka.model.outages import Outage
from svyazka.model.problems import QUIET, Problem

OVER = N_("the outage is over")

LOOK = 100
"""Waiting alerts of a tenant that are looked at when one of its connections works again."""

LONGEST_CHAIN = 20


async def overtaken(hub: Hub, delivery: Delivery) -> str | datetime | None:
    """Why an alert that hasn't gone out yet must not go out any more; a time to ask again, while it isn't sure that
    its problem is over; None when it is still news.

    Asked before every attempt, so that it holds whatever died, and whichever way "it works again" came first.
    """
    held = await journal.load(hub.store, Alert, delivery.event)
    if held is None or held.model.stage == "recovered":
        return None
    alert = held.model
    if alert.problem is None:
        return await _overtaken_since_the_release_before(hub, alert)
    now = await journal.load(hub.store, Problem, alert.problem)
    if now is None or delivery.guards.expires_at is not None:
        return None
    if not now.model.is_open or now.model.occurrence != alert.occurrence:
        return OVER
    quiet = now.model.absent_since
    return max(quiet + QUIET, hub.clock.now()) if quiet is not None else None


async def _overtaken_since_the_release_before(hub: Hub, alert: Alert) -> str | None:
    if alert.kind != "outage" or alert.connection is None:
        return None
    now = await journal.load(hub.store, Outage, connection_id(alert.tenant, alert.connection))
    if now is None or not now.model.is_open or now.model.since != alert.since or now.model.kind != alert.stage:
        return OVER
    return None


async def reroute(hub: Hub, account: Account) -> int:
    """A connection works: alerts that wait behind another one go out through it; how many.

    Only what waits is moved, by compare-and-set, and the delivery that goes on is created in the same commit.
    """
    moved = 0
    for status in (Status.PARKED, Status.BLOCKED):
        where = {"tenant": account.tenant.id, "flow": ALERT_FLOW, "status": status.value}
        page = await hub.store.find(DELIVERIES_OF_FLOW, equal=where, limit=LOOK)
        for document in page.documents:
            moved += await _rerouted(hub, account, journal.read(Delivery, document))
    return moved


async def _rerouted(hub: Hub, account: Account, held: Versioned[Delivery]) -> bool:
    delivery, command = held.model, held.model.command
    same = delivery.connection == account.name
    if same or not isinstance(command, SendMessage) or not reaches(account.manifest, command.to):
        return False
    # Named by the delivery before: the same connection may have been tried earlier in this chain.
    name = f"{delivery.step.partition('/via/')[0]}/via/{account.name}/{delivery.id[-8:]}"
    step = step_through(hub, account.tenant, account.name, command, name)
    if step is None:
        return False
    now = hub.clock.now()
    why = N_("{connection} works: it goes out there").format(connection=account.name)
    there = delivery.model_copy(update={"fallbacks": (step, *delivery.fallbacks)})
    end = await ended(hub.store, stopped(there, Status.CANCELLED, "fell_back", why, now), now)
    with suppress(Conflict):
        await hub.store.commit(end.over(held.version), end.tasks)
        return True
    return False


async def arrived(store: Store, alerts: Sequence[Alert]) -> dict[str, datetime | None]:
    """When the first of each alert's addressees had it; None: nobody is known to."""
    of = {key: alert.id for alert in alerts for key in alert.deliveries}
    found: dict[str, datetime | None] = {alert.id: alert.sent_at for alert in alerts}
    for _ in range(LONGEST_CHAIN):
        if not of:
            break
        documents = await store.get_many([("deliveries", key) for key in of])
        after: dict[str, str] = {}
        for document in documents:
            if document is None:
                continue
            delivery = journal.read(Delivery, document).model
            alert = of[delivery.id]
            if delivery.status is Status.SUCCEEDED and delivery.settled_at:
                found[alert] = min(found[alert] or delivery.settled_at, delivery.settled_at)
            elif delivery.successor:
                after[delivery.successor] = alert
        of = after
    return found
