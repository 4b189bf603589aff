"""Asking vendors what we missed: the cursor moves with its events, and only when it moves (DESIGN 3)."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.calling.oauth.expiry import warn_before_end
from svyazka.engine.contracts.learning import Polled
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import ALL_CONNECTIONS
from svyazka.engine.journal.tasks import poll_task
from svyazka.engine.outages.learning import Outages
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.ports.store import Create, Document, Replace, Task, Value
from svyazka.engine.problems.cards import Sight, meet, over
from svyazka.engine.problems.kinds import GAP, POLL
from svyazka.engine.support.logs import log, where
from svyazka.engine.telling.alerts import local_time
from svyazka.engine.tenants.directory import Account
from svyazka.model.base import Frozen, Time, made_storable
from svyazka.model.errors import ConfigError, Conflict, NoPlace, Unavailable
from svyazka.model.ids import connection_id
from svyazka.model.outages import Outage
from svyazka.model.problems import Problem, problem_id
from svyazka.model.tenants import CompiledConnection

BATCH = 100
PAGES = 50
TICK = 60.0
"""Business seconds between two ticks of the scheduler."""

REST = 3600.0
"""Business seconds between two looks at a connection that can't be polled: only its credential may come to an end."""

LISTED = 20.0
"""Times the directory's own patience for which the list of connections is believed: 5 minutes in the cloud."""


class Looked(Frozen):
    """How far a connection was looked through, and since when that fails."""

    cursor: str | None = None
    failing_since: Time | None = None
    told: bool = False
    """Somebody was told that it fails."""


class Poller:
    """Polls connections whose vendors can be asked."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub = hub
        self._outages = outages
        self._turns: dict[str, datetime] = {}
        self._looking: set[str] = set()
        self._listed: list[CompiledConnection] = []
        self._listed_until = 0.0

    async def due(self) -> list[Task]:
        """A poll task for every connection whose turn it is."""
        now, tasks = self._hub.clock.now(), []
        for compiled in await self._every_connection():
            if compiled.paused:
                continue
            try:
                if not self._has_its_turn(compiled, now):
                    continue
                account = await self._hub.directory.account(compiled.tenant, compiled.connection)
            except ConfigError as error:
                log("ERROR", "settings can't be used", tenant=compiled.tenant, error=str(error))
                continue
            if account is None:
                continue
            await warn_before_end(self._hub, account)
            if _can_be_polled(account):
                tasks.append(poll_task(compiled, now))
        return tasks

    async def _every_connection(self) -> list[CompiledConnection]:
        """Believed for a while: reading all of them at each tick would cost more than their events do."""
        if time.monotonic() >= self._listed_until:
            found: list[CompiledConnection] = []
            cursor: str | None = None
            while True:
                page = await self._hub.store.find(ALL_CONNECTIONS, limit=500, cursor=cursor)
                found += [journal.read(CompiledConnection, document).model for document in page.documents]
                cursor = page.cursor
                if cursor is None:
                    break
            self._listed = found
            self._listed_until = time.monotonic() + LISTED * self._hub.directory.ttl
        return self._listed

    async def _pollable(self, tenant: str, connection: str) -> Account | None:
        account = await self._hub.directory.account(tenant, connection)
        return account if account is not None and _can_be_polled(account) else None

    def _has_its_turn(self, compiled: CompiledConnection, now: datetime) -> bool:
        """Whether its connector's interval has passed since this process last gave it a turn, within half a tick."""
        key = f"{compiled.tenant}.{compiled.connection}"
        last = self._turns.get(key)
        polling = self._hub.directory.manifests(compiled.vendor).polling
        every = polling.every if polling else REST
        if last is not None and (now - last).total_seconds() < every - TICK / 2:
            return False
        self._turns[key] = now
        return True

    async def poll(self, tenant: str, connection: str, due: datetime | None = None) -> int:
        """One look through a connection; how many events were new. None while another one goes on in this process, and
        none that comes so late that the next has been queued behind it: a vendor that hangs has one look in hand."""
        key = connection_id(tenant, connection)
        account = await self._pollable(tenant, connection)
        if account is None or key in self._looking or self._is_late(account, due):
            return 0
        self._looking.add(key)
        try:
            return await self._look(account)
        finally:
            self._looking.discard(key)

    def _is_late(self, account: Account, due: datetime | None) -> bool:
        polling = account.manifest.polling
        assert polling is not None, "only what can be polled comes here"
        return due is not None and -self._hub.clock.real_seconds_until(due) > polling.every

    async def _look(self, account: Account) -> int:
        tenant, connection = account.tenant.id, account.name
        document = await self._hub.store.get("connections", connection_id(tenant, connection))
        if document is None:
            return 0
        outage = await self._outages.of(tenant, connection)
        if outage is not None and outage.model.kind == "blocked":
            return 0  # a person has to act; probes tell when that is done
        compiled = journal.read(CompiledConnection, document).model
        if compiled.paused:
            return 0
        found = 0
        for _ in range(PAGES):
            more, new = await self._page(account, compiled)
            found += new
            if not more:
                break
        return found

    async def _page(self, account: Account, compiled: CompiledConnection) -> tuple[bool, int]:
        document = await self._hub.store.get("cursors", f"{compiled.tenant}.{compiled.connection}")
        before = journal.read(Looked, document) if document else Versioned(Looked(), None)
        polling = account.manifest.polling
        assert polling is not None, "only what can be polled comes here"
        looked = before.model
        http = exchanges(self._hub, account, CalledFor.IDLE)
        call = call_to(self._hub, account, http, key=f"{compiled.tenant}.{compiled.connection}")
        try:
            polled = await polling.poll(looked.cursor, call)
            new = await self._journal(polled, compiled)
        except (Unavailable, ConfigError):
            raise
        except NoPlace:
            return False, 0  # others call it at all the rate that it allows: no trouble of the vendor's
        except Exception as error:
            # A vendor that is down, or a body that no table foresaw: the cursor stays, and the next look begins there.
            log(
                "WARNING", "poll failed", tenant=compiled.tenant, connection=compiled.connection,
                error=type(error).__name__, where=where(error),
            )  # fmt: skip
            await self._outages.learn(account, error)
            await self._failing(account, before)
            return False, 0
        if polled.gap is not None:
            await self._tell_gap(account, polled)
        if looked.failing_since:
            if _told_by_the_release_before(looked, await self._problem(account)):
                await self._tell_failing(account, looked.failing_since, told_before=True)
            await over(self._hub, account.tenant, account.name, POLL)
        if polled.cursor != looked.cursor or looked.failing_since:
            await self._keep(account, Looked(cursor=polled.cursor), before.version)
        return polled.more, new

    async def _failing(self, account: Account, before: Versioned[Looked]) -> None:
        """Remember since when looks fail, and tell after as long as of an outage, unless there is one: that is told."""
        looked, now = before.model, self._hub.clock.now()
        if looked.failing_since is None:
            await self._keep(account, looked.model_copy(update={"failing_since": now}), before.version)
            return
        held = await self._problem(account)
        if held is not None and held.is_open:
            return
        since = looked.failing_since
        outage = await journal.load(self._hub.store, Outage, connection_id(account.tenant.id, account.name))
        if outage is not None:
            since = max(since, outage.model.closed_at or now)  # a look that had begun before it was over proves nothing
        if now < since + account.tenant.alerts.after:
            return
        await self._tell_failing(account, looked.failing_since, _told_by_the_release_before(looked, held))
        if not looked.told:
            await self._keep(account, looked.model_copy(update={"told": True}), before.version)

    async def _problem(self, account: Account) -> Problem | None:
        held = await journal.load(self._hub.store, Problem, problem_id(account.tenant.id, account.name, POLL.name))
        return held.model if held is not None else None

    async def _journal(self, polled: Polled, compiled: CompiledConnection) -> int:
        """Events of a poll meet those of webhooks in the same identity; each is created if absent."""
        now, new = self._hub.clock.now(), 0
        for fact in polled.facts:
            create, tasks = found_event(self._hub, compiled, fact, now, "poll")
            try:
                await self._hub.store.commit([create], tasks)
            except Conflict:
                continue
            new += 1
        return new

    async def _keep(self, account: Account, looked: Looked, version: str | None) -> None:
        fields: dict[str, Value] = {"tenant": account.tenant.id, "moved_at": self._hub.clock.now()}
        key, data = (
            f"{account.tenant.id}.{account.name}",
            made_storable(looked).model_dump_json(exclude_none=True).encode(),
        )
        document = Document("cursors", key, fields, data, version)
        with suppress(Conflict):  # another look moved it: both have journaled what they saw
            await self._hub.store.commit([Create(document) if version is None else Replace(document)])

    async def _tell_failing(self, account: Account, since: datetime, told_before: bool = False) -> None:
        tenant = account.tenant
        text = N_(
            "{tenant}: {name} не удаётся опросить с {local_time}: о чём не пришёл вебхук, того пока не "
            "видно. Спрашиваем дальше."
        ).format(
            tenant=tenant.name,
            name=f"«{account.name}» ({self._hub.directory.called(account.vendor)})",
            local_time=local_time(since, tenant),
        )
        sight = Sight(
            kind=POLL, tenant=tenant, connection=account.name, vendor=account.vendor, text=text, since=since,
            told_before=told_before,
        )  # fmt: skip
        await meet(self._hub, sight)

    async def _tell_gap(self, account: Account, polled: Polled) -> None:
        assert polled.gap is not None
        since, until = polled.gap
        tenant = account.tenant
        text = N_(
            "{tenant}: «{connection}» — события с {local_time} по {local_time2} отсюда уже не восстановить: "
            "{vendor} их больше не отдаёт."
        ).format(
            tenant=tenant.name,
            connection=account.name,
            local_time=local_time(since, tenant),
            local_time2=local_time(until, tenant),
            vendor=self._hub.directory.called(account.vendor),
        )
        sight = Sight(
            kind=GAP, tenant=tenant, connection=account.name, vendor=account.vendor, text=text, since=since,
            cause=f"{since:%Y-%m-%dT%H}",
        )  # fmt: skip
        await meet(self._hub, sight)


def _told_by_the_release_before(looked: Looked, problem: Problem | None) -> bool:
    """It told without a problem. Where this one did there is one, be it closed by an outage that took its place."""
    if not looked.told or looked.failing_since is None:
        return False
    return problem is None or problem.last_seen < looked.failing_since


def _can_be_polled(account: Account) -> bool:
    return account.manifest.polling is not None and account.manifest.polling.ready(account.settings)
