"""How far two systems are known to agree: what was compared of one side of a flow, and when."""

from __future__ import annotations

from pydantic import JsonValue

from svyazka.model.base import Stored, Time
from svyazka.model.records import RecordKind


class Night(Stored):
    """What one night's comparison found of one side."""

    at: Time
    fields: int
    same: int
    """Of them: equal, or different for good reason."""


NIGHTS_KEPT = 180


class Agreed(Stored):
    """One connection's objects of one flow, compared with what was last agreed."""

    id: str
    tenant: str
    flow: str
    connection: str
    kind: RecordKind
    changed_at: Time | None = None
    """Whatever was changed there before that was compared."""
    job: str | None = None
    """The last one that came to its end."""
    ended_at: Time | None = None

    # The walk through all of them by id, some each night: a round

    round_at: str | None = None
    """Where the next night goes on; None: with a new round."""
    round_begun: Time | None = None
    seen: tuple[str, ...] = ()
    """Blobs with the ids that this round has met: what it doesn't meet is missing."""
    listed: tuple[str, ...] = ()
    """Blobs with the ids that the last whole round has met."""
    listed_since: Time | None = None
    """When that began."""
    round_read: int = 0
    objects: int | None = None
    """How many the last whole round met."""
    whole_at: Time | None = None
    """When it came to its end."""
    tally: dict[str, JsonValue] = {}
    """What the running round found so far, summed up over its nights."""
    last: dict[str, JsonValue] = {}
    """The same of the last whole round."""
    nights: tuple[Night, ...] = ()
    """The newest, oldest first, of those that compared anything."""


def agreed_id(tenant: str, flow: str, connection: str) -> str:
    """Names hold no dot."""
    return f"{tenant}.{flow}.{connection}"


class Walk(Stored):
    """How far one night has come: an agreement's cursor."""

    step: str = "changed"
    """`changed`, `round`, `missing`."""
    after: str | None = None
    since: Time | None = None
    until: Time
    """What is changed later is the next night's."""
    met: tuple[str, ...] = ()
    """Ids of what was compared because it had changed: it is counted once."""
    page: tuple[str, ...] = ()
    """Ids of the last page: an object may come twice where pages meet."""
    anew: bool = False
    """The round begins with this night, and ends with it."""
    read: int = 0
    """Objects of the round that this night has read."""
    target: int | None = None
    """How many it is to read; None: all that are left."""
    seen: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """As `lost` in the cursor of an older release: the ids themselves."""
    lost: tuple[str, ...] = ()
    """Names of blobs: ids of records whose object there the whole round has not met. Of a list that comes back half
    they are too many for a document."""
    links: int = 0
