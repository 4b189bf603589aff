"""Values that must be kept: sealed, found by whom they mention, and gone when their life is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes import House, order
from svyazka.engine.journal import documents as journal
from svyazka.engine.keeping.sealed import MOST, SealedValues
from svyazka.engine.ports.blobs import LIVES, Purpose
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.engine.upkeep.retention import Retention
from svyazka.model.contacts import Contact
from svyazka.model.errors import ConfigError, Unavailable
from svyazka.model.sealed import SealedBatch

ANNA = {"row": 1, "fields": {"name": "Анна", "phone": ["8 999 000-01-08"], "birthday": None}}
PYOTR = {"row": 2, "fields": {"name": "Пётр", "email": "petr@example.org"}}
IN_CHAT = {"row": 3, "fields": {"name": "Зоя"}}
ROWS = [ANNA, PYOTR, IN_CHAT]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
async def house() -> House:
    house = House()
    await house.settle_in()
    return house


@pytest.fixture
def sealed(house: House) -> SealedValues:
    return SealedValues(house.hub)


async def kept(sealed: SealedValues) -> str:
    contacts = ((), (), [Contact(chats={"telegram": "77"})])
    return await sealed.keep(Purpose.ROWS, "kofe", "job_1.1", ROWS, contacts)


def everything(house: House) -> bytes:
    """All that lies anywhere."""
    blobs = b"".join(content for content, _ in house.blobs.kept.values())
    return blobs + b"".join(document.data for document in house.store.documents.values())


async def test_what_is_kept_is_read_as_it_was_and_can_be_read_nowhere_else(house: House, sealed: SealedValues) -> None:
    batch = await kept(sealed)
    assert await sealed.read(batch) == ROWS
    for secret in ("Анна", "000-01-08", "petr@example.org"):
        assert secret.encode() not in everything(house)


async def test_a_key_is_one_batch_whose_first_values_stay(house: House, sealed: SealedValues) -> None:
    batch = await kept(sealed)
    assert await sealed.keep(Purpose.ROWS, "kofe", "job_1.1", [IN_CHAT]) == batch
    assert await sealed.keep(Purpose.ROWS, "salon", "job_1.1", [IN_CHAT]) != batch
    assert await sealed.read(batch) == ROWS


async def test_a_blob_opens_under_its_own_name_only(house: House, sealed: SealedValues) -> None:
    batch = await kept(sealed)
    other = await sealed.keep(Purpose.ROWS, "salon", "job_1.1", [IN_CHAT])
    held = await journal.load(house.store, SealedBatch, other)
    assert held is not None
    (mine,) = [name for name in house.blobs.kept if "/kofe/" in name]
    house.blobs.kept[held.model.blob] = house.blobs.kept[mine]
    with pytest.raises(ConfigError):
        await sealed.read(other)
    assert await sealed.read(batch) == ROWS


@pytest.mark.parametrize("count", [0, MOST + 1])
async def test_a_batch_has_a_size(sealed: SealedValues, count: int) -> None:
    with pytest.raises(ValueError, match="values"):
        await sealed.keep(Purpose.ROWS, "kofe", "k", [1] * count)


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("+79990000108", [None, PYOTR, IN_CHAT]), ("Petr@Example.org", [ANNA, None, IN_CHAT]),
        ("telegram:77", [ANNA, PYOTR, None]), ("+79161112233", ROWS),
    ],
)  # fmt: skip
async def test_a_person_is_forgotten_and_the_others_keep_their_places(
    house: House, sealed: SealedValues, address: str, left: list[object]
) -> None:
    batch = await kept(sealed)
    before = set(house.blobs.kept)
    counted = await Forgetting(house.hub).forget(house.tenant, address, dry_run=True)
    done = await Forgetting(house.hub).forget(house.tenant, address)
    assert counted.kept == done.kept == left.count(None)
    assert await sealed.read(batch) == left
    if None in left:
        assert before.isdisjoint(house.blobs.kept), "the old blob is gone"
        again = await Forgetting(house.hub).forget(house.tenant, address)
        assert again.kept == 0


@pytest.mark.parametrize("step", range(4))
async def test_forgetting_that_is_killed_is_done_when_it_is_run_again(
    house: House, sealed: SealedValues, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Its effects, in their order: the new blob, the document that names it, the end of the old one, the hashes."""
    batch, done = await kept(sealed), 0
    (old,) = house.blobs.kept

    def counted(work):
        async def call(*args):
            nonlocal done
            if done == step:
                raise Killed
            done += 1
            return await work(*args)

        return call

    hashes = frozenset(house.keyring.person_ever("kofe", "+79990000108"))
    with monkeypatch.context() as patched:
        for owner, name in ((house.blobs, "put"), (house.blobs, "delete"), (house.store, "commit")):
            patched.setattr(owner, name, counted(getattr(owner, name)))
        with pytest.raises(Killed):
            await sealed.forget(batch, hashes)
    found = [held.model.id async for held in sealed.of_person(hashes)]
    assert found == [batch], "until it is done it is found"
    await sealed.forget(batch, hashes)
    assert await sealed.read(batch) == [None, PYOTR, IN_CHAT]
    assert old not in house.blobs.kept


async def test_keeping_that_was_killed_before_its_blob_is_found_by_all_whom_it_may_mention(
    house: House, sealed: SealedValues, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> bool:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(house.blobs, "put", die)
        with pytest.raises(Killed):
            await sealed.keep(Purpose.ROWS, "kofe", "job_1.1", [ANNA])
    batch = await sealed.keep(Purpose.ROWS, "kofe", "job_1.1", [PYOTR])
    assert await sealed.read(batch) == [PYOTR]
    for address in ("+79990000108", "petr@example.org"):
        hashes = house.keyring.person_ever("kofe", address)
        assert [held.model.id async for held in sealed.of_person(hashes)] == [batch]


@pytest.mark.parametrize("purpose", Purpose)
async def test_it_goes_with_its_life_and_not_before(house: House, sealed: SealedValues, purpose: Purpose) -> None:
    batch = await sealed.keep(purpose, "kofe", "k", [ANNA])
    house.clock.step((LIVES[purpose] - timedelta(seconds=1)).total_seconds())
    await Retention(house.hub).retain()
    assert await sealed.read(batch) == [ANNA]
    house.clock.step(1)
    await Retention(house.hub).retain()
    assert await sealed.read(batch) is None
    assert (house.blobs.kept, house.store.documents.get(("sealed", batch))) == ({}, None)


async def test_what_nobody_names_goes_with_its_life_too(house: House) -> None:
    await house.blobs.put("reports/kofe/a.html", b"old")
    house.clock.step(LIVES[Purpose.REPORTS].total_seconds() - 60)
    await house.blobs.put("reports/kofe/b.html", b"new")
    house.clock.step(60)
    await Retention(house.hub).retain()
    assert list(house.blobs.kept) == ["reports/kofe/b.html"]


async def test_blobs_out_of_reach_keep_nothing_else_from_coming_to_its_end(
    house: House, sealed: SealedValues, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> list[object]:
        raise Unavailable("no answer")

    batch = await kept(sealed)
    await house.post(order(1))
    await house.run()
    house.clock.step(LIVES[Purpose.BEFORE].total_seconds() + 86400)
    with monkeypatch.context() as patched:
        patched.setattr(house.blobs, "list", unreachable)
        assert await Retention(house.hub).retain() > 0, "the journal's own"
    assert await sealed.read(batch) is not None
    await Retention(house.hub).retain()
    assert await sealed.read(batch) is None


async def test_a_person_is_found_after_the_key_of_his_hash_was_replaced(house: House, sealed: SealedValues) -> None:
    batch = await kept(sealed)
    house.keyring._secrets["mint"]["2"] = bytes([9]) * 32  # type: ignore[index]
    await Forgetting(house.hub).forget(house.tenant, "+79990000108")
    assert await sealed.read(batch) == [None, PYOTR, IN_CHAT]


async def test_of_two_who_forget_in_one_batch_at_once_both_are_done(house: House, sealed: SealedValues) -> None:
    batch = await kept(sealed)
    first = frozenset(house.keyring.person_ever("kofe", "+79990000108"))
    second = frozenset(house.keyring.person_ever("kofe", "petr@example.org"))
    real, other = house.store.commit, SealedValues(house.hub)

    async def commit(*args):
        house.store.commit = real
        await other.forget(batch, second)
        return await real(*args)

    house.store.commit = commit
    await sealed.forget(batch, first)
    assert await sealed.read(batch) == [None, None, IN_CHAT]
    assert len(house.blobs.kept) == 1
