"""Nobody is told twice, everybody is told once: alerts are documents and deliveries of fixed identity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import commit_in_parts
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.engine.support.logs import log
from svyazka.engine.telling.addressees import person, steps
from svyazka.model.commands import Guards, SendMessage
from svyazka.model.deliveries import Alert, Delivery
from svyazka.model.errors import Conflict
from svyazka.model.events import Event
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


async def tell(
    hub: Hub, tenant: Tenant, connection: str | None, kind: str, stage: str, since: datetime, text: str, about: str
) -> bool:
    """Tell the operator and, if the tenant file says so, the business; False when they know already.

    `about` names what it is about (an outage, a connection and a day): with `kind` and `stage` it is the
    alert's identity.
    """
    now = hub.clock.now()
    text = _with_whole_commands(hub, tenant, connection, text)
    id_ = alert_id(tenant.id, connection, kind, stage, about)
    well = connection if stage == "recovered" else None
    expires_at = None if kind == "outage" else now + USEFUL_FOR
    new = _New(hub, id_, text, now, expires_at, well)
    deliveries = [
        *[await new.delivery(tenant, addressee, f"to/{index}") for index, addressee in enumerate(tenant.alerts.to)],
        *[await new.delivery(owner, one, step) for owner, one, step in await _operators(hub)],
    ]
    ready = [delivery for delivery in deliveries if delivery is not None]
    alert = Alert(
        id=id_, tenant=tenant.id, connection=connection, kind=kind, stage=stage, since=since,
        created_at=now, text=text, deliveries=tuple(delivery.id for delivery in ready),
    )  # fmt: skip
    ways = [journal.create(delivery) for delivery in ready]
    try:
        await commit_in_parts(hub.store, [journal.create(alert)], ways, [perform_task(one) for one in ready])
    except Conflict:
        return False
    log(
        "NOTICE" if stage == "recovered" else "ERROR",
        "alert",
        tenant=tenant.id,
        connection=connection,
        kind=kind,
        stage=stage,
    )
    return True


def _with_whole_commands(hub: Hub, tenant: Tenant, connection: str | None, text: str) -> str:
    """Remedies come from tables that know no tenant: whoever is told can paste what he reads."""
    spec = tenant.connections.get(connection) if connection else None
    if connection is None or spec is None:
        return text
    return whole(text, tenant, connection, hub.directory.manifests(spec.vendor).credentials.required)


async def tell_quarantined(hub: Hub, tenant_id: str, connection: str, received_at: datetime, what: str) -> None:
    """Something came that could not be read; `what` is its id. The first of a connection and a day is told."""
    tenant = await hub.directory.tenant(tenant_id)
    if tenant is None:
        return
    text = N_(
        "{tenant}: «{connection}» прислал событие, которое не удалось прочитать; оно сохранено: svyazka show {what}"
    ).format(tenant=tenant.name, connection=connection, what=what)
    await tell(hub, tenant, connection, "quarantined", "first", received_at, text, f"{received_at:%Y-%m-%d}")


async def tell_foreign(hub: Hub, event: Event, why: str) -> None:
    """What comes to a connection belongs to another business, and nothing acts on it. Told once for each."""
    tenant = await hub.directory.tenant(event.tenant)
    if tenant is None:
        return
    text = N_(
        "{tenant}: к «{connection}» приходят события чужого аккаунта (организации, филиала, номера); они "
        "сохраняются, но не выполняются. Сверьте номер в файле арендатора: svyazka doctor {tenant2}"
    ).format(tenant=tenant.name, connection=event.connection, tenant2=tenant.id)
    await tell(hub, tenant, event.connection, "foreign", "first", event.received_at, text, why)


async def tell_unusable(hub: Hub, tenant: Tenant, why: str) -> None:
    """Settings can't be used as they are: what needs them waits. Told once a day."""
    now = hub.clock.now()
    text = N_("{tenant}: настройки не годятся, всё, чему они нужны, ждёт ({why}): svyazka doctor {tenant2}").format(
        tenant=tenant.name, why=why, tenant2=tenant.id
    )
    await tell(hub, tenant, None, "settings", "first", now, text, f"{now:%Y-%m-%d}")


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
    expires_at: datetime | None
    well: str | None

    async def delivery(self, tenant: Tenant, addressee: Addressee, step: str) -> Delivery | None:
        """To one of them, with every other way to reach him behind; None when the file names no way that exists."""
        to = person(self.hub, tenant, addressee)
        if to is None:
            return None
        command = SendMessage(to=to, text=self.text, subject="Svyazka")
        obligation = Obligation(
            tenant=tenant.id, flow=ALERT_FLOW, subject=f"alert:{self.id}", event=self.id, base_at=self.now,
            guards=Guards(expires_at=self.expires_at), fallback_seconds=NEXT_WAY_AFTER.total_seconds(),
            blank_at=self.now + tenant.retention,
        )  # fmt: skip
        return begun(obligation, await steps(self.hub, tenant, addressee, command, step, self.well), self.now)
