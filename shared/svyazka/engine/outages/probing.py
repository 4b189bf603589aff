"""Whether a connection in trouble works again: one delivery at a time goes out to see, or its vendor is asked."""

from __future__ import annotations

from datetime import timedelta

from svyazka.engine.hub import Hub
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import perform_task, probe_task
from svyazka.engine.outages.release import waiting_for
from svyazka.engine.outages.state import RELEASE_GRACE, OutageStates
from svyazka.engine.rules.deadlines import LEASE, TAKE_OVER_GRACE, holds
from svyazka.engine.telling.alerts import ALERT_FLOW
from svyazka.engine.tenants.directory import Account
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import ConfigError
from svyazka.model.outages import Outage
from svyazka.model.outcomes import Blocked, Retry, Unknown
from svyazka.model.tenants import Tenant

PROBE_LOOK = 10
"""Waiting deliveries that are looked at together for one that may go as a probe."""

LONGEST_WANTED = 86400.0
"""Seconds to which a vendor's wish to be left alone is believed, as a delivery's is."""


class Probing:
    """When a connection in trouble is tried, and by what."""

    def __init__(self, hub: Hub, states: OutageStates) -> None:
        self._hub, self._states = hub, states

    async def may_probe(self, held: Versioned[Outage], delivery: Delivery) -> bool:
        """Whether this delivery goes out as the one probe; the winner of the compare-and-set does."""
        outage, clock = held.model, self._hub.clock
        now = clock.now()
        if outage.probe and holds(outage.probe_until, clock.real()):
            return False
        if now < outage.next_probe_at:
            return False
        return await self._states.change(
            held, probe=delivery.id, probe_until=clock.real() + timedelta(seconds=LEASE + TAKE_OVER_GRACE),
            probes=outage.probes + 1, next_probe_at=now + timedelta(seconds=self._states.probe_delay(outage)),
        )  # fmt: skip

    async def failed(self, account: Account, delivery: Delivery, outcome: Blocked | Retry | Unknown) -> None:
        """A delivery met the trouble again; where it was the probe, the next one may go when its time comes."""
        held = await self._states.of(account.tenant.id, account.name, fresh=True)
        if held is None or held.model.probe != delivery.id:
            return
        next_at = max(held.model.next_probe_at, self._hub.clock.now() + timedelta(seconds=wanted(outcome)))
        changes: dict[str, object] = {
            "code": outcome.code, "message": outcome.message, "probe": None, "probe_until": None,
            "next_probe_at": next_at,
        }  # fmt: skip
        if isinstance(outcome, Blocked):
            await self._states.became_blocked(account, held, outcome.remedy, **changes)
        else:
            await self._states.change(held, (), **changes)

    async def gave_back(self, tenant: str, connection: str, delivery: Delivery) -> None:
        """A delivery that was to be the probe made no call: it was too late, or waits for something else. Another may
        go at once."""
        held = await self._states.of(tenant, connection, fresh=True)
        if held is not None and held.model.probe == delivery.id:
            await self._states.change(held, probe=None, probe_until=None, next_probe_at=self._hub.clock.now())

    async def put_off(self, tenant: str, connection: str, after: float = 0.0) -> None:
        """A look that had no delivery to go with found the connection still in trouble; `after` as in `open`."""
        held = await self._states.of(tenant, connection, fresh=True)
        if held is not None:
            await self._put_off(held, after)

    async def _put_off(self, held: Versioned[Outage], after: float = 0.0) -> bool:
        wait = max(self._states.probe_delay(held.model), min(after, LONGEST_WANTED))
        next_at = self._hub.clock.now() + timedelta(seconds=wait)
        return await self._states.change(held, probes=held.model.probes + 1, next_probe_at=next_at)

    async def at_once(self, tenant: Tenant, connection: str) -> Outage | None:
        """The next probe goes out now. The outage as it was then; None when there is none."""
        while True:
            held = await self._states.of(tenant.id, connection, fresh=True)
            if held is None:
                return None
            if await self._states.change(held, next_probe_at=self._hub.clock.now()):
                await self._send(tenant, held.model)
                return held.model

    async def due(self, held: Versioned[Outage], tenant: Tenant) -> None:
        """The sweep found it: send a probe, if one could call at all."""
        outage, now = held.model, self._hub.clock.now()
        probe_due = now >= outage.next_probe_at
        if probe_due and not await self._can_be_tried(outage):
            await self._put_off(held)
            return
        # The probe's own compare-and-set moves `next_probe_at`: until then it is looked at again soon.
        wake_at = now + RELEASE_GRACE if probe_due else outage.next_probe_at
        if await self._states.change(held, wake_at=wake_at) and probe_due:
            await self._send(tenant, outage)

    async def _can_be_tried(self, outage: Outage) -> bool:
        """What lacks a credential is resumed by whoever sets it."""
        try:
            account = await self._hub.directory.account(outage.tenant, outage.connection)
        except ConfigError:
            return False
        return account is not None and (not account.missing or self._hub.printer is not None)

    async def _send(self, tenant: Tenant, outage: Outage) -> None:
        waiting = [held.model async for held in waiting_for(self._hub.store, tenant, outage.connection, PROBE_LOOK)]
        if waiting:
            # Rather somebody's message than an alert: "it doesn't work", told by the very connection, would puzzle.
            waiting.sort(key=lambda one: one.flow == ALERT_FLOW)
            await self._hub.queue.enqueue([perform_task(waiting[0])])
            return
        await self._hub.queue.enqueue([probe_task(tenant.id, outage.connection, outage.vendor)])


def wanted(outcome: Blocked | Retry | Unknown) -> float:
    """Seconds for which the vendor wants to be left alone."""
    return min(outcome.after or 0.0, LONGEST_WANTED) if isinstance(outcome, Retry) else 0.0
