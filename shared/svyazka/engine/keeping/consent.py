"""The do-not-contact list: one document an address, a keyed hash of it, with the newest word of its owner."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from svyazka.engine.hub import Hub
from svyazka.engine.ports.store import Document, Put, Write
from svyazka.engine.rules.guards import addresses
from svyazka.model.consent import Consent
from svyazka.model.contacts import Contact
from svyazka.model.events import Event

FORGOTTEN = "forgotten"
"""Why a mark is there: its person asked for everything to be erased, and nothing brings him back."""


def optout_ids(hub: Hub, tenant: str, address: str) -> list[str]:
    """Where an address has its mark: under the newest key, which is where one is put, then under the keys before."""
    return [f"{tenant}.{person}" for person in hub.keyring.person_ever(tenant, address)]


def mark(hub: Hub, tenant: str, address: str, why: str, at: datetime, word: Consent = Consent.WITHDRAWN) -> Put:
    """What the list holds of one address from now on."""
    data = json.dumps({"why": why, "at": at.isoformat(), "consent": word.value}).encode()
    return Put(Document("optouts", optout_ids(hub, tenant, address)[0], {"tenant": tenant}, data))


def marks(hub: Hub, tenant: str, contact: Contact, why: str, at: datetime) -> list[Write]:
    """Marks for every address of a person."""
    return [mark(hub, tenant, address, why, at) for address in addresses(contact)]


def newest_words(places: Iterable[list[str]], documents: Iterable[Document | None]) -> list[Document]:
    """Of each address the mark that holds: the one under the newest key."""
    there = {document.id: document for document in documents if document is not None}
    found = (next((there[place] for place in ids if place in there), None) for ids in places)
    return [document for document in found if document is not None]


def any_withdrawn(words: Iterable[Document]) -> bool:
    """Whether the newest word on any of these addresses is that its owner wants no messages."""
    return any(json.loads(document.data).get("consent") != Consent.GIVEN for document in words)


def any_forgotten(words: Iterable[Document]) -> bool:
    """Whether the newest word on any of these addresses is that its owner asked to be forgotten."""
    return any(json.loads(document.data).get("why") == FORGOTTEN for document in words)


WhoT = TypeVar("WhoT")


async def who_is_forgotten(hub: Hub, tenant: str, people: Mapping[WhoT, Iterable[str]]) -> set[WhoT]:
    """Those of these people one of whose addresses asked to be forgotten, though nothing else may be left of them here:
    no file brings them back, and no card of theirs that was never looked at is made anywhere else."""
    places = {who: [optout_ids(hub, tenant, one) for one in addresses] for who, addresses in people.items()}
    wanted = dict.fromkeys(id_ for ids in places.values() for of_one in ids for id_ in of_one)
    there = await hub.store.get_many([("optouts", id_) for id_ in wanted]) if wanted else []
    return {who for who, ids in places.items() if any_forgotten(newest_words(ids, there))}


async def consent_writes(hub: Hub, event: Event) -> list[Write]:
    """What an event that withdraws or gives consent makes of the list.

    Events are planned in any order and twice: a word that is older than the one on the list changes nothing.
    Where nothing was ever withdrawn, giving consent needs no mark.
    """
    if event.consent is None or event.contact is None:
        return []
    said = event.occurred_at or event.received_at
    writes: list[Write] = []
    for address in addresses(event.contact):
        ids = optout_ids(hub, event.tenant, address)
        present = next(iter(newest_words([ids], await hub.store.get_many([("optouts", place) for place in ids]))), None)
        if present is None and event.consent is Consent.GIVEN:
            continue
        if present is not None and datetime.fromisoformat(json.loads(present.data)["at"]) > said:
            continue
        writes.append(mark(hub, event.tenant, address, f"{event.vendor}: own word", said, event.consent))
    return writes
