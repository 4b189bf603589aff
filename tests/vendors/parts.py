"""What the tests know of a vendor: how it speaks, what it takes, how it fails. One description each, read by the kits,
the matrix of sources and channels, and chaos."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from simulators.serve import Running
from simulators.till import Till
from svyazka.engine.contracts.failures import Case
from svyazka.engine.contracts.oauth import TokenError
from svyazka.engine.contracts.webhook import Inbound, RawRequest
from svyazka.engine.ports.clock import Clock
from svyazka.model.bookings import VisitStatus
from svyazka.model.commands import Repeat
from svyazka.model.events import Entity, Fact
from svyazka.model.records import RecordKind, Value
from svyazka.model.seen import Decline

if TYPE_CHECKING:
    from matrix.hub import Machine
    from svyazka.engine.contracts.calls import Call
    from svyazka.engine.hub import Hub
    from svyazka.engine.tenants.directory import Account

SAMPLES = Path(__file__).parents[1] / "samples"
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


# The way in


def request_of(path: Path) -> RawRequest:
    """A sample as a request: `.http` holds a whole one, any other is the body of one."""
    content = path.read_bytes()
    if path.suffix != ".http":
        kind = FORM if path.suffix == ".form" else JSON
        return RawRequest("POST", "/hook", b"", [(b"content-type", kind.encode())], content)
    separator = b"\r\n\r\n" if b"\r\n\r\n" in content else b"\n\n"
    head, _, body = content.partition(separator)
    first, *lines = head.decode().splitlines()
    method, url, _ = first.split()
    named = (line.partition(": ") for line in lines)
    headers = [(name.lower().encode(), value.encode()) for name, _, value in named]
    return RawRequest(method, url.partition("?")[0], url.partition("?")[2].encode(), headers, body)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How a vendor's requests are known to be its own."""

    secrets: Mapping[str, str]
    headers: Callable[[bytes, Mapping[str, str]], Mapping[str, str]] | None = None
    """The headers that prove a body, by these secrets; None where its proof stands in the body itself."""
    of_the_body: bool = True
    """They are of these very bytes; False: a token that is the same for all."""
    demanded: bool = True
    """Without its secret a connection lets nobody in."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What a vendor's webhooks look like."""

    samples: str = ""
    """Its folder of samples."""
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Each sample of a webhook -> what it says: type, subject, what it lacks, and why nobody acts on it."""
    others: Sequence[str] = ()
    """Patterns of the samples that are no webhooks."""
    bodies: Sequence[object] = ()
    """Further contents that look like its own."""
    public: Sequence[Mapping[str, Any]] = ({},)
    """Settings under which any body must be read; the samples are read under the first."""
    proof: Proof | None = None
    content_type: str = JSON
    may_be_empty: bool = False
    """An object of its may hold nothing at all."""
    modules: frozenset[str] = frozenset()
    """Modules of the connector's folder that its webhook loads beside `webhook` and `schema`: none calls anybody."""

    @property
    def folder(self) -> Path:
        return SAMPLES / self.samples

    def signed(self, body: bytes) -> Mapping[str, str]:
        """The headers by which a body is known to be its own."""
        return self.proof.headers(body, self.proof.secrets) if self.proof and self.proof.headers else {}

    @cached_property
    def requests(self) -> Mapping[str, RawRequest]:
        """Each sample of a webhook as the request that it is."""
        return {name: request_of(self.folder / name) for name in self.told}

    def inbound(self, number: int = 0, **more: Any) -> Inbound:
        """A connection's settings and secrets."""
        return Inbound(self.public[number], dict(self.proof.secrets) if self.proof else {}, **more)


# What it tells


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


@dataclass(frozen=True)
class Source(Part):
    """A vendor that tells of something done: each webhook is of another subject, about a person of its own."""

    webhook: Callable[[Running, Guest], Webhook] = field(kw_only=True)
    """Lets it happen at the stand-in, which is asked again where the connection has access; what it would send."""
    tells: frozenset[str] = frozenset({"phone"})
    """Which addresses of a person its events bring."""
    must_ask: bool = False
    """Its webhooks name nobody: who it was is read from the vendor, which a flow that passes them on doesn't do."""
    begin: Callable[[Running], None] = lambda running: None
    """Make the stand-in ready: nobody waits for its rates here."""
    authorise: Callable[[Running, Hub, Account], Awaitable[None]] | None = None
    """What an owner does at its pages, where access is by OAuth."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a source tells of: what stands in the message and where it may go."""

    name: str | None = None
    email: str | None = None
    phone: str | None = "79991234567"


@dataclass(frozen=True, slots=True)
class Body:
    """What a webhook holds."""

    content: bytes
    content_type: str = JSON


def sample(path: str) -> Body:
    """A vendor's own body."""
    return Body((SAMPLES / path).read_bytes(), FORM if path.endswith(".form") else JSON)


def body(content: object) -> Body:
    """A body of JSON."""
    return Body(json.dumps(content, ensure_ascii=False).encode())


async def _nothing(machine: Machine) -> None:
    """The stand-in knows nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Done(Part):
    """Something that is done at a vendor, with or without credentials for reading again what its webhook told."""

    name: str
    now: str
    """When the webhook comes."""
    done: Body
    person: Person | None
    """Whom the message goes to; None where nobody's address is known."""
    not_done: Mapping[str, Body] = field(default_factory=dict)
    put: Callable[[Machine], Awaitable[None]] = _nothing
    """Lets the stand-in hold what the webhook told."""
    unsaid: Callable[[Machine], Awaitable[None]] | None = None
    """Lets it hold that it isn't done."""
    brief: Mapping[str, Any] | None = None
    """The body that the brief sends; None: the brief sends none of this kind."""
    brief_put: Callable[[Machine], Awaitable[None]] | None = None
    """Lets the stand-in hold what the brief's body names, where that has an id."""
    shown: Mapping[str, tuple[Body, Person]] = field(default_factory=dict)
    """Further payloads that the brief shows."""

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(self.now)


# What it takes


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


# What events are handed on to


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


# What can be booked


@dataclass(frozen=True, slots=True)
class There:
    """A visit as the vendor itself holds it."""

    id: str
    clock: datetime
    """On the wall of the place."""
    staff: str
    mark: str
    """Where our mark stands; all of that field."""


@dataclass(frozen=True, kw_only=True)
class Calendar(Part):
    """A vendor whose calendar is booked in."""

    service: str
    staff: str
    other_staff: str
    begin: Callable[[Running], None]
    """No rates in the way."""
    offer: Callable[[Running, str, Mapping[str, Sequence[str]]], None]
    """Sets the zone of the place, and which times a day has: `{"2026-10-05": ["12:00"]}`. Other days have their usual
    ones."""
    visits: Callable[[Running], Sequence[There]]
    """Those that aren't cancelled."""
    empty: Callable[[Running], None]
    """Nothing can be booked, and nobody."""
    booking: str
    """Path of the call that books, for faults."""
    moving: str
    cancelling: str
    reading: str
    """Path of the call that shows free times."""
    says: Callable[[Case], Iterable[tuple[int, object]]]
    """The answers, status and body, by which it says a case of its failure map."""
    sees_only_its_own: bool = False
    """A visit that we haven't booked can't be read: it is refused, and never taken for gone."""
    own_pages: frozenset[int] = frozenset()
    """Statuses whose pages are the vendor's own, for pages are what is called: somebody has to look, at once."""
    wants_code: Callable[[Running], None] | None = None
    """Has phones confirmed from now on; the code is `code`."""
    code: str = ""
    coded: Mapping[str, Any] = field(default_factory=dict)
    """Settings under which that is known."""


@dataclass(frozen=True, kw_only=True)
class Journal(Part):
    """A vendor whose visits are kept in step with other systems."""

    begin: Callable[[Running, datetime], None]
    """It is that time there."""
    book: Callable[[Running, datetime, str], str]
    """Somebody comes at that clock, for an hour, by that phone; the visit's id."""
    move: Callable[[Running, str, datetime], None]
    """The administrator moves a visit."""
    says: Mapping[VisitStatus, Callable[[Running, str], None]]
    """What the administrator can say of one."""
    drop: Callable[[Running, str], None]
    """It isn't shown any more."""
    writes: Callable[[Running], int]
    """Changes that were made through its API."""
    first: VisitStatus = VisitStatus.BOOKED
    """Where one stands that the administrator has just booked."""


# What it is asked


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


# How it lets us in


@dataclass(frozen=True, kw_only=True)
class OAuth(Part):
    """A vendor that lets us in by OAuth, with an integration's settings; its owner agrees at the stand-in's page."""

    others: Sequence[Mapping[str, str]]
    """What a redirect from another account, or for another integration, says in place of what ours says."""
    says: Callable[[TokenError], tuple[int, object]]
    """Status and body by which it says a row of its table of refusals."""


# What it keeps


@dataclass(frozen=True, kw_only=True)
class Crm(Part):
    """A vendor that keeps people, companies and deals."""

    open: Callable[[Running], None]
    """Opens the stand-in to these credentials, makes the fields that the settings name, and takes its rate away."""
    person: Callable[[Running, Mapping[str, Any]], str]
    """A person's card as somebody at the business has made it (`name`, `phones`, `emails`, the chat, and a `comment`
    that no search may take for a phone); its id."""
    done: Callable[[Running], Counter[str]]
    """What was written so far: `create contact`, `update deal`, `link deal`, `note deal`, `task deal` -> how often."""
    lag: Callable[[Running, float], None]
    """Lets its search be behind by so many seconds."""
    hide: Callable[[Running, RecordKind, str], None]
    """Takes away the right to see a field, by our name."""
    remove: Callable[[Running, RecordKind, str], None]
    """Somebody at the business removes a card."""
    writes: Mapping[str, tuple[str, str]]
    """What is written -> method and path of the call, for faults: `contact`, `company`, `deal`, `note`, `task`."""
    reads: tuple[str, str]
    """The same of the call by which a contact is searched."""
    fields: Mapping[RecordKind, Mapping[str, Value]]
    """A value for every kind of field that a card has, as we write it and read it again."""
    optional: Mapping[RecordKind, str]
    """A field that may be emptied and hidden."""
    save: Callable[[Running, RecordKind, str, Mapping[str, Any]], None]
    """Somebody at the business changes a card: `name`, `title` or `phone`, by our names."""
    between: Callable[[Running, RecordKind, Mapping[str, Any]], None]
    """Somebody changes the card of that kind that is written next, right after it was."""
    deaf: Callable[[Running, RecordKind, str], None]
    """A field takes nothing from now on, without a word."""
    cut: Callable[[Running, RecordKind, str, int], None]
    """A field keeps so many characters from now on."""
    tell: Callable[[Running, str], None]
    """Has it tell an address of whatever happens to its cards."""
    unsee: Callable[[Running, RecordKind, str], None] | None = None
    """Takes away the right to see a card."""
    chat: str | None = None
    """The vendor of the chats by which a contact is found."""
    marks: bool = True
    """A card keeps our mark."""
    one_of_a_phone: bool = False
    """It makes no second card with a phone."""
    batch: int = 1
    """Cards that one call reads by their ids."""
    page: int = 50
    """Cards that one page of its list has at most."""
    says: Callable[[Case], Iterable[tuple[int, object]]] = lambda case: ()
    """The answers, status and body, by which it says a case of its failure map."""
    changed: Mapping[Case, Mapping[str, object]] = field(default_factory=dict)
    """What is made of a row by what the table can't know: changes of the outcome."""


# What takes payments


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


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """All that the tests know of one vendor."""

    name: str
    hooks: Hooks | None = None
    source: Source | None = None
    done: Sequence[Done] = ()
    messenger: Messenger | None = None
    forwarder: Forwarder | None = None
    calendar: Calendar | None = None
    journal: Journal | None = None
    asked: Asked | None = None
    crm: Crm | None = None
    provider: Provider | None = None
    tables: Tables | None = None
    fiscaliser: Fiscaliser | None = None
    oauth: OAuth | None = None
    hurry: Callable[[Running], None] | None = None
    """Makes its stand-in count calls as the vendor itself does; None: it counts none, or always."""

    @property
    def plain(self) -> Mapping[str, Any]:
        """Settings of its form that are no secrets: those of whatever of it is described."""
        parts = (
            self.source,
            self.messenger,
            self.forwarder,
            self.calendar,
            self.journal,
            self.crm,
            self.provider,
            self.tables,
            self.fiscaliser,
            self.asked,
            self.oauth,
        )
        return {name: value for part in parts if part is not None for name, value in part.settings.items()}


# What descriptions share


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
