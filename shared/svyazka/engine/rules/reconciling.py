"""A month's money: what we know beside what a provider lists, each difference with its cause. Pure.

A payment is in the month of its capture, a refund in that of its completion, by the business's own clock. The sum of
ours less the sum of theirs is always the sum of the differences: what isn't explained can't hide.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from svyazka.model.money import Money
from svyazka.model.payments import By, Payment, TransactionKind, TransactionStatus, numbered
from svyazka.model.seen import PaymentSeen, RefundSeen, RefundState, SeenState


class Cause(StrEnum):
    """Why the two differ: a closed list."""

    OVER_THE_EDGE = "over_the_edge"
    """One side has it before the month's first or last midnight, the other after."""
    NOT_THERE = "not_there"
    """Here it is done, and the provider doesn't list it."""
    NOT_HERE = "not_here"
    """The provider lists it under a number of ours, and here it isn't done."""
    REFUSED_HERE = "refused_here"
    """The provider lists as done what it had refused, or had nothing of, when it was last asked."""
    NOT_OURS = "not_ours"
    """Begun past Svyazka: in the cabinet, by another shop's page."""
    OTHER_AMOUNT = "other_amount"
    PLAY_MONEY = "play_money"
    """Listed, and made in the provider's test mode."""


class What(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that came (+) or went back (-)."""

    what: What
    external_id: str
    amount: Money
    at: datetime
    payment: str | None = None
    """Ours, where it is one."""
    number: str | None = None
    """Our own of it, where the provider shows that."""
    fee: Money | None = None
    test: bool = False

    @property
    def signed(self) -> int:
        return self.amount.kopecks if self.what is What.PAYMENT else -self.amount.kopecks


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: kopecks here less kopecks there, and why."""

    cause: Cause
    what: What
    external_id: str
    payment: str | None
    kopecks: int


@dataclass(frozen=True, slots=True)
class Month:
    """Both sides of a month."""

    ours: int
    """Kopecks that came, less those that went back."""
    theirs: int
    fees: int
    agreed: int
    """Movements that are the same on both sides."""
    differences: tuple[Difference, ...]

    @property
    def left(self) -> int:
        """What no cause explains, in kopecks: 0, or this code is wrong."""
        return self.ours - self.theirs - sum(one.kopecks for one in self.differences)


def compared(
    ours: Iterable[Moved], theirs: Iterable[Moved], first: datetime, until: datetime,
    given_up: Container[str | None] = (),
) -> Month:  # fmt: skip
    """A month from `first` to before `until`. Both sides are to be given with some days around it, so that what lies
    across its edges is found. `given_up`: ids and numbers of what was refused as far as we know."""

    def within(moved: Moved | None) -> bool:
        return moved is not None and first <= moved.at < until

    here = {(one.what, one.external_id): one for one in ours}
    there = {(one.what, one.external_id): one for one in theirs}
    differences: list[Difference] = []
    agreed = 0
    for key in sorted({*here, *there}):
        mine, its = here.get(key), there.get(key)
        if not within(mine) and not within(its):
            continue
        kopecks = (mine.signed if mine and within(mine) else 0) - (its.signed if its and within(its) else 0)
        cause = _cause(mine, its, within(mine), within(its))
        if cause is Cause.NOT_HERE and its is not None and (its.external_id in given_up or its.number in given_up):
            cause = Cause.REFUSED_HERE
        if cause is None:
            agreed += 1
            continue
        payment = (mine.payment if mine else None) or (its.payment if its else None)
        differences.append(Difference(cause, key[0], key[1], payment, kopecks))
    listed = [one for one in there.values() if within(one)]
    return Month(
        ours=sum(one.signed for one in here.values() if within(one)), theirs=sum(one.signed for one in listed),
        fees=sum(one.fee.kopecks for one in listed if one.fee is not None), agreed=agreed,
        differences=tuple(differences),
    )  # fmt: skip


def _cause(mine: Moved | None, its: Moved | None, mine_within: bool, its_within: bool) -> Cause | None:
    if its is None:
        return Cause.NOT_THERE
    if its.test:
        return Cause.PLAY_MONEY
    if mine is None:
        return Cause.NOT_HERE if its.payment is not None else Cause.NOT_OURS
    if mine_within is not its_within:
        return Cause.OVER_THE_EDGE
    return None if mine.amount == its.amount else Cause.OTHER_AMOUNT


# What each side shows


def given_up_here(payment: Payment) -> Iterator[str]:
    """Ids and numbers of what was refused, or was never there, as far as we know."""
    for one in payment.transactions:
        if one.status in (TransactionStatus.DECLINED, TransactionStatus.NEVER_SENT):
            attempt = next(it for it in payment.attempts if it.n == one.attempt)
            names = (one.external_id, one.number) if one.kind is TransactionKind.REFUND else (
                attempt.external_id, attempt.number
            )  # fmt: skip
            yield from (name for name in names if name is not None)


def moved_here(payments: Iterable[Payment], connection: str) -> list[Moved]:
    """What was done through a connection, as we know it."""
    found = []
    for payment in payments:
        attempts = {one.n: one for one in payment.attempts if one.connection == connection and one.by is not By.HAND}
        for one in payment.transactions:
            attempt = attempts.get(one.attempt)
            if attempt is None or one.status is not TransactionStatus.DONE:
                continue
            if one.kind in (TransactionKind.PURCHASE, TransactionKind.CAPTURE):
                id_ = attempt.external_id or attempt.number
                found.append(Moved(What.PAYMENT, id_, one.amount, one.at, payment.id))
            elif one.kind is TransactionKind.REFUND:
                id_ = one.external_id or one.number or f"{payment.id}-{one.id}"
                found.append(Moved(What.REFUND, id_, one.amount, one.at, payment.id))
    return found


def moved_there(payments: Iterable[PaymentSeen], refunds: Sequence[tuple[str, RefundSeen]] = ()) -> list[Moved]:
    """What a provider lists. A refund without a time is taken for one of its payment's day."""
    found: dict[tuple[What, str], Moved] = {}
    ours: dict[str, str | None] = {}
    times: dict[str, datetime] = {}
    for seen in payments:
        named = numbered(seen.number)
        at = seen.captured_at or seen.created_at
        ours[seen.external_id] = named[0] if named else None
        if at is None:
            continue
        times[seen.external_id] = at
        if seen.state is SeenState.PAID:
            moved = Moved(
                What.PAYMENT, seen.external_id, seen.captured or seen.amount, at, ours[seen.external_id], seen.number,
                seen.fee, test=seen.test is True,
            )  # fmt: skip
            found[What.PAYMENT, seen.external_id] = moved
        refunds = [*refunds, *((seen.external_id, one) for one in seen.refunds or ())]
    for payment, refund in refunds:
        refunded_at = refund.at or times.get(payment)
        if refund.state is RefundState.DONE and refunded_at is not None:
            named = numbered(refund.number)
            id_ = ours.get(payment) or (named[0] if named else None)
            found[What.REFUND, refund.external_id] = Moved(
                What.REFUND, refund.external_id, refund.amount, refunded_at, id_, refund.number
            )
    return list(found.values())
