"""A payment as its payer's page may know it. Pure."""

from __future__ import annotations

from typing import Any

from svyazka.model.payments import IN_FLIGHT, Payment, PaymentState
from svyazka.model.standing import Paying

PAYABLE = frozenset({PaymentState.CREATED, PaymentState.WAITING})


def shown(payment: Payment, code: str | None = None) -> Paying:
    """State and sums, and the link by which it can be paid."""
    return Paying(
        id=payment.id, state=payment.state.value, amount=payment.amount.text, currency=payment.amount.currency,
        order=payment.order, paid=payment.captured.text, refunded=payment.refunded.text, url=link_of(payment),
        code=code,
    )  # fmt: skip


def link_of(payment: Payment) -> str | None:
    """The newest link that is alive; none once there is nothing to pay."""
    if payment.state not in PAYABLE:
        return None
    alive = {one.attempt for one in payment.transactions if one.status in IN_FLIGHT}
    links = [one.url for one in payment.attempts if one.n in alive and one.url and not one.called_off]
    return links[-1] if links else None


def story(payment: Payment) -> dict[str, Any]:
    """The same with each movement of money, as JSON."""
    told = [
        {"kind": one.kind.value, "status": one.status.value, "amount": one.amount.text, "at": one.at.isoformat()}
        for one in payment.transactions
    ]  # fmt: skip
    return {**shown(payment).model_dump(mode="json", exclude_none=True), "transactions": told}
