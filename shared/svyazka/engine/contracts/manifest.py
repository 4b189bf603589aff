"""What a vendor's folder tells the worker and the command line: one frozen object, put together from small ones.

`Manifest` says what the vendor is and holds one object for each capability that it has and each way in which we learn
from it; None means that it can't. Nothing is inherited, so what a vendor can do is read in one place. Webhook
functions import none of it: their side is `webhook.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from svyazka.catalogue import N_
from svyazka.engine.contracts.capabilities.calendar import Calendar
from svyazka.engine.contracts.capabilities.forwarder import Forwarder
from svyazka.engine.contracts.capabilities.identity import Identity
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.engine.contracts.capabilities.onboarding import Onboarding
from svyazka.engine.contracts.capabilities.payments import Can, Payments
from svyazka.engine.contracts.capabilities.receipts import Receipts
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.contracts.capabilities.tills import Tills
from svyazka.engine.contracts.capabilities.visits import Visits
from svyazka.engine.contracts.failures import FailureMap
from svyazka.engine.contracts.learning import Doctor, Hook, Polling, Reading, Silence
from svyazka.engine.contracts.quality import NOTHING_KNOWN, Quality
from svyazka.engine.contracts.signing_in import SigningIn
from svyazka.model.records import RecordKind

if TYPE_CHECKING:
    from svyazka.engine.contracts.oauth import OAuthApp, Redirected
    from svyazka.model.contacts import Contact
    from svyazka.model.events import EventType
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")
AskedT = TypeVar("AskedT", bound="ConnectionSettings", contravariant=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """A vendor's rate as data; `scope`: what the vendor counts by (`account`, or `ip` for all accounts together)."""

    per_second: float = 10.0
    """So many calls leave in any second at most, evenly spaced."""
    concurrency: int = 4
    scope: str = "account"
    per_minute: float | None = None
    """So many leave in any minute at most, where the vendor counts by the minute too."""

    @property
    def steady(self) -> float:
        """Calls a second that can go on for long."""
        return self.per_second if self.per_minute is None else min(self.per_second, self.per_minute / 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a connection's settings must hold, and what is missing without the rest."""

    required: tuple[str, ...] = ()
    """Settings without which no command can be carried out: a connection lacking one is blocked with that reason."""

    either: tuple[tuple[str, ...], ...] = ()
    """Kinds of access of which one is enough, each as the settings that make it, the recommended first: `(("api_key",),
    ("login", "password"))`. What is lacking of them is told of the kind that was begun."""

    if_named: tuple[str, ...] = ()
    """Settings that a command can do without, but not where the tenant file names a secret that isn't there: what
    was to be signed must not go out unsigned."""

    secret: tuple[str, ...] = ()
    """Settings that may be given only as `{secret: NAME}`."""

    optional: Mapping[str, str] = field(default_factory=dict)
    """Setting -> what doesn't work without it; `doctor` says so. Where several together make one thing, a property
    of the settings that is None without them; its sentence then names them."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Setting -> the variable from which `svyazka init` takes it when it is set."""

    advice: str | None = None
    """Which of several kinds of access to take; `svyazka init` says it."""

    not_proposed: str | None = None
    """Why `svyazka init` takes this vendor only when it is named, though the environment holds its credentials."""

    def needed(self, given: Collection[str] = ()) -> tuple[str, ...]:
        """All settings that no command can do without, where these are `given`: of several kinds of access one that is
        whole, else the one of which most is there, else the first."""
        there = set(given)
        kind = max(self.either, key=lambda kind: (there.issuperset(kind), len(there & {*kind})), default=())
        return (*self.required, *kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How the vendor is called."""

    ca_pem: str | None = None
    """A certificate authority to trust for this vendor only, as PEM text: bundles carry modules, no data files."""

    tenant_addresses: bool = False
    """True where a tenant decides whom we call: private and metadata networks are then refused."""


class OAuthAccess(Protocol[AskedT]):
    """Access that a person gives by OAuth, or that comes to an end."""

    def app(self, settings: AskedT) -> OAuthApp | None:
        """The integration by which this connection is authorised; None where it has another kind of access."""
        raise NotImplementedError

    def redirected(self, params: Mapping[str, str], settings: AskedT) -> Redirected:
        """What the parameters of `Webhook.for_the_worker` mean, and whether they are to be believed. Pure."""
        raise NotImplementedError

    def ends(self, settings: AskedT) -> datetime | None:
        """When a long-lived credential ends, where it says so: people are warned 30 days before."""
        raise NotImplementedError


CARRIED_BY: Mapping[str, str] = {
    "SendMessage": "messenger", "Forward": "forwarder",
    "PutRecord": "records", "AddNote": "records", "AddTask": "records", "SyncObject": "records",
    "BookVisit": "calendar", "MoveVisit": "calendar", "CancelVisit": "calendar", "SendVisitCode": "calendar",
    "MakeLink": "payments", "ChargeSaved": "payments", "CapturePayment": "payments", "CancelPayment": "payments",
    "RefundPayment": "payments", "SettleCheck": "tills", "RegisterReceipt": "receipts",
}  # fmt: skip
"""Kind of command -> the capability, by its field of the manifest, that carries it."""


NEEDS = {
    "MakeLink": Can.LINK, "ChargeSaved": Can.CHARGE, "CapturePayment": Can.HOLD, "RefundPayment": Can.REFUND,
}  # fmt: skip
"""Kind of a command that moves money -> what a provider must be able to do."""


def no_silence(settings: ConnectionSettings) -> Silence | None:
    """Silence is no news."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Generic[SettingsT]):
    """One vendor."""

    vendor: str
    title: str = ""
    """Its name as people know it."""

    proposed: int = 100
    """Its place among the channels that `svyazka init` proposes: the smallest first. A new vendor comes last, so that
    nobody's messages go another way because of it."""

    quality: Quality = NOTHING_KNOWN
    """What our knowledge of it rests on."""

    settings: type[SettingsT]
    base_url: str = ""
    limits: Limits = Limits()
    credentials: Credentials = Credentials()
    network: Network = Network()

    tells: frozenset[EventType] | None = None
    """All that its vendor's events can be; None: anything. A flow that acts on none of these never starts from it, and
    `apply` says so."""

    failures: FailureMap | None = None
    """What its refusals mean; None only for a vendor that is never called."""

    # What it can do.
    messenger: Messenger[SettingsT] | None = None
    forwarder: Forwarder[SettingsT] | None = None
    records: Records[SettingsT] | None = None
    calendar: Calendar[SettingsT] | None = None
    visits: Visits[SettingsT] | None = None
    """Of the same calendar, as things that other systems are kept in step with."""
    payments: Payments[SettingsT] | None = None
    tills: Tills[SettingsT] | None = None
    receipts: Receipts[SettingsT] | None = None
    onboarding: Onboarding[SettingsT] | None = None

    identity: Identity[SettingsT] | None = None

    # How we learn.
    reading: Reading[SettingsT] | None = None
    polling: Polling[SettingsT] | None = None
    doctor: Doctor[SettingsT] | None = None
    hook: Hook[SettingsT] | None = None
    access: OAuthAccess[SettingsT] | None = None
    signing_in: SigningIn[SettingsT] | None = None
    silence: Callable[[SettingsT], Silence | None] = no_silence
    """When no event for long means that the vendor has dropped our hook."""

    def carries(self, kind: str) -> bool:
        """Whether it has the capability for commands of that kind. Who keeps people and no deals is no CRM: a lead
        would get lost there."""
        if kind == "PutRecord":
            return self.records is not None and RecordKind.DEAL in self.records.kinds
        if kind in ("AddNote", "AddTask"):
            operation = "noting" if kind == "AddNote" else "tasking"
            return getattr(self.records, operation, None) is not None
        if kind in NEEDS:
            return self.payments is not None and NEEDS[kind] in self.payments.can
        if kind == "SyncObject":
            return self.records is not None or self.visits is not None
        return getattr(self, CARRIED_BY.get(kind, ""), None) is not None

    def records_under(self, settings: Mapping[str, object]) -> Records[SettingsT] | None:
        """The way to the objects of one connection, by its settings; None where these say that it keeps none."""
        ways = None if self.records is None else self.records.under(settings)
        return ways if ways is not None and ways.kinds else None

    def keeps(self, kind: RecordKind, settings: Mapping[str, object] | None = None) -> bool:
        """Whether it has things of a kind that can be kept in step; by these settings, where there are some."""
        if kind is RecordKind.VISIT:
            return self.visits is not None and kind in self.visits.kinds
        ways = self.records if settings is None else self.records_under(settings)
        return ways is not None and kind in ways.kinds

    @property
    def reaches(self) -> str | None:
        """For a messenger: which address of a contact it uses."""
        return self.messenger.reaches if self.messenger is not None else None

    @property
    def needs_receipt(self) -> bool:
        """For a messenger: whether what it took often never arrives."""
        return self.messenger is not None and self.messenger.needs_receipt

    def address(self, contact: Contact) -> str | None:
        """For a messenger: the contact's address that it can use, or None."""
        return self.messenger.address(contact) if self.messenger is not None else None

    def if_not_set(self, setting: str) -> str:
        """What of `credentials.optional` a person is told."""
        without = self.credentials.optional[setting]
        return (
            N_("{setting} isn't set: {without}").format(setting=setting, without=without)
            if setting in self.settings.model_fields
            else without
        )
