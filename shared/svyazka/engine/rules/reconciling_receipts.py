"""A month's fiscal receipts: the money that moved, the receipts that we hold for it, and what their fiscaliser shows,
each difference with its cause. Pure.

A movement is in the month in which the money moved, by the business's own clock. Of each receipt the three columns are
compared; what the money says less what the fiscaliser shows is always the sum of the differences. A settlement moves no
money: it is compared, and adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from svyazka.engine.rules.receipts_due import due
from svyazka.model.money import Money
from svyazka.model.payments import Payment
from svyazka.model.receipts import IntentState, ReceiptIntent, ReceiptKind
from svyazka.model.seen import ReceiptSeen, Shown

NOT_ASKED, CANNOT_ASK = "not_asked", "cannot_ask"


class Lack(StrEnum):
    """Why the columns differ: a closed list."""

    NOT_OWED = "not_owed"
    """Money moved, and no receipt was ever asked for: nobody was to register it."""
    NOT_DONE = "not_done"
    """It is owed, and not registered by now."""
    REFUSED = "refused"
    BY_HAND = "by_hand"
    """Somebody says that it was registered past us: only they can show it."""
    NOT_THERE = "not_there"
    """Here it is registered; the fiscaliser has no such document."""
    WAITS_THERE = "waits_there"
    """Here it is registered; the fiscaliser says that it is still to be printed."""
    FAILED_THERE = "failed_there"
    """Here it is registered; the fiscaliser says that no document exists."""
    OTHER_AMOUNT = "other_amount"
    COULD_NOT_ASK = "could_not_ask"
    """Its fiscaliser can't be asked: its connection is gone, or lacks a secret. What we know of it counts."""
    NOT_SHOWN = "not_shown"
    """Its fiscaliser shows no reports, or keeps none that are so old: what we read of it at the time counts."""
    OVER_THE_EDGE = "over_the_edge"
    """The money moved before the month's midnight, and the document is of the other side."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One receipt that is owed, in three columns of kopecks, signed as the money moved."""

    receipt: str
    payment: str
    order: str
    kind: ReceiptKind
    money: int
    here: int
    there: int
    lack: Lack | None
    amount: Money

    @property
    def kopecks(self) -> int:
        return self.money - self.there


@dataclass(frozen=True, slots=True)
class ReceiptMonth:
    """The three columns of a month."""

    money: int
    here: int
    there: int
    agreed: int
    differences: tuple[Compared, ...]

    @property
    def left(self) -> int:
        """What no cause explains, in kopecks: 0, or this code is wrong."""
        return self.money - self.there - sum(one.kopecks for one in self.differences)


def expected(payments: Iterable[Payment], first: datetime, until: datetime) -> list[tuple[ReceiptIntent, bool]]:
    """The receipts that a month's movements owe, whoever was to register them, and whether anybody was."""
    found = []
    for payment in payments:
        asked = payment.fiscaliser is not None or payment.receipt
        for one in due(payment, payment.changed_at):
            if first <= one.owed_since < until:
                found.append((one, asked))
    return found


def compared(
    wanted: Iterable[tuple[ReceiptIntent, bool]], known: Mapping[str, ReceiptIntent],
    shown: Mapping[str, ReceiptSeen | str | None], first: datetime, until: datetime,
) -> ReceiptMonth:  # fmt: skip
    """A month. `known`: our receipts by their ids; `shown`: what their fiscaliser shows of those that are registered
    (None: nothing; `NOT_ASKED`: it can't be asked any more; `CANNOT_ASK`: it can't be asked now)."""
    rows = [_row(one, asked, known.get(one.id), shown.get(one.id, NOT_ASKED), first, until) for one, asked in wanted]
    return ReceiptMonth(
        money=sum(one.money for one in rows), here=sum(one.here for one in rows),
        there=sum(one.there for one in rows), agreed=sum(1 for one in rows if one.lack is None),
        differences=tuple(one for one in rows if one.lack is not None),
    )  # fmt: skip


def _row(
    wanted: ReceiptIntent, asked: bool, held: ReceiptIntent | None, seen: ReceiptSeen | str | None, first: datetime,
    until: datetime,
) -> Compared:  # fmt: skip
    sign = {ReceiptKind.SALE: 1, ReceiptKind.REFUND: -1, ReceiptKind.SETTLEMENT: 0}[wanted.kind]
    is_done = held is not None and held.state is IntentState.DONE
    here = held.amount.kopecks if held is not None and is_done else 0
    lack, there = _lack(wanted, asked, held, seen, first, until)
    return Compared(
        wanted.id, wanted.payment, wanted.order, wanted.kind, sign * wanted.amount.kopecks, sign * here, sign * there,
        lack, wanted.amount,
    )  # fmt: skip


def _lack(
    wanted: ReceiptIntent, asked: bool, held: ReceiptIntent | None, seen: ReceiptSeen | str | None, first: datetime,
    until: datetime,
) -> tuple[Lack | None, int]:  # fmt: skip
    """Why its columns differ, and kopecks as the fiscaliser shows them."""
    whole = wanted.amount.kopecks
    if held is None:
        return (Lack.NOT_DONE if asked else Lack.NOT_OWED), 0
    if held.by_hand is not None:
        return Lack.BY_HAND, 0
    if held.state is not IntentState.DONE:
        return (Lack.REFUSED if held.state is IntentState.REFUSED else Lack.NOT_DONE), 0
    if seen == CANNOT_ASK:
        return Lack.COULD_NOT_ASK, held.amount.kopecks
    if isinstance(seen, str):
        return Lack.NOT_SHOWN, held.amount.kopecks
    if seen is None:
        return Lack.NOT_THERE, 0
    if seen.state is not Shown.DONE:
        return (Lack.WAITS_THERE if seen.state is Shown.WAITS else Lack.FAILED_THERE), 0
    there = seen.amount.kopecks if seen.amount is not None else held.amount.kopecks
    if there != whole:
        return Lack.OTHER_AMOUNT, there
    at = (seen.fiscal or held.fiscal).at if (seen.fiscal or held.fiscal) else None  # type: ignore[union-attr]
    return (Lack.OVER_THE_EDGE if at is not None and not first <= at < until else None), there
