"""Nobody is told twice, everybody is told once: alerts are documents and deliveries of fixed identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import commit_in_parts
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.engine.support.logs import log
from svyazka.engine.telling.addressees import person, steps
from svyazka.model.commands import Guards, SendMessage
from svyazka.model.deliveries import Alert, Delivery
from svyazka.model.errors import Conflict
from svyazka.model.ids import stable_id
from svyazka.model.remedies import whole
from svyazka.model.tenants import Addressee, Tenant

ALERT_FLOW = "alerts"
"""The flow name of deliveries that the engine itself makes."""

USEFUL_FOR = timedelta(days=7)
"""As long as retries go on. What is told of an outage has no end of its own: `undelivered.overtaken` ends it."""

NEXT_WAY_AFTER = timedelta(minutes=15)
"""Without success for so long, the next connection that reaches the person tries."""


def local_time(moment: datetime, tenant: Tenant) -> str:
    """As a person in the tenant's zone writes it."""
    return f"{moment.astimezone(ZoneInfo(tenant.timezone)):%d.%m %H:%M}"


def alert_id(tenant: str, connection: str | None, kind: str, stage: str, about: str) -> str:
    """An alert's identity."""
    return stable_id("alt", tenant, connection or "", kind, stage, about)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is to be told. `about` names what it is about; with `kind` and `stage` it is the alert's identity."""

    kind: str
    stage: str
    since: datetime
    text: str
    about: str
    problem: str | None = None
    occurrence: int = 1
    lasts: bool = False
    """It has no time of its own after which it is of no use: `undelivered.overtaken` ends it."""
    operators: bool = True
    """Those who run the installation are told too."""
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as it is to be committed, beside what it is about if need be."""

    alert: Alert
    ways: Sequence[Write]
    """Its deliveries: more, perhaps, than go into one commit, and then they come first."""
    tasks: Sequence[Task]

    def log(self) -> None:
        """One line, once it is committed."""
        one = self.alert
        log(
            "NOTICE" if one.stage == "recovered" else "ERROR", "alert",
            tenant=one.tenant, connection=one.connection, kind=one.kind, stage=one.stage,
        )  # fmt: skip


async def compose(hub: Hub, tenant: Tenant, connection: str | None, news: News) -> Told:
    """An alert with its deliveries: to the operator and, if the tenant file says so, to the business."""
    now = hub.clock.now()
    text = with_whole_commands(hub, tenant, connection, news.text)
    id_ = alert_id(tenant.id, connection, news.kind, news.stage, news.about)
    well = connection if news.stage == "recovered" else None
    guards = Guards(not_before=news.not_before, expires_at=None if news.lasts else now + USEFUL_FOR)
    new = _New(hub, id_, text, now, guards, well)
    operators = await _operators(hub) if news.operators else []
    deliveries = [
        *[await new.delivery(tenant, addressee, f"to/{index}") for index, addressee in enumerate(tenant.alerts.to)],
        *[await new.delivery(owner, one, step) for owner, one, step in operators],
    ]
    ready = [delivery for delivery in deliveries if delivery is not None]
    alert = Alert(
        id=id_, tenant=tenant.id, connection=connection, kind=news.kind, stage=news.stage, since=news.since,
        created_at=now, text=text, problem=news.problem, occurrence=news.occurrence,
        deliveries=tuple(delivery.id for delivery in ready),
    )  # fmt: skip
    ways = [journal.create(delivery) for delivery in ready]
    return Told(alert, ways, [perform_task(delivery) for delivery in ready])


async def tell(
    hub: Hub, tenant: Tenant, connection: str | None, kind: str, stage: str, since: datetime, text: str, about: str
) -> bool:
    """Tell of what is no problem that lasts; False when they know already."""
    told = await compose(hub, tenant, connection, News(kind=kind, stage=stage, since=since, text=text, about=about))
    try:
        await commit_in_parts(hub.store, [journal.create(told.alert)], told.ways, told.tasks)
    except Conflict:
        return False
    told.log()
    return True


def with_whole_commands(hub: Hub, tenant: Tenant, connection: str | None, text: str) -> str:
    """Remedies come from tables that know no tenant: whoever is told can paste what he reads."""
    spec = tenant.connections.get(connection) if connection else None
    if connection is None or spec is None:
        return text
    return whole(text, tenant, connection, hub.directory.manifests(spec.vendor).credentials.needed(spec.settings))


async def _operators(hub: Hub) -> list[tuple[Tenant, Addressee, str]]:
    """Who runs the installation, each with the tenant whose connections carry it."""
    found = []
    for index, (tenant_id, addressee) in enumerate(hub.operators):
        owner = await hub.directory.tenant(tenant_id)
        if owner is not None:
            found.append((owner, addressee, f"operator/{index}"))
    return found


@dataclass(frozen=True, slots=True)
class _New:
    """An alert on its way to its addressees."""

    hub: Hub
    id: str
    text: str
    now: datetime
    guards: Guards
    well: str | None

    async def delivery(self, tenant: Tenant, addressee: Addressee, step: str) -> Delivery | None:
        """To one of them, with every other way to reach him behind; None when the file names no way that exists."""
        to = person(self.hub, tenant, addressee)
        if to is None:
            return None
        command = SendMessage(to=to, text=self.text, subject="Svyazka")
        obligation = Obligation(
            tenant=tenant.id, flow=ALERT_FLOW, subject=f"alert:{self.id}", event=self.id, base_at=self.now,
            guards=self.guards, fallback_seconds=NEXT_WAY_AFTER.total_seconds(),
            blank_at=self.now + tenant.retention,
        )  # fmt: skip
        return begun(obligation, await steps(self.hub, tenant, addressee, command, step, self.well), self.now)
