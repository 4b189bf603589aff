"""What was done for a business in a while, in its own words: messages, cards kept in step, leads; and the time that
doing it by hand would have taken, said as the estimate that it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    ALERTS_OF_TENANT,
    PAYMENTS_OF_TENANT,
    RECENT_DELIVERIES_OF_FLOW,
    RECENT_DELIVERIES_OF_FLOW_BY_STATUS,
)
from svyazka.engine.ports.store import ANY_OF_MOST, AnyOf, Store
from svyazka.model.deliveries import Alert, Status
from svyazka.model.money import Money
from svyazka.model.payments import By, Payment, TransactionKind, TransactionStatus
from svyazka.model.tenants import Tenant

BY_HAND = {
    "sync_contacts": 3,
    "sync": 3,
    "sync_appointments": 3,
    "lead_intake": 4,
    "enrich": 3,
    "booking": 5,
    "booking_bot": 5,
}
"""Minutes that one takes by hand: to find the card, to type, to save."""
USUALLY = 2
"""The same for whatever isn't named: a message."""
ALERTS_MOST = 500
LOST = (Status.FAILED, Status.DEAD, Status.EXPIRED, Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Month:
    """The numbers of one business; a week's too."""

    flows: Mapping[str, int]
    """What each flow had to do."""
    done: int
    failed: int
    troubles: int
    mended: int

    @property
    def is_empty(self) -> bool:
        return not any(self.flows.values())

    @property
    def hours(self) -> float:
        """Of a person's, by the minutes above; only of what was done."""
        made = sum(self.flows.values())
        minutes = sum(count * BY_HAND.get(name, USUALLY) for name, count in self.flows.items())
        return minutes * min(self.done / made, 1.0) / 60 if made else 0.0


async def counted(store: Store, tenant: Tenant, since: datetime, until: datetime | None = None) -> Month:
    """From one moment to another (left out: to now), of its own flows alone: what its people are told, and what they
    send by hand, is no work that was done for them. Three questions, two of them counted by indexes; with an end,
    five."""
    names = {flow.id: flow.flow for flow in tenant.flows}
    flows, states = await _tallies(store, tenant.id, list(names), since)
    if until is not None:
        for there, later in zip((flows, states), await _tallies(store, tenant.id, list(names), until), strict=True):
            for name, count in later.items():
                there[name] = there.get(name, 0) - count
    made: dict[str, int] = {}
    for id_, count in flows.items():
        made[names[id_]] = made.get(names[id_], 0) + count
    page = await store.find(ALERTS_OF_TENANT, equal={"tenant": tenant.id}, limit=ALERTS_MOST)
    alerts = [one.model for one in journal.known(Alert, page.documents)]
    alerts = [one for one in alerts if since <= one.created_at and (until is None or one.created_at < until)]
    ended = {(one.problem, one.occurrence) for one in alerts if one.stage == "recovered" and one.problem}
    begun = {(one.problem, one.occurrence) for one in alerts if one.stage != "recovered" and one.problem}
    return Month(
        made, states.get(Status.SUCCEEDED.value, 0), sum(states.get(one.value, 0) for one in LOST),
        len(begun), len(begun & ended),
    )  # fmt: skip


MONEY_MOST = 2000
"""Payments that are looked at."""


@dataclass(frozen=True, slots=True)
class Takings:
    """Money of a while."""

    payments: int
    came: Money
    went_back: Money
    by_hand: Money
    """Of what came: past the providers."""
    since: datetime | None = None
    """Nothing before it was looked at; None where all that there is was."""


async def takings(store: Store, tenant: str, since: datetime) -> Takings:
    """What came and went back from then on, of the newest payments. One question."""
    page = await store.find(PAYMENTS_OF_TENANT, equal={"tenant": tenant}, limit=MONEY_MOST)
    payments = [one.model for one in journal.known(Payment, page.documents)]
    came, back, by_hand, paid = 0, 0, 0, set[str]()
    for payment in payments:
        hands = {one.n for one in payment.attempts if one.by is By.HAND}
        for one in payment.transactions:
            if one.status is not TransactionStatus.DONE or one.at < since:
                continue
            if one.kind in (TransactionKind.PURCHASE, TransactionKind.CAPTURE):
                came += one.amount.kopecks
                by_hand += one.amount.kopecks if one.attempt in hands else 0
                paid.add(payment.id)
            elif one.kind in (TransactionKind.REFUND, TransactionKind.CHARGEBACK):
                back += one.amount.kopecks
    return Takings(
        len(paid), Money(kopecks=came), Money(kopecks=back), Money(kopecks=by_hand),
        payments[-1].created_at if page.cursor is not None and payments else None,
    )  # fmt: skip


async def _tallies(
    store: Store, tenant: str, flows: list[str], since: datetime
) -> tuple[dict[str, int], dict[str, int]]:
    """By flow, and by state."""
    where = {"tenant": tenant}
    made = dict(await store.tally(RECENT_DELIVERIES_OF_FLOW, flows, equal=where, since=since))
    states = Counter[str]()
    for at in range(0, len(flows), ANY_OF_MOST):
        some: dict[str, str | AnyOf] = {**where, "flow": tuple(flows[at : at + ANY_OF_MOST])}
        states += Counter(await store.tally(RECENT_DELIVERIES_OF_FLOW_BY_STATUS, list(Status), equal=some, since=since))
    return made, dict(states)
