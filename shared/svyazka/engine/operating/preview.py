"""What an event would bring about, when, and why not: planning and guards without a single write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from svyazka.catalogue import N_
from svyazka.engine.delivering.admission import Admission, is_paused, opens_at
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.outages.learning import Outages
from svyazka.engine.planning.flows_decide import FlowsDecide, Planned
from svyazka.engine.rules.guards import Stop, Wait, verdict
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery
from svyazka.model.events import Event, EventRecord, EventStatus, EventType
from svyazka.model.giving_back import GiveBack
from svyazka.model.ids import stable_id
from svyazka.model.tenants import Tenant

Prospect = Literal["now", "later", "waits", "never"]

PROSPECTS: Mapping[str, str] = {
    "now": N_("at once"), "later": N_("later"), "waits": N_("waits"), "never": N_("never"),
}  # fmt: skip
"""As a person reads it."""

LOOKS = 8
"""A wait may end in another wait (not before, then quiet hours); no more of them than guards."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One delivery that would be made. `waits`: until its connection is in order again."""

    delivery: Delivery
    prospect: Prospect
    at: datetime | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prophecy:
    """What would follow from an event; `reasons` are those of flows that want nothing."""

    record: EventRecord
    foreseen: tuple[Foreseen, ...]
    reasons: tuple[str, ...]
    asked: tuple[str, ...] = ()
    """What the flows had to know first."""


class Preview:
    """Asks planner and guards what they would do."""

    def __init__(self, hub: Hub, decider: FlowsDecide, admission: Admission, outages: Outages) -> None:
        self._hub, self._decider, self._admission, self._outages = hub, decider, admission, outages

    async def of(self, record: EventRecord, tenant: Tenant) -> Prophecy:
        """Raises SourceUnavailable where a flow wants to know what its source can't tell now."""
        if record.status in (EventStatus.IGNORED, EventStatus.QUARANTINED):
            return Prophecy(record, (), (f"{record.status.value}: {record.reason}",))
        planned = await self._decider.decide(record, tenant)
        foreseen = [await self._foresee(delivery, tenant) for delivery in planned.deliveries]
        reasons = (*planned.reasons, *(_goes_back(flow, back) for flow, back in planned.backs))
        return Prophecy(record, tuple(foreseen), reasons, tuple(_asked(record, planned)))

    async def _foresee(self, delivery: Delivery, tenant: Tenant) -> Foreseen:
        there = await journal.load(self._hub.store, Delivery, delivery.id)
        if there is not None:
            done = N_("{delivery} exists already: it is {status}").format(
                delivery=delivery.id, status=there.model.status.value
            )
            return Foreseen(delivery, "never", None, (done,))
        now = self._hub.clock.now()
        known, _ = await self._admission.knowledge.of(delivery, now)
        moment = now
        reasons: list[str] = []
        for _ in range(LOOKS):
            decision = verdict(delivery.guards, known, moment)
            if isinstance(decision, Stop):
                return Foreseen(delivery, "never", None, (*reasons, decision.reason))
            if not isinstance(decision, Wait):
                break
            reasons.append(decision.reason)
            moment = decision.until
        if delivery.after:
            steps = ", ".join(before.step for before in delivery.after)
            return Foreseen(delivery, "waits", None, (*reasons, N_("after {steps}").format(steps=steps)))
        hindered = await self._hindrance(delivery, tenant)
        if hindered is not None:
            return Foreseen(delivery, "waits", None, (*reasons, hindered))
        return Foreseen(delivery, "later" if moment > now else "now", moment, tuple(reasons))

    async def _hindrance(self, delivery: Delivery, tenant: Tenant) -> str | None:
        """What keeps the connection from carrying it out, as `perform` would find it."""
        account = await self._hub.directory.account(delivery.tenant, delivery.connection)
        if account is None:
            return N_("the tenant file has no such connection")
        if is_paused(delivery, tenant):
            return N_("paused by an operator")
        if account.missing:
            return N_("not set: {missing}").format(missing=", ".join(account.missing))
        outage = await self._outages.of(delivery.tenant, delivery.connection)
        if outage is not None:
            return N_("{connection} is {kind} at the moment: {why}").format(
                connection=delivery.connection, kind=outage.model.kind, why=outage.model.message
            )
        opens = opens_at(account, tenant, self._hub.clock.now())
        return N_("outside of business hours until {opens:%Y-%m-%d %H:%M} UTC").format(opens=opens) if opens else None


def _asked(record: EventRecord, planned: Planned) -> Iterator[str]:
    """What was fetched before the flows decided, in words."""
    connection = record.event.connection
    if planned.needs.reread and planned.facts.fresh is None and not planned.facts.gone:
        yield N_("{connection} is asked how it is now first; of this one there is nothing to ask").format(
            connection=connection
        )
    elif planned.needs.reread:
        yield N_("{connection} was asked how it is now").format(connection=connection)


SAMPLE_CONTACT = Contact(name="Иван", phone="+79991234567", email="ivan@example.org")
"""Nobody: what a sample event tells of him is shown as it is."""


def sample(tenant: Tenant, connection: str, event_type: EventType, contact: Contact, now: datetime) -> EventRecord:
    """An event as its connection might bring it, of nobody's making."""
    return EventRecord(
        event=Event(
            id=stable_id("evt", tenant.id, connection, "sample", event_type.value), tenant=tenant.id,
            connection=connection, vendor=tenant.connections[connection].vendor, type=event_type,
            subject=f"sample:{event_type.value}", identity="strong", origin="webhook", received_at=now,
            occurred_at=now, contact=contact, data={"number": 1024, "sum": 1480},
        ),
        status=EventStatus.ACCEPTED,
    )  # fmt: skip


def _goes_back(flow: str, back: GiveBack) -> str:
    if back.late:
        return N_("{flow}: cancelled too late: what was paid for it goes back by nobody but you").format(flow=flow)
    return N_("{flow}: {percent} percent of what was paid for it at {connection} would go back").format(
        flow=flow, percent=back.percent, connection=back.connection
    )
