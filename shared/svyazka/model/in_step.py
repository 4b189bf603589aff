"""Systems kept in step: one business thing as we know it across systems, and whose object is which.

Values are never kept: only prints of them (keyed fingerprints), which say whether something has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from svyazka.model.base import Frozen, Stored, Time
from svyazka.model.bases import Accepted, Decided, FieldBase, Prints
from svyazka.model.ids import stable_id
from svyazka.model.records import KeyType, RecordKind
from svyazka.model.restraints import Deletions, Making, MassChange, RecentWrites


class SideState(StrEnum):
    """Of an object of a record."""

    LIVE = "live"
    SUSPECT = "suspect"
    """Said to be deleted, or not shown: whether it is gone, its system has to say."""
    GONE = "gone"
    """Deleted. Nothing is made in its place unless somebody says so (`sync revive`), or its system brings it back."""


FILES = "file:"
"""Begins the name of a side that is a file (`svyazka import --as NAME`): it is read when somebody brings it, and never
written."""


def is_file(connection: str) -> bool:
    """Whether a side is a file's row, and no system's object."""
    return connection.startswith(FILES)


class Side(Stored):
    """One system's part of a record, or a file's."""

    object: str
    """Its id there; of a file's row a keyed hash of what it is known by."""
    bases: dict[str, FieldBase] = {}
    """By field: what was last agreed there. A field that isn't here has none."""
    version: str | None = None
    """What its system said of its version when it was last read."""
    seen_at: Time | None = None
    """When it was last read and compared."""
    told_at: Time | None = None
    """When somebody first told of a change there after that."""
    state: SideState = SideState.LIVE
    gone_at: Time | None = None
    written: dict[str, RecentWrites] = {}
    """By field: what we wrote there lately, for the brakes."""


class Running(Stored):
    """Who writes just now: one delivery of a record is in flight at a time."""

    delivery: str
    toward: str
    lease_until: Time


class Intent(Stored):
    """What a claim was about to write: kept until it is known what became of it. An echo that comes before our settle
    is told by it, and a death in between is healed by it."""

    toward: str
    prints: dict[str, tuple[str, ...]]
    """By field: of what was to stand there."""
    mark: str | None = None
    """Of an object that was to be made."""


UNSHOWN = "unread"
"""Why nothing is linked or made: a right that was taken away hides who it is. Looked at again once that is shown."""


class Record(Stored):
    """One person (deal, company) as we know it across systems. It is its own lock: see `running`."""

    id: str
    tenant: str
    kind: RecordKind
    sides: dict[str, Side]
    """By connection."""

    wanted: int = 0
    """How often anybody wished it looked at. Whoever looks remembers the number, and what was wished for meanwhile is
    looked at again."""
    queued: dict[str, str] = {}
    """By the connection that it writes to: the delivery that hasn't begun yet. Further wishes wait with it."""
    taken: dict[str, int] = {}
    """By the same: the number of wishes that its last look knew of."""
    moves: int = 0
    """Counts the changes of anything but wishes: who computed from an older one computes anew."""
    running: Running | None = None
    intent: Intent | None = None
    act_after: Time | None = None
    """Told of just now: the two systems' own integration, or our own create, may be behind it."""

    asked: dict[str, str] = {}
    """By field: why somebody has to say (`conflict`, `first`, ...)."""
    saw: dict[str, dict[str, Prints]] = {}
    """By field that is asked: prints of what each side showed, which an answer is about."""
    accepted: dict[str, Accepted] = {}
    """By field: a difference that stands, for good reason."""
    decided: dict[str, Decided] = {}
    """By field: what a person said of unlike values."""
    refused: dict[str, str] = {}
    """By connection: why nothing could be made there (`not_creatable`, a vendor's code, a doubt)."""
    not_made: dict[str, str] = {}
    """By connection: in which words its system refused to make the card that a person asked for."""
    would: dict[str, tuple[str, ...]] = {}
    """By connection, while a flow only watches: the fields that it would write there (`+`: it would make an object)."""
    stopped: dict[str, str] = {}
    """By field: why it is written no more until a person says (a loop, a fight over an owned field)."""
    counted: dict[str, tuple[str, ...]] = {}
    """By field: the change that was last counted among those of all records, so that a second try counts it no more."""
    held: dict[str, Time] = {}
    """By field, or `@` and a connection for a deletion there, `+` for an object that would be made: since when it
    waits, as too many records are changed so at once."""
    said: dict[str, str] = {}
    """By `@` and a connection: what a person said of the object there: whose it is, what its deletion means. By `+`:
    somebody was shown that it would be made wherever it isn't, and let it."""

    alike: dict[str, tuple[str, ...]] = {}
    """By connection: objects there that show no phone and no e-mail of its own and may be it all the same (a slip in a
    digit), as a first link has found: no search finds them."""
    household: str | None = None
    """Records of one household share a phone and are different people."""
    merged_into: str | None = None
    created_at: Time
    people: tuple[str, ...] = ()
    """Keyed hashes of the person's addresses, for `forget`."""
    forgotten_at: Time | None = None
    expire_at: Time | None = None

    def forgotten(self, now: datetime) -> Record:
        """What is left when its person is forgotten: whose object it was, so that nobody makes one again."""
        gone = {
            name: side.model_copy(update={"bases": {}, "state": SideState.GONE, "gone_at": now, "told_at": None})
            for name, side in self.sides.items()
        }
        return Record(
            id=self.id, tenant=self.tenant, kind=self.kind, sides=gone, wanted=self.wanted, taken=self.taken,
            moves=self.moves + 1, running=self.running, created_at=self.created_at, forgotten_at=now,
        )  # fmt: skip

    @property
    def live(self) -> Mapping[str, Side]:
        """Its sides that aren't gone."""
        return {name: side for name, side in self.sides.items() if side.state is not SideState.GONE}

    @property
    def systems(self) -> Mapping[str, Side]:
        """Its live sides that can be asked: all but files."""
        return {name: side for name, side in self.live.items() if not is_file(name)}

    @property
    def has_gone(self) -> bool:
        """Whether it was deleted anywhere: then nothing is made anywhere."""
        return any(side.state is SideState.GONE for side in self.sides.values())


class Link(Stored):
    """This object is that record: one of each object, for as long as its record lives."""

    id: str
    tenant: str
    kind: RecordKind
    connection: str
    object: str
    record: str
    expire_at: Time | None = None


MATCHED_MOST = 20
"""Records that are noted under one key."""


class MatchKey(Stored):
    """The records that a phone, an e-mail or a mark belongs to: created with whatever is made anywhere, so that of two
    who would make one person only one does. Several records: a household."""

    id: str
    tenant: str
    kind: RecordKind
    by: KeyType
    records: tuple[str, ...]
    people: tuple[str, ...] = ()
    expire_at: Time | None = None


class Doubt(Stored):
    """One thing that a person has to say: a row of a flow's list. Ids and reasons, no value."""

    id: str
    tenant: str
    flow: str
    kind: RecordKind
    record: str
    field: str = ""
    """Empty: it is about the record itself: whose object it is."""
    cause: str
    sides: dict[str, str]
    """Connection -> object."""
    candidates: tuple[str, ...] = ()
    """Objects that it may be, as `connection/object`."""
    refusal: str = ""
    """In which words the system refused to make another one when a person asked for that."""
    since: Time
    state: Literal["open", "decided", "over"] = "open"
    decision: str | None = None
    """What a person said, while the look that carries it out is still to come."""
    decided_at: Time | None = None
    expire_at: Time | None = None


MassKind = Literal["mass_change", "mass_deletion", "mass_making"]


class HeldBack(Stored):
    """Something that happens to so many records at once that it isn't copied before a person has said."""

    why: MassKind
    since: Time
    count: int
    """Of how many records it was known when it was held."""
    examples: tuple[str, ...] = ()
    """Ids of some of these records."""
    counter: str
    """The document that counts it."""


class HoldAnswer(Stored):
    """A person's word on all that was held up to then."""

    said: str
    at: Time


class Switch(Stored):
    """What an operator said of a sync flow: toward which connections it writes (`sync start`), since when."""

    id: str
    tenant: str
    flow: str
    on: dict[str, Time] = {}
    said_at: dict[str, Time] = {}
    """By connection: when somebody last said that it writes there, or that it doesn't."""
    held: dict[str, HeldBack] = {}
    """What is held back, by field, or `@` and a connection for the deletions there, `+` for what would be made."""
    said: dict[str, HoldAnswer] = {}
    """By the same: what a person said of it last."""


class Counted(Stored):
    """How often something happened to a flow's records within a day: one change of one field, or deletions on one side,
    or objects made there. Prints and ids of records only; gone two days after the last one."""

    id: str
    tenant: str
    flow: str
    change: MassChange = MassChange()
    deletions: Deletions = Deletions()
    making: Making = Making()
    of: int | None = None
    """The flow's records, as they were counted last."""
    of_at: Time | None = None
    expire_at: Time | None = None


# The rules of one flow


class Rules(Frozen):
    """What a flow says of how its systems are kept in step."""

    kind: RecordKind
    between: tuple[str, ...]
    writes: bool
    """Toward every side; else only toward those that `sync start` has switched on."""
    fields: dict[str, str]
    """Field -> `both`, or the connection that owns it."""
    create: dict[str, str]
    """Connection in which objects may be made -> `always`, or the event at which."""
    only: dict[str, dict[str, str]] = {}
    clear: str = "keep"
    delete: dict[str, str] = {}
    conflicts: str = "ask"
    prefer: str | None = None
    first: str = "ask"
    on_doubt: str = "ask"

    # Of visits

    shows_as: dict[str, RecordKind] = {}
    """Connection -> the kind of objects as which things of this kind stand there: a visit is a deal in a CRM."""
    stages: dict[str, tuple[str, ...]] = {}
    """Status of a visit -> the stages of a deal that mean it."""
    title: str = ""
    """How a deal is called, with the visit's fields in braces."""
    attach: bool = False
    """A visit takes the person's only open deal that has none."""
    attendance: bool = False
    """Who came may be said in the CRM too."""


# Ids

SETTLE_NEW = timedelta(seconds=60)
"""A new object is acted on after so long: what other integrations, and we ourselves, make of it is seen first."""


def link_id(tenant: str, kind: RecordKind, connection: str, object_: str) -> str:
    """Document id of an object's link."""
    return stable_id("lnk", tenant, kind.value, connection, object_)


def record_id(link: str) -> str:
    """Document id of the record that begins with an object: two who meet it at once make one and the same."""
    return stable_id("rec", link)


def match_id(tenant: str, kind: RecordKind, by: KeyType, hashed: str) -> str:
    """Document id of a key; `hashed`: keyed, never the value."""
    return stable_id("mtc", tenant, kind.value, by.value, hashed)


def sync_delivery_id(tenant: str, record: str, toward: str, wanted: int) -> str:
    """An obligation about a state is told by the state's counter (DESIGN 5.3)."""
    return stable_id("dlv", tenant, record, toward, str(wanted))


def doubt_id(tenant: str, flow: str, record: str, field: str) -> str:
    """Document id of a doubt: one for each record and field."""
    return stable_id("dbt", tenant, flow, record, field)


def counted_id(tenant: str, flow: str, what: str, value: str = "") -> str:
    """Document id of a count; `value`: its print, never itself."""
    return stable_id("cnt", tenant, flow, what, value)


def switch_id(tenant: str, flow: str) -> str:
    """Document id of what was said of a flow."""
    return f"{tenant}.{flow}"
