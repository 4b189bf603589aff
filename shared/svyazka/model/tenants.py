"""The tenant file as types, and what `apply` compiles from it."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)

from svyazka.catalogue import N_, _
from svyazka.model.base import Frozen, Stored
from svyazka.model.lookalikes import lookalike
from svyazka.model.roles import Role

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|h|d|w)\s*$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
LONGEST = 3650 * 86400
"""Seconds of the longest duration; what is added to a time must stay one."""

_HOURS = re.compile(r"^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def parse_duration(value: object) -> timedelta:
    """`30s`, `30m`, `24h`, `30d`, `2w`. Raises ValueError that shows the way to write it."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and value.startswith("P"):
        return _iso_durations().validate_python(value)
    match = _DURATION.match(value) if isinstance(value, str) else None
    seconds = float(match[1]) * _UNITS[match[2]] if match else LONGEST + 1
    if seconds > LONGEST:
        raise ValueError(
            _("expected a duration such as 30s, 15m, 24h or 30d, of ten years at most, got {value!r}", value=value)
        )
    return timedelta(seconds=seconds)


@cache
def _iso_durations() -> TypeAdapter[timedelta]:
    """Reads what we wrote ourselves (`PT30M`)."""
    return TypeAdapter(timedelta)


def parse_hours(value: object) -> tuple[time, time]:
    """`21:00-10:00` -> two times of day; 24:00 is midnight. Raises ValueError that shows the way to write it."""
    try:
        if isinstance(value, tuple | list) and len(value) == 2:  # what we wrote ourselves
            return (time.fromisoformat(str(value[0])), time.fromisoformat(str(value[1])))
        match = _HOURS.match(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError
        return (_clock(match[1], match[2]), _clock(match[3], match[4]))
    except ValueError:
        raise ValueError(_('expected hours such as "21:00-10:00", got {value!r}', value=value)) from None


def _clock(hour: str, minute: str) -> time:
    return time(0) if (hour, minute) == ("24", "00") else time(int(hour), int(minute))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        from svyazka.model.zones import meant

        near = meant(value)
        hint = _("; did you mean {near}?", near=near) if near else ""
        raise ValueError(
            _("expected a time zone such as Europe/Moscow, got {value!r}{hint}", value=value, hint=hint)
        ) from None
    return value


def valid_name(value: str) -> str:
    """The name itself. Raises ValueError for one that could not stand in an address."""
    if not _NAME.fullmatch(value):
        alike = lookalike(value)
        more = f": {alike}" if alike else ""
        raise ValueError(
            _("expected small Latin letters, digits, - and _, got {value!r}{more}", value=value, more=more)
        )
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


def _two_times(hours: tuple[time, time], info: ValidationInfo) -> tuple[time, time]:
    """Of equal ends nobody can say whether they mean never or always. Refused where somebody writes them; what an
    earlier release has taken goes on as before."""
    if hours[0] == hours[1] and (info.context or {}).get(WRITTEN_NOW):
        raise ValueError(_(
"expected two different times: of equal ones nobody knows whether always or never is meant. "
"Leave it out where nothing is to wait"
))  # fmt: skip
    return hours


WRITTEN_NOW = "written_now"
"""Key of pydantic's context: set while a person's own file is judged, not while what was taken before is read."""

Hours = Annotated[tuple[time, time], BeforeValidator(parse_hours), AfterValidator(_two_times)]
Zone = Annotated[str, AfterValidator(_zone)]
Name = Annotated[str, AfterValidator(valid_name)]
"""Ids of tenants, connections and flows: lower-case letters, digits, `-` and `_`; they stand in URLs."""


class SecretRef(Frozen):
    """`{secret: NAME}`: the value lies sealed in the store, put there by `svyazka secret set`."""

    secret: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,100}$",
        description=N_("the name of a secret: Latin letters, digits, -, _ and ."),
    )


class RetrySettings(Frozen):
    """`retry:` of a connection; what is left out is the default promise (DESIGN 7)."""

    delays: tuple[Duration, ...] | None = None
    horizon: Duration | None = None
    business_hours: Hours | None = None
    """Attempts are made only within these hours of the tenant's zone: a box that is off at night."""


class LimitSettings(Frozen):
    """`limit:` of a connection: below the vendor's own where the account has a smaller one."""

    per_second: float = Field(gt=0)
    per_minute: float | None = Field(default=None, ge=1)
    concurrency: int = Field(default=4, gt=0)


class ConnectionSettings(Frozen):
    """What every connection takes; a connector's own settings model adds its fields."""

    base_url: str | None = None
    plain_http: bool = False
    """Whether an address outside of private networks may be called by http://, which everybody on the way can read."""
    retry: RetrySettings | None = None
    timeout: Duration | None = None
    limit: LimitSettings | None = None
    timezone: Zone | None = None
    """Of the place whose clock its vendor shows, where that isn't the tenant's."""


class Addressee(Stored):
    """Somebody who is told: a connection that can carry messages, and his address on it."""

    connection: str
    phone: str | None = None
    email: str | None = None
    chat: str | None = None

    @model_validator(mode="after")
    def _one_address(self) -> Addressee:
        if sum(a is not None for a in (self.phone, self.email, self.chat)) != 1:
            raise ValueError(_("expected exactly one of phone, email, chat"))
        return self


class Person(Stored):
    """One of `people:`: who comes into the console, what for, and at which address a code is read to come in."""

    name: str = Field(min_length=1, max_length=60)
    role: Role
    of: Name | None = None
    """Another tenant, in whose file the person of this name stands: whoever comes in there comes in here too."""
    connection: str | None = None
    """The connection that carries the code."""
    phone: str | None = None
    email: str | None = None
    chat: str | None = None
    login: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9._-]{2,39}$",
        description=N_("3 to 40 small Latin letters, digits, . _ -"),
    )
    """What may be typed in place of the address: nobody knows his chat's number by heart."""
    google: str | None = Field(
        default=None, pattern=r"^[^@\s]+@[^@\s]+$", description=N_("a Google account, such as anna@example.org")
    )
    """The account with which the person comes in where the console is on Google."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Person:
        given = sum(one is not None for one in (self.phone, self.email, self.chat))
        if self.of is not None:
            if given or self.connection or self.google or self.login:
                raise ValueError(_("expected only name and role beside `of`: the address stands in that tenant's file"))
        elif given != (1 if self.connection else 0):
            raise ValueError(
                _("expected connection with exactly one of phone, email, chat, which it carries a code to")
            )
        elif self.connection is None and self.google is None:
            raise ValueError(
                _("expected an address for a code (connection and phone, email or chat), `google` or `of`")
            )
        return self

    @property
    def addressee(self) -> Addressee | None:
        """Where a code goes."""
        if self.connection is None:
            return None
        return Addressee(connection=self.connection, phone=self.phone, email=self.email, chat=self.chat)


class AlertSettings(Stored):
    """`alerts:` of a tenant: who at the business is told, and after how long an outage."""

    to: tuple[Addressee, ...] = ()
    after: Duration = timedelta(hours=3)
    digest: Annotated[
        Literal["weekly", "monthly"] | None, Field(description=N_("weekly or monthly; left out: none"))
    ] = None
    """How often they are told what was done for them."""

    @field_validator("digest", mode="before")
    @classmethod
    def _off(cls, given: object) -> object:
        """YAML reads `off` as false."""
        return None if given is False else given


class ConnectionSpec(Stored):
    """A connection of the tenant file: its vendor, and settings of which some are secret references."""

    vendor: str
    settings: dict[str, Any] = {}


class FlowSpec(Stored):
    """A flow of the tenant file, its own settings still as written (and already checked)."""

    id: str
    flow: str
    sources: tuple[str, ...]
    via: tuple[str, ...]
    settings: dict[str, Any] = {}
    paused: bool = False


class AbroadAccepted(Stored):
    """Who has taken it upon them that people's data are first written down abroad, and when."""

    by: str = Field(min_length=1, max_length=200)
    on: date


class PersonalData(Stored):
    """`personal_data:` of a tenant."""

    abroad_accepted: AbroadAccepted | None = None


class Tenant(Stored):
    """One business, as compiled from its file and kept in the store."""

    id: Name
    name: str
    timezone: Zone
    alerts: AlertSettings = AlertSettings()
    retention: Duration = timedelta(days=90)
    dedupe_window: Duration = timedelta(hours=24)
    country: Annotated[str, Field(pattern=r"^[a-z]{2}$", description=N_("two small letters, such as ru"))] | None = None
    """Whose law holds for its clients' data."""
    sensitive: bool = False
    """What it knows of people is nobody's business (a clinic): shown to nobody by a phone alone."""
    personal_data: PersonalData = PersonalData()
    people: tuple[Person, ...] = ()
    """Who comes into the console beside those who run the machine."""
    connections: dict[Name, ConnectionSpec] = {}
    flows: tuple[FlowSpec, ...] = ()
    paused: bool = False
    paused_connections: tuple[str, ...] = ()


class CompiledConnection(Stored):
    """What a webhook function needs of a connection, in one document: nothing else is read on the way in."""

    tenant: str
    connection: str
    vendor: str
    generation: int = 1
    """Of its webhook key; the one before is valid too while `previous_valid`."""
    previous_valid: bool = False
    wants: tuple[str, ...] = ()
    """Event types that the tenant's flows act on; others are journaled as ignored, without a task."""
    public: dict[str, JsonValue] = {}
    """Settings that are no secrets and matter on the way in (organization_id, final_statuses)."""
    sealed: dict[str, str] = {}
    """Inbound signature secrets, sealed with the `verify` key."""
    dedupe_window: Duration = timedelta(hours=24)
    retention: Duration = timedelta(days=90)
    paused: bool = False
