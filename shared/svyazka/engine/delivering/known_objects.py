"""What we found or made at a connection, noted down by what it is told by: a vendor's own search lags, and has no
unique keys (`keys` documents).

They are read just before the call and written in the settle's own commit. Whoever comes next about the same person, in
the same lane, finds the object here though no search shows it yet. A note is a hint, never proof: what it names is read
at the vendor before anything is done.
"""

from __future__ import annotations

from collections.abc import Iterable

from svyazka.catalogue import N_
from svyazka.engine.contracts.putting import keys_of
from svyazka.engine.delivering.lanes import under_way
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.noting import is_made, records_under
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Write
from svyazka.model.base import SKELETON
from svyazka.model.commands import PutRecord
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import SvyazkaError
from svyazka.model.ids import mark_of, stable_id
from svyazka.model.records import KNOWN_MOST, Key, KeyType, KnownObjects, RecordKind

KEYS_MOST = 9
"""Keys of one command that are noted: what its settle writes has to fit into one commit."""


class InMaking(SvyazkaError):
    """Somebody else of ours makes the same person just now: what came of it is found in a moment."""

    def __init__(self, wait: float) -> None:
        super().__init__(N_("it is being made just now"))
        self.wait = wait
        """Seconds. Two who have seen each other come back at different times."""


async def known_objects(hub: Hub, delivery: Delivery) -> dict[Key, tuple[str, ...]]:
    """The objects that we noted under the keys of what a delivery shall put somewhere. Raises InMaking.

    A person's deliveries follow one another in his lane; what keeps systems in step, and imports, say beforehand whom
    they make (`matches`), in no lane. They look at lanes once they have said so (`nobody_else_makes`), and a delivery
    looks here once it has passed its lane: of two at once one at least sees the other.
    """
    keys = _keys(delivery)
    ours = await _of_records(hub, delivery, keys)
    places = {key: _places(hub, delivery, key) for key in keys}
    asked = [("keys", place) for ids in places.values() for place in ids]
    if not asked:
        return ours
    there = {one.id: journal.read(KnownObjects, one).model for one in await hub.store.get_many(asked) if one}
    found = {key: [id_ for place in places[key] if place in there for id_ in there[place].objects] for key in keys}
    together = {key: tuple(dict.fromkeys((*found[key], *ours.get(key, ())))) for key in keys}
    return {key: ids for key, ids in together.items() if ids}


async def nobody_else_makes(hub: Hub, delivery: Delivery) -> None:
    """Raises InMaking where a delivery is under way in a lane of the person whom this one is about to make."""
    if await under_way(hub, delivery.connection, delivery.people):
        raise InMaking(8.0)


async def _of_records(hub: Hub, delivery: Delivery, keys: Iterable[Key]) -> dict[Key, tuple[str, ...]]:
    """What records of systems in step, or of files, hold there under these keys. Raises InMaking."""
    command, found = delivery.command, dict[Key, tuple[str, ...]]()
    if not isinstance(command, PutRecord):
        return found
    keys = [key for key in keys if key.by in (KeyType.PHONE, KeyType.EMAIL)]
    records = await records_under(hub.store, hub.keyring, delivery.tenant, command.record, keys)
    for key, some in records.items():
        if command.create and any(is_made(one, delivery.connection, hub.clock.real()) for one in some):
            raise InMaking(5.0)
        found[key] = tuple(one.live[delivery.connection].object for one in some if delivery.connection in one.live)
    return found


async def noting(hub: Hub, delivery: Delivery) -> list[Write]:
    """What is written with the settle of a delivery that found or made an object; nothing where all is noted."""
    command = delivery.command
    if not isinstance(command, PutRecord) or command.ref is not None:
        return []
    object_ = next((one.id for one in delivery.produced if one.kind == command.record.value), None)
    if object_ is None:
        return []
    keys = _keys(delivery)
    places = {key: _places(hub, delivery, key)[0] for key in keys}
    found = await hub.store.get_many([("keys", place) for place in places.values()])
    held = {one.id: journal.read(KnownObjects, one) for one in found if one is not None}
    return [
        write for key, place in places.items() if (write := _noted(hub, delivery, key, place, held.get(place), object_))
    ]


def _noted(
    hub: Hub, delivery: Delivery, key: Key, place: str, held: Versioned[KnownObjects] | None, object_: str
) -> Write | None:
    until = hub.clock.now() + SKELETON
    if held is None:
        assert isinstance(delivery.command, PutRecord)
        return journal.create(
            KnownObjects(
                id=place, tenant=delivery.tenant, connection=delivery.connection, kind=delivery.command.record,
                by=key.by, objects=(object_,), people=_people(hub, delivery.tenant, key), expire_at=until,
            )
        )  # fmt: skip
    known = held.model
    if object_ in known.objects and known.expire_at > until - SKELETON / 2:
        return None
    objects = (*(one for one in known.objects if one != object_), object_)[-KNOWN_MOST:]
    return journal.replace(known.model_copy(update={"objects": objects, "expire_at": until}), held.version)


def _keys(delivery: Delivery) -> tuple[Key, ...]:
    command = delivery.command
    if not isinstance(command, PutRecord) or command.ref is not None:
        return ()
    own = Key(KeyType.MARK, mark_of(delivery.id))
    return tuple(dict.fromkeys((*keys_of(command), own)))[:KEYS_MOST]


def _places(hub: Hub, delivery: Delivery, key: Key) -> list[str]:
    """Where a key's document is: under the newest secret, which is where one is made, then under those before it."""
    assert isinstance(delivery.command, PutRecord)
    kind: RecordKind = delivery.command.record
    whole = (delivery.tenant, delivery.connection, kind.value, key.by.value)
    return [stable_id("key", *whole, hashed) for hashed in hub.keyring.person_ever(delivery.tenant, key.value)]


def _people(hub: Hub, tenant: str, key: Key) -> tuple[str, ...]:
    return () if key.by is KeyType.MARK else (hub.keyring.person(tenant, key.value),)
