"""The installation's own keys: made once, added to, dropped one by one; never lost by a repeated deployment."""

from __future__ import annotations

import json

import pytest

import keys
from svyazka.engine.security.keyring import SECRET_NAMES, Keyring, SecretName
from svyazka.model.errors import ConfigError


class Shelf:
    """Where keys lie, in memory: every version of each secret."""

    def __init__(self) -> None:
        self.versions: dict[SecretName, list[str]] = {name: [] for name in SECRET_NAMES}

    def newest(self, name: SecretName) -> str | None:
        return self.versions[name][-1] if self.versions[name] else None

    def add(self, name: SecretName, text: str) -> None:
        self.versions[name].append(text)

    def keyring(self) -> Keyring:
        return Keyring.from_json({name: texts[-1] for name, texts in self.versions.items()})


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    keys.ensure(shelf)
    return shelf


def test_every_secret_gets_its_first_key_once():
    shelf = Shelf()
    assert keys.ensure(shelf) == list(SECRET_NAMES)
    assert keys.ensure(shelf) == []
    assert [len(texts) for texts in shelf.versions.values()] == [1, 1, 1]
    assert len({texts[0] for texts in shelf.versions.values()}) == 3


def test_after_a_rotation_the_old_is_readable_and_the_new_is_made_with_the_new_key(shelf: Shelf):
    sealed = shelf.keyring().seal("vault", "token", "kofe.sms")
    address = shelf.keyring().mint("iiko", "kofe", "till")
    assert keys.rotate(shelf, "vault") == "2"
    keys.rotate(shelf, "mint")
    after = shelf.keyring()
    assert after.unseal("vault", sealed, "kofe.sms") == "token"
    assert after.read("iiko", address)
    assert after.seal("vault", "token", "kofe.sms").startswith("s1.2.")
    assert after.mint("iiko", "kofe", "till").startswith("2.")


def test_a_retired_key_opens_nothing(shelf: Shelf):
    sealed = shelf.keyring().seal("vault", "token", "kofe.sms")
    keys.rotate(shelf, "vault")
    keys.retire(shelf, "vault", "1")
    with pytest.raises(ConfigError, match="version 1"):
        shelf.keyring().unseal("vault", sealed, "kofe.sms")
    assert set(json.loads(shelf.versions["vault"][-1])) == {"2"}
    assert keys.rotate(shelf, "vault") == "3", "a number is never given twice"


@pytest.mark.parametrize("number", ["1", "7"])
def test_the_key_in_use_and_one_that_never_was_are_not_retired(shelf: Shelf, number: str):
    with pytest.raises(SystemExit, match="old key"):
        keys.retire(shelf, "verify", number)
    assert len(shelf.versions["verify"]) == 1


def test_retiring_mint_takes_a_word_more(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("sys.argv", ["keys", "some-project", "retire", "mint", "1"])
    with pytest.raises(SystemExit):
        keys.main()
    assert "do-not-contact" in capsys.readouterr().err
