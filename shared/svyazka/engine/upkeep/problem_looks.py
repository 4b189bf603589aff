"""Whether the cause of a problem is gone: each kind with a check of its own looks at what is so now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from svyazka.engine.calling.oauth.expiry import WARN_BEFORE
from svyazka.engine.hub import Hub
from svyazka.engine.jobs.trouble import cause_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    DELIVERIES_BY_STATUS,
    DELIVERIES_OF_CONNECTION_BY_STATUS,
    DOUBTS_BY_STATUS,
    EVENTS_OF_CONNECTION_BY_STATUS,
    JOBS_BY_STATUS,
    RAWS_OF_CONNECTION_BY_STATUS,
)
from svyazka.engine.paying.oddities import is_odd
from svyazka.engine.paying.receipt_cards import is_wrong
from svyazka.engine.problems.cards import Look
from svyazka.engine.problems.kinds import DAY, WEEK
from svyazka.engine.upkeep.silent_hooks import last_call, seen, still_foreign
from svyazka.model.errors import ConfigError
from svyazka.model.grants import Grant
from svyazka.model.ids import connection_id
from svyazka.model.in_step import Switch, switch_id
from svyazka.model.jobs import Job, JobState
from svyazka.model.payments import Payment
from svyazka.model.problems import Problem
from svyazka.model.receipts import ReceiptIntent
from svyazka.model.subscriptions import Subscription, SubscriptionState
from svyazka.model.tenants import Tenant


def _where(problem: Problem) -> dict[str, str]:
    return {"tenant": problem.tenant, "connection": problem.connection or ""}


async def _none_unknown(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    states = ["unknown"]
    return not await hub.store.tally(DELIVERIES_OF_CONNECTION_BY_STATUS, states, equal=_where(problem))


async def _none_dead_of_late(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    """What is dead stays so, unless somebody replays it: after a week it is history."""
    if hub.clock.now() - problem.last_seen >= WEEK:
        return True
    return not await hub.store.tally(DELIVERIES_OF_CONNECTION_BY_STATUS, ["dead"], equal=_where(problem))


async def _none_quarantined(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    for query in (EVENTS_OF_CONNECTION_BY_STATUS, RAWS_OF_CONNECTION_BY_STATUS):
        if await hub.store.tally(query, ["quarantined"], equal=_where(problem)):
            return False
    return True


async def _payment_is_well(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    """Mended, or seen to by somebody: money doesn't put itself right by time."""
    held = await journal.load(hub.store, Payment, problem.cause.partition(":")[2])
    return held is None or not is_odd(held.model, problem.cause)


async def _owner_has_decided(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    held = await journal.load(hub.store, Subscription, problem.cause)
    return held is None or held.model.state is not SubscriptionState.NEEDS_OWNER


async def _receipt_is_well(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    """Registered, by whoever; what is missing stays told for as long as it is."""
    held = await journal.load(hub.store, ReceiptIntent, problem.cause.partition(":")[2])
    return held is None or not is_wrong(held.model, problem.cause, hub.clock.now())


async def _a_day_has_gone(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    """The limit is a day's."""
    return hub.clock.now() - problem.last_seen >= DAY


async def _settings_can_be_used(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    try:
        for name in tenant.connections:
            await hub.directory.account(tenant.id, name)
        await hub.directory.flows_of(tenant)
    except ConfigError:
        return False
    return True


async def _its_own_come(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    looked = await seen(hub.store, tenant.id, problem.connection or "", hub.clock.now())
    return not still_foreign(looked) or hub.clock.now() - problem.last_seen >= WEEK


async def _called_since(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    last = await last_call(hub.store, tenant.id, problem.connection or "")
    return last is not None and last > problem.since


async def _called_for_a_day(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    """It goes on calling us: whatever it complained of, our address is known to it."""
    age = hub.clock.now() - problem.last_seen
    return age >= WEEK or (age >= DAY and await _called_since(hub, tenant, problem))


async def _ends_later(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    """The credential was renewed, or has ended: then an outage tells it."""
    account = await hub.directory.account(tenant.id, problem.connection or "")
    access = account.manifest.access if account else None
    if account is None or access is None:
        return True
    ends = access.ends(account.settings)
    app = access.app(account.settings)
    if ends is None and app is not None and app.refresh_life is not None:
        held = await journal.load(hub.store, Grant, connection_id(tenant.id, account.name))
        issued = held.model.issued_at if held else None
        ends = issued + app.refresh_life if issued else None
    return ends is None or not timedelta() < ends - hub.clock.real() <= WARN_BEFORE


async def _no_job_is_held(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    """Its card was written, and the job went on all the same: another worker had it."""
    cursor: str | None = None
    while True:
        page = await hub.store.find(JOBS_BY_STATUS, equal={"status": JobState.HELD}, cursor=cursor)
        for held in journal.known(Job, page.documents):
            if held.model.tenant == tenant.id and cause_of(held.model) == problem.cause:
                return False
        cursor = page.cursor
        if cursor is None:
            return True


def _not_met_for(time: timedelta) -> Look:
    """Nothing tells its end: it counts as over when it wasn't met for so long."""

    async def look(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
        return hub.clock.now() - problem.last_seen >= time

    return look


async def _nothing_waits_for_a_week(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    """Of what is kept in step; a message that waits has an end of its own."""
    for status in ("parked", "blocked", "pending", "retrying"):
        page = await hub.store.find(DELIVERIES_BY_STATUS, equal={**_where(problem), "status": status}, limit=1)
        since = page.documents[0].fields["created_at"] if page.documents else None
        if isinstance(since, datetime) and hub.clock.now() - since >= WEEK:
            return False
    return True


async def _nothing_is_asked(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    equal = {"tenant": problem.tenant, "flow": problem.cause}
    return not await hub.store.tally(DOUBTS_BY_STATUS, ["open"], equal=equal)


async def _nothing_is_held(hub: Hub, tenant: Tenant, problem: Problem) -> bool:
    switch = await journal.load(hub.store, Switch, switch_id(problem.tenant, problem.cause))
    return switch is None or not switch.model.held


LOOKS: Mapping[str, Look] = {
    "unknown": _none_unknown,
    "dead": _none_dead_of_late,
    "refused": _not_met_for(2 * DAY),
    "duplicate_effect": _not_met_for(WEEK),
    "quarantined": _none_quarantined,
    "flood": _none_quarantined,
    "min_fill": _none_quarantined,
    "codes": _a_day_has_gone,
    "settings": _settings_can_be_used,
    "foreign": _its_own_come,
    "hook": _called_for_a_day,
    "silent": _called_since,
    "gap": _not_met_for(WEEK),
    "access_ends": _ends_later,
    "access_refused": _not_met_for(WEEK),
    "job_held": _no_job_is_held,
    "job_failed": _not_met_for(WEEK),
    "in_step_waits": _nothing_waits_for_a_week,
    "in_step_asks": _nothing_is_asked,
    "in_step_held": _nothing_is_held,
    "payment": _payment_is_well,
    "no_order": _not_met_for(30 * DAY),
    "subscription": _owner_has_decided,
    "receipt": _receipt_is_well,
    "in_step_drifts": _not_met_for(8 * DAY),
}
"""By kind."""
