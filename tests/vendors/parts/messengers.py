"""A vendor that we send through, or hand events on to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulators.serve import Running
from svyazka.engine.contracts.failures import Case
from svyazka.engine.ports.clock import Clock
from svyazka.model.commands import Repeat
from vendors.parts.base import Guest, Part, answers

if TYPE_CHECKING:
    from matrix.hub import Machine


@dataclass(frozen=True)
class Stage:
    """Where a messenger's stand-in finds itself in a chaos run."""

    running: Running
    hook: str
    """Where its receipts go."""
    clock: Clock
    """Business time, which the vendor shares."""
    guests: Sequence[Guest]
    early: bool = True
    """Receipts come at once, also before the claim of whoever was lost is over: the patience with such ones runs in
    business time."""


async def nothing_to_refuse(machine: Machine) -> None:
    """The stand-in needs no help."""


@dataclass(frozen=True, kw_only=True)
class Messenger(Part):
    """A vendor that we send through."""

    repeat: Repeat
    """IDEMPOTENT and CHECKABLE: nothing stays `unknown`. UNSAFE: what is ambiguous does, until a receipt or a person
    settles it."""
    sent: Callable[[Running], Counter[str]]
    """Address -> how many messages the vendor really took."""
    begin: Callable[[Stage], None]
    """Opens the stand-in to these guests, and lets it tell what becomes of their messages."""
    open: Callable[[Running, Sequence[Guest]], None] = lambda running, guests: None
    """Opens it to them, and no more."""
    has_receipts: bool = True
    reaches: str = "phone"
    flow: str = "review_request"
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of that flow."""
    text: str | None = None
    """What it sends where that isn't the flow's own text."""
    backed_by: str | None = None
    """The vendor of the channel that its flow must name after it: that it took a message proves little."""
    sending: str
    """Path of the call that sends, for faults."""
    refuse: Callable[[Machine], Awaitable[None]] = nothing_to_refuse
    """Makes it refuse every message for good."""
    down: Callable[[Machine, bool], Awaitable[None]]
    """Makes it answer "not now" to everything, or puts an end to that."""
    receipt: Callable[[Machine, str, bool], Awaitable[None]] | None = None
    """Lets it say whether a message, by its id, has arrived or never will."""
    bounces_late: bool = False
    """What it delivered may come back after all: its last word counts."""
    says: Callable[[Case], Iterable[tuple[int, object]]] = lambda case: ()
    """The answers, status and body, by which it says a case of its failure map."""
    changed: Mapping[Case, Mapping[str, object]] = field(default_factory=dict)
    """What it makes of a row of that map by what the table can't know: changes of the outcome."""
    spellings: Mapping[str, str | None] = field(default_factory=dict)
    """Chats as people write them -> the address, or None for what is none."""
    pages_of_others: bool = False
    """It can tell by an answer's content type that somebody else gave it: then nothing was taken."""
    buttons: Callable[[Running], Sequence[tuple[str, str | None]]] | None = None
    """Of the last message that it took, where it shows any: what stands on each, and what it stands for; None for one
    that asks for the phone."""
    pressed: Callable[[str], object] | None = None
    """What it tells us of a button that stands for this."""

    @property
    def proves_little(self) -> bool:
        return self.backed_by is not None


@dataclass(frozen=True, kw_only=True)
class Forwarder(Part):
    """A vendor that events are handed on to."""

    repeat: Repeat
    taken: Callable[[Running], Sequence[tuple[str, Any]]]
    """Type and content of each event that it has really taken."""
    sending: str
    """Path of the call that hands one on, for faults."""
    says: Callable[[Case], Iterable[tuple[int, object]]] = lambda case: ((case.status or 400, {}),)
    """The answers, status and body, by which it says a case of its failure map."""
    changed: Mapping[Case, Mapping[str, object]] = field(default_factory=dict)
    """What it makes of a row of that map by what the table can't know: changes of the outcome."""
    by_status: bool = False
    """Whatever its answers hold, only their status counts: it is no vendor with an API of its own."""

    def as_messenger(self) -> Messenger:
        """Whom chaos counts events at, by the phone that stands in them."""

        def sent(running: Running) -> Counter[str]:
            return Counter(content["contact"]["phone"] for _, content in self.taken(running))

        return Messenger(
            self.vendor, self.settings, self.secrets, repeat=self.repeat, sent=sent, begin=lambda stage: None,
            has_receipts=False, flow="forward", sending=self.sending, down=answers(self.vendor, self.sending, 503),
        )  # fmt: skip
