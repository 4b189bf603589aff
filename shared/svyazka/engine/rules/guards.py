"""Guards: conditions as data, evaluated in one order before every attempt. Pure (DESIGN 3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.model.commands import Guards, StillTrue
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.deliveries import Status
from svyazka.model.events import EventType


@dataclass(frozen=True, slots=True)
class Go:
    """Nothing stands in the way."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: look again then."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Never: the delivery ends in this state for this reason."""

    status: Status
    code: str
    reason: str


Verdict = Go | Wait | Stop


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """What a verdict rests on, fetched by the engine; only what the guards ask for is filled in."""

    opted_out: bool = False
    reserved_until: datetime | None = None
    """Another delivery holds the `once_per` reservation until then."""
    newest: EventType | None = None
    """Type of the subject's newest event, or of its object as the source shows it now; None = not asked."""
    gone: bool = False
    """The source has it no more."""


def verdict(guards: Guards, known: GuardFacts, now: datetime) -> Verdict:
    """The first guard that doesn't let the command pass, in the order of the house (expiry first of the times)."""
    if guards.expires_at is not None and now >= guards.expires_at:
        return Stop(Status.EXPIRED, "expired", N_("too late to be of use"))
    if guards.not_before is not None and now < guards.not_before:
        return _wait(guards, guards.not_before, N_("not before its time"))
    opens_at = guards.quiet_hours.opens_at(now) if guards.quiet_hours else None
    if opens_at is not None:
        return _wait(guards, opens_at, N_("quiet hours"))
    if guards.opt_out and known.opted_out:
        return Stop(Status.CANCELLED, "opted_out", N_("this person asked not to be contacted"))
    if guards.once_per is not None and known.reserved_until is not None and known.reserved_until > now:
        return Stop(Status.CANCELLED, "at_most_once_per", N_("this person had one within the period"))
    if guards.still_true is not None and known.gone:
        return Stop(Status.CANCELLED, "no_longer_true", N_("meanwhile its object is gone at the source"))
    if guards.still_true is not None and known.newest is not None and known.newest not in guards.still_true.types:
        return Stop(
            Status.CANCELLED, "no_longer_true", N_("meanwhile it became {newest}").format(newest=known.newest.value)
        )
    return Go()


def _wait(guards: Guards, until: datetime, reason: str) -> Wait:
    """A wait never sleeps past the expiry, so that what expires is settled on time."""
    return Wait(min(until, guards.expires_at) if guards.expires_at else until, reason)


def wants_newest(guard: StillTrue | None, created_at: datetime, now: datetime) -> bool:
    """`still_true` asks the source only where a minute has passed since planning: then the world may have changed."""
    return guard is not None and (now - created_at).total_seconds() > 60


AT_ONCE = timedelta(seconds=1)
"""What goes out within this of its event's arrival is on its way: no look into the journal overtakes it."""


def may_be_corrected(guards: Guards, since: datetime, now: datetime) -> bool:
    """Whether the journal is looked at for what came after the event: whenever a message waited, however shortly."""
    waited = guards.not_before is not None or now - since > AT_ONCE
    return guards.still_true is not None and waited


def addresses(contact: Contact) -> list[str]:
    """Every address of a person, normalised: what opt-outs and once-per keys are made of."""
    found = [normalize_phone(contact.phone), normalize_email(contact.email)]
    found += [f"{vendor}:{chat}" for vendor, chat in sorted(contact.chats.items())]
    return [address for address in found if address]
