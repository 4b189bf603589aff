"""What becomes of the money of an order, or of a visit, that was cancelled."""

from __future__ import annotations

from datetime import timedelta

from svyazka.model.base import Frozen, Time
from svyazka.model.money import Money


class GiveBack(Frozen):
    """As a flow decides it; how much that is, and whether it still can go, the payments' own documents say."""

    connection: str
    """Of whoever asked for the payments: an order's number means something within that."""
    order: str | None = None
    visit: str | None = None
    """Its number in the calendar: what somebody has booked here is paid for under the id of that booking."""
    at: Time
    """When it was cancelled."""
    percent: int = 100
    """Of what was paid."""
    kept: tuple[str, ...] = ()
    """Parts (`deposit`) that stay with the business."""
    late: bool = False
    """Cancelled after the deadline: nothing goes back by itself."""
    within: timedelta | None = None
    """What was paid longer ago than that doesn't either."""
    a_day: Money
    """How much the flow may give back in a day, in all."""
