"""What iiko's server knows: organizations, tills, orders with their revisions, tokens, registered webhooks."""

from __future__ import annotations

import base64
import json
import random
import secrets
import time
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from simulators.iiko.orders import EVENTS, Json, Kind, Thing, Told, change, create, written

ORGANIZATION = "7bc05553-4b68-44e8-b7bc-37be63c6d9e9"
TERMINAL_GROUP = "a4bbe43c-e4bf-4d45-9189-e31b1cff624c"

REVISIONS_REACH = timedelta(hours=3)
"""`by_revision` goes no further back."""

HOT = timedelta(days=7)
"""Deliveries are guaranteed for so long; this stand-in gives none that is older."""

TOKEN_LIFE = 3600.0

BY_BILL = "c997def6-62cc-52c3-a582-039081367d30"
"""The restaurant's own type of payment for what was paid past the till."""

EVERYTHING: Json = {
    "deliveryOrderFilter": {
        "orderStatuses": ["Delivered", "Closed", "Cancelled"], "itemStatuses": None, "errors": True,
        "returnedExternalDataKeys": ["tgUserId"],
    },
    "tableOrderFilter": {"orderStatuses": ["Closed", "Deleted"], "itemStatuses": None, "errors": True},
    "reserveFilter": {"updates": True, "errors": True},
    "stopListUpdateFilter": {"updates": True},
}  # fmt: skip
"""The filters of a webhook that somebody registered by hand and ticked all of our boxes."""


class Refusal(Exception):
    """A call that iiko answers with its error envelope."""

    def __init__(self, status: int, description: str, error: str | None = None) -> None:
        super().__init__(description)
        self.status, self.description, self.error = status, description, error


@dataclass
class TerminalGroup:
    """A group of tills. `zone` is where it really stands, `written_zone` how the API spells that."""

    id: str = TERMINAL_GROUP
    organization: str = ORGANIZATION
    name: str = "Касса доставки"
    zone: str = "Europe/Moscow"
    written_zone: str | None = None

    def shown(self) -> Json:
        return {
            "id": self.id, "organizationId": self.organization, "name": self.name, "address": "",
            "timeZone": self.written_zone or self.zone, "externalData": [], "posVersion": "9.4.6",
        }  # fmt: skip


@dataclass
class Hook:
    """A registered webhook: where events go, with which token, and which."""

    uri: str
    token: str | None
    filter: Mapping[str, Any]

    def keys(self) -> list[str]:
        """Which keys of `externalData` it wants back."""
        return list(self._of("deliveryOrderFilter").get("returnedExternalDataKeys") or ())

    def wants(self, thing: Thing, entered: bool) -> bool:
        """Whether this change is told: an order that entered one of the statuses, or an error."""
        failed = thing.body is None
        if thing.kind == "reserve":
            return bool(self._of("reserveFilter").get("errors" if failed else "updates"))
        filter_ = self._of(f"{thing.kind}OrderFilter")
        return bool(filter_.get("errors")) if failed else entered and thing.status in (filter_["orderStatuses"] or ())

    def _of(self, name: str) -> Mapping[str, Any]:
        return {"orderStatuses": None, **(self.filter.get(name) or {})}


@dataclass
class Happened:
    """One change: the object as it was right after, and whether it entered its status by it."""

    thing: Thing
    entered: bool


@dataclass
class World:
    """All of it, made anew by a reset."""

    organizations: dict[str, str] = field(default_factory=lambda: {ORGANIZATION: "Пиццерия на Тверской"})
    terminal_groups: list[TerminalGroup] = field(default_factory=lambda: [TerminalGroup()])
    things: dict[str, Thing] = field(default_factory=dict)
    revised: list[datetime] = field(default_factory=list)
    """When each revision was made, from revision 1 on."""
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Token -> the credentials that it was given to, and its end."""
    token_life: float = TOKEN_LIFE
    revoked: set[str] = field(default_factory=set)
    """Credentials (apiLogin or apiKey) that are known no more; all others are."""
    hooks: dict[tuple[str, str], Hook] = field(default_factory=dict)
    """By credentials and organization: iiko keeps one of each pair."""
    commands: dict[str, list[Json]] = field(default_factory=dict)
    """Correlation id -> the answers still to be given on its state; the last one stays."""
    tables: dict[str, str] = field(
        default_factory=lambda: {str(n): f"ac87b2b2-0158-5e7e-8eb5-{n:012d}" for n in range(1, 13)}
    )
    """Number of a table -> its id."""
    loaded: set[str] = field(default_factory=set)
    """Orders of tables that the cloud knows: the till's own only once they were asked for by their table."""
    payment_types: set[str] = field(default_factory=lambda: {BY_BILL})
    staff_is_at: dict[str, str] = field(default_factory=dict)
    """Order -> why the till lets nobody change it just now."""
    till_is_slow: int = 1
    """So many looks later it has carried out what it was told."""
    did: list[tuple[str, str, float | None]] = field(default_factory=list)
    """What commands did to orders of tables: for the ledger."""
    standing: datetime | None = None
    """Where the clock stands; None: it runs. Tokens live by the real one."""
    chance: random.Random = field(default_factory=lambda: random.Random(11))

    # Time and identity

    def now(self) -> datetime:
        return self.standing or datetime.now(UTC)

    def identifier(self) -> str:
        """A correlation id."""
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def command(self, *answers: Json) -> str:
        """A command that was taken; its correlation id."""
        id_ = self.identifier()
        self.commands[id_] = [dict(answer) for answer in answers]
        return id_

    def local(self, terminal_group: str) -> datetime:
        """Now, on the clock of a terminal group."""
        group = next(group for group in self.terminal_groups if group.id == terminal_group)
        return self.now().astimezone(ZoneInfo(group.zone))

    # Tokens

    def sign_in(self, credentials: str, *, jwt: bool) -> str:
        """A fresh token."""
        if credentials in self.revoked:
            raise Refusal(401, f"Login {credentials} is not authorized.")
        end = time.time() + self.token_life
        token = secrets.token_urlsafe(24)
        if jwt:
            claims = base64.urlsafe_b64encode(json.dumps({"exp": int(end)}).encode()).decode().rstrip("=")
            token = f"eyJhbGciOiJub25lIn0.{claims}.{token}"
        self.tokens[token] = (credentials, end)
        return token

    def credentials_of(self, authorization: str) -> str:
        """Whose call it is."""
        token = authorization.removeprefix("Bearer ")
        credentials, end = self.tokens.get(token, ("", 0.0))
        if not credentials or credentials in self.revoked or not authorization.startswith("Bearer "):
            raise Refusal(401, "Token is not valid")
        if end <= time.time():
            raise Refusal(401, "Token has expired", "TOKEN_EXPIRED")
        return credentials

    def expire_tokens(self) -> None:
        """An hour has passed for all of them."""
        self.tokens = {token: (credentials, 0.0) for token, (credentials, _) in self.tokens.items()}

    # Orders

    def tell(self, told: Told) -> Happened:
        """Create or change one; raises ValueError for an organization or terminal group that isn't there."""
        thing = self._find(told)
        before = thing.status if thing else None
        if thing is None:
            thing = self._create(told)
        if told.table is not None and thing.body is not None:
            thing.body["tableIds"] = [self.tables[told.table]]
        change(thing, told, self.local(thing.terminal_group))
        self._revise(thing)
        return Happened(deepcopy(thing), thing.status != before)

    def _find(self, told: Told) -> Thing | None:
        if told.id is not None:
            return self.things.get(told.id)
        if told.number is None:
            return None
        same = (t for t in self.things.values() if (t.kind, t.number) == (told.kind, told.number))
        return next(same, None)

    def _create(self, told: Told) -> Thing:
        organization = told.organization or next(iter(self.organizations))
        groups = [group.id for group in self.terminal_groups if group.organization == organization]
        group = told.terminal_group or next(iter(groups), None)
        if group not in groups:
            raise ValueError(f"expected a terminal group of organization {organization}, got {group}")
        number = told.number or max((thing.number for thing in self.things.values()), default=1000) + 1
        thing = create(told, number, organization, group, self.local(group))
        self.things[thing.id] = thing
        return thing

    def _revise(self, thing: Thing) -> None:
        self.revised.append(self.now())
        thing.revision = len(self.revised)
        thing.info["timestamp"] = max(int(self.now().timestamp() * 1000), thing.info["timestamp"] + 1)

    def of_kind(self, kind: Kind, organizations: Iterable[str]) -> list[Thing]:
        """Objects of these organizations, in the order of their last changes."""
        wanted = set(organizations)
        found = [thing for thing in self.things.values() if thing.kind == kind and thing.organization in wanted]
        return sorted(found, key=lambda thing: thing.revision)

    def is_hot(self, thing: Thing) -> bool:
        """Whether the cache still holds a delivery."""
        if thing.body is None:
            return True
        due = datetime.fromisoformat(thing.body["completeBefore"])
        return due >= self.local(thing.terminal_group).replace(tzinfo=None) - HOT

    def reaches(self, revision: int) -> bool:
        """Whether `by_revision` may start here: the strict reading of "maximum offset 3 hours", by the age of
        the revision itself, though nothing may have changed since."""
        if not self.revised:
            return True
        made = self.revised[min(max(revision, 1), len(self.revised)) - 1]
        return self.now() - made <= REVISIONS_REACH

    # Webhooks

    def event(self, thing: Thing, keys: list[str]) -> Json:
        """A change as its webhook tells it."""
        outcome = "Error" if thing.body is None else "Update"
        return {
            "eventType": EVENTS[thing.kind] + outcome, "eventTime": written(self.now()),
            "organizationId": thing.organization, "correlationId": self.identifier(), "eventInfo": thing.shown(keys),
        }  # fmt: skip
