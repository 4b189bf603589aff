"""Under which phones, e-mails and companies' names a record is noted (`matches`): who makes a thing notes it, and who
finds it deleted, so that whoever would make it a second time finds the note."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from svyazka.engine.in_step.wanting import record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Store, Write
from svyazka.engine.rules.deadlines import TAKE_OVER_GRACE, holds
from svyazka.engine.rules.what_differs import normal_element
from svyazka.engine.security.keyring import Keyring
from svyazka.model.in_step import MATCHED_MOST, MatchKey, Record, match_id
from svyazka.model.names import company_name
from svyazka.model.records import Key, KeyType, Object, RecordKind

PHONES_MOST, EMAILS_MOST, NAMES_MOST = 5, 3, 1
"""Keys of one thing: each is a document of the commit that makes it."""


def keys_of(objects: Iterable[Object]) -> tuple[Key, ...]:
    """What a thing is told by, in one spelling each."""
    found: dict[Key, None] = {}
    for by, name, most in ((KeyType.PHONE, "phone", PHONES_MOST), (KeyType.EMAIL, "email", EMAILS_MOST)):
        values = dict.fromkeys(normal_element(name, text) for one in objects for text in one.elements(name))
        found |= dict.fromkeys(Key(by, value) for value in list(values)[:most])
    companies = [one for one in objects if one.kind is RecordKind.COMPANY]
    names = dict.fromkeys(company_name(name) for one in companies for name in one.elements("name"))
    found |= dict.fromkeys(Key(KeyType.NAME, name) for name in list(names)[:NAMES_MOST] if name)
    return tuple(found)


def note_ids(keyring: Keyring, tenant: str, kind: RecordKind, key: Key) -> list[str]:
    """Where a key's note is: under the newest secret, which is where one is made, then under older ones."""
    return [match_id(tenant, kind, key.by, hashed) for hashed in keyring.person_ever(tenant, key.value)]


async def records_under(
    store: Store, keyring: Keyring, tenant: str, kind: RecordKind, keys: Iterable[Key]
) -> dict[Key, list[Record]]:
    """The records that are noted under each of these keys."""
    ids = {key: note_ids(keyring, tenant, kind, key) for key in dict.fromkeys(keys)}
    asked = [("matches", id_) for some in ids.values() for id_ in some]
    notes = {one.id: journal.read(MatchKey, one).model for one in (await store.get_many(asked) if asked else ()) if one}
    names = {id_ for note in notes.values() for id_ in note.records}
    read = await store.get_many([("records", id_) for id_ in sorted(names)]) if names else ()
    there = {one.id: journal.read(Record, one).model for one in read if one is not None}
    for id_, record in list(there.items()):
        if record.merged_into is not None:
            there[id_] = (await record_of(store, id_)).model
    return {
        key: [there[name] for id_ in some if id_ in notes for name in notes[id_].records if name in there]
        for key, some in ids.items()
    }  # fmt: skip


def noted_under(keyring: Keyring, record: Record, key: Key, there: Versioned[MatchKey] | None) -> Write | None:
    """This record under a key. One that is new there is made by one only: whoever comes second looks anew."""
    if there is None:
        id_ = note_ids(keyring, record.tenant, record.kind, key)[0]
        people = (keyring.person(record.tenant, key.value),)
        return journal.create(
            MatchKey(id=id_, tenant=record.tenant, kind=record.kind, by=key.by, records=(record.id,), people=people)
        )
    if record.id in there.model.records:
        return None
    records = (*there.model.records, record.id)[-MATCHED_MOST:]
    return journal.replace(there.model.model_copy(update={"records": records}), there.version)


async def noted_as_gone(store: Store, keyring: Keyring, record: Record, keys: Iterable[Key]) -> list[Write]:
    """This record, of something that was deleted in one system and lives on in others, under what those show: it isn't
    made there anew for a card of another system that nobody has linked with it."""
    writes = list[Write]()
    for key in keys:
        ids = note_ids(keyring, record.tenant, record.kind, key)
        there = [one for one in await store.get_many([("matches", id_) for id_ in ids]) if one is not None]
        note = noted_under(keyring, record, key, journal.read(MatchKey, there[0]) if there else None)
        writes += [note] if note is not None else []
    return writes


def claimed_under(keyring: Keyring, record: Record, key: Key, there: Versioned[MatchKey] | None) -> Write:
    """The same in the claim of a making, which writes its keys also where it is noted there already, since an earlier
    try failed: of two that would make one person at once one's claim fails, and it looks anew."""
    note = noted_under(keyring, record, key, there)
    if note is not None:
        return note
    assert there is not None
    return journal.replace(there.model, there.version)


def is_written(record: Record, real: datetime, but: str = "") -> bool:
    """Whether somebody writes one of its objects just now; `but`: who asks."""
    running = record.running
    return running is not None and running.delivery != but and holds(running.lease_until, real, TAKE_OVER_GRACE)


def is_made(record: Record, toward: str, real: datetime, but: str = "") -> bool:
    """Whether somebody makes an object for it there just now."""
    making = record.intent is not None and record.intent.toward == toward and record.intent.mark is not None
    return making and is_written(record, real, but)
