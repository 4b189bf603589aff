"""One charge for one period: a try of its own at the provider that keeps the method, under a number of its own.

Both stand in the period's payment before anybody is called, in one commit with the delivery that charges.
"""

from __future__ import annotations

from datetime import datetime

from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.hub import Hub
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.engine.rules.paying import next_id, why_no_attempt, with_state
from svyazka.engine.rules.splitting import split_at
from svyazka.engine.rules.subscriptions import LATE, due_at
from svyazka.engine.tenants.directory import Account
from svyazka.model.commands import Guards, Step
from svyazka.model.deliveries import Delivery
from svyazka.model.orders import fitted, total_of
from svyazka.model.paying import ChargeSaved
from svyazka.model.payments import Attempt, By, Payment, Transaction, TransactionKind, attempt_number, payment_id
from svyazka.model.subscriptions import Method, Period, Subscription
from svyazka.model.tenants import Tenant


def payment_for(hub: Hub, subscription: Subscription, n: int, tenant: Tenant, now: datetime) -> Payment:
    """What a period is paid by, before anybody has tried."""
    id_ = payment_id(hub.keyring.mark("period", subscription.tenant, subscription.id, str(n)))
    lines = subscription.lines
    if lines and total_of(lines) != subscription.amount:
        lines = fitted(lines, subscription.amount)
    return Payment(
        id=id_, tenant=subscription.tenant, connection=subscription.connection, flow=subscription.flow,
        event=subscription.event, order=f"{subscription.number}/{n}", amount=subscription.amount,
        description=subscription.description, lines=lines, person=subscription.person, inn=subscription.inn,
        return_url=subscription.return_url, save=True, shares=subscription.shares, receipt=subscription.receipt,
        fiscaliser=subscription.fiscaliser, prepaid=subscription.prepaid, subscription=subscription.id,
        period=n, created_at=now, changed_at=now, people=subscription.people, blank_at=now + tenant.retention,
    )  # fmt: skip


async def provider_of(hub: Hub, subscription: Subscription, method: Method) -> Account | None:
    """The account that keeps the method, if it can charge."""
    account = await hub.directory.account(subscription.tenant, method.connection)
    payments = account.manifest.payments if account is not None else None
    return account if payments is not None and Can.CHARGE in payments.can else None


async def link_under_way(hub: Hub, payment: Payment) -> bool:
    """Whether a link is being made of which the payment doesn't tell yet: the next look takes that in."""
    untold = [one.delivery for one in payment.attempts if one.delivery and not payment.of_attempt(one.n)]
    return bool(untold) and any(await hub.store.get_many([("deliveries", id_) for id_ in untold]))


def charge(
    subscription: Subscription, period: Period, payment: Payment, method: Method, account: Account, tenant: Tenant,
    now: datetime,
) -> tuple[Payment, Delivery]:  # fmt: skip
    """The payment with one more try, and the delivery that makes it. Only where nothing else may bring money."""
    assert subscription.agreed.text
    assert why_no_attempt(payment) is None
    n = len(payment.attempts) + 1
    number = attempt_number(payment.id, n)
    command = ChargeSaved(
        payment=payment.id, number=number, order=payment.order, amount=payment.amount,
        description=payment.description, person=payment.person, inn=payment.inn, lines=payment.lines,
        receipt=payment.receipt, split=split_at(payment.shares, method.connection) or (), token=method.saved.token,
        by_schedule=True,
    )  # fmt: skip
    name, safety = f"{subscription.flow}/{method.connection}/charge", carried(account.manifest, command).safety
    step = Step.through(name, method.connection, method.vendor, command, safety)
    until = min(now + LATE, max(due_at(subscription, period.n + 1), now + (LATE / 3)))
    owed = Obligation(
        tenant=tenant.id, flow=subscription.flow, subject=f"payment:{payment.id}:{n}", event=subscription.event,
        guards=Guards(expires_at=until), base_at=now, people=payment.people, blank_at=now + tenant.retention,
    )  # fmt: skip
    delivery = begun(owed, (step,), now)
    attempt = Attempt(
        n=n, connection=method.connection, vendor=method.vendor, by=By.CHARGE, number=number, delivery=delivery.id
    )
    purchase = Transaction(
        id=next_id(payment), kind=TransactionKind.PURCHASE, attempt=n, amount=payment.amount, at=now,
        delivery=delivery.id,
    )  # fmt: skip
    changes = {
        "attempts": (*payment.attempts, attempt), "transactions": (*payment.transactions, purchase), "looks": 0,
        "changed_at": now, "expire_at": None,
    }  # fmt: skip
    return with_state(payment.model_copy(update=changes)), delivery
