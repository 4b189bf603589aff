"""How a payment is divided among sellers and lines, and how a refund of a part is taken from what is left of each.

Pure. By largest remainder: parts add up to the kopeck, and of no share, and no line, more goes back than came by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from svyazka.model.money import Money
from svyazka.model.orders import OrderLine, fitted_to
from svyazka.model.paying import Split
from svyazka.model.payments import IN_FLIGHT, Payment, Transaction, TransactionKind, TransactionStatus
from svyazka.model.shares import Dividing, Share

_Whole = Callable[[Payment], list[int]]

GOES = (TransactionKind.REFUND, TransactionKind.CHARGEBACK)
COMES = (TransactionKind.PURCHASE, TransactionKind.CAPTURE)


def divided(
    amount: Money, sellers: Mapping[str, Dividing], said: Mapping[str, Money] | None
) -> tuple[Share, ...] | None:
    """The shares of a payment: as was `said`, else by the sellers' parts; none where it is all the business's own.
    None: what was said names strangers, or doesn't add up."""
    if said is not None:
        fits = set(said) <= set(sellers) and sum(one.kopecks for one in said.values()) == amount.kopecks
        if not fits or not all(one.kopecks > 0 and one.currency == amount.currency for one in said.values()):
            return None
        return tuple(sellers[name].of(name, each) for name, each in sorted(said.items()))
    parts = {name: one.part for name, one in sorted(sellers.items()) if one.part}
    if not parts:
        return ()
    amounts = amount.shared(list(parts.values()))
    return tuple(sellers[name].of(name, each) for name, each in zip(parts, amounts, strict=True) if each)


def rescaled(shares: Sequence[Share], amount: Money) -> tuple[Share, ...]:
    """The same proportions of another amount; fees as well."""
    if not shares or sum(one.amount.kopecks for one in shares) == amount.kopecks:
        return tuple(shares)
    scaled = []
    for one, each in zip(shares, amount.shared([one.amount.kopecks for one in shares]), strict=True):
        fee = one.fee
        if fee is not None:
            fee = Money(kopecks=fee.kopecks * each.kopecks // one.amount.kopecks, currency=fee.currency)
        scaled.append(one.model_copy(update={"amount": each, "fee": fee}))
    return tuple(scaled)


def split_at(shares: Sequence[Share], connection: str) -> tuple[Split, ...] | None:
    """The shares as a provider is told of them; None where it knows one of the sellers by no account."""
    if any(connection not in one.accounts for one in shares):
        return None
    return tuple(Split(account=one.accounts[connection], amount=one.amount, fee=one.fee) for one in shares)


# What goes back


def refunded_parts(payment: Payment, attempt: int, amount: Money) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A refund's kopecks by share and by line, taken from what is left of each in proportion to that."""
    of_shares, of_lines = (_left(payment, attempt, whole_of) for whole_of in (_of_shares, _of_lines))
    by_share = _shared(amount.kopecks, of_shares) if any(of_shares) else []
    return tuple(by_share), tuple(_shared(amount.kopecks, of_lines) if any(of_lines) else [])


def split_back(payment: Payment, attempt: int, connection: str, parts: Sequence[int]) -> tuple[Split, ...]:
    """A refund's shares as the provider is told of them, each with the part of its fee that goes back too."""
    left, currency = _left(payment, attempt, _of_shares), payment.amount.currency
    told = []
    for share, still, part in zip(payment.shares, left, parts, strict=False):
        if not part:
            continue
        whole = share.amount.kopecks
        gone, fee = whole - still, None
        if share.fee is not None:
            # Floors of what has gone in all, so that the whole fee goes with the whole share.
            kept = share.fee.kopecks
            fee = Money(kopecks=kept * (gone + part) // whole - kept * gone // whole, currency=currency)
        account = share.accounts.get(connection, "")
        told.append(Split(account=account, amount=Money(kopecks=part, currency=currency), fee=fee))
    return tuple(told)


def lines_back(payment: Payment, parts: Sequence[int]) -> tuple[OrderLine, ...]:
    """The lines of a refund's receipt: as much of each as goes back of it."""
    amounts = [Money(kopecks=part, currency=payment.amount.currency) for part in parts]
    return fitted_to(payment.lines, amounts)


def _of_shares(payment: Payment) -> list[int]:
    return [one.amount.kopecks for one in payment.shares]


def _of_lines(payment: Payment) -> list[int]:
    return [one.amount.kopecks for one in payment.lines]


def _left(payment: Payment, attempt: int, whole_of: _Whole) -> list[int]:
    """What can still go back of each part: less what has, is about to, or may have."""
    whole, own = whole_of(payment), payment.of_attempt(attempt)
    if not whole:
        return []
    captured = sum(one.amount.kopecks for one in own if one.kind in COMES and one.status is TransactionStatus.DONE)
    if captured != sum(whole) and captured:
        whole = _shared(captured, whole)
    left = whole
    for one in own:
        if one.kind in GOES and (one.status is TransactionStatus.DONE or one.status in IN_FLIGHT):
            gone = _parts_of(one, whole_of) or _shared(min(one.amount.kopecks, sum(left)), left)
            left = [max(0, still - part) for still, part in zip(left, gone, strict=True)]
    return left


def _parts_of(one: Transaction, whole_of: _Whole) -> Sequence[int]:
    """As it was asked for; one that was made in the provider's cabinet says nothing of parts."""
    return one.shares if whole_of is _of_shares else one.lines


def _shared(kopecks: int, weights: Sequence[int]) -> list[int]:
    if not any(weights):
        return [0] * len(weights)
    return [one.kopecks for one in Money(kopecks=kopecks).shared(weights)]
