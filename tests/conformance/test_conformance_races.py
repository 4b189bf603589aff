"""When many want the same thing at once, does exactly one get it?"""

from __future__ import annotations

import asyncio

from conformance.documents import SALVAGE, arrival, bare
from svyazka.engine.journal.kinds import DELIVERY_BY_EXTERNAL_ID
from svyazka.engine.ports.store import Create, Delete, Document, Replace
from svyazka.model.errors import Conflict, Unstorable


async def won(work) -> bool:
    try:
        await work
    except Conflict:
        return False
    return True


async def test_of_32_creators_one_wins(store):
    writes = [Create(bare("reservations", "r", b"%d" % number)) for number in range(32)]
    results = await asyncio.gather(*[won(store.commit([write])) for write in writes])
    assert sum(results) == 1
    assert (await store.get("reservations", "r")).data == b"%d" % results.index(True)


async def test_of_32_that_replace_one_version_one_wins(store):
    """With the very same content: the version alone decides."""
    (version,) = await store.commit([Create(bare("deliveries", "d", b"0"))])
    claim = Replace(bare("deliveries", "d", b"1", version))
    assert sum(await asyncio.gather(*[won(store.commit([claim])) for _ in range(32)])) == 1


async def test_a_counter_raised_by_8_at_once_misses_nobody(store):
    await store.commit([Create(bare("meta", "counter", b"0"))])

    async def raise_by_one() -> None:
        while True:
            read = await store.get("meta", "counter")
            if await won(store.commit([Replace(bare("meta", "counter", b"%d" % (int(read.data) + 1), read.version))])):
                return

    async def raise_often() -> None:
        for _ in range(4):
            await raise_by_one()

    await asyncio.gather(*[raise_often() for _ in range(8)])
    assert (await store.get("meta", "counter")).data == b"32"


async def test_claims_with_their_reservation_are_one_or_the_other(store):
    """Two deliveries to one person: the reservation decides, and the loser's claim isn't written either."""
    (first, second) = await store.commit([Create(bare("deliveries", key, b"open")) for key in "ab"])
    claims = [
        [Replace(bare("deliveries", key, b"claimed", version)), Create(bare("reservations", "person", key.encode()))]
        for key, version in (("a", first), ("b", second))
    ]
    results = await asyncio.gather(*[won(store.commit(writes)) for writes in claims])
    assert sum(results) == 1
    states = [document.data for document in await store.get_many([("deliveries", "a"), ("deliveries", "b")])]
    assert states == [b"claimed" if result else b"open" for result in results]


async def test_a_deletion_and_a_replacement_of_one_version(store):
    (version,) = await store.commit([Create(bare("lanes", "l"))])
    writes = [Delete("lanes", "l", version), Replace(bare("lanes", "l", b"1", version))]
    assert sum(await asyncio.gather(*[won(store.commit([write])) for write in writes])) == 1


async def test_of_32_copies_of_a_webhook_one_is_new_and_queued(backend, store):
    found = await asyncio.gather(*[backend.inbox.accept([arrival("a")], None, SALVAGE) for _ in range(32)])
    assert sum(present is None for (present,) in found) == 1
    assert len(await backend.deliver()) == 1


async def test_copies_in_batches_that_overlap(backend):
    """Sixteen requests of four events each, out of eight in all."""
    keys = [[f"e{(start + offset) % 8}" for offset in range(4)] for start in range(16)]
    found = await asyncio.gather(*[backend.inbox.accept([arrival(k) for k in some], None, SALVAGE) for some in keys])
    answers = zip((key for some in keys for key in some), (one for some in found for one in some), strict=True)
    created = [key for key, present in answers if present is None]
    assert sorted(created) == [f"e{number}" for number in range(8)]
    assert [handed.body["event"] for handed in await backend.deliver()] == sorted(created)


async def test_a_commit_that_cannot_be_written_harms_none_beside_it(store):
    """Twenty at once, one of them with half a letter in an indexed field."""

    def one(number: int, subject: str) -> Create:
        fields = {"tenant": "kofe", "connection": "till", "subject": subject, "status": "accepted"}
        return Create(Document("events", f"evt_{number}", fields, b"{}"))

    commits = [store.commit([one(n, "half \ud83d" if n == 7 else f"order:{n}")]) for n in range(20)]
    results = await asyncio.gather(*commits, return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, BaseException)] == [7]
    assert isinstance(results[7], Unstorable)
    found = await store.get_many([("events", f"evt_{n}") for n in range(20)])
    assert [n for n, document in enumerate(found) if document is None] == [7]


async def test_a_zero_byte_in_a_field_is_a_letter_like_others(store):
    fields = {"tenant": "kofe", "connection": "sms", "external_id": "a\x00b", "status": "succeeded"}
    await store.commit([Create(Document("deliveries", "dlv_1", fields, b"{}"))])
    where = {"tenant": "kofe", "connection": "sms", "external_id": "a\x00b"}
    page = await store.find(DELIVERY_BY_EXTERNAL_ID, equal=where)
    assert [document.id for document in page.documents] == ["dlv_1"]
