"""What the scenes have to do with: the stand-ins, who is connected to them, and what has happened so far."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from simulators.chassis import Fault, Simulator

Look = Callable[[str, str], Awaitable[None]]
"""Lets the hub look at a connection now, which it else does every few minutes: the tenant's id, the connection."""

NAMES = ("Анна", "Иван", "Мария", "Пётр", "Ольга", "Тимур", "Вера", "Олег")
REMEMBERED = 40
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection that leads to a stand-in."""

    tenant: str
    business: str
    connection: str
    vendor: str


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a person made happen here."""

    at: float
    text: str
    """For the catalogue, with gaps."""
    values: Mapping[str, object] = field(default_factory=dict)
    story: str | None = None
    """The event that it became, as the hub answered."""
    events_of: Connected | None = None
    """Where its event will be seen, when the hub finds it by itself."""
    payment: str | None = None
    """The payment that it is about."""
    link: str | None = None
    """Where it can be paid by hand."""


@dataclass
class World:
    """Everything on the page."""

    simulators: Mapping[str, Simulator]
    look: Look
    connected: Sequence[Connected] = ()
    console: str | None = None
    """Where the console is served."""
    url: str = ""
    """Where the stand-ins are."""
    deeds: deque[Deed] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    down: dict[str, float] = field(default_factory=dict)
    """Vendors that a person has put down, and when they come back."""
    clicked_at: float = 0.0
    """When the last button was pressed: what comes of it comes later."""
    broke: bool = False
    """Whether there is no money left at the SMS gateway."""
    chance: random.Random = field(default_factory=random.Random)
    _going: set[asyncio.Task[None]] = field(default_factory=set)
    _faults: dict[str, Fault] = field(default_factory=dict)

    def of(self, vendor: str) -> Sequence[Connected]:
        return [one for one in self.connected if one.vendor == vendor]

    def did(self, text: str, story: str | None = None, events_of: Connected | None = None, **values: object) -> None:
        self.deeds.appendleft(Deed(self.clicked_at, text, values, story, events_of))

    def guest_did(self, text: str, payment: str, link: str | None = None, **values: object) -> None:
        """What a guest did about a payment: of now, for its click may be long ago."""
        self.deeds.appendleft(Deed(time.time(), text, values, payment=payment, link=link))

    def goes_on(self, work: Coroutine[Any, Any, None]) -> None:
        """What takes a while goes on after the click was answered."""
        task = asyncio.get_running_loop().create_task(work)
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    def somebody(self) -> tuple[str, str]:
        """A person's name and phone."""
        return self.chance.choice(NAMES), f"+7999{self.chance.randrange(10**7):07d}"

    async def tell(self, vendor: str, control: str, content: object) -> Any:
        """Tell a stand-in something, as `curl` would; its answer."""
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            answer = await client.post(f"{self.url}/_sim/{vendor}/{control}", json=content)
            answer.raise_for_status()
            return answer.json()

    def put_down(self, vendor: str, fault: Fault) -> None:
        """From now on it answers nobody, for an hour."""
        self.lift(vendor)
        self._faults[vendor] = fault
        self.simulators[vendor].faults.append(fault)
        self.down[vendor] = time.time() + HOUR

    def lift(self, vendor: str) -> None:
        """It answers again."""
        fault = self._faults.pop(vendor, None)
        self.down.pop(vendor, None)
        faults = self.simulators[vendor].faults
        if fault in faults:
            faults.remove(fault)

    def pass_time(self) -> None:
        """Whatever was down for long enough is up."""
        for vendor, until in list(self.down.items()):
            if time.time() >= until:
                self.lift(vendor)

    def story_since(self, vendor: str, sent: int) -> str | None:
        """The event that the hub made of a webhook sent since."""
        for hook in self.simulators[vendor].hooks_sent[sent:]:
            events = _json(hook["answer"]).get("events") or []
            if events and isinstance(events[0], dict):
                return str(events[0].get("id", "")) or None
        return None


def _json(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
