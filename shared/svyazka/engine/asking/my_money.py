"""A person's own payments and subscriptions, for a session: only where it is shown that they are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from svyazka.engine.asking.own import UNUSED, name_mark, shown_to
from svyazka.engine.asking.sessions import Session
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import PAYMENTS_OF_PERSON, SUBSCRIPTIONS_OF_PERSON
from svyazka.engine.paying.showing import shown, shown_subscription
from svyazka.engine.paying.turning import held_of
from svyazka.engine.ports.schema import Query
from svyazka.model.contacts import Contact
from svyazka.model.payments import Payment
from svyazka.model.sessions import Factor
from svyazka.model.standing import Paying, SubscriptionShown
from svyazka.model.subscriptions import Subscription
from svyazka.model.tenants import Tenant

MOST_SHOWN, PAGES = 50, 10


async def my_payments(hub: Hub, tenant: Tenant, session: Session) -> list[Paying]:
    """Payments, the newest first. Raises NotYours."""
    own = await _own(hub, tenant, session, await _all(hub, PAYMENTS_OF_PERSON, session, Payment))
    return [shown(one) for one in own[:MOST_SHOWN]]


async def my_subscriptions(hub: Hub, tenant: Tenant, session: Session) -> list[SubscriptionShown]:
    """Subscriptions, the newest first. Raises NotYours."""
    own = await _own(hub, tenant, session, await _all(hub, SUBSCRIPTIONS_OF_PERSON, session, Subscription))
    held = [await held_of(hub, one.id) for one in own[:MOST_SHOWN]]
    return [shown_subscription(one.stands) for one in held if one is not None]


Owned = TypeVar("Owned", Payment, Subscription)


async def _all(hub: Hub, query: Query, session: Session, kind: type[Owned]) -> list[Owned]:
    """All of a person's, for they come in no order: whoever has very many sees those that were found first."""
    found, cursor = list[Owned](), None
    for _ in range(PAGES):
        page = await hub.store.find(query, contains=session.person, cursor=cursor)
        found += [one.model for one in journal.known(kind, page.documents)]
        cursor = page.cursor
        if cursor is None:
            break
    return found


async def _own(hub: Hub, tenant: Tenant, session: Session, found: Sequence[Owned]) -> list[Owned]:
    """Those of whoever has shown who they are: not of somebody with the same phone, nor of whoever had the number
    before, so nothing from before a silence that events begin after. Raises NotYours."""
    events = await shown_to(hub, tenant, session)
    if not events:
        return []
    since = events[-1].received_at - UNUSED
    own = [
        one for one in found
        if one.tenant == tenant.id and _heard_of(one) >= since and _is_of(hub, tenant, one.person, session)
    ]  # fmt: skip
    return sorted(own, key=lambda one: one.created_at, reverse=True)


def _heard_of(one: Payment | Subscription) -> datetime:
    """A subscription goes on when the events by which it began are blank by now."""
    return one.changed_at if isinstance(one, Subscription) else one.created_at


def _is_of(hub: Hub, tenant: Tenant, person: Contact | None, session: Session) -> bool:
    """Whether it is of whoever has shown who they are, and not of somebody with the same phone."""
    if session.shown.factor is Factor.NOTHING:
        return True
    name = person.name if person is not None else None
    return name is not None and name_mark(hub, tenant.id, name) in session.shown.names
