"""Nobody is told twice, everybody is told once: alerts are documents and deliveries of fixed identity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.ports.store import Create, Write
from svyazka.engine.rules.transitions import WAKE_GRACE
from svyazka.engine.support.logs import log
from svyazka.model.commands import Guards, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Alert, Delivery
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.ids import delivery_id, stable_id
from svyazka.model.tenants import Addressee, Tenant

ALERT_FLOW = "alerts"
"""The flow name of deliveries that the engine itself makes."""

USEFUL_FOR = timedelta(hours=24)


def local_time(moment: datetime, tenant: Tenant) -> str:
    """As a person in the tenant's zone writes it."""
    return f"{moment.astimezone(ZoneInfo(tenant.timezone)):%d.%m %H:%M}"


async def tell(
    hub: Hub, tenant: Tenant, connection: str | None, kind: str, stage: str, since: datetime, text: str, about: str
) -> bool:
    """Tell the operator and, if the tenant file says so, the business; False when they know already.

    `about` names what it is about (an outage, a connection and a day): with `kind` and `stage` it is the
    alert's identity.
    """
    now = hub.clock.now()
    alert_id = stable_id("alt", tenant.id, connection or "", kind, stage, about)
    deliveries = [
        *[await _to(hub, tenant, a, alert_id, f"to/{i}", text, now) for i, a in enumerate(tenant.alerts.to)],
        *await _to_operators(hub, alert_id, text, now),
    ]
    ready = [delivery for delivery in deliveries if delivery is not None]
    alert = Alert(
        id=alert_id, tenant=tenant.id, connection=connection, kind=kind, stage=stage, since=since,
        created_at=now, text=text, deliveries=tuple(delivery.id for delivery in ready),
    )  # fmt: skip
    writes: Sequence[Write] = [
        Create(journal.alert_document(alert)),
        *[journal.create_delivery(delivery) for delivery in ready],
    ]
    try:
        await hub.store.commit(writes, [perform_task(delivery) for delivery in ready])
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


async def tell_quarantined(hub: Hub, tenant_id: str, connection: str, received_at: datetime, what: str) -> None:
    """Something came that could not be read; `what` is its id. The first of a connection and a day is told."""
    tenant = await hub.directory.tenant(tenant_id)
    if tenant is None:
        return
    text = (
        f"{tenant.name}: «{connection}» прислал событие, которое не удалось прочитать; "
        f"оно сохранено: svyazka show {what}"
    )
    await tell(hub, tenant, connection, "quarantined", "first", received_at, text, f"{received_at:%Y-%m-%d}")


async def tell_unusable(hub: Hub, tenant: Tenant, why: str) -> None:
    """Settings can't be used as they are: what needs them waits. Told once a day."""
    now = hub.clock.now()
    text = f"{tenant.name}: настройки не годятся, всё, чему они нужны, ждёт ({why}): svyazka doctor {tenant.id}"
    await tell(hub, tenant, None, "settings", "first", now, text, f"{now:%Y-%m-%d}")


async def _to_operators(hub: Hub, alert_id: str, text: str, now: datetime) -> list[Delivery | None]:
    made = []
    for index, (tenant_id, addressee) in enumerate(hub.operators):
        owner = await hub.directory.tenant(tenant_id)
        if owner is not None:
            made.append(await _to(hub, owner, addressee, alert_id, f"operator/{index}", text, now))
    return made


async def _to(
    hub: Hub, tenant: Tenant, addressee: Addressee, alert_id: str, step: str, text: str, now: datetime
) -> Delivery | None:
    spec = tenant.connections.get(addressee.connection)
    try:
        connector = hub.directory.connectors(spec.vendor) if spec else None
    except ConfigError:  # a vendor of another version of ours
        connector = None
    if spec is None or connector is None:
        return None
    chats = {connector.reaches: addressee.chat} if addressee.chat and connector.reaches else {}
    to = Contact(phone=addressee.phone, email=addressee.email, chats=chats)
    command = SendMessage(to=to, text=text, subject="Svyazka")
    subject = f"alert:{alert_id}"
    return Delivery(
        id=delivery_id(tenant.id, ALERT_FLOW, subject, step), event=alert_id, tenant=tenant.id, flow=ALERT_FLOW,
        step=step, connection=addressee.connection, vendor=spec.vendor, subject=subject, command=command,
        repeat=connector.repeat(command), guards=Guards(expires_at=now + USEFUL_FOR), created_at=now, base_at=now,
        next_attempt_at=now, wake_at=now + WAKE_GRACE, blank_at=now + tenant.retention,
    )  # fmt: skip
