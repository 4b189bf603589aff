"""The one document of a connection in trouble: opened, moved and closed by compare-and-set, cached for a moment.

What people see of it, its problem, begins and ends in the same commits: whoever dies has done both or neither.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import release_task
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.problems.cards import NOTHING, Change, Sight, ending, meet, opening
from svyazka.engine.problems.kinds import BLOCKED, DOWN, POLL
from svyazka.engine.rules.retry import next_delay
from svyazka.engine.telling.alerts import alert_id, local_time
from svyazka.engine.tenants.directory import Account
from svyazka.model.errors import Conflict
from svyazka.model.ids import connection_id, stable_id
from svyazka.model.outages import Outage
from svyazka.model.problems import Problem, problem_id
from svyazka.model.remedies import whole
from svyazka.model.tenants import Tenant

CACHED_FOR = 3.0
"""Seconds for which a worker believes what it last read about a connection's outage."""

RELEASE_GRACE = timedelta(minutes=2)

BLOCKED_PROBE = 900.0
"""Seconds between looks at a blocked connection at first: money and rights come back by themselves."""

BLOCKED_JITTER = 0.2

TRIES = 5


class OutageStates:
    """What is known of connections in trouble. A healthy connection costs no write."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._cache: dict[str, tuple[float, Versioned[Outage] | None]] = {}

    async def of(self, tenant: str, connection: str, fresh: bool = False) -> Versioned[Outage] | None:
        """The open outage of a connection, or None."""
        key = connection_id(tenant, connection)
        known = self._cache.get(key)
        if fresh or known is None or known[0] < time.monotonic():
            held = await journal.load(self._hub.store, Outage, key)
            known = self._cache[key] = (time.monotonic() + CACHED_FOR, held)
        held = known[1]
        return held if held is not None and held.model.is_open else None

    async def open(
        self, account: Account, kind: str, code: str, message: str, since: datetime | None = None,
        remedy: str | None = None, after: float = 0.0,
    ) -> None:  # fmt: skip
        """Declare the connection down or blocked; nothing happens when it is already. `after`: seconds for which the
        vendor wants to be left alone."""
        now, tenant = self._hub.clock.now(), account.tenant
        since = since or now
        key = connection_id(tenant.id, account.name)
        new = {
            "id": stable_id("out", key, since.isoformat(), now.isoformat()), "tenant": tenant.id,
            "connection": account.name, "vendor": account.vendor, "kind": kind, "since": since, "code": code,
            "message": message, "remedy": remedy and _whole(account, remedy), "next_probe_at": now,
        }  # fmt: skip
        for left in reversed(range(TRIES)):
            held = await journal.load(self._hub.store, Outage, key)
            if held is not None and held.model.is_open:
                self._cache.pop(key, None)
                return
            outage = Outage.model_validate(new)
            next_at = now + timedelta(seconds=max(self.probe_delay(outage), after))
            # That it is in trouble matters more than that it is told: the sweep tells it, should this not come through.
            seen, change = await self._seen(tenant, outage) if left else (None, NOTHING)
            outage = outage.moved(next_probe_at=next_at, wake_at=next_at, problem=seen.id if seen else None)
            if await self._written(outage, held.version if held else None, change):
                return

    async def _seen(self, tenant: Tenant, outage: Outage) -> tuple[Sight, Change]:
        """The outage as a problem that opens. That looks through the same connection fail is the same trouble: who was
        told of that isn't told again, unless there is something to be done."""
        held = await journal.load(self._hub.store, Problem, problem_id(tenant.id, outage.connection, POLL.name))
        if held is None or not held.model.is_open or held.model.absent_since is not None:
            seen = sight(self._hub, tenant, outage)
            return seen, await opening(self._hub, seen)
        looks = held.model
        told = looks.said_at is not None and outage.kind == "down"
        seen = sight(self._hub, tenant, outage.moved(since=min(outage.since, looks.since)), told)
        return seen, await ending(self._hub, tenant, looks.id, became=True) + await opening(self._hub, seen)

    async def change(self, held: Versioned[Outage], tasks: Sequence[Task] = (), **changes: object) -> bool:
        """Move it on; False when somebody else has. While it is open it is due at its next probe."""
        outage = held.model.moved(**changes)
        if outage.is_open and "wake_at" not in changes:
            outage = outage.moved(wake_at=outage.next_probe_at)
        return await self._written(outage, held.version, Change(tasks=tasks))

    async def became_blocked(self, account: Account, held: Versioned[Outage], remedy: str, **changes: object) -> bool:
        """It answers again, and wants something of somebody: another problem, in the place of the first."""
        tenant = account.tenant
        outage = held.model.moved(kind="blocked", remedy=_whole(account, remedy), **changes)
        seen = sight(self._hub, tenant, outage)
        change = await opening(self._hub, seen)
        if outage.problem not in (None, seen.id):
            change = await ending(self._hub, tenant, outage.problem, became=True) + change
        outage = outage.moved(problem=seen.id, wake_at=outage.next_probe_at)
        return await self._written(outage, held.version, change)

    async def close(self, tenant: Tenant, connection: str) -> bool:
        """The connection works again: release what waits for it. False when there was no outage."""
        for left in reversed(range(TRIES)):
            held = await self.of(tenant.id, connection, fresh=True)
            if held is None:
                return False
            if held.model.problem is None:
                held = await self.adopt(tenant, held) or held
            now = self._hub.clock.now()
            closed = held.model.moved(
                closed_at=now, releasing=True, probe=None, probe_until=None, wake_at=now + RELEASE_GRACE, wake_step=0
            )
            over = await ending(self._hub, tenant, closed.problem) if left else NOTHING
            release = Change(tasks=[release_task(tenant.id, connection)])
            if await self._written(closed, held.version, over + release):
                return True
        return False

    async def end(self, held: Versioned[Outage]) -> bool:
        """Its connection is gone, or nothing waits any more."""
        closed_at = held.model.closed_at or self._hub.clock.now()
        return await self.change(held, closed_at=closed_at, releasing=False, wake_at=None)

    async def adopt(self, tenant: Tenant, held: Versioned[Outage]) -> Versioned[Outage] | None:
        """Give an outage without a problem its own: the release before opened it, and may have told of it, even if it
        died before it could note that."""
        outage = held.model
        keys = [("alerts", alert_id(tenant.id, outage.connection, "outage", outage.kind, outage.id))]
        told = outage.kind in outage.told or any(await self._hub.store.get_many(keys))
        seen = sight(self._hub, tenant, outage, told)
        await meet(self._hub, seen)
        await self.change(held, problem=seen.id)
        return await self.of(tenant.id, outage.connection, fresh=True)

    def probe_delay(self, outage: Outage) -> float:
        """Seconds until the next look at it."""
        # By chance, so that the probes of many connections of one vendor don't march in step.
        chance = self._hub.chance()
        if outage.kind == "blocked":
            return min(BLOCKED_PROBE * (1 + outage.probes), 3600.0) * (1 + BLOCKED_JITTER * (2 * chance - 1))
        elapsed = (self._hub.clock.now() - outage.since).total_seconds()
        # The schedule of retries, without its end: a probe goes out as long as anything may still wait.
        return next_delay(outage.probes + 1, min(elapsed, 6 * 86400.0), outage.code, chance=chance) or 3600.0

    async def _written(self, outage: Outage, version: str | None, beside: Change) -> bool:
        self._cache.pop(connection_id(outage.tenant, outage.connection), None)
        write: Write = journal.create(outage) if version is None else journal.replace(outage, version)
        try:
            await (Change([write]) + beside).commit(self._hub)
        except Conflict:
            return False
        return True


def _whole(account: Account, remedy: str) -> str:
    given = account.tenant.connections[account.name].settings
    return whole(remedy, account.tenant, account.name, account.manifest.credentials.needed(given))


def sight(hub: Hub, tenant: Tenant, outage: Outage, told_before: bool = False) -> Sight:
    """An outage as people are told of it."""
    name = f"«{outage.connection}» ({hub.directory.called(outage.vendor)})"
    if outage.kind == "down":
        since = local_time(outage.since, tenant)
        text = N_("{tenant}: {name} не отвечает с {since}. Ничего не потеряно: всё ждёт и уйдёт само.").format(
            tenant=tenant.name, name=name, since=since
        )
    else:
        text = N_("{tenant}: {name} не принимает вызовы: {why}. {value}").format(
            tenant=tenant.name, name=name, why=outage.message, value=outage.remedy or ""
        )
    return Sight(
        kind=DOWN if outage.kind == "down" else BLOCKED, tenant=tenant, connection=outage.connection,
        vendor=outage.vendor, text=text.strip(), since=outage.since, advice=outage.remedy, told_before=told_before,
        after=tenant.alerts.after if outage.kind == "down" else timedelta(),
    )  # fmt: skip
