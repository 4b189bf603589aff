"""A subscription begins: its first payment was paid, and its payer had agreed. Written with what the look at that
payment found, so that whoever dies begins it all the same, and nobody begins it twice."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Write
from svyazka.engine.rules.splitting import rescaled
from svyazka.engine.rules.subscriptions import due_at, method_of
from svyazka.model.base import SKELETON
from svyazka.model.payments import OddityKind, Payment, TransactionKind, TransactionStatus
from svyazka.model.subscriptions import (
    Dunning,
    Period,
    PeriodState,
    Subscription,
    period_id,
    subscription_id,
)
from svyazka.model.tenants import Tenant

TAKES = (TransactionKind.PURCHASE, TransactionKind.CAPTURE)


async def begun(hub: Hub, payment: Payment, now: datetime) -> tuple[Payment, list[Write]]:
    """The payment, and what is written where its money begins a subscription."""
    if payment.begins is None or payment.subscription is not None or payment.closed or not _is_paid(payment):
        return payment, []
    tenant = await hub.directory.tenant(payment.tenant)
    if tenant is None:
        return payment, []
    dunning = await charged_by(hub, tenant, payment.flow) or Dunning()
    subscription = _of(hub, payment, tenant, dunning, now)
    first = Period(
        id=period_id(subscription.id, 1), tenant=payment.tenant, subscription=subscription.id, n=1,
        due_at=subscription.created_at, state=PeriodState.PAID, payment=payment.id, since=now, ended_at=now,
        expire_at=now + SKELETON,
    )  # fmt: skip
    paid = payment.model_copy(update={"subscription": subscription.id, "period": 1})
    return paid, [journal.create(subscription), journal.create(first)]


def _is_paid(payment: Payment) -> bool:
    """In full; or somebody has let it be that less came."""
    accepted = any(one.kind is OddityKind.PAID_LESS and one.closed for one in payment.oddities)
    return bool(payment.captured) and (payment.captured >= payment.amount or accepted)


def _of(hub: Hub, payment: Payment, tenant: Tenant, dunning: Dunning, now: datetime) -> Subscription:
    wanted = payment.begins
    assert wanted is not None
    paid_at = min(one.at for one in payment.transactions if one.status is TransactionStatus.DONE and one.kind in TAKES)
    # By our own clock where its provider's is beside all that can be.
    paid_at = max(payment.created_at, min(paid_at, now))
    made = Subscription(
        id=subscription_id(hub.keyring.mark("subscription", payment.tenant, payment.id)), tenant=payment.tenant,
        connection=payment.connection, flow=payment.flow, event=payment.event, number=payment.order,
        every=wanted.every, amount=wanted.amount, description=payment.description, lines=payment.lines,
        shares=rescaled(payment.shares, wanted.amount), agreed=wanted.agreed, person=payment.person, inn=payment.inn,
        receipt=payment.receipt,
        fiscaliser=payment.fiscaliser, prepaid=payment.prepaid,
        return_url=payment.return_url, first=payment.id, method=method_of(payment), zone=tenant.timezone,
        anchor=paid_at.astimezone(ZoneInfo(tenant.timezone)).date().isoformat(), hour=dunning.hour, due_at=now,
        since=now, created_at=now, changed_at=now, people=payment.people,
    )  # fmt: skip
    due = due_at(made, 2)
    return made.model_copy(update={"due_at": due, "wake_at": due})


async def charged_by(hub: Hub, tenant: Tenant, flow: str) -> Dunning | None:
    """How the flow charges; None where it is gone, or doesn't."""
    for bound in await hub.directory.flows_of(tenant):
        if bound.spec.id == flow:
            return bound.flow.charges(bound.settings)
    return None
