"""What becomes of a receipt by what is found of it, and what is done next. Pure tables and functions.

A try follows the newest evidence, `done` stays done, and no time makes anything of anything: what is unknown is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from svyazka.model.receipts import IntentState, ReceiptIntent, ReceiptTry, TryState, try_number
from svyazka.model.seen import ReceiptSeen, Shown


class Evidence(StrEnum):
    """What was found of one try."""

    NOT_SENT = "not_sent"
    MAYBE_SENT = "maybe_sent"
    REFUSED = "refused"
    """Not taken, in its fiscaliser's own words, and nothing was sent before that may have been."""
    WAITS = "waits"
    DONE = "done"
    OVER = "over"
    """Its report says that no document exists."""


T, E, S = TryState, Evidence, IntentState

_FOLLOWS = {
    E.NOT_SENT: T.NEVER_SENT, E.MAYBE_SENT: T.UNKNOWN, E.REFUSED: T.REFUSED, E.WAITS: T.WAITS, E.DONE: T.DONE,
    E.OVER: T.FAILED,
}  # fmt: skip
_TAKEN = (E.NOT_SENT, E.MAYBE_SENT, E.REFUSED)
"""What says nothing any more once it is known to have been taken."""

MERGED: Mapping[tuple[TryState, Evidence], TryState] = {
    **{(before, found): after for before in T for found, after in _FOLLOWS.items()},
    **{(state, found): state for state in (T.WAITS, T.FAILED) for found in _TAKEN},
    # What became of a later call with its number says nothing of the earlier one, unless that shows the document.
    (T.UNKNOWN, E.NOT_SENT): T.UNKNOWN,
    (T.UNKNOWN, E.REFUSED): T.UNKNOWN,
    # A report that lags says "not yet" of what has failed.
    (T.FAILED, E.WAITS): T.FAILED,
    # It was asked and has said no: that nothing reached it, or may have, is older news.
    (T.REFUSED, E.NOT_SENT): T.REFUSED,
    (T.REFUSED, E.MAYBE_SENT): T.REFUSED,
    **{(T.DONE, found): T.DONE for found in E},
}
"""(state of a try, evidence) -> state."""

OF_SHOWN = {Shown.WAITS: E.WAITS, Shown.DONE: E.DONE, Shown.OVER: E.OVER}

OTHER_AMOUNT = "other_amount"

TRIES_BY_ITSELF = 3
"""Tries after a till's trouble, the first counted; further ones are a person's to ask for."""
TRIED_AGAIN_AFTER: Sequence[timedelta] = (timedelta(minutes=5), timedelta(minutes=30))
"""Between them (sheet of ATOL: five minutes at least)."""


class Next(StrEnum):
    """What is done about a receipt."""

    NOTHING = "nothing"
    """Registered."""
    WAIT = "wait"
    """Its turn hasn't come; or a delivery is at work on it."""
    BEGIN = "begin"
    """The first number."""
    REPEAT = "repeat"
    """The same number once more: nobody knows what became of it, or nobody was asked."""
    READ = "read"
    """Its fiscaliser has it: the report is read."""
    ANEW = "anew"
    """A new number: the last is known to have come to nothing, by the till's trouble."""
    PERSON = "person"
    """Somebody has to mend it."""


NEXT: Mapping[TryState, Next] = {
    T.PENDING: Next.WAIT, T.UNKNOWN: Next.REPEAT, T.NEVER_SENT: Next.REPEAT, T.WAITS: Next.READ, T.DONE: Next.NOTHING,
    T.FAILED: Next.PERSON, T.REFUSED: Next.PERSON,
}  # fmt: skip
"""By the last try; one that failed by the till's trouble is begun anew first."""


def next_of(intent: ReceiptIntent, ready: bool) -> Next:
    """What is done about it. `ready`: those before it are registered."""
    if intent.by_hand is not None or any(one.state is T.DONE for one in intent.tries):
        return Next.NOTHING
    last = intent.last
    if last is None:
        return Next.BEGIN if ready else Next.WAIT
    if last.state is T.FAILED and last.again and last.n < TRIES_BY_ITSELF:
        return Next.ANEW
    return NEXT[last.state]


def anew_at(one: ReceiptTry) -> datetime:
    """When a number that failed by the till's trouble is followed by the next."""
    return (one.ended_at or one.at) + TRIED_AGAIN_AFTER[min(one.n, len(TRIED_AGAIN_AFTER)) - 1]


def state_of(intent: ReceiptIntent) -> IntentState:
    """The receipt's state, out of its tries."""
    found = next_of(intent, ready=False)
    if found is Next.NOTHING:
        return S.DONE
    if found is Next.PERSON:
        return S.REFUSED
    last = intent.last
    if last is None:
        return S.WAITING
    return S.UNKNOWN if last.state is T.UNKNOWN else S.REGISTERING


def with_evidence(
    intent: ReceiptIntent, n: int, found: Evidence, now: datetime, seen: ReceiptSeen | None = None
) -> ReceiptIntent:
    """The receipt after evidence about one of its tries. A document of another sum proves nothing: somebody looks."""
    one = next(one for one in intent.tries if one.n == n)
    other = found is E.DONE and seen is not None and seen.amount not in (None, intent.amount)
    after = MERGED[one.state, E.WAITS if other else found]
    changes: dict[str, object] = {"state": after, **({"code": OTHER_AMOUNT} if other else {})}
    if after is not one.state and after in (T.DONE, T.FAILED, T.REFUSED):
        changes["ended_at"] = now
    if seen is not None:
        changes["external_id"] = one.external_id or seen.external_id
    if seen is not None and after is T.DONE and seen.code is not None:
        changes["code"] = seen.code
    if seen is not None and after is T.FAILED and one.state is not T.FAILED:
        changes |= {"again": seen.again, "code": seen.code, "why": seen.why}
    tries = tuple(one.model_copy(update=changes) if it.n == n else it for it in intent.tries)
    told: dict[str, object] = {"tries": tries}
    if seen is not None and seen.fiscal is not None and after is T.DONE:
        told["fiscal"] = seen.fiscal
    return with_state(intent.model_copy(update=told))


def with_state(intent: ReceiptIntent) -> ReceiptIntent:
    return intent.model_copy(update={"state": state_of(intent)})


def begun_anew(intent: ReceiptIntent, now: datetime) -> ReceiptIntent:
    """With the next number, of which nobody was asked yet."""
    n = len(intent.tries) + 1
    one = ReceiptTry(n=n, number=try_number(intent.id, n), state=TryState.NEVER_SENT, at=now)
    return with_state(intent.model_copy(update={"tries": (*intent.tries, one)}))


# When it is looked at again

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

READ_AFTER: Sequence[timedelta] = (
    _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR,
)  # fmt: skip
"""After each look that changed nothing; the last for as long as it isn't known how it ended."""
WAITED_FOR = 30 * _MINUTE
"""So often a receipt whose turn hasn't come is looked at by the clock: the end of what goes before it wakes it."""

LATE, RED = timedelta(hours=12), timedelta(hours=24)
"""A sale without a receipt is told of, and told of once more: the law's limit is the next working day."""


def looks_again(intent: ReceiptIntent, now: datetime) -> timedelta | None:
    """How long till the next look; None where nothing can come of itself any more."""
    match next_of(intent, ready=False):
        case Next.NOTHING if intent.by_hand is not None and _may_come_yet(intent):
            # Registered past us, as somebody says: if its fiscaliser makes it all the same, there are two.
            return READ_AFTER[intent.looks] if intent.looks < len(READ_AFTER) else _DAY
        case Next.NOTHING:
            return None
        case Next.PERSON:
            return _DAY
        case Next.ANEW:
            last = intent.last
            assert last is not None
            return max(anew_at(last) - now, _SECOND)
        case Next.WAIT if intent.last is None:
            return WAITED_FOR
    return READ_AFTER[min(intent.looks, len(READ_AFTER) - 1)]


_DAY = timedelta(days=1)


def _may_come_yet(intent: ReceiptIntent) -> bool:
    last = intent.last
    return last is not None and last.state is T.WAITS and last.external_id is not None


def is_late(intent: ReceiptIntent, now: datetime) -> bool:
    return intent.state is not S.DONE and now - intent.owed_since >= LATE
