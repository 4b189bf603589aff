"""What a chaos run is made of: sources that call us and messengers that we call, each over its stand-in.

`sources.py` and `messengers.py` hold one of each vendor; everything else of the suite is written once for all of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from simulators.serve import Running
from svyazka.engine.ports.clock import Clock
from svyazka.model.commands import Repeat

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from svyazka.engine.hub import Hub
    from svyazka.engine.tenants.directory import Account

SAMPLES = Path(__file__).parents[1] / "samples"
NAME = "Иван"
UNHURRIED = {"limit": {"per_second": 500, "concurrency": 1}}
"""No rate in the way, and one call at a time: then no more than one is ever lost with a process."""

T = TypeVar("T")


@dataclass(frozen=True)
class Guest:
    """The n-th person: whom a source tells of, by all that it may know of him."""

    number: int

    @property
    def phone(self) -> str:
        return f"+7999{self.number:07d}"

    @property
    def email(self) -> str:
        return f"guest{self.number}@example.test"

    @property
    def chat(self) -> str:
        return str(5_000_000_000 + self.number)

    def address(self, reaches: str) -> str:
        """Where a messenger that `reaches` phones, e-mails or a vendor's chats finds him."""
        return {"phone": self.phone, "email": self.email}.get(reaches, self.chat)


@dataclass(frozen=True)
class Webhook:
    """One call of a vendor's."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Part:
    """A vendor and its connection."""

    vendor: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]


@dataclass(frozen=True)
class Source(Part):
    """A vendor that tells of something done: each webhook is of another subject, about a person of his own."""

    webhook: Callable[[Running, Guest], Webhook]
    """Lets it happen at the stand-in, which is asked again where the connection has access; what it would send."""
    tells: frozenset[str] = frozenset({"phone"})
    """Which addresses of a person its events bring."""
    must_ask: bool = False
    """Its webhooks name nobody: who it was is read from the vendor, which a flow that passes them on doesn't do."""
    begin: Callable[[Running], None] = lambda running: None
    """Make the stand-in ready: nobody waits for its rates here."""
    authorise: Callable[[Running, Hub, Account], Awaitable[None]] | None = None
    """What an owner does at its pages, where access is by OAuth."""


@dataclass(frozen=True)
class Stage:
    """Where a messenger's stand-in finds itself."""

    running: Running
    hook: str
    """Where its receipts go."""
    clock: Clock
    """Business time, which the vendor shares."""
    guests: Sequence[Guest]
    early: bool = True
    """Receipts come at once, also before the claim of whoever was lost is over: the patience with such ones runs in
    business time."""


@dataclass(frozen=True)
class Messenger(Part):
    """A vendor that we send through."""

    repeat: Repeat
    """IDEMPOTENT and CHECKABLE: nothing stays `unknown`. UNSAFE: what is ambiguous does, until a receipt or a person
    settles it."""
    sent: Callable[[Running], Counter[str]]
    """Address -> how many messages the vendor really took."""
    begin: Callable[[Stage], None]
    has_receipts: bool = True
    reaches: str = "phone"
    flow: str = "review_request"
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of that flow."""
    backed_by: str | None = None
    """The vendor of the channel that its flow must name after it."""


def told(running: Running, do: Callable[[], T]) -> T:
    """Do something to the stand-ins between two of their requests."""

    async def doing() -> T:
        return do()

    return asyncio.run_coroutine_threadsafe(doing(), running.loop).result(10)
