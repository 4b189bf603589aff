"""A payment as its payer's page may know it. Pure."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from svyazka.engine.paying.addressing import shown_address
from svyazka.engine.rules.subscriptions import Standing
from svyazka.model.payments import IN_FLIGHT, Payment, PaymentState
from svyazka.model.standing import Moved, Paying, PaymentStory, SubscriptionShown
from svyazka.model.subscriptions import PeriodState

PAYABLE = frozenset({PaymentState.CREATED, PaymentState.WAITING})


def shown(payment: Payment) -> Paying:
    """State and sums, and the link by which it can be paid."""
    return Paying(
        id=payment.id, state=payment.state.value, amount=payment.amount.text, currency=payment.amount.currency,
        order=payment.order, paid=payment.captured.text, refunded=payment.refunded.text, url=link_of(payment),
        receipt_to=shown_address(payment),
    )  # fmt: skip


def link_of(payment: Payment) -> str | None:
    """The newest link that is alive; none once there is nothing to pay."""
    if payment.state not in PAYABLE:
        return None
    alive = {one.attempt for one in payment.transactions if one.status in IN_FLIGHT}
    links = [one for one in payment.attempts if one.n in alive and one.url and not one.called_off]
    anew = [one for one in links if not one.elsewhere] or links
    return anew[-1].url if anew else None


def shown_subscription(stands: Standing) -> SubscriptionShown:
    """A subscription as its payer may know it."""
    one, period = stands.subscription, stands.period
    due = one.due_at.astimezone(ZoneInfo(one.zone))
    method = one.method.saved.title if one.method is not None else None
    return SubscriptionShown(
        id=one.id, state=one.state.value, order=one.number, every=one.every.value, amount=one.amount.text,
        currency=one.amount.currency, description=one.description or None, method=method,
        why=one.why.value if one.why is not None else None, due_at=None if one.is_over else due.isoformat(),
        pay=not one.is_over and period is not None and period.state is PeriodState.OPEN,
    )  # fmt: skip


def story(payment: Payment) -> PaymentStory:
    """A payment with each movement of its money."""
    moved = tuple(
        Moved(kind=one.kind.value, status=one.status.value, amount=one.amount.text, at=one.at.isoformat())
        for one in payment.transactions
    )
    return PaymentStory(**dict(shown(payment)), transactions=moved)
