"""Two records that are one thing become one: sides and links move, the other record says where to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Write
from svyazka.model.base import SKELETON
from svyazka.model.in_step import Link, Record


def may_join(one: Record, other: Record) -> bool:
    """Whether they hold no two objects of one system: such are never made one by itself."""
    return one.id != other.id and not set(one.live) & set(other.live) and not (one.forgotten_at or other.forgotten_at)


def the_one_that_stays(one: Record, other: Record) -> bool:
    """Whether `one` stays: the one with more sides, so that what was agreed stays so; else the same whoever asks."""
    return (-len(one.live), one.created_at, one.id) < (-len(other.live), other.created_at, other.id)


def take_in(
    into: Record, other: Versioned[Record], links: Sequence[Versioned[Link]], now: datetime
) -> tuple[Record, list[Write]]:
    """A record with another one's sides, and the writes of the other and of its links. `links`: those of its live
    sides."""
    moved = {name: side for name, side in other.model.live.items() if name not in into.live}
    record = into.model_copy(
        update={
            "sides": {**into.sides, **moved},
            "wanted": into.wanted + 1,
            "moves": into.moves + 1,
            "people": tuple(dict.fromkeys((*into.people, *other.model.people))),
            "household": into.household or other.model.household,
            "act_after": None,
            "refused": {name: why for name, why in into.refused.items() if name not in moved},
        }
    )
    gone = other.model.model_copy(
        update={
            "merged_into": record.id, "queued": {}, "running": None, "intent": None, "moves": other.model.moves + 1,
            "asked": {}, "expire_at": now + SKELETON,
        }
    )  # fmt: skip
    writes: list[Write] = [journal.replace(gone, other.version)]
    writes += [journal.replace(link.model.model_copy(update={"record": record.id}), link.version) for link in links]
    return record, writes
