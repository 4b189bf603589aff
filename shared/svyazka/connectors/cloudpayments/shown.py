"""What CloudPayments shows of a payment, in the words that all providers share. Pure."""

from __future__ import annotations

from svyazka.connectors.cloudpayments.failures import decline_of
from svyazka.connectors.cloudpayments.schema import BY_LINK, MARK, REFUND_TYPE, STATUSES, its_time, kept_for_us
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.model.money import Money
from svyazka.model.payments import numbered
from svyazka.model.seen import Decline, PaymentSeen, RefundSeen, RefundState, SavedMethod, SeenState

_STATES = {"waits": SeenState.WAITS, "held": SeenState.HELD, "paid": SeenState.PAID, "over": SeenState.OVER}
_OF_REFUND = {"paid": RefundState.DONE, "over": RefundState.OVER}

TOKEN_AT = ":"
"""Between a payer's name at CloudPayments and the token: one is of no use without the other."""


def seen_of(told: Section, link: str | None = None) -> PaymentSeen | None:
    """A payment; None where it names none, or has no sum. `link`: the order by which it was paid, where we know.

    Who was declined may try again by the same link, by another transaction: the link goes on waiting.
    """
    id_, sum_ = text(told.get("TransactionId"), 40), money(told)
    if id_ is None or sum_ is None:
        return None
    state = _STATES[STATUSES.get(text(told.get("Status"), 40) or "", "waits")]
    declined = text(told.get("Status")) == "Declined"
    code = text(told.get("ReasonCode"), 20)
    outlived = declined and (link is not None or kept_for_us(told).get("by") == BY_LINK)
    if outlived:
        state = SeenState.WAITS
    fee = _amount(told.get("TotalFee"))
    return PaymentSeen(
        external_id=link if link is not None and outlived else id_, link=None if outlived else link,
        number=text(told.get("InvoiceId"), 60), state=state, amount=sum_,
        captured=sum_ if state is SeenState.PAID else None, method=_method(told), saved=_saved(told, state),
        why=(decline_of(code) if declined else Decline.SHOP) if state is SeenState.OVER else None,
        code=code if declined else text(told.get("Status"), 40), test=_flag(told.get("TestMode")),
        fee=fee if fee else None, created_at=its_time(told.get("CreatedDateIso")),
        captured_at=its_time(told.get("ConfirmDateIso")),
    )  # fmt: skip


def refund_of(told: Section) -> RefundSeen | None:
    """Money that goes back; None for anything else."""
    id_, sum_ = text(told.get("TransactionId"), 40), money(told)
    if id_ is None or sum_ is None or not is_refund(told):
        return None
    state = _OF_REFUND.get(STATUSES.get(text(told.get("Status"), 40) or "", "waits"), RefundState.WAITS)
    code = text(told.get("ReasonCode"), 20)
    return RefundSeen(
        external_id=id_, number=text(kept_for_us(told).get(MARK), 60), state=state, amount=sum_,
        at=its_time(told.get("ConfirmDateIso")) or its_time(told.get("CreatedDateIso")),
        why=decline_of(code) if state is RefundState.OVER else None, code=code if state is RefundState.OVER else None,
    )  # fmt: skip


def is_refund(told: Section) -> bool:
    """Whether a transaction gives back."""
    return text(told.get("Type"), 10) == REFUND_TYPE


def money(told: Section) -> Money | None:
    """`Amount`, in `Currency`; None for what is no sum of ours."""
    currency = text(told.get("Currency"), 10) or "RUB"
    amount = _amount(told.get("Amount"))
    # A sum in another currency is told of by the engine, which takes none.
    return amount.model_copy(update={"currency": currency}) if amount else None


def _amount(value: object) -> Money | None:
    said = text(value, 20)
    try:
        return Money.read(said) if said is not None else None
    except ValueError:
        return None


def _saved(told: Section, state: SeenState) -> SavedMethod | None:
    """Kept only where we asked for it: then the payer's name there is our payment's own."""
    account, token = text(told.get("AccountId"), 60), text(told.get("Token"), 200)
    named = numbered(text(told.get("InvoiceId"), 60))
    if token is None or named is None or account != named[0] or state not in (SeenState.PAID, SeenState.HELD):
        return None
    four = text(told.get("CardLastFour"), 4)
    return SavedMethod(token=f"{account}{TOKEN_AT}{token}", title=f"*{four}" if four else None)


def _method(told: Section) -> str | None:
    wallet = text(told.get("PaymentMethod"), 40)
    return wallet.lower() if wallet else "bank_card" if text(told.get("CardLastFour"), 4) else None


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"1": True, "0": False}.get(text(value, 5) or "")
