"""A vendor that takes payments, shows tables' checks, or registers fiscal receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from simulators.serve import Running
from simulators.till import Till
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from svyazka.model.seen import Decline
from vendors.parts.base import Part, Webhook


def books(running: Running, vendor: str) -> Till:
    """A stand-in's own books."""
    till: Till = running.of(vendor).till
    return till


@dataclass(frozen=True, kw_only=True)
class Provider(Part):
    """A vendor that takes payments. What came and went is counted at its stand-in's till."""

    repeat: Repeat
    """How safely a link, a charge, a refund may be repeated."""
    writes: Mapping[str, tuple[str, str]]
    """What is done -> method and path of the call, for faults: `link`, `refund`, and what else it can (`charge`,
    `capture`, `cancel`)."""
    reading: tuple[str, str]
    """The same of the call by which one payment is read."""
    told: Callable[[Running, str], Webhook]
    """What it would tell now of the payment of that number (or of its newest refund, where it tells of those)."""
    forged: Callable[[Running, str], Sequence[Webhook]]
    """What somebody else might send who says that it was paid: each as near to the real one as can be got without its
    secrets."""
    begin: Callable[[Running], None] = lambda running: None
    """No rates in the way."""
    shows_links: bool = True
    """A link whose answer never came is found again with its address; else there is another, or the same once more."""
    shows_unpaid: bool = True
    """A link that nobody has paid is shown, and one that came to nothing is over."""
    shows_refunds: bool = True
    """What becomes of a refund that waits is told, also that it isn't carried out."""
    tells_refunds: bool = True
    """It tells of a refund that was made in its cabinet; else that is learnt where its payment is looked at."""
    shows_last_refund: bool = False
    """Of several refunds only the last is shown."""
    declines: Mapping[str, Decline] = field(default_factory=dict)
    """Its codes of why no money came -> what we make of them."""
    testing: Mapping[bool, Mapping[str, str]] = field(default_factory=dict)
    """Credentials by which a shop for play is told from one for money, where they are told apart."""
    says: Callable[[Case], Iterable[tuple[int, object]]] = lambda case: ()
    """The answers, status and body, by which it says a case of its failure map."""
    changed: Mapping[Case, Mapping[str, object]] = field(default_factory=dict)
    """What is made of a row by what the table can't know: changes of the outcome."""


@dataclass(frozen=True)
class Dish:
    """A line of a check, as guests order it."""

    name: str
    price: float
    amount: float = 1


@dataclass(frozen=True)
class CheckThere:
    """A check as its stand-in's till holds it."""

    paid: Sequence[float]
    """Payments that were noted, each."""
    closed: int
    """How often it was closed."""


@dataclass(frozen=True, kw_only=True)
class Tables(Part):
    """A vendor whose tills show tables' checks. The waiter's work is done at its stand-in."""

    opens: Callable[[Running, str, Sequence[Dish]], str]
    """A table's guests order; the check's id."""
    orders: Callable[[Running, str, Sequence[Dish], float], None]
    """The check consists of these dishes now; so much is taken off it (put on, where negative)."""
    there: Callable[[Running, str], CheckThere]
    closes: Callable[[Running, str], None]
    """The waiter closes it himself."""
    busy: Callable[[Running, str, bool], None]
    """The waiter has it open on a screen, so that the till lets nobody else change it; or not any more."""
    says_busy: bool = True
    """That a waiter has it open is told by a code of its own; else it is any refusal, and nothing is tried again."""
    paying: Mapping[str, str]
    """The call that notes a payment, for faults: path, and words of its body."""
    closing: Mapping[str, str]
    reading: Mapping[str, str]
    """The call by which a check is read before anything is written."""


@dataclass(frozen=True, kw_only=True)
class Fiscaliser(Part):
    """A vendor that registers fiscal receipts for money that others take. Its stand-in has `documents` by number (each
    with `operation` and `total`), `printed()`, `kopecks(operation)`, `ends` (how each further one ends) and `lag`."""

    repeat: Repeat
    register: tuple[str, str]
    """Method and path of the call that registers one, for faults."""
    reading: tuple[str, str]
    """The same of the call by which a report is read."""
    told: Callable[[Running, str], Webhook]
    """What it would tell now of the document of that number."""
    begin: Callable[[Running], None] = lambda running: None
    """No rates in the way."""
    passing: tuple[str, int] = ("timeout", 1)
    """An end that is the till's trouble."""
    lasting: tuple[str, int] = ("agent", 2009)
    """An end that somebody has to see to."""
    says: Callable[[Case], Iterable[tuple[int, object]]] = lambda case: ()
    """The answers, status and body, by which it says a case of its failure map."""
    changed: Mapping[Case, Mapping[str, object]] = field(default_factory=dict)
    """What is made of a row by what the table can't know: changes of the outcome."""
