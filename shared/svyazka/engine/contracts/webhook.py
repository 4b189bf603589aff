"""What a vendor's folder provides to its webhook function: the way in. Pure, and light to import.

A vendor implements what differs (`verify`, `parse`, sometimes `answer` and `handshake`) and leaves the rest alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, unquote_plus

from svyazka.model.events import EventType, Fact, Unreadable

if TYPE_CHECKING:
    from svyazka.engine.contracts.deciding import Asked, Book, Decision

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
"""The two ways in which a form comes: who reads one reads the other, by `contracts.forms`."""


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it came: signatures are computed over these very bytes."""

    method: str
    path: str
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name (given in lower case), or None."""
        wanted = name.encode()
        for key, value in self.headers:
            if key == wanted:
                return value.decode("latin-1")
        return None

    def params(self) -> dict[str, str]:
        """Query parameters, the last of each name."""
        return dict(parse_qsl(self.query.decode("latin-1"), keep_blank_values=True))

    def reported(self) -> RawRequest:
        """A GET as the POST of a form that it could have been: its query, without our key, is the body."""
        rest = []
        for pair in self.query.split(b"&"):
            name, _, value = pair.partition(b"=")
            if unquote_plus(name.decode("latin-1")) == "key":
                # Careless senders add to an address that has a query already: `?key=KEY?order=5`.
                pair = value.partition(b"?")[2]
            rest.append(pair)
        others = [(name, value) for name, value in self.headers if name != b"content-type"]
        return replace(self, headers=[*others, (b"content-type", FORM.encode())], body=b"&".join(filter(None, rest)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vendor is told."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a webhook may know of its connection: plain settings and unsealed signature secrets."""

    public: Mapping[str, Any]
    secrets: Mapping[str, str]
    now: float = 0.0
    """Real time in Unix seconds, for signatures that bear theirs: no method of Webhook looks at a clock itself."""


class NotTheFormat(ValueError):
    """The body isn't the vendor's format at all (bad JSON, encoding, form). The message says what was wrong."""


class Webhook:
    """The way in from one vendor. Stateless; methods are pure functions of the request and the settings."""

    vendor: ClassVar[str]

    content_types: ClassVar[tuple[str, ...]] = ("application/json",)
    """What it can read; an absent content type is read as the first."""

    tolerates_400: ClassVar[bool] = True
    """True: the vendor survives a 400 for what isn't its format. False: such a body is quarantined with 200."""

    secret_settings: ClassVar[tuple[str, ...]] = ()
    """Settings with which `verify` proves a request; sealed for the webhook function by `apply`."""

    public_settings: ClassVar[tuple[str, ...]] = ()
    """Plain settings that `verify` and `parse` read."""

    heard: ClassVar[tuple[EventType, ...]] = ()
    """What the engine itself sees to, whatever flows there are."""

    shared_by: ClassVar[str | None] = None
    """Where one address hears of several connections: the (plain) setting whose value tells whose a part is. `apply`
    writes down which connections claim a value. A part reaches those of them whose own secrets prove the request:
    `verify` must rest on a secret of the vendor's."""

    reads_empty: ClassVar[bool] = False
    """True: a POST without a body means something. Elsewhere it is somebody's "check this address" button."""

    reads_get: ClassVar[bool] = False
    """True: the vendor reports by GET. `RawRequest.reported` then goes the way of a POST: proved, read, kept, answered
    alike. What `for_the_worker` or `handshake` has an answer for is no report, nor is a HEAD or a browser's look
    ahead."""

    salvage: ClassVar[bool] = True
    """False: what it answers must rest on what is written down, so a request never goes the way of salvage."""

    decides: ClassVar[bool] = False
    """True: its answer is a decision (`asks`, `decide`), written down before it leaves: see `contracts/deciding.py`."""

    budget: ClassVar[float | None] = None
    """Seconds in which the store is tried before it is answered that we are out of service, where its vendor waits
    longer than others; None: the usual."""

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """None when genuine, else the reason for refusing. The key has been checked before."""
        return None

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The request's items in canonical form. Raises NotTheFormat."""
        raise NotImplementedError

    def kept(self, request: RawRequest) -> RawRequest:
        """The request as the journal keeps it: without the credentials that its body bears, where it bears some."""
        return request

    def told_of(self, request: RawRequest) -> frozenset[str]:
        """The values of `shared_by` that a request names."""
        return frozenset()

    def part(self, request: RawRequest, values: Set[str | None]) -> RawRequest:
        """What of a request is about these values of `shared_by`; None stands for what names none."""
        raise NotImplementedError

    def answer(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Answer | None:
        """The exact answer that the vendor demands once all is durable, or None for the usual JSON."""
        return None

    def refusal(self, request: RawRequest, reason: str) -> Answer | None:
        """The exact answer to a request that `verify` refused, or None for 401 problem+json."""
        return None

    def asks(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Asked:
        """For one that `decides`: what its decision rests on."""
        raise NotImplementedError

    def decide(self, request: RawRequest, facts: Sequence[Fact | Unreadable], book: Book) -> Decision:
        """For one that `decides`: the answer, by what is known now, and what it accepts. Pure."""
        raise NotImplementedError

    def out_of_service(self, request: RawRequest) -> Answer | None:
        """The exact answer while nothing can be written down or looked up; None for 503."""
        return None

    def handshake(self, request: RawRequest, inbound: Inbound) -> Answer | None:
        """The answer to a GET with a valid key (a verification challenge), or None for `ready`."""
        return None

    def for_the_worker(self, request: RawRequest) -> Mapping[str, str] | None:
        """Parameters of a GET (an OAuth redirect, a signed notice) that are handed to the worker, sealed, before
        `handshake` answers: a webhook function holds no credentials. `OAuthAccess.redirected` reads them."""
        return None
