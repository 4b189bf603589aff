"""How we learn of what a vendor knows beside its webhooks: reading one object, polling, looking whether all is well."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from svyazka.catalogue import _
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import MaybeSent, NotSent

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.model.events import Entity, Fact
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


class Reading(Protocol[SettingsT]):
    """Reads an object again: a webhook's body is a hint."""

    def ready(self, settings: SettingsT) -> bool:
        """Whether the credentials for it are there."""
        raise NotImplementedError

    async def read(self, entity: Entity, call: Call[SettingsT]) -> Fact | None:
        """The object as it is now, in the same canonical form as `Webhook.parse`, or None if it is gone.

        Raises NotShown for an object that these credentials never show, gone or not.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Polled:
    """One look at what we missed: facts and the cursor that goes with them.

    `gap`: from when to when the vendor would no longer tell us: an alert, "cannot be recovered from here".
    """

    facts: Sequence[Fact]
    cursor: str
    gap: tuple[datetime, datetime] | None = None
    more: bool = False


class Polling(Protocol[SettingsT]):
    """Asks what happened since the last look, for vendors that can be asked what we missed."""

    every: ClassVar[float]
    """Seconds between two looks."""

    looks_back: ClassVar[timedelta | None] = None
    """How far back the vendor tells what we missed; None: no limit that we know of. What is older is a gap."""

    def ready(self, settings: SettingsT) -> bool:
        """Whether the credentials for it are there."""
        raise NotImplementedError

    async def poll(self, cursor: str | None, call: Call[SettingsT]) -> Polled:
        """What happened since the cursor, overlapping; None = first look: begin from now."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `svyazka doctor`."""

    check: str
    status: str
    message: str
    remedy: str | None = None
    stops: bool = False
    """For a `fail`: nothing at all goes through the connection until this is mended, so that a blocked one stays so. A
    webhook that is registered elsewhere, or a wrong stage, stops nothing that we send or ask."""
    after: float | None = None
    """Seconds for which the vendor itself wants to be left alone."""


def no_access(check: str, message: str, remedy: str | None, error: Exception | None = None) -> Finding:
    """The finding that the vendor doesn't let us work, and for how long, where its `error` says that."""
    after = getattr(getattr(error, "outcome", None), "after", None)
    return Finding(check, "fail", message, remedy, stops=True, after=after)


async def let_in(vendor: str, asking: Awaitable[str]) -> Finding:
    """Whether a vendor lets us in: by a question that costs nothing, whose answer a person is told."""
    try:
        answer = await asking
    except VendorFailure as error:
        remedy = getattr(error.outcome, "remedy", None) or _("try again later")
        return no_access("credentials", _("{vendor} doesn't let us in: {why}", vendor=vendor, why=error), remedy, error)
    except (NotSent, MaybeSent) as error:
        why = _("{vendor} doesn't answer: {why}", vendor=vendor, why=error)
        return no_access("credentials", why, _("try again later"))
    return Finding("credentials", "ok", _("{vendor} lets us in: {answer}", vendor=vendor, answer=answer))


class Doctor(Protocol[SettingsT]):
    """Looks whether a connection is in order at its vendor."""

    def ready(self, settings: SettingsT) -> bool:
        """Whether there is anything to ask with."""
        raise NotImplementedError

    async def check(self, call: Call[SettingsT]) -> list[Finding]:
        """Ask the vendor whether credentials, balance and settings are in order (`doctor --live`)."""
        raise NotImplementedError


class Hook(Protocol[SettingsT]):
    """The webhook as its vendor keeps it: its address, and registering it where the vendor's API can."""

    def ready(self, settings: SettingsT) -> bool:
        """Whether it can be registered by API."""
        raise NotImplementedError

    def address(self, url: str, settings: SettingsT) -> str:
        """Our address as this vendor wants it: the whole URL with its key, or what of it goes into which field."""
        return url

    async def register(self, call: Call[SettingsT], url: str) -> list[Finding]:
        """Put the hook in order at the vendor: `doctor --fix`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Silence:
    """A connection from which no event comes for so long has probably lost its hook: `why` and what to do."""

    after: timedelta
    why: str
    remedy: str
