"""What somebody has to know of systems that are kept in step: one card a flow or system, however many records it is."""

from __future__ import annotations

from datetime import timedelta

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal.kinds import DOUBTS_BY_STATUS
from svyazka.engine.problems.cards import Sight, meet
from svyazka.engine.problems.kinds import IN_STEP_ASKS, IN_STEP_DRIFTS, IN_STEP_HELD, IN_STEP_WAITS
from svyazka.model.deliveries import Delivery
from svyazka.model.tenants import Tenant

LONG = timedelta(days=7)
"""What can't be done for so long is told, and goes on."""


async def waits_long(hub: Hub, tenant: Tenant, delivery: Delivery, connection: str) -> None:
    """A record waits for a system; told once it has for a week."""
    now = hub.clock.now()
    if now - delivery.created_at < LONG:
        return
    text = N_(
        "{tenant}: «{connection}» молчит больше недели: правки из других систем ждут и дойдут сами, когда она ответит"
    ).format(tenant=tenant.name, connection=connection)
    sight = Sight(
        kind=IN_STEP_WAITS, tenant=tenant, connection=connection, vendor=tenant.connections[connection].vendor,
        text=text, since=delivery.created_at,
    )  # fmt: skip
    await meet(hub, sight)


async def asks(hub: Hub, tenant: Tenant, flow: str) -> None:
    """Something was found that only a person can say: one card for the whole list."""
    count = (await hub.store.tally(DOUBTS_BY_STATUS, ["open"], equal={"tenant": tenant.id, "flow": flow})).get(
        "open", 0
    )
    text = N_("{tenant}: в «{flow}» есть о чём спросить вас ({count}): svyazka sync status {tenant2}").format(
        tenant=tenant.name, flow=flow, count=count + 1, tenant2=tenant.id
    )
    await meet(hub, Sight(kind=IN_STEP_ASKS, tenant=tenant, text=text, since=hub.clock.now(), cause=flow))


async def held_back(hub: Hub, tenant: Tenant, flow: str, what: str) -> None:
    """The same happens to many records at once, which waits for a person: one card a flow."""
    if what.startswith("+"):
        text = N_(
            "{tenant}: в «{connection}» понадобилось завести сразу много новых карточек; «{flow}» не заводит их, "
            "пока вы не решите: svyazka sync held {tenant2} {flow}"
        )
        where = {"connection": what.removeprefix("+")}
    elif what.startswith("@"):
        text = N_(
            "{tenant}: в «{connection}» удалено сразу много карточек; «{flow}» ничего не делает с ними в других "
            "системах, пока вы не решите: svyazka sync held {tenant2} {flow}"
        )
        where = {"connection": what.removeprefix("@")}
    else:
        text = N_(
            "{tenant}: поле «{field}» изменилось одинаково сразу у многих; «{flow}» не переносит это в другие системы, "
            "пока вы не решите: svyazka sync held {tenant2} {flow}"
        )
        where = {"field": what}
    text = text.format(tenant=tenant.name, flow=flow, tenant2=tenant.id, **where)
    await meet(hub, Sight(kind=IN_STEP_HELD, tenant=tenant, text=text, since=hub.clock.now(), cause=flow))


async def drifts(hub: Hub, tenant: Tenant, flow: str, now: int, of: int) -> None:
    """Systems disagree on more than when they were compared last: something writes past us, or a rule is wrong."""
    text = N_(
        "{tenant}: в «{flow}» расходятся {now} из {of} сверенных полей, больше обычного: "
        "svyazka diff {tenant2} --flow {flow}"
    ).format(tenant=tenant.name, flow=flow, now=now, of=of, tenant2=tenant.id)
    await meet(hub, Sight(kind=IN_STEP_DRIFTS, tenant=tenant, text=text, since=hub.clock.now(), cause=flow))
