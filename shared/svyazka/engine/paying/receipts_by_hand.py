"""What a person decides about a fiscal receipt: that it is tried anew, that it was registered past us, that what was
paid in advance is handed over. Nothing is written here: whoever asks commits it, with a line of the audit. The look
that follows sees to the rest: the state, the cards, the receipts that waited for this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import PLANNING, pay_task, receipt_task
from svyazka.engine.journal.transition import ended
from svyazka.engine.ports.store import Store, Task, Write
from svyazka.engine.rules.receipts import Next, begun_anew, next_of
from svyazka.engine.rules.receipts_due import handed_over
from svyazka.engine.rules.transitions import stopped
from svyazka.model.deliveries import AT_REST, NOT_BEGUN, Delivery, Status
from svyazka.model.payments import Payment
from svyazka.model.receipts import ReceiptIntent

WHY_NOT = {
    "done": N_("it is registered already"),
    "sending": N_("it is being sent in this very moment: look again in a minute"),
    "under_way": N_("nobody knows yet what becomes of its last try: a second one might print a second receipt"),
    "by_provider": N_(
        "its provider registers it along with the money: make it in its cabinet, then note that it "
        "is registered otherwise (--done)"
    ),
    "blanked": N_("its contents were blanked (retention, forget): register it in the cabinet, then note that (--done)"),
    "not_prepaid": N_("its receipt is of a whole sale: there is no advance to settle (`prepaid` at take_payment)"),
    "handed_over": N_("it is noted already that this was handed over"),
}
"""Why nothing is done: code -> words."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What is written and queued."""

    writes: Sequence[Write]
    tasks: Sequence[Task]


def again(held: Versioned[ReceiptIntent], now: datetime) -> Deed | str:
    """A new number, after one of which it is known that it came to nothing; else the code of why not."""
    intent = held.model
    if intent.by_provider and next_of(intent, ready=False) is not Next.NOTHING:
        return "by_provider"
    match next_of(intent, ready=False):
        case Next.NOTHING:
            return "done"
        case Next.PERSON | Next.ANEW if intent.lines:
            return _written(held, begun_anew(intent, now), now)
        case Next.PERSON | Next.ANEW:
            return "blanked"
    return "under_way"


async def registered(
    store: Store, held: Versioned[ReceiptIntent], who: str, words: str, now: datetime
) -> Deed | str:  # fmt: skip
    """It was registered past us, as somebody says, in these words; else the code of why not. What still waits to ask
    for it is called off: it would make a second one."""
    if next_of(held.model, ready=False) is Next.NOTHING:
        return "done"
    deed = _written(held, held.model.model_copy(update={"by_hand": f"{who}: {words}"[:300]}), now)
    newest = held.model.last.deliveries[-1:] if held.model.last is not None else ()
    asking = await journal.load(store, Delivery, newest[0]) if newest else None
    if asking is None or asking.model.status in AT_REST:
        return deed
    if asking.model.status not in NOT_BEGUN:
        return "sending"
    why = N_("its receipt was registered otherwise, as somebody says")
    end = await ended(store, stopped(asking.model, Status.CANCELLED, "by_hand", why, now), now)
    return Deed((*deed.writes, *end.over(asking.version)), (*deed.tasks, *end.tasks))


def settle(held: Versioned[Payment], now: datetime) -> Deed | str:
    """What an advance was for is handed over; else the code of why not."""
    payment = held.model
    after = handed_over(payment, now)
    if after is None:
        return "handed_over" if payment.prepaid else "not_prepaid"
    vendor = payment.attempts[-1].vendor if payment.attempts else PLANNING
    return Deed((journal.replace(after, held.version),), (pay_task(payment.id, vendor),))


def _written(held: Versioned[ReceiptIntent], after: ReceiptIntent, now: datetime) -> Deed:
    # Its state moves in the look: what follows from that, the end of its card too, follows there.
    changes = {"state": held.model.state, "changed_at": now, "wake_at": now, "looks": 0, "expire_at": None}
    after = after.model_copy(update=changes)
    return Deed((journal.replace(after, held.version),), (receipt_task(after.id, after.vendor),))
