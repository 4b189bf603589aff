"""Keys and tokens are typed, sealed, used, and never seen again."""

from __future__ import annotations

import pytest

from console.visitor import Visitor
from fakes import House
from svyazka.engine.journal import documents as journal
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.security.sealing import lock_of, opened, opened_for_vault, sealed_to, vault_lock
from svyazka.engine.tenants.directory import secret_id
from svyazka.model.errors import ConfigError
from svyazka.model.requests import Request, Role
from svyazka.model.tenants import ConnectionSpec

TOKEN = "nobody-may-see-this-token"


@pytest.fixture
async def house() -> House:
    house = House()
    connections = {
        **house.tenant.connections,
        "sms": ConnectionSpec(vendor="sms", settings={"key": {"secret": "sms-key"}}),
    }
    house.tenant = house.tenant.model_copy(update={"connections": connections})
    await house.settle_in()
    await house.worker.handle("/sweep", {})
    return house


def everything(house: House) -> str:
    return str([(one.key, one.data, one.fields) for one in house.store.documents.values()]) + str(house.store.tasks)


def kept(house: House) -> str | None:
    key = secret_id("kofe", "sms-key")
    there = house.store.documents.get(("secrets", key))
    return house.keyring.unseal("vault", there.data.decode(), key) if there else None


async def test_a_key_is_typed_once_and_nobody_reads_it_but_the_worker(house: House, visitor: Visitor) -> None:
    page = await visitor.page("/secrets?tenant=kofe")
    assert "не задан" in page
    where = await visitor.press(page, "Сохранить", typed=TOKEN)
    assert TOKEN not in everything(house)
    (asked,) = [journal.read(Request, one).model for one in house.store.documents.values() if one.kind == "requests"]
    assert asked.sealed
    with pytest.raises(ConfigError):  # the console's own keys don't open it
        opened_for_vault(house.keyring.only("mint"), asked.sealed, asked.context)
    await house.run()
    assert "Готово" in await visitor.page(where)
    assert kept(house) == TOKEN
    assert TOKEN not in everything(house)
    assert asked.sealed not in everything(house)  # nor can it be tried again from what is left
    for path in ("/secrets?tenant=kofe", "/audit", where, "/systems/kofe/sms/access"):
        assert TOKEN not in await visitor.page(path)
    assert "sms-key" in await visitor.page("/audit")


async def test_what_is_typed_anew_in_the_same_form_is_kept_too(house: House, visitor: Visitor) -> None:
    """A browser that goes back shows the form as it was, with its key."""
    page = await visitor.page("/secrets?tenant=kofe")
    where = [await visitor.press(page, "Сохранить", typed=typed) for typed in ("mistyped", "mistyped", TOKEN)]
    assert where[0] == where[1] != where[2]
    await house.run()
    assert kept(house) == TOKEN


async def test_an_older_key_never_comes_after_a_newer_one(house: House, visitor: Visitor) -> None:
    """The request that was carried out is sent to the worker once more."""
    page = await visitor.page("/secrets?tenant=kofe")
    first = await visitor.press(page, "Сохранить", typed="old-token")
    await house.run()
    await visitor.press(await visitor.page("/secrets?tenant=kofe"), "Сохранить", typed=TOKEN)
    await house.run()
    await house.worker.handle("/request", {"request": first.partition("?")[0].rpartition("/")[2]})
    await house.run()
    assert kept(house) == TOKEN


async def test_what_was_sealed_for_one_place_opens_in_no_other(house: House, visitor: Visitor) -> None:
    await visitor.press(await visitor.page("/secrets?tenant=kofe"), "Сохранить", typed=TOKEN)
    (document,) = [one for one in house.store.documents.values() if one.kind == "requests"]
    asked = journal.read(Request, document).model
    for change in ({"about": "other"}, {"tenant": "bar"}, {"id": "req_2"}):
        with pytest.raises(ConfigError):
            opened_for_vault(house.keyring, asked.sealed or "", asked.model_copy(update=change).context)


async def test_only_an_owner_comes_to_the_keys(house: House) -> None:
    for role in (Role.LOOKER, Role.OPERATOR):
        other = await Visitor(house).come_in(role)
        await other.page("/secrets?tenant=kofe", 403)
        await other.page("/systems/kofe/sms/access", 403)
        assert "/secrets" not in await other.page("/more")


def test_a_lock_of_an_older_version_still_opens() -> None:
    old = Keyring({"vault": {"1": b"1" * 32}})
    both = Keyring({"vault": {"1": b"1" * 32, "2": b"2" * 32}})
    sealed = sealed_to(vault_lock(old), TOKEN, "here")
    assert opened_for_vault(both, sealed, "here") == TOKEN
    with pytest.raises(ConfigError):
        opened_for_vault(Keyring({"vault": {"2": b"2" * 32}}), sealed, "here")
    for broken in ("", "x1", "x1.1.", "x1.1.AAAA", "s1.1.AAAA", sealed[:-4]):
        with pytest.raises(ConfigError):
            opened_for_vault(both, broken, "here")


def test_what_is_sealed_to_a_session_opens_with_its_own_seed_only() -> None:
    sealed = sealed_to(lock_of(b"a" * 32), "Иван Петров", "doubt 1")
    assert opened(b"a" * 32, sealed, "doubt 1") == "Иван Петров"
    for seed, context in ((b"b" * 32, "doubt 1"), (b"a" * 32, "doubt 2")):
        with pytest.raises(ConfigError):
            opened(seed, sealed, context)
