"""A fiscaliser in memory that tells every lie: it takes what it doesn't answer, prints late, fails as its till does,
and shows nothing for a while."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.receipts import Receipts
from svyazka.engine.contracts.manifest import Limits, Manifest
from svyazka.model.commands import Safety
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Outcome, Retry, Succeeded, Unclear
from svyazka.model.receipts import ReceiptKind, RegisterReceipt
from svyazka.model.seen import Fiscal, ReceiptSeen, Shown
from svyazka.model.tenants import ConnectionSettings

LIES = ("down", "cut_before", "cut_after", "busy", "unclear")


@dataclass
class Paper:
    """One document there."""

    id: str
    command: RegisterReceipt
    at: datetime
    fails: bool = False


@dataclass
class FakeFiscaliser(Receipts[ConnectionSettings]):
    """`lies`: what befalls each further call that registers. `silent`: of further reads, so many answer nothing.
    `lag`: seconds till a document is printed. `ends`: whether each further document fails by the till's trouble."""

    now: Callable[[], datetime]
    name: str = "fiscal"
    kinds = frozenset(ReceiptKind)
    kept_days = None
    lies: deque[str | None] = field(default_factory=deque)
    ends: deque[bool] = field(default_factory=deque)
    silent: int = 0
    lag: float = 0.0
    papers: dict[str, Paper] = field(default_factory=dict)
    """By number."""

    @property
    def manifest(self) -> Manifest[ConnectionSettings]:
        return Manifest(vendor=self.name, settings=ConnectionSettings, limits=Limits(1e9, 16), receipts=self)

    def printed(self) -> list[RegisterReceipt]:
        return [one.command for one in self.papers.values() if not one.fails]

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    def safety(self, command: RegisterReceipt) -> Safety:
        return Safety.idempotent()

    async def register(self, command: RegisterReceipt, call: Call[ConnectionSettings]) -> Outcome:
        lie = self.lies.popleft() if self.lies else None
        await asyncio.sleep(0)
        if lie == "down":
            raise NotSent("connection refused")
        if lie == "cut_before":
            raise MaybeSent("timeout")
        if lie == "busy":
            return Retry(code="busy", message="later", outage=False)
        if command.number not in self.papers:
            fails = self.ends.popleft() if self.ends else False
            self.papers[command.number] = Paper(f"doc-{len(self.papers) + 1}", command, self.now(), fails)
        if lie == "cut_after":
            raise MaybeSent("timeout")
        if lie == "unclear":
            return Unclear(code="500", message="nobody knows")
        id_ = self.papers[command.number].id
        return Succeeded(external_id=id_, seen=ReceiptSeen(external_id=id_, number=command.number, state=Shown.WAITS))

    async def find(self, command: RegisterReceipt, call: Call[ConnectionSettings]) -> Outcome | None:
        return None

    async def read(self, external_id: str, call: Call[ConnectionSettings]) -> ReceiptSeen | None:
        await asyncio.sleep(0)
        if self.silent:
            self.silent -= 1
            raise NotSent("connection refused")
        paper = next((one for one in self.papers.values() if one.id == external_id), None)
        if paper is None:
            return None
        shown = {"external_id": external_id, "number": paper.command.number}
        if (self.now() - paper.at).total_seconds() < self.lag:
            return ReceiptSeen(**shown, state=Shown.WAITS)
        if paper.fails:
            return ReceiptSeen(**shown, state=Shown.OVER, again=True, code="timeout_1")
        fiscal = Fiscal(storage="9999078900001234", document=external_id, sign="1", at=paper.at)
        return ReceiptSeen(**shown, state=Shown.DONE, amount=paper.command.amount, fiscal=fiscal)
