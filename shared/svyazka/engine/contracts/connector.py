"""What a vendor's folder provides. The engine talks to these two base classes and to nothing else of it.

A vendor implements what differs and leaves the rest alone:

    class Webhook     the way in: `verify`, `parse`, sometimes `answer` and `handshake`. Pure.
    class Connector   the worker's side: `perform`, and where the vendor can be asked `reread`, `poll`,
                      `check_sent`, `check`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from urllib.parse import parse_qsl

from svyazka.model.commands import Command, Repeat
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, EventType, Fact, Unreadable

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.engine.contracts.oauth import OAuthApp, Redirected
    from svyazka.model.outcomes import Outcome
    from svyazka.model.tenants import ConnectionSettings


FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
"""The two ways in which a form comes: who reads one reads the other, by `engine.forms`."""


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


class NotTheFormat(ValueError):
    """The body isn't the vendor's format at all (bad JSON, encoding, form). The message says what was wrong."""


class Webhook:
    """The way in from one vendor. Stateless; methods are pure functions of the request and the settings."""

    vendor: ClassVar[str]

    content_types: ClassVar[tuple[str, ...]] = ("application/json",)
    """What it can read; an absent content type is read as the first."""

    bears_refusal: ClassVar[bool] = True
    """True: the vendor survives a 400 for what isn't its format. False: such a body is quarantined with 200."""

    secret_settings: ClassVar[tuple[str, ...]] = ()
    """Settings with which `verify` proves a request; sealed for the webhook function by `apply`."""

    public_settings: ClassVar[tuple[str, ...]] = ()
    """Plain settings that `verify` and `parse` read."""

    shared_by: ClassVar[str | None] = None
    """Where one address hears of several connections: the (plain) setting whose value tells whose a part is. `apply`
    writes down which connections claim a value. A part reaches those of them whose own secrets prove the request:
    `verify` must rest on a secret of the vendor's."""

    reads_empty: ClassVar[bool] = False
    """True: a POST without a body means something. Elsewhere it is somebody's "check this address" button."""

    decides: ClassVar[bool] = False
    """True: the answer is a business decision, so a request never goes the way of salvage."""

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """None when genuine, else the reason for refusing. The key has been checked before."""
        return None

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The request's items in canonical form. Raises NotTheFormat."""
        raise NotImplementedError

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

    def handshake(self, request: RawRequest, inbound: Inbound) -> Answer | None:
        """The answer to a GET with a valid key (a verification challenge), or None for `ready`."""
        return None

    def errand(self, request: RawRequest) -> Mapping[str, str] | None:
        """What a GET brings that only the worker can see to, for it needs the credentials (an OAuth redirect, a
        signed notice): its parameters, handed over sealed before `handshake` answers. `Connector.redirected`
        reads them."""
        return None


@dataclass(frozen=True, slots=True)
class Limits:
    """A vendor's rate as data; `scope`: what the vendor counts by."""

    per_second: float = 10.0
    concurrency: int = 4
    scope: str = "account"


@dataclass(frozen=True, slots=True)
class Polled:
    """One look at what we missed: facts and the cursor that goes with them.

    `gap`: from when to when the vendor would no longer tell us: an alert, "cannot be recovered from here".
    """

    facts: Sequence[Fact]
    cursor: str
    gap: tuple[datetime, datetime] | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `svyazka doctor`."""

    check: str
    status: str
    message: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """A connection from which no event comes for so long has probably lost its hook: `why` and what to do."""

    after: timedelta
    why: str
    remedy: str


SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


class Connector(Generic[SettingsT]):
    """The worker's side of one vendor. Stateless; every call gets its settings and an HTTP client in `Call`."""

    vendor: ClassVar[str]
    default_base_url: ClassVar[str] = ""
    reaches: ClassVar[str | None] = None
    """For a messenger: which address of a contact it uses: `phone`, `email` or a vendor name in `chats`."""

    tells: ClassVar[frozenset[EventType] | None] = None
    """All that its vendor's events can be; None: anything. A flow that acts on none of these never starts from it, and
    `apply` says so."""

    needs_receipt: ClassVar[bool] = False
    """True where what was taken often never arrives. A flow must then name another channel after this one and
    `fallback_after`: with no receipt of delivery by then the other one tries."""

    limits: ClassVar[Limits] = Limits()
    credentials: ClassVar[tuple[str, ...]] = ()
    """Settings without which `perform` can't work: a connection lacking one is blocked with that reason."""

    credentials_if_named: ClassVar[tuple[str, ...]] = ()
    """Settings that `perform` can do without, but not where the tenant file names a secret that isn't there:
    what was to be signed must not go out unsigned."""

    secret_fields: ClassVar[tuple[str, ...]] = ()
    """Settings that may be given only as `{secret: NAME}`."""

    optional_settings: ClassVar[Mapping[str, str]] = {}
    """Setting -> what doesn't work without it; `doctor` says so. Where several together make one thing, a property
    of the settings that is None without them; its sentence then names them."""

    environment: ClassVar[Mapping[str, str]] = {}
    """Setting -> the variable from which `svyazka init` takes it when it is set."""

    not_proposed: ClassVar[str | None] = None
    """Why `svyazka init` takes this channel only when it is named, though the environment holds its credentials."""

    ca_pem: ClassVar[str | None] = None
    """A certificate authority to trust for this vendor only, as PEM text: bundles carry modules, no data files."""

    calls_tenant_addresses: ClassVar[bool] = False
    """True where a tenant decides whom we call: private and metadata networks are then refused."""

    poll_every: ClassVar[float | None] = None
    """Seconds between two looks, for vendors that can be asked what we missed."""

    def settings_model(self) -> type[SettingsT]:
        """The pydantic model of this vendor's settings."""
        raise NotImplementedError

    def if_not_set(self, setting: str) -> str:
        """What of `optional_settings` a person is told."""
        without = self.optional_settings[setting]
        return f"{setting} isn't set: {without}" if setting in self.settings_model().model_fields else without

    def oauth(self, settings: SettingsT) -> OAuthApp | None:
        """The integration by which this connection is authorised; None where it has another kind of access."""
        return None

    def redirected(self, params: Mapping[str, str], settings: SettingsT) -> Redirected:
        """What the parameters of `Webhook.errand` mean, and whether they are to be believed. Pure."""
        raise NotImplementedError

    def credential_ends(self, settings: SettingsT) -> datetime | None:
        """When a long-lived credential ends, where it says so: people are warned 30 days before."""
        return None

    def repeat(self, command: Command) -> Repeat:
        """What a crash in the middle of this command means."""
        return Repeat.UNSAFE

    def supports(self, command_kind: str) -> bool:
        """Whether `perform` knows this kind of command."""
        return False

    def address(self, contact: Contact) -> str | None:
        """The contact's address that this messenger can use, normalised, or None."""
        return None

    async def perform(self, command: Command, call: Call[SettingsT]) -> Outcome:
        """Carry out one command; NotSent and MaybeSent may pass through, the engine knows what they mean."""
        raise NotImplementedError

    async def check_sent(self, command: Command, call: Call[SettingsT]) -> Outcome | None:
        """For checkable commands: Succeeded if the vendor has it, None if it provably hasn't."""
        raise NotImplementedError

    def can_reread(self, settings: SettingsT) -> bool:
        """Whether credentials for reading an object again are there."""
        return False

    async def reread(self, entity: Entity, call: Call[SettingsT]) -> Fact | None:
        """The object as it is now, in the same canonical form as parse, or None if it is gone.

        Raises NotShown for an object that these credentials never show, gone or not.
        """
        raise NotImplementedError

    def can_poll(self, settings: SettingsT) -> bool:
        """Whether credentials for polling are there."""
        return False

    async def poll(self, cursor: str | None, call: Call[SettingsT]) -> Polled:
        """What happened since the cursor, overlapping; None = first look: begin from now."""
        raise NotImplementedError

    def silence(self, settings: SettingsT) -> Silence | None:
        """When no event for long means that the vendor has dropped our hook; None where silence is no news."""
        return None

    def can_check(self, settings: SettingsT) -> bool:
        """Whether `check` can ask anything."""
        return False

    async def check(self, call: Call[SettingsT]) -> list[Finding]:
        """Ask the vendor whether credentials, balance and settings are in order (`doctor --live`)."""
        return []

    async def fix(self, call: Call[SettingsT], hook_url: str) -> list[Finding]:
        """Put in order what can be put in order at the vendor (register the hook): `doctor --fix`."""
        return []
