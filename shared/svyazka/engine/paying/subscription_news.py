"""What is told of a subscription: events for flows with the change itself; a card where the business decides."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Create, Task
from svyazka.engine.problems.cards import Sight, meet, over
from svyazka.engine.problems.kinds import SUBSCRIPTION
from svyazka.model.events import EventType, Fact
from svyazka.model.ids import connection_id
from svyazka.model.subscriptions import Subscription, SubscriptionState, Why
from svyazka.model.tenants import CompiledConnection, Tenant

TOLD = {
    SubscriptionState.NEEDS_CARD: EventType.SUBSCRIPTION_CARD_NEEDED,
    SubscriptionState.STOPPED: EventType.SUBSCRIPTION_STOPPED,
    SubscriptionState.CANCELLED: EventType.SUBSCRIPTION_CANCELLED,
}

WORDS = {
    Why.RISK: N_(
        "{tenant}: подписку {number} платёжный сервис не списывает, считая платёж подозрительным. Свяжитесь с "
        "клиентом; потом: svyazka subscriptions charge {id}"
    ),
    Why.SETUP: N_(
        "{tenant}: платёжный сервис не даёт списывать подписку {number}: автоплатежи не подключены или договор не "
        "позволяет. Решите это в его кабинете; потом: svyazka subscriptions charge {id}"
    ),
    Why.NOT_SENT: N_(
        "{tenant}: подписку {number} три дня не удавалось списать: платёжный сервис был недоступен. Списать сейчас: "
        "svyazka subscriptions charge {id}; пропустить период: svyazka subscriptions skip {id}"
    ),
    Why.LATE: N_(
        "{tenant}: срок списания подписки {number} прошёл больше трёх дней назад, а списания не было. Списать сейчас: "
        "svyazka subscriptions charge {id}; пропустить период: svyazka subscriptions skip {id}"
    ),
    Why.NO_FLOW: N_(
        "{tenant}: подписку {number} нечем списать: потока take_payment или платёжного сервиса, где сохранена карта, "
        "больше нет в файле. Верните их; потом: svyazka subscriptions charge {id}"
    ),
}


async def news_of(
    hub: Hub, before: Subscription, after: Subscription, now: datetime
) -> tuple[list[Create], list[Task]]:
    """The event of a change of state that its payer or the business should hear of, once a period."""
    type_ = TOLD.get(after.state)
    if type_ is None or before.state is after.state:
        return [], []
    document = await hub.store.get("connections", connection_id(after.tenant, after.connection))
    if document is None:
        return [], []  # the site is gone, and with it whoever would act on it
    day = before.due_at.astimezone(ZoneInfo(after.zone))
    data: dict[str, JsonValue] = {
        "subscription": after.id, "number": after.number, "sum": after.amount.text.removesuffix(".00"),
        "amount": after.amount.text, "currency": after.amount.currency, "period": before.n, "date": f"{day:%d.%m.%Y}",
    }  # fmt: skip
    if after.why is not None:
        data["why"] = after.why.value
    fact = Fact(
        type=type_, key=("subscription", after.id, str(before.n), after.state.value),
        subject=f"subscription:{after.id}", contact=after.person, data=data,
    )  # fmt: skip
    create, due = found_event(hub, journal.read(CompiledConnection, document).model, fact, now, "engine")
    if await hub.store.get(*create.document.key) is not None:
        return [], []
    return [create], due


async def tell(hub: Hub, tenant: Tenant, subscription: Subscription) -> None:
    """The card of a subscription that waits for the business, and its end. Told after the commit: whoever dies in
    between is made good for by the next turn."""
    cause = subscription.id
    if subscription.state is not SubscriptionState.NEEDS_OWNER:
        await over(hub, tenant, subscription.connection, SUBSCRIPTION, cause)
        return
    words = WORDS.get(subscription.why or Why.LATE, WORDS[Why.LATE])
    text = words.format(tenant=tenant.name, number=subscription.number, id=subscription.id)
    await meet(
        hub,
        Sight(
            kind=SUBSCRIPTION, tenant=tenant, connection=subscription.connection, text=text, cause=cause,
            about=subscription.id, since=subscription.since,
        ),
    )  # fmt: skip
