"""Subscriptions: the list, and one with what its payer agreed to, each period, and what the business may do with it."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.console.payments import looks, worded
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.console.turning import turned
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal import kinds
from svyazka.model.subscriptions import Period, PeriodState, Subscription, SubscriptionState
from svyazka.reading.paid_words import EVERY, PERIOD_STATES, SUBSCRIPTION_STATES, WHY

ROWS = 50

LOOKS = {
    SubscriptionState.ACTIVE: "good", SubscriptionState.RETRYING: "later", SubscriptionState.NEEDS_CARD: "later",
    SubscriptionState.NEEDS_OWNER: "bad",
}  # fmt: skip

WORDS = {
    "sub_states": SUBSCRIPTION_STATES,
    "sub_looks": LOOKS,
    "every": EVERY,
    "whys": WHY,
    "period_states": PERIOD_STATES,
}


async def subscriptions(visit: Visit) -> Response:
    """`/subscriptions`: newest first."""
    tenant = visit.tenant()
    query, where = (kinds.SUBSCRIPTIONS_OF_TENANT, {"tenant": tenant}) if tenant else (kinds.RECENT_SUBSCRIPTIONS, {})
    found = await turned(visit, query, where, ROWS)
    rows = [one.model for one in journal.known(Subscription, found.documents) if one.model.tenant in visit.tenants]
    return page(
        "subscriptions.html", visit, {"rows": rows, "more": found.more, "tenant": tenant, **WORDS, **worded(visit)}
    )


async def subscription(visit: Visit) -> Response:
    """`/subscriptions/<id>`."""
    held = await journal.load(visit.store, Subscription, visit.request.path_params["id"])
    if held is None:
        raise HTTPException(404)
    one = held.model
    visit.check(one.tenant)
    found = await visit.store.find(kinds.PERIODS_OF_SUBSCRIPTION, equal={"subscription": one.id}, limit=ROWS)
    periods = [period.model for period in journal.known(Period, found.documents)]
    is_due = any(period.n == one.n and period.state is PeriodState.OPEN for period in periods)
    payer = [str(value) for value in (visit.masker().contact(one.person) or {}).values() if value]
    return page(
        "subscription.html", visit,
        {"one": one, "periods": periods, "is_due": is_due, "payer": payer, "tenant": one.tenant,
         "shown": f"{one.n} {one.state}", "looks": looks, **WORDS, **worded(visit)},
    )  # fmt: skip
