"""What descriptions of vendors share: guests, a connection's settings, webhooks, how a stand-in is spoken to."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from simulators.serve import Running
from svyazka.engine.ports.clock import Clock

if TYPE_CHECKING:
    from matrix.hub import Machine


SAMPLES = Path(__file__).parents[2] / "samples"


NAME = "Иван"


JSON, FORM = "application/json", "application/x-www-form-urlencoded; charset=UTF-8"


UNHURRIED = {"limit": {"per_second": 500, "per_minute": 30_000, "concurrency": 1}}
"""No rate in the way, and one call at a time: then no more than one is ever lost with a process."""


AT_ONCE = 100_000


HOOK_URL = "https://hub.example.org/webhook?key=k3y-of-the-kit"
"""Where we hear, as a doctor or a watchdog is told."""


WRONG = "00000000-no-such-key-0000"
"""A credential that nobody gave."""


LATE = 7.0
"""Seconds: longer than a lease of 3 s and its grace."""


T = TypeVar("T")


Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Guest:
    """The n-th person: whom a source tells of, by all that it may know of that person."""

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
        """Where a messenger that `reaches` phones, e-mails or a vendor's chats finds this person."""
        return {"phone": self.phone, "email": self.email}.get(reaches, self.chat)


@dataclass(frozen=True)
class Part:
    """A vendor and its connection: settings, and credentials by their settings' names."""

    vendor: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> dict[str, Any]:
        """The settings as a tenant file has them."""
        return {**self.settings, **{name: {"secret": f"{self.vendor}-{name}"} for name in self.secrets}}

    def vault(self) -> dict[str, str]:
        """The secrets by the names that the tenant file gives them."""
        return {f"{self.vendor}-{name}": value for name, value in self.secrets.items()}


@dataclass(frozen=True)
class Webhook:
    """One call of a vendor's."""

    body: bytes
    headers: Mapping[str, str]
    path: str = ""
    """What is added to our address, where it tells so what it tells."""


def json_hook(content: object, **headers: str) -> Webhook:
    """A webhook of JSON."""
    return Webhook(json.dumps(content, ensure_ascii=False).encode(), {"Content-Type": JSON, **headers})


def taken_by(vendor: str, written: Callable[[str], str] = str) -> Callable[[Running], Counter[str]]:
    """Who got how many; `written`: an address as the vendor has it -> as we have it."""

    def taken(running: Running) -> Counter[str]:
        found = [effect["to"] for effect in running.of(vendor).effects if effect["kind"] == "message"]
        return Counter(map(written, found))

    return taken


def plus(number: str) -> str:
    """A phone as we have it."""
    return f"+{number.lstrip('+')}"


def business(clock: Clock) -> Callable[[], float]:
    """The vendor's clock is ours."""
    return lambda: clock.now().timestamp()


def answers(vendor: str, path: str, status: int) -> Callable[[Machine, bool], Awaitable[None]]:
    """A scripted answer to every call of a path, while it is down."""

    async def down(machine: Machine, is_down: bool) -> None:
        machine.vendors.of(vendor).faults.clear()
        if is_down:
            machine.vendors.fault(vendor, kind="answer", path=path, status=status, times=-1)

    return down


def told(running: Running, do: Callable[[], T]) -> T:
    """Do something to the stand-ins between two of their requests."""

    async def doing() -> T:
        return do()

    return asyncio.run_coroutine_threadsafe(doing(), running.loop).result(10)
