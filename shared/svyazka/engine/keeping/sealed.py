"""Values that must be kept: what stood in a card, what is proposed, rows of a file, what is asked.

Everywhere else the hub keeps prints of values and never the values. Where a person has to see them, or work has to be
done with them later, they lie in blobs, sealed by the vault's key, each batch with a life (`ports/blobs.py`). Beside
the blob stands a document with the keyed hashes of whom it mentions: it is written first, so that whoever is killed
between the two leaves a hash without values, and never values that nobody finds.
"""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence

from pydantic import JsonValue, TypeAdapter

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import SEALED_OF_PERSON
from svyazka.engine.ports.blobs import LIVES, NoBlob, Purpose, whole
from svyazka.engine.ports.store import Delete
from svyazka.engine.security.keyring import SecretName
from svyazka.model.contacts import Contact
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.ids import stable_id
from svyazka.model.sealed import SealedBatch, SealedValue

MOST = 200
"""Values of one batch: to forget a person, each batch that mentions him is written anew."""

TRIES = 8
_VALUES = TypeAdapter(list[SealedValue])
_KEY: SecretName = "vault"


class SealedValues:
    """Keeps values of a tenant's."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def keep(
        self,
        purpose: Purpose,
        tenant: str,
        key: str,
        values: Sequence[JsonValue],
        contacts: Sequence[Iterable[Contact]] = (),
    ) -> str:
        """Keep these; the batch's id. `key` makes it one: what is kept under it already stays as it is.

        Phones and e-mails in a value are found by themselves; `contacts`: of each value, whom it is about by other
        addresses. Raises Unavailable.
        """
        if not 0 < len(values) <= MOST:
            raise ValueError(f"expected 1 to {MOST} values, got {len(values)}")
        now = self._hub.clock.now()
        items = [
            SealedValue(people=self._people(tenant, value, contacts[at] if contacts else ()), value=value)
            for at, value in enumerate(values)
        ]
        id_ = stable_id("sld", tenant, purpose, key)
        batch = SealedBatch(
            id=id_, tenant=tenant, purpose=purpose, blob=f"{purpose}/{tenant}/{id_}.1", count=len(items),
            people=_all_people(items), made_at=now, blank_at=now + LIVES[purpose],
        )  # fmt: skip
        for _ in range(TRIES):
            held = await journal.load(self._hub.store, SealedBatch, id_)
            if held is not None and await self._is_kept(held.model):
                return id_
            try:
                await self._announce(batch, held)
            except Conflict:
                continue
            await self._hub.blobs.put(batch.blob, self._seal(batch.blob, items))
            return id_
        raise Unavailable("a batch of sealed values changes all the time")

    async def read(self, id_: str) -> list[JsonValue] | None:
        """The values in their places, None for each that was forgotten; None altogether where nothing is kept."""
        held = await journal.load(self._hub.store, SealedBatch, id_)
        if held is None:
            return None
        try:
            return [item.value for item in await self._items(held.model)]
        except NoBlob:
            return None

    async def drop(self, id_: str) -> None:
        """End a batch's life now."""
        held = await journal.load(self._hub.store, SealedBatch, id_)
        if held is not None:
            await self.remove(held)

    async def remove(self, held: Versioned[SealedBatch]) -> None:
        """Blobs first: a document without any is found again, and blobs without a document by nobody."""
        batch = held.model
        left = await self._hub.blobs.list(_beginning(batch))
        await self._hub.blobs.delete([one.name for one in left])
        await self._hub.store.commit([Delete("sealed", batch.id, held.version)])

    # Forgetting

    async def of_person(self, hashes: Iterable[str]) -> AsyncIterator[Versioned[SealedBatch]]:
        """Batches that mention somebody."""
        for person in sorted(hashes):
            cursor: str | None = None
            while True:
                page = await self._hub.store.find(SEALED_OF_PERSON, contains=person, cursor=cursor)
                for held in journal.known(SealedBatch, page.documents):
                    yield held
                cursor = page.cursor
                if cursor is None:
                    break

    async def mentions(self, batch: SealedBatch, hashes: frozenset[str]) -> int:
        """How many of its values mention somebody."""
        try:
            items = await self._items(batch)
        except NoBlob:
            return 0
        return sum(item.value is not None and not hashes.isdisjoint(item.people) for item in items)

    async def forget(self, id_: str, hashes: frozenset[str]) -> None:
        """Write a batch anew without the values that mention somebody; the others keep their places.

        The old blob is named in the document until it is removed, and the person's hashes stay till then: whoever is
        killed in between leaves a batch that is found and seen to again. Raises Unavailable.
        """
        for _ in range(TRIES):
            held = await journal.load(self._hub.store, SealedBatch, id_)
            if held is None or (hashes.isdisjoint(held.model.people) and not held.model.old):
                return
            try:
                await self._forget(held, hashes)
            except Conflict:
                continue
            return
        raise Unavailable("a batch of sealed values changes all the time: run this again")

    async def _forget(self, held: Versioned[SealedBatch], hashes: frozenset[str]) -> None:
        batch = held.model
        try:
            items = await self._items(batch)
        except NoBlob:
            await self.remove(held)
            return
        left = [_without(item, hashes) for item in items]
        if left != items:
            held = await self._rewritten(held, left)
            batch = held.model
        await self._hub.blobs.delete(batch.old)
        bare = batch.model_copy(update={"old": (), "people": _all_people(left)})
        await self._hub.store.commit([journal.replace(bare, held.version)])

    async def _rewritten(self, held: Versioned[SealedBatch], items: Sequence[SealedValue]) -> Versioned[SealedBatch]:
        """The batch with another blob, and with the names of all that were there before it. Raises Conflict."""
        before = [one.name for one in await self._hub.blobs.list(_beginning(held.model))]
        blob = f"{_beginning(held.model)}{secrets.token_hex(8)}"
        await self._hub.blobs.put(blob, self._seal(blob, items))
        batch = held.model.model_copy(update={"blob": blob, "old": tuple(before)})
        try:
            (version,) = await self._hub.store.commit([journal.replace(batch, held.version)])
        except Conflict:  # somebody else forgets in it: ours still has whom he forgets
            await self._hub.blobs.delete([blob])
            raise
        return Versioned(batch, version)

    # One blob

    def _seal(self, blob: str, items: Sequence[SealedValue]) -> bytes:
        plain = zlib.compress(_VALUES.dump_json(list(items), exclude_none=True))
        return self._hub.keyring.seal_bytes(_KEY, plain, blob)

    async def _items(self, batch: SealedBatch) -> list[SealedValue]:
        sealed = await whole(self._hub.blobs, [batch.blob])
        return _VALUES.validate_json(zlib.decompress(self._hub.keyring.unseal_bytes(_KEY, sealed, batch.blob)))

    async def _is_kept(self, batch: SealedBatch) -> bool:
        found = await self._hub.blobs.list(batch.blob, limit=1)
        return bool(found) and found[0].name == batch.blob

    async def _announce(self, batch: SealedBatch, held: Versioned[SealedBatch] | None) -> None:
        """Write down whom it mentions before it is there. Whoever was killed in between, or writes at this moment, may
        mean other values: whichever blob comes first, all of its people stand here."""
        if held is None:
            await self._hub.store.commit([journal.create(batch)])
            return
        both = tuple(dict.fromkeys((*held.model.people, *batch.people)))
        await self._hub.store.commit([journal.replace(batch.model_copy(update={"people": both}), held.version)])

    def _people(self, tenant: str, value: JsonValue, contacts: Iterable[Contact]) -> tuple[str, ...]:
        return self._hub.keyring.people(tenant, json.dumps(value, ensure_ascii=False).encode(), contacts)


def _beginning(batch: SealedBatch) -> str:
    """With which every blob of a batch begins."""
    return f"{batch.purpose}/{batch.tenant}/{batch.id}."


def _without(item: SealedValue, hashes: frozenset[str]) -> SealedValue:
    return SealedValue() if not hashes.isdisjoint(item.people) else item


def _all_people(items: Iterable[SealedValue]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(person for item in items for person in item.people))
