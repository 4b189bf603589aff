"""A vendor that takes a key, or else a login and a password: what is lacking is told of the kind that was begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fakes import House
from svyazka.engine.contracts.manifest import Credentials
from svyazka.engine.ports.store import Document, Put
from svyazka.engine.tenants.directory import secret_id
from svyazka.model.remedies import secret_commands
from svyazka.model.tenants import ConnectionSettings, ConnectionSpec

EITHER = Credentials(
    required=("sender",), either=(("api_key",), ("login", "password")), secret=("api_key", "password"),
)  # fmt: skip
KEY, PASSWORD = {"api_key": {"secret": "the-key"}}, {"password": {"secret": "the-password"}}


class Settings(ConnectionSettings):
    sender: str | None = "KOFE"
    api_key: str | None = None
    login: str | None = None
    password: str | None = None


@pytest.mark.parametrize(
    ("written", "vault", "missing"),
    [
        ({}, [], ["api_key"]),
        (KEY, ["the-key"], []),
        (KEY, [], ["api_key (secret the-key)"]),
        ({"login": "kofe"}, [], ["password"]),
        ({"login": "kofe", **PASSWORD}, [], ["password (secret the-password)"]),
        ({"login": "kofe", **PASSWORD}, ["the-password"], []),
        (PASSWORD, ["the-password"], ["login"]),
        ({"login": "kofe", **KEY}, ["the-key"], []),
        ({"login": "kofe", **KEY, **PASSWORD}, ["the-key"], []),
        ({"login": "kofe", **KEY, **PASSWORD}, ["the-password"], []),
        ({"sender": None, **KEY}, ["the-key"], ["sender"]),
    ],
)
async def test_one_kind_of_access_is_enough(
    written: dict[str, Any], vault: Sequence[str], missing: Sequence[str]
) -> None:
    house = House()
    house.manifests["sms"] = replace(house.sms.manifest, settings=Settings, credentials=EITHER)
    spec = ConnectionSpec(vendor="sms", settings=written)
    house.tenant = house.tenant.model_copy(update={"connections": {**house.tenant.connections, "sms": spec}})
    await house.settle_in()
    places = {secret_id("kofe", name): "a-value-of-the-test" for name in vault}
    sealed = {place: house.keyring.seal("vault", value, place).encode() for place, value in places.items()}
    await house.store.commit(
        [Put(Document("secrets", place, {"tenant": "kofe"}, data)) for place, data in sealed.items()]
    )
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    assert list(account.missing) == missing
    named = [value["secret"] for value in written.values() if isinstance(value, dict) and value["secret"] not in vault]
    if missing and named:
        assert secret_commands(house.tenant, "sms", account.missing) == [f"svyazka secret set kofe {named[0]}"]
