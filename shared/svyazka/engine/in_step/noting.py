"""Under which phones and e-mails a record is noted (`matches`): who makes a thing notes it, and whoever would make it a
second time finds the note."""

from __future__ import annotations

from collections.abc import Iterable

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Write
from svyazka.engine.rules.what_differs import normal_element
from svyazka.engine.security.keyring import Keyring
from svyazka.model.in_step import MATCHED_MOST, MatchKey, Record, match_id
from svyazka.model.records import Key, KeyType, Object

PHONES_MOST, EMAILS_MOST = 5, 3
"""Keys of one thing: each is a document of the commit that makes it."""


def keys_of(objects: Iterable[Object]) -> tuple[Key, ...]:
    """What a thing is told by, in one spelling each."""
    found: dict[Key, None] = {}
    for by, name, most in ((KeyType.PHONE, "phone", PHONES_MOST), (KeyType.EMAIL, "email", EMAILS_MOST)):
        values = dict.fromkeys(normal_element(name, text) for one in objects for text in one.elements(name))
        found |= dict.fromkeys(Key(by, value) for value in list(values)[:most])
    return tuple(found)


def note_ids(keyring: Keyring, record: Record, key: Key) -> list[str]:
    """Where a key's note is: under the newest secret, which is where one is made, then under older ones."""
    hashes = keyring.person_ever(record.tenant, key.value)
    return [match_id(record.tenant, record.kind, key.by, hashed) for hashed in hashes]


def noted_under(keyring: Keyring, record: Record, key: Key, there: Versioned[MatchKey] | None) -> Write | None:
    """This record under a key. One that is new there is made by one only: whoever comes second looks anew."""
    if there is None:
        id_ = note_ids(keyring, record, key)[0]
        people = (keyring.person(record.tenant, key.value),)
        return journal.create(
            MatchKey(id=id_, tenant=record.tenant, kind=record.kind, by=key.by, records=(record.id,), people=people)
        )
    if record.id in there.model.records:
        return None
    records = (*there.model.records, record.id)[-MATCHED_MOST:]
    return journal.replace(there.model.model_copy(update={"records": records}), there.version)
