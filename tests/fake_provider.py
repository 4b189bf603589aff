"""A provider of payments in memory that tells every lie: it does what it doesn't answer, answers late or twice, shows
what was, says no and then yes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.payments import Can, Payments, SeenPage, Which
from svyazka.engine.contracts.manifest import Limits, Manifest
from svyazka.model.commands import Deadline, Repeat, Safety
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.money import Money, sum_of
from svyazka.model.outcomes import Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.paying import CancelPayment, CapturePayment, ChargeSaved, MakeLink, MoneyCommand, RefundPayment
from svyazka.model.seen import Decline, PaymentSeen, RefundSeen, RefundState, SavedMethod, SeenState
from svyazka.model.tenants import ConnectionSettings

ALL = frozenset(Can)
LIES = ("cut_before", "cut_after", "down", "busy", "unclear")


@dataclass
class There:
    """One payment at the provider."""

    id: str
    number: str
    amount: Money
    state: SeenState
    at: datetime
    why: Decline | None = None
    refunds: dict[str, RefundSeen] = field(default_factory=dict)


@dataclass
class FakeProvider(Payments[ConnectionSettings]):
    """`lies`: what befalls each further write. `lag`: seconds for which what was made isn't shown. `old`: so many reads
    still show what was before."""

    name: str
    now: Callable[[], datetime]
    repeat: Repeat = Repeat.IDEMPOTENT
    key_life: timedelta | None = timedelta(hours=24)
    can: frozenset[Can] = ALL  # type: ignore[misc]
    lies: deque[str | None] = field(default_factory=deque)
    lag: float = 0.0
    charges: deque[SeenState] = field(default_factory=deque)
    """What each further charge comes to; else it is paid."""
    charges_end: deque[Decline | None] = field(default_factory=deque)
    """Why each further charge brings no money; None: it does."""
    saves: bool = True
    """Whether what payers pay by can be kept."""
    refunds_to: deque[RefundState] = field(default_factory=deque)
    there: dict[str, There] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    old: deque[PaymentSeen] = field(default_factory=deque)
    calls: list[str] = field(default_factory=list)
    links: list[MakeLink] = field(default_factory=list)
    """What was asked for, each time."""
    keeps: int = 0
    """So many times it refuses to let go of what it holds."""
    holds_for: timedelta | None = None
    """How long it holds, where it says so."""
    clock_is_off: timedelta | None = None
    """It tells when money came, by a clock of its own."""
    test: bool | None = False

    @property
    def manifest(self) -> Manifest[ConnectionSettings]:
        return Manifest(vendor=self.name, settings=ConnectionSettings, limits=Limits(1e9, 16), payments=self)

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    def testing(self, settings: ConnectionSettings) -> bool | None:
        return False

    def safety(self, command: MoneyCommand) -> Safety:
        deadline = Deadline.CALL if isinstance(command, MakeLink) else Deadline.MONEY
        return Safety(repeat=self.repeat, deadline=deadline, key_life=self.key_life)

    # What payers do

    def of(self, number: str) -> There:
        """The newest of a number."""
        return [one for one in self.there.values() if one.number == number][-1]

    def money(self) -> int:
        """Kopecks that were taken and not given back."""
        taken = sum(one.amount.kopecks for one in self.there.values() if one.state is SeenState.PAID)
        return taken - sum(
            refund.amount.kopecks
            for one in self.there.values()
            for refund in one.refunds.values()
            if refund.state is RefundState.DONE
        )

    def pays(self, number: str) -> There:
        one = self.of(number)
        one.state = SeenState.PAID
        return one

    def pays_again(self, number: str) -> There:
        """By the same link once more."""
        first = self.of(number)
        return self._make(number, first.amount, SeenState.PAID)

    def gives_up(self, number: str, why: Decline = Decline.PAYER_LEFT) -> There:
        one = self.of(number)
        one.state, one.why = SeenState.OVER, why
        return one

    # Commands

    async def make_link(self, command: MakeLink, call: Call[ConnectionSettings]) -> Outcome:
        self.links.append(command)
        return await self._write("link", call, command.number, lambda: self._make(command.number, command.amount))

    async def charge(self, command: ChargeSaved, call: Call[ConnectionSettings]) -> Outcome:
        state = self.charges.popleft() if self.charges else SeenState.PAID

        def do() -> There:
            one = self._make(command.number, command.amount, state)
            why = self.charges_end.popleft() if self.charges_end else None
            if why is not None:
                one.state, one.why = SeenState.OVER, why
            return one

        return await self._write("charge", call, command.number, do)

    async def capture(self, command: CapturePayment, call: Call[ConnectionSettings]) -> Outcome:
        def do() -> There:
            one = self.there[command.external_id]
            one.state, one.amount = SeenState.PAID, command.amount
            return one

        return await self._write("capture", call, command.number, do)

    async def cancel(self, command: CancelPayment, call: Call[ConnectionSettings]) -> Outcome:
        if self.keeps > 0:
            self.keeps -= 1
            self.calls.append(f"cancel {command.number}")
            return Refused(code="no", message="not now")

        def do() -> There:
            one = self.there[command.external_id]
            if one.state is not SeenState.PAID:
                one.state, one.why = SeenState.OVER, Decline.SHOP
            return one

        return await self._write("cancel", call, command.number, do)

    async def refund(self, command: RefundPayment, call: Call[ConnectionSettings]) -> Outcome:
        self.calls.append(f"refund {command.number}")
        lie = self.lies.popleft() if self.lies else None
        await asyncio.sleep(0)
        if (refused := self._before(lie)) is not None:
            return refused
        one = self.there[command.external_id]
        if call.key not in self.keys:
            free = one.amount - sum_of([it.amount for it in one.refunds.values() if it.state != "over"])
            if command.amount > free:
                return Refused(code="too_much", message="more than was paid")
            state = self.refunds_to.popleft() if self.refunds_to else RefundState.DONE
            id_ = f"{one.id}-r{len(one.refunds) + 1}"
            one.refunds[id_] = RefundSeen(external_id=id_, number=command.number, state=state, amount=command.amount)
            self.keys[call.key] = id_
        if (lost := self._after(lie)) is not None:
            return lost
        seen = one.refunds[self.keys[call.key]]
        return Succeeded(external_id=seen.external_id, seen=seen)

    async def _write(self, what: str, call: Call[ConnectionSettings], number: str, do: Callable[[], There]) -> Outcome:
        self.calls.append(f"{what} {number}")
        lie = self.lies.popleft() if self.lies else None
        await asyncio.sleep(0)
        if (refused := self._before(lie)) is not None:
            return refused
        if self.repeat is not Repeat.IDEMPOTENT or call.key not in self.keys:
            self.keys[call.key] = do().id
        if (lost := self._after(lie)) is not None:
            return lost
        one = self.there[self.keys[call.key]]
        return Succeeded(external_id=one.id, seen=self.shown(one))

    def _before(self, lie: str | None) -> Outcome | None:
        if lie == "down":
            raise NotSent("connection refused")
        if lie == "cut_before":
            raise MaybeSent("timeout")
        if lie == "busy":
            return Retry(code="busy", message="later", outage=False)
        return None

    def _after(self, lie: str | None) -> Outcome | None:
        if lie == "cut_after":
            raise MaybeSent("timeout")
        return Unclear(code="500", message="nobody knows") if lie == "unclear" else None

    # Questions

    async def find(self, command: MoneyCommand, call: Call[ConnectionSettings]) -> Outcome | None:
        self.calls.append(f"find {command.number}")
        if isinstance(command, RefundPayment):
            refunds = self.there[command.external_id].refunds.values()
            mine = next((it for it in refunds if it.number == command.number), None)
            return Succeeded(external_id=mine.external_id, seen=mine, already=True) if mine is not None else None
        seen = await self.read(Which(number=command.number), call)
        return Succeeded(external_id=seen.external_id, seen=seen, already=True) if seen is not None else None

    async def read(self, which: Which, call: Call[ConnectionSettings]) -> PaymentSeen | None:
        self.calls.append(f"read {which.external_id or which.number}")
        await asyncio.sleep(0)
        if self.lies and self.lies[0] in ("down_read",):
            self.lies.popleft()
            raise NotSent("connection refused")
        if self.old:
            return self.old.popleft()
        found = [
            one for one in self.there.values()
            if which.external_id == one.id or (which.external_id is None and which.number == one.number)
        ]  # fmt: skip
        shown = [one for one in found if (self.now() - one.at).total_seconds() >= self.lag]
        return self.shown(shown[-1]) if shown else None

    async def list(
        self, first: datetime, until: datetime, cursor: str | None, call: Call[ConnectionSettings]
    ) -> SeenPage:
        return SeenPage(tuple(self.shown(one) for one in self.there.values() if first <= one.at < until))

    def shown(self, one: There) -> PaymentSeen:
        waits = one.state is SeenState.WAITS
        return PaymentSeen(
            external_id=one.id, number=one.number, state=one.state, amount=one.amount, why=one.why,
            url=f"https://{self.name}.example/{one.id}" if waits else None, refunds=tuple(one.refunds.values()),
            test=self.test, method="bank_card",
            saved=SavedMethod(token=f"tok-{one.id}", title="*4444") if self.saves else None,
            created_at=one.at,
            ends_at=one.at + self.holds_for if self.holds_for and one.state is SeenState.HELD else None,
            captured_at=self.now() + self.clock_is_off if self.clock_is_off is not None else None,
        )  # fmt: skip

    def _make(self, number: str, amount: Money, state: SeenState = SeenState.WAITS) -> There:
        one = There(f"{self.name}-{len(self.there) + 1}", number, amount, state, self.now())
        self.there[one.id] = one
        return one


def known(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a vendor of the registry, under its name, for as long as a test lasts."""

    def manifests(vendor: str) -> Manifest[Any]:
        return provider.manifest if vendor == provider.name else load_manifest(vendor)

    for place in ("svyazka.connectors.registry", "svyazka.tenantfile.connections"):
        monkeypatch.setattr(f"{place}.load_manifest", manifests)
        monkeypatch.setattr(f"{place}.VENDORS", (*VENDORS, provider.name))
