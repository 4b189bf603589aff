"""A vendor that can be asked, and how it lets us in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulators.serve import Running
from svyazka.engine.contracts.failures import Case
from svyazka.engine.contracts.oauth import TokenError
from svyazka.model.events import Entity, Fact
from vendors.parts.base import Part, Webhook

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call


@dataclass(frozen=True, kw_only=True)
class Question:
    """One kind of question, and how the vendor's refusals of it are spelled."""

    path: str
    """Of its call, for faults."""
    ask: Callable[[Call[Any]], Awaitable[object]]
    says: Callable[[Case], Iterable[tuple[int, object]]] = lambda case: ()
    """The answers, status and body, by which it says a case of the failure map; none for a case of another question."""
    changed: Mapping[Case, Mapping[str, object]] = field(default_factory=dict)
    """What is made of a row by what the table can't know: changes of the outcome."""
    waits_in_the_body: bool = False
    """A wait that it asks for doesn't stand in `Retry-After`."""
    bodiless: frozenset[int] = frozenset()
    """Statuses with which the vendor itself sends a page."""
    drifts: bool = False
    """Nothing is promised of its answers: one without what was asked for means that somebody has to look."""


def ready_at_once(running: Running, now: datetime) -> None:
    """The stand-in needs no help."""


def nothing_happens(running: Running, now: datetime) -> Sequence[Webhook | Entity | Fact]:
    """Nothing of it is polled or read."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Asked(Part):
    """A vendor that can be asked, with access."""

    entity: Entity | None = None
    """An object that may be asked for, there or not."""
    questions: Sequence[Question] = ()
    """One of each product, or protocol, that has a spelling of its own."""
    begin: Callable[[Running, datetime], None] = ready_at_once
    """Opens the stand-in, as of a time."""
    happens: Callable[[Running, datetime], Sequence[Webhook | Entity | Fact]] = nothing_happens
    """Lets something happen at a time, of which a poll has to learn; the webhooks that would tell of it, the objects of
    a vendor that sends none, or the facts themselves where nothing else tells of them."""
    told_once: bool = False
    """Trouble with a look that somebody has to mend is told as a fact: the connection does more than that."""
    made_is_changed: bool = False
    """What was made and what was changed are told apart by its webhooks only."""
    lacking: Mapping[str, object] | None = None
    """Settings with which nobody is asked; None: those without the secrets."""
    wrong: Mapping[str, str] = field(default_factory=dict)
    """Credentials that nobody gave, where they have a form of their own."""
    polling: str = "*"
    """Paths of the calls by which a look asks what was missed."""
    signing_in: str = ""
    """Path of the call that gives a token for its credentials, where it keeps one: its first question wants it."""


@dataclass(frozen=True, kw_only=True)
class OAuth(Part):
    """A vendor that lets us in by OAuth, with an integration's settings; its owner agrees at the stand-in's page."""

    others: Sequence[Mapping[str, str]]
    """What a redirect from another account, or for another integration, says in place of what ours says."""
    says: Callable[[TokenError], tuple[int, object]]
    """Status and body by which it says a row of its table of refusals."""
