"""What several parts of the engine meet, in the words in which it is told."""

from __future__ import annotations

from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.putting import GONE, NOT_THERE
from svyazka.engine.hub import Hub
from svyazka.engine.problems.cards import Sight, meet
from svyazka.engine.problems.kinds import (
    CODES,
    DEAD,
    FLOOD,
    FOREIGN,
    HOOK,
    QUARANTINED,
    QUICK,
    REFUSED,
    SETTINGS,
    TWICE,
    UNKNOWN,
    Kind,
)
from svyazka.engine.support.logs import plain_code
from svyazka.engine.telling.alerts import ALERT_FLOW, local_time
from svyazka.model.commands import AddNote, AddTask, Forward, PutRecord
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import Event, EventRecord
from svyazka.model.outcomes import Outcome, Refused
from svyazka.model.tenants import Tenant

KEPT_THERE = (PutRecord, AddNote, AddTask, Forward)
"""Commands by which something is to stand in another system."""

EXPECTED = frozenset({NOT_THERE, GONE})
"""Codes of refusals that a flow foresees: the object that was to be changed isn't there, or no longer."""


async def quarantined(hub: Hub, tenant_id: str, connection: str, received_at: datetime, what: str) -> None:
    """Something came that could not be read; `what` is its id."""
    tenant = await hub.directory.tenant(tenant_id)
    if tenant is None:
        return
    text = N_(
        "{tenant}: «{connection}» прислал событие, которое не удалось прочитать; оно сохранено: svyazka show {what}"
    ).format(tenant=tenant.name, connection=connection, what=what)
    await meet(hub, Sight(kind=QUARANTINED, tenant=tenant, connection=connection, text=text, since=received_at))


WHY_HELD = {
    FLOOD.name: N_(
        "{tenant}: через «{connection}» за час пришло во много раз больше обычного. Лишнее сохранено и не выполняется, "
        "пока вы не решите: svyazka held {tenant2}/{connection} --release или --discard"
    ),
    QUICK.name: N_(
        "{tenant}: форму «{connection}» кто-то заполнил быстрее, чем это делают руками: робот или браузер за человека. "
        "Она сохранена и не выполняется, пока вы не решите: svyazka held {tenant2}/{connection} --release или --discard"
    ),
}
QUICK_GOES_ON = N_(
    "{tenant}: форму «{connection}» кто-то заполнил быстрее, чем это делают руками: робот или браузер за человека. "
    "Она пойдёт дальше в {time}, если до тех пор её не закончит: svyazka held {tenant2}/{connection} --discard"
)


async def held(hub: Hub, record: EventRecord) -> None:
    """What came to the front door is kept, and held back: too much of it came, or too quickly."""
    event = record.event
    tenant = await hub.directory.tenant(event.tenant)
    if tenant is None:
        return
    kind = FLOOD if record.reason == FLOOD.name else QUICK
    goes_on = record.goes_on_at
    text = (QUICK_GOES_ON if kind is QUICK and goes_on is not None else WHY_HELD[kind.name]).format(
        tenant=tenant.name, connection=event.connection, tenant2=tenant.id,
        time=local_time(goes_on, tenant) if goes_on is not None else "",
    )  # fmt: skip
    await meet(hub, Sight(kind=kind, tenant=tenant, connection=event.connection, text=text, since=event.received_at))


OF_CODES = {
    "codes_half": N_("ушла половина одноразовых кодов на сегодня"),
    "codes_stopped": N_("одноразовые коды на сегодня кончились, больше не уходят; больше разрешит daily_codes"),
    "codes_unread": N_("одноразовые коды почти никто не вводит: похоже, их заказывает робот. До завтра они не уходят"),
}
"""What the front door notices of a site's codes."""


async def noticed(hub: Hub, tenant_id: str, connection: str, what: str) -> None:
    """What the front door can't tell anybody itself."""
    tenant = await hub.directory.tenant(tenant_id)
    words = OF_CODES.get(what)
    if tenant is None or words is None:
        return
    sight = Sight(
        kind=CODES, tenant=tenant, connection=connection, cause=what, since=hub.clock.now(),
        text=f"{tenant.name}: «{connection}» — {words}",
    )  # fmt: skip
    await meet(hub, sight)


async def foreign(hub: Hub, event: Event) -> None:
    """What comes to a connection belongs to another business, and nothing acts on it."""
    tenant = await hub.directory.tenant(event.tenant)
    if tenant is None:
        return
    text = N_(
        "{tenant}: к «{connection}» приходят события чужого аккаунта (организации, филиала, номера); они "
        "сохраняются, но не выполняются. Сверьте номер в файле бизнеса: svyazka doctor {tenant2}"
    ).format(tenant=tenant.name, connection=event.connection, tenant2=tenant.id)
    sight = Sight(
        kind=FOREIGN, tenant=tenant, connection=event.connection, vendor=event.vendor, text=text,
        since=event.received_at,
    )  # fmt: skip
    await meet(hub, sight)


async def unusable(hub: Hub, tenant: Tenant, why: str) -> None:
    """Settings can't be used as they are: what needs them waits."""
    text = N_("{tenant}: настройки не годятся, всё, чему они нужны, ждёт ({why}): svyazka doctor {tenant2}").format(
        tenant=tenant.name, why=why, tenant2=tenant.id
    )
    await meet(hub, Sight(kind=SETTINGS, tenant=tenant, text=text, since=hub.clock.now()))


async def hook_disabled(hub: Hub, tenant: Tenant, event: Event, notice: str) -> None:
    """A vendor stopped calling us, or complains of us, in the words that its connector found for it."""
    sight = Sight(
        kind=HOOK, tenant=tenant, connection=event.connection, vendor=event.vendor,
        text=f"{tenant.name}: «{event.connection}» — {notice}", since=event.occurred_at or event.received_at,
        cause=event.id, about=event.id,
    )  # fmt: skip
    await meet(hub, sight)


async def settled_badly(hub: Hub, delivery: Delivery, outcome: Outcome | None) -> None:
    """What somebody has to know of a delivery's end, or to mend. Never about alerts themselves."""
    if isinstance(outcome, Refused) and (remedy := _to_mend(delivery, outcome)):
        words = N_("{why}. {remedy}. Подробно: svyazka show {delivery}").format(
            why=outcome.message, remedy=remedy, delivery=delivery.id
        )
        await _of_delivery(hub, delivery, REFUSED, words, plain_code(outcome.code) or "", remedy)
    if delivery.status is Status.UNKNOWN:
        words = N_(
            "неизвестно, выполнено ли: ответа не было. Повторять само не будет: svyazka resolve "
            "{delivery} --as succeeded|failed|retry"
        ).format(delivery=delivery.id)
        await _of_delivery(hub, delivery, UNKNOWN, words)
    if delivery.status is Status.DEAD:
        words = N_(
            "не удалось за весь срок повторов. Почему: svyazka show {delivery}; ещё раз: svyazka replay {delivery}"
        ).format(delivery=delivery.id)
        await _of_delivery(hub, delivery, DEAD, words)


def _to_mend(delivery: Delivery, refused: Refused) -> str | None:
    """What somebody has to do about a refusal; None where it is nobody's loss but the one person's whom it is about.

    A system that doesn't take what belongs into it is always somebody's to mend: the lead would be missed in silence.
    """
    if refused.remedy or refused.code in EXPECTED or not isinstance(delivery.command, KEPT_THERE):
        return refused.remedy
    mend = N_("Когда причина устранена, повторите: svyazka replay {delivery}")
    return mend.format(delivery=delivery.id)


async def done_twice(hub: Hub, delivery: Delivery) -> None:
    """A late answer shows that a repeat had its effect as well."""
    words = N_("выполнено дважды: svyazka show {combined}").format(combined=delivery.id)
    await _of_delivery(hub, delivery, TWICE, words)


async def _of_delivery(
    hub: Hub, delivery: Delivery, kind: Kind, words: str, cause: str = "", advice: str | None = None
) -> None:
    tenant = await hub.directory.tenant(delivery.tenant)
    if tenant is None or delivery.flow == ALERT_FLOW:
        return
    sight = Sight(
        kind=kind, tenant=tenant, connection=delivery.connection, vendor=delivery.vendor, cause=cause,
        about=delivery.id, text=f"{tenant.name}: «{delivery.connection}» — {words}", since=hub.clock.now(),
        advice=advice,
    )  # fmt: skip
    await meet(hub, sight)
