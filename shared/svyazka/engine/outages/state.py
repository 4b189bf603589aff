"""One vendor's outage is that vendor's only (DESIGN 5.9): thresholds, probes, release, alerts."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import perform_task, release_task
from svyazka.engine.outages.release import release_batch, waiting_for
from svyazka.engine.ports.store import Create, Replace, Task, Write
from svyazka.engine.rules.ambiguity import not_called
from svyazka.engine.rules.deadlines import LEASE, TAKE_OVER_GRACE, holds
from svyazka.engine.rules.retry import next_delay
from svyazka.engine.support.redaction import redact
from svyazka.engine.telling import alerts
from svyazka.engine.telling.undelivered import reroute
from svyazka.engine.tenants.directory import Account
from svyazka.model.deliveries import Delivery, Outage, Status
from svyazka.model.errors import ConfigError, Conflict, PlainHttp, RefusedAddress
from svyazka.model.ids import stable_id
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unknown
from svyazka.model.remedies import whole
from svyazka.model.tenants import Tenant

THRESHOLD = 5
"""Calls of a connection in a row that failed, within one worker, before it counts as down."""

PATIENCE = 3
"""Failures of one delivery after which its connection counts as down whoever else succeeded."""

CACHED_FOR = 3.0
"""Seconds for which a worker believes what it last read about a connection's outage."""

PROBE_LOOK = 10
"""Waiting deliveries that are looked at together for one that may go as a probe."""

RELEASE_LEAD = 2.0
"""Seconds before a batch's last delivery at which the next batch is prepared."""

RELEASE_GRACE = timedelta(minutes=2)
WITHHELD_BY_US = frozenset({"paused", "connection_removed", "settings"})
"""Codes of deliveries that wait for no vendor: `resume` releases them."""

STAGES = ("down", "blocked")
"""What somebody is told of an outage before its end."""

BLOCKED_PROBE = 900.0
"""Seconds between looks at a blocked connection at first: money and rights come back by themselves."""


BLOCKED_JITTER = 0.2

LONGEST_WANTED = 86400.0
"""Seconds to which a vendor's wish to be left alone is believed, as a delivery's is."""


class Outages:
    """What is known of connections in trouble. A healthy connection costs no write."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._failures: dict[str, int] = {}
        self._cache: dict[str, tuple[float, Versioned[Outage] | None]] = {}

    async def of(self, tenant: str, connection: str, fresh: bool = False) -> Versioned[Outage] | None:
        """The open outage of a connection, or None."""
        key = f"{tenant}.{connection}"
        known = self._cache.get(key)
        if fresh or known is None or known[0] < time.monotonic():
            held = await journal.load(self._hub.store, Outage, key)
            known = self._cache[key] = (time.monotonic() + CACHED_FOR, held)
        held = known[1]
        return held if held is not None and held.model.is_open else None

    async def may_probe(self, held: Versioned[Outage], tenant: Tenant, delivery: Delivery) -> bool:
        """Whether this delivery goes out as the one probe; the winner of the compare-and-set does."""
        outage, clock = held.model, self._hub.clock
        now = clock.now()
        if outage.probe and holds(outage.probe_until, clock.real()):
            return False
        if now < outage.next_probe_at:
            return False
        probing = outage.model_copy(
            update={
                "probe": delivery.id,
                "probe_until": clock.real() + timedelta(seconds=LEASE + TAKE_OVER_GRACE),
                "probes": outage.probes + 1,
                "next_probe_at": now + timedelta(seconds=self._probe_delay(outage)),
            }
        )
        return await self._replace(_with_wake(probing, tenant), held.version)

    async def note(self, account: Account, delivery: Delivery, outcome: Outcome) -> bool:
        """Learn from an attempt before it is settled; True when its delivery must park.

        The first attempt over the threshold creates the outage; a probe that got any real answer ends it.
        """
        key = f"{account.tenant.id}.{account.name}"
        troubled = isinstance(outcome, Blocked) or (isinstance(outcome, Retry | Unknown) and outcome.outage)
        if not troubled:
            if isinstance(outcome, Succeeded | Refused):
                self._failures.pop(key, None)
                await self._recover(account.tenant, account.name)
            return False
        assert isinstance(outcome, Blocked | Retry | Unknown)
        open_now = await self.of(account.tenant.id, account.name)
        if open_now is not None:
            await self._probe_failed(account, delivery, outcome)
            return True
        self._failures[key] = self._failures.get(key, 0) + 1
        over = self._failures[key] >= THRESHOLD or delivery.failures + 1 >= PATIENCE
        if not isinstance(outcome, Blocked) and not over:
            return False
        await self.open(
            account, "blocked" if isinstance(outcome, Blocked) else "down", outcome.code, outcome.message,
            since=delivery.first_failed_at, remedy=outcome.remedy if isinstance(outcome, Blocked) else None,
            after=_wanted(outcome),
        )  # fmt: skip
        return True

    async def learn(self, account: Account, error: Exception) -> None:
        """A poll or a re-read failed: what a person has to mend is told as when a delivery meets it."""
        if isinstance(error, RefusedAddress | PlainHttp):
            outcome: object = not_called(error)
        else:
            outcome = getattr(error, "outcome", None)
        if isinstance(outcome, Blocked):
            message = redact(outcome.message, account.secrets)
            await self.open(account, "blocked", outcome.code, message, remedy=outcome.remedy)

    async def open(
        self, account: Account, kind: str, code: str, message: str, since: datetime | None = None,
        remedy: str | None = None, after: float = 0.0,
    ) -> None:  # fmt: skip
        """Declare the connection down or blocked; nothing happens when it is already. `after`: seconds for which the
        vendor wants to be left alone."""
        now = self._hub.clock.now()
        since = since or now
        key = f"{account.tenant.id}.{account.name}"
        held = await journal.load(self._hub.store, Outage, key)
        if held is not None and held.model.is_open:
            self._cache.pop(key, None)
            return
        if remedy is not None:
            remedy = whole(remedy, account.tenant, account.name, account.manifest.credentials.required)
        outage = Outage.model_validate(
            {
                "id": stable_id("out", key, since.isoformat(), now.isoformat()), "tenant": account.tenant.id,
                "connection": account.name, "vendor": account.vendor, "kind": kind, "since": since, "code": code,
                "message": message, "remedy": remedy, "next_probe_at": now,
            }
        )  # fmt: skip
        delay = max(self._probe_delay(outage), after)
        outage = outage.model_copy(update={"next_probe_at": now + timedelta(seconds=delay)})
        outage = _with_wake(outage, account.tenant)
        document = journal.document(outage, held.version if held else None)
        try:
            await self._hub.store.commit([Replace(document) if held else Create(document)])
        except Conflict:
            return
        finally:
            self._cache.pop(key, None)
        if kind == "blocked":
            await self._tell(account.tenant, outage, "blocked")

    async def _probe_failed(self, account: Account, delivery: Delivery, outcome: Blocked | Retry | Unknown) -> None:
        held = await self.of(account.tenant.id, account.name, fresh=True)
        if held is None or held.model.probe != delivery.id:
            return
        kind = "blocked" if isinstance(outcome, Blocked) else held.model.kind
        outage = held.model.model_copy(
            update={
                "kind": kind, "code": outcome.code, "message": outcome.message, "probe": None, "probe_until": None,
                "next_probe_at": max(
                    held.model.next_probe_at, self._hub.clock.now() + timedelta(seconds=_wanted(outcome))
                ),
                "remedy": outcome.remedy if isinstance(outcome, Blocked) else held.model.remedy,
            }
        )  # fmt: skip
        kept = await self._replace(_with_wake(outage, account.tenant), held.version)
        if kept and outage.kind == "blocked" and "blocked" not in outage.told:
            await self._tell(account.tenant, outage, "blocked")

    async def _recover(self, tenant: Tenant, connection: str) -> None:
        held = await self.of(tenant.id, connection)
        if held is not None:
            await self.close(tenant, connection)

    async def close(self, tenant: Tenant, connection: str) -> bool:
        """The connection works again: release what waits for it. False when there was no outage."""
        for _ in range(5):
            held = await self.of(tenant.id, connection, fresh=True)
            if held is None:
                return False
            now = self._hub.clock.now()
            closed = held.model.model_copy(
                update={
                    "closed_at": now, "releasing": True, "probe": None, "probe_until": None,
                    "wake_at": now + RELEASE_GRACE, "wake_step": 0,
                }
            )  # fmt: skip
            if closed.told or await self._was_told(closed):
                await self._tell(tenant, closed, "recovered")  # first: who dies in between tells it, and once
            if await self._replace(closed, held.version, [release_task(tenant.id, connection)]):
                return True
        return False

    async def _was_told(self, outage: Outage) -> bool:
        """Whether somebody was told, though whoever told it died before the outage could say so."""
        keys = [alerts.alert_id(outage.tenant, outage.connection, "outage", one, outage.id) for one in STAGES]
        return any(await self._hub.store.get_many([("alerts", key) for key in keys]))

    async def resume(self, tenant_id: str, connection: str) -> None:
        """Settings, secrets or an authorisation changed: what was blocked for want of them is tried at once. Whether
        that was it, the vendor's answer tells."""
        held = await self.of(tenant_id, connection, fresh=True)
        tenant = await self._hub.directory.tenant(tenant_id)
        if held is None or tenant is None:
            await self.release(tenant_id, connection)
        elif held.model.kind == "blocked":
            due = held.model.model_copy(update={"next_probe_at": self._hub.clock.now()})
            if await self._replace(_with_wake(due, tenant), held.version):
                await self._send_probe(tenant, connection)

    async def probe_now(self, tenant: Tenant, connection: str) -> Outage | None:
        """An operator asks: the next probe goes out at once. The outage as it was then; None when there is none."""
        while True:
            held = await self.of(tenant.id, connection, fresh=True)
            if held is None:
                return None
            due = held.model.model_copy(update={"next_probe_at": self._hub.clock.now()})
            if await self._replace(_with_wake(due, tenant), held.version):
                await self._send_probe(tenant, connection)
                return held.model

    async def put_off(self, tenant_id: str, connection: str, after: float = 0.0) -> None:
        """A look that had no delivery to go with found the connection still in trouble; `after` as in `open`."""
        held = await self.of(tenant_id, connection, fresh=True)
        tenant = await self._hub.directory.tenant(tenant_id)
        if held is None or tenant is None:
            return
        await self._replace(_with_wake(self._put_off(held.model, after), tenant), held.version)

    def _put_off(self, outage: Outage, after: float = 0.0) -> Outage:
        wait = max(self._probe_delay(outage), min(after, LONGEST_WANTED))
        next_at = self._hub.clock.now() + timedelta(seconds=wait)
        return outage.model_copy(update={"probes": outage.probes + 1, "next_probe_at": next_at})

    async def unpark(self, delivery: Delivery) -> None:
        """To be called once a delivery was parked. The outage may have ended in between, and its release may have
        looked before we wrote: then nobody would come for this one."""
        if delivery.status not in (Status.PARKED, Status.BLOCKED) or _withheld_by_us(delivery):
            return
        if await self.of(delivery.tenant, delivery.connection, fresh=True) is None:
            await self._hub.queue.enqueue([perform_task(delivery)])

    async def release(self, tenant_id: str, connection: str, after: float = 0.0) -> None:
        """Let go of a batch of what waits, oldest first, spaced at the connection's rate from `after` seconds on."""
        hub = self._hub
        account = await hub.directory.account(tenant_id, connection)
        held = await journal.load(hub.store, Outage, f"{tenant_id}.{connection}")
        if held is not None and held.model.is_open:
            return
        if account is not None and after == 0.0:
            await reroute(hub, account)
        rate = hub.limits(account).steady if account else 1.0
        let_go = await release_batch(hub, account.tenant, connection, rate, after) if account else 0
        if let_go:
            until = after + let_go / rate
            due = hub.clock.in_real(max(until - RELEASE_LEAD, 0.0))
            await hub.queue.enqueue([release_task(tenant_id, connection, min(until, RELEASE_LEAD), due)])
            if held is not None and held.model.releasing:
                # The sweep goes on with it only if this chain of tasks breaks.
                await self._replace(held.model.model_copy(update={"wake_at": due + RELEASE_GRACE}), held.version)
        elif held is not None and held.model.releasing:
            await self._replace(held.model.model_copy(update={"releasing": False, "wake_at": None}), held.version)

    async def wake(self, held: Versioned[Outage]) -> None:
        """What the sweep does for an outage that is due: tell after a while, send a probe, go on releasing."""
        hub, outage = self._hub, held.model
        tenant = await hub.directory.tenant(outage.tenant)
        now = hub.clock.now()
        if tenant is None or outage.connection not in tenant.connections:
            ended = {"closed_at": outage.closed_at or now, "releasing": False, "wake_at": None}
            await self._replace(outage.model_copy(update=ended), held.version)
            return
        if not outage.is_open:
            again = outage.model_copy(update={"wake_at": now + RELEASE_GRACE})
            if await self._replace(again, held.version):
                await hub.queue.enqueue([release_task(outage.tenant, outage.connection)])
            return
        told_at = _stage_due(outage, tenant)
        if told_at is not None and now >= told_at:
            await self._tell(tenant, outage, outage.kind)
            outage = outage.model_copy(update={"told": (*outage.told, outage.kind)})
        probe_due = now >= outage.next_probe_at
        if probe_due and not await self._can_be_tried(outage):
            outage, probe_due = self._put_off(outage), False
        # The probe's own compare-and-set moves `next_probe_at`: until then it is looked at again soon.
        if await self._replace(_with_wake(outage, tenant, now), held.version) and probe_due:
            await self._send_probe(tenant, outage.connection)

    async def _can_be_tried(self, outage: Outage) -> bool:
        """Whether a probe could call at all; what lacks a credential is resumed by whoever sets it."""
        try:
            account = await self._hub.directory.account(outage.tenant, outage.connection)
        except ConfigError:
            return False
        return account is not None and (not account.missing or self._hub.printer is not None)

    async def _send_probe(self, tenant: Tenant, connection: str) -> None:
        waiting = [held.model async for held in waiting_for(self._hub.store, tenant, connection, PROBE_LOOK)]
        if waiting:
            # Rather somebody's message than an alert: "it doesn't work", told by the very connection, would puzzle.
            waiting.sort(key=lambda one: one.flow == alerts.ALERT_FLOW)
            await self._hub.queue.enqueue([perform_task(waiting[0])])
            return
        await self._hub.queue.enqueue([Task("plan", "/probe", {"tenant": tenant.id, "connection": connection})])

    async def _tell(self, tenant: Tenant, outage: Outage, stage: str) -> None:
        since = alerts.local_time(outage.since, tenant)
        name = f"«{outage.connection}» ({outage.vendor})"
        texts = {
            "down": N_("{tenant}: {name} не отвечает с {since}. Ничего не потеряно: всё ждёт и уйдёт само.").format(
                tenant=tenant.name, name=name, since=since
            ),
            "blocked": N_("{tenant}: {name} не принимает вызовы: {why}. {value}")
            .format(tenant=tenant.name, name=name, why=outage.message, value=outage.remedy or "")
            .strip(),
            "recovered": N_("{tenant}: {name} снова работает (перебой с {since}); накопленное отправляется.").format(
                tenant=tenant.name, name=name, since=since
            ),
        }
        await alerts.tell(self._hub, tenant, outage.connection, "outage", stage, outage.since, texts[stage], outage.id)
        if stage == "blocked":
            held = await self.of(tenant.id, outage.connection, fresh=True)
            if held is not None and stage not in held.model.told:
                told = held.model.model_copy(update={"told": (*held.model.told, stage)})
                await self._replace(_with_wake(told, tenant), held.version)

    def _probe_delay(self, outage: Outage) -> float:
        # By chance, so that the probes of many connections of one vendor don't march in step.
        chance = self._hub.chance()
        if outage.kind == "blocked":
            return min(BLOCKED_PROBE * (1 + outage.probes), 3600.0) * (1 + BLOCKED_JITTER * (2 * chance - 1))
        elapsed = (self._hub.clock.now() - outage.since).total_seconds()
        # The schedule of retries, without its end: a probe goes out as long as anything may still wait.
        return next_delay(outage.probes + 1, min(elapsed, 6 * 86400.0), outage.code, chance=chance) or 3600.0

    async def _replace(self, outage: Outage, version: str | None, tasks: list[Task] | None = None) -> bool:
        self._cache.pop(f"{outage.tenant}.{outage.connection}", None)
        write: list[Write] = [journal.replace(outage, version)]
        try:
            await self._hub.store.commit(write, tasks or [])
        except Conflict:
            return False
        return True


def _with_wake(outage: Outage, tenant: Tenant, now: datetime | None = None) -> Outage:
    """Due at its next probe, or earlier when somebody is to be told."""
    told_at = _stage_due(outage, tenant)
    wake_at = min(outage.next_probe_at, told_at or outage.next_probe_at)
    if now is not None and wake_at <= now:
        wake_at = now + RELEASE_GRACE
    return outage.model_copy(update={"wake_at": wake_at})


def _wanted(outcome: Blocked | Retry | Unknown) -> float:
    """Seconds for which the vendor wants to be left alone."""
    return min(outcome.after or 0.0, LONGEST_WANTED) if isinstance(outcome, Retry) else 0.0


def _stage_due(outage: Outage, tenant: Tenant) -> datetime | None:
    """From when on somebody is to be told of it, in its kind; None when he has been."""
    if outage.kind in outage.told:
        return None
    return outage.since + (tenant.alerts.after if outage.kind == "down" else RELEASE_GRACE)


def _withheld_by_us(delivery: Delivery) -> bool:
    """Versioned back without an outage: by an operator, or for want of a connection that could be used."""
    return delivery.last_error is not None and delivery.last_error.code in WITHHELD_BY_US
