"""Two records that are one thing become one: sides and links move, the other record says where to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Store, Write
from svyazka.model.base import SKELETON
from svyazka.model.in_step import Link, Record, link_id


def may_join(one: Record, other: Record) -> bool:
    """Whether they hold no two objects of one system: such are never made one by itself."""
    return one.id != other.id and not set(one.live) & set(other.live) and not (one.forgotten_at or other.forgotten_at)


def the_one_that_stays(one: Record, other: Record) -> bool:
    """Whether `one` stays."""
    return rank(one) < rank(other)


def rank(record: Record) -> tuple[int, datetime, str]:
    """Of records that become one the first stays: the one with the most sides, so that what was agreed stays so; else
    the same whoever asks."""
    return -len(record.live), record.created_at, record.id


async def links_of(store: Store, record: Record) -> list[Versioned[Link]]:
    """The links of all its sides, for `take_in`."""
    ids = [link_id(record.tenant, record.kind, name, side.object) for name, side in record.sides.items()]
    found = await store.get_many([("links", id_) for id_ in ids])
    return [journal.read(Link, one) for one in found if one is not None]


def take_in(
    into: Record, other: Versioned[Record], links: Sequence[Versioned[Link]], now: datetime
) -> tuple[Record, list[Write]]:
    """A record with another one's sides, and the writes of the other and of its links. `links`: those of all its sides,
    for the other isn't kept for ever. What these had agreed on among themselves they have agreed on with nobody here:
    an edit of theirs isn't the only one for that, and a view that didn't change isn't one of this set. Where it was
    deleted it stays so, or it would be made there again; and what a person said of it holds. What is being written of
    the other is being written of this record: it is looked at again once that is over."""
    free = {name: side for name, side in other.model.sides.items() if name not in into.live}
    others = {name: side for name, side in free.items() if name in other.model.live or name not in into.sides}
    moved = {name: side.model_copy(update={"bases": {}}) for name, side in others.items()}
    record = into.model_copy(
        update={
            "sides": {**into.sides, **moved},
            "wanted": into.wanted + 1,
            "moves": into.moves + 1,
            "people": tuple(dict.fromkeys((*into.people, *other.model.people))),
            "household": into.household or other.model.household,
            "act_after": None,
            "running": into.running or other.model.running,
            "intent": into.intent or other.model.intent,
            "said": {**other.model.said, **into.said},
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
