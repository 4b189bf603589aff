"""What stand-ins of payment providers share: payments, holds, refunds, and the ways in which a provider misleads.

A provider's own module is its API's face over a `Till`; the kit of payments works on the till. Sums are kopecks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where money stands."""

    WAITS = "waits"
    HELD = "held"
    PAID = "paid"
    OVER = "over"
    DONE = "done"
    """Of a refund."""


@dataclass
class Refund:
    """Money that goes back."""

    id: str
    number: str | None
    amount: int
    at: float
    state: State = State.DONE
    why: str | None = None
    said: dict[str, Any] = field(default_factory=dict)


@dataclass
class Payment:
    """One payment at the provider."""

    id: str
    number: str | None
    """The shop's own, wherever it travels."""
    amount: int
    at: float
    state: State = State.WAITS
    hold: bool = False
    """Paid, it is held until it is captured."""
    save: bool = False
    """The payer's method is kept for further charges."""
    token: str | None = None
    """What it is charged by again; of a charge: by which it was."""
    captured_at: float | None = None
    why: str | None = None
    """The provider's own code of why no money came."""
    refunds: list[Refund] = field(default_factory=list)
    shop: str = ""
    """Whose money it is, where a provider has several shops."""
    said: dict[str, Any] = field(default_factory=dict)
    """What else the shop has said, as its API has it (receipt, description, return address)."""

    @property
    def refunded(self) -> int:
        return sum(one.amount for one in self.refunds if one.state is State.DONE)

    @property
    def free(self) -> int:
        """What can still go back."""
        taken = self.amount if self.state is State.PAID else 0
        return taken - sum(one.amount for one in self.refunds if one.state is not State.OVER)


class TooMuch(ValueError):
    """More than there is."""


@dataclass
class Till:
    """A provider's books. `now`: its clock; `name`: what ids begin with."""

    now: Callable[[], float]
    id_of: Callable[[int], str]
    """The id of the n-th thing that is made."""
    payments: dict[str, Payment] = field(default_factory=dict)
    keys: dict[str, tuple[object, str]] = field(default_factory=dict)
    """Idempotence key -> what was asked under it, and the id of what came of it."""
    lag: float = 0.0
    """Seconds for which lists don't show what was made."""
    charges: deque[tuple[State, str | None]] = field(default_factory=deque)
    """What each further charge comes to, and why; else it is paid."""
    refunds: deque[tuple[State, str | None]] = field(default_factory=deque)
    """What each further refund comes to; else it is done."""
    made: int = 0

    def new_id(self) -> str:
        self.made += 1
        return self.id_of(self.made)

    def make(self, number: str | None, amount: int, **more: Any) -> Payment:
        """A payment that waits for its payer."""
        one = Payment(self.new_id(), number, amount, self.now(), **more)
        self.payments[one.id] = one
        return one

    def charge(self, number: str | None, amount: int, token: str, **more: Any) -> Payment:
        """A saved method is charged: what it comes to is said at once."""
        one = self.make(number, amount, token=token, **more)
        state, why = self.charges.popleft() if self.charges else (State.PAID, None)
        if state is State.PAID:
            self.pay(one)
        elif state is State.OVER:
            self.end(one, why)
        return one

    # What payers and time do

    def pay(self, one: Payment) -> Payment:
        """Its payer pays."""
        one.state = State.HELD if one.hold else State.PAID
        if one.save and one.token is None:
            one.token = one.id
        if one.state is State.PAID:
            one.captured_at = self.now()
        return one

    def end(self, one: Payment, why: str | None) -> Payment:
        """No money will come by it."""
        one.state, one.why = State.OVER, why
        return one

    # What the shop asks for

    def capture(self, one: Payment, amount: int | None = None) -> Payment:
        """What is held is taken, or a part; the rest is let go. Raises TooMuch."""
        if amount is not None and amount > one.amount:
            raise TooMuch
        one.amount = one.amount if amount is None else amount
        one.state, one.captured_at = State.PAID, self.now()
        return one

    def refund(self, one: Payment, number: str | None, amount: int, said: dict[str, Any] | None = None) -> Refund:
        """Money goes back. Raises TooMuch."""
        if amount > one.free:
            raise TooMuch
        state, why = self.refunds.popleft() if self.refunds else (State.DONE, None)
        refund = Refund(self.new_id(), number, amount, self.now(), state, why, said or {})
        one.refunds.append(refund)
        return refund

    # What is seen

    def numbered(self, number: str) -> list[Payment]:
        """All payments under a number of the shop's."""
        return [one for one in self.payments.values() if one.number == number]

    def of(self, number: str) -> Payment:
        """The newest of them. Raises LookupError."""
        found = self.numbered(number)
        if not found:
            raise LookupError(f"nobody has asked this till for a payment under number {number}")
        return found[-1]

    def all_refunds(self) -> Iterable[tuple[Payment, Refund]]:
        return ((one, refund) for one in self.payments.values() for refund in one.refunds)

    def shown(self, at: float) -> bool:
        """Whether a list shows what was made then."""
        return self.now() - at >= self.lag

    def money(self) -> int:
        """Kopecks that came and didn't go back."""
        taken = sum(one.amount for one in self.payments.values() if one.state is State.PAID)
        return taken - sum(refund.amount for _, refund in self.all_refunds() if refund.state is State.DONE)
