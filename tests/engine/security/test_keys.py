"""Webhook keys that nobody can forge, secrets that open only where they belong, people known by keyed hashes."""

from __future__ import annotations

import json
import string
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svyazka.engine.security.keyring import PEOPLE_OF_A_REQUEST, SECRET_NAMES, Keyring, WebhookKey
from svyazka.model.errors import ConfigError

OLD, NEW = b"o" * 32, b"n" * 32
PHONE = "+79991234567"


def ring(*versions: str) -> Keyring:
    """A keyring with these versions of every secret."""
    keys = {"1": OLD, "2": NEW, "10": b"t" * 32}
    return Keyring({name: {version: keys[version] for version in versions or ("1",)} for name in SECRET_NAMES})


# Webhook keys


def test_a_key_says_whose_connection_it_is_and_which_generation() -> None:
    key = ring().mint("iiko", "kofe", "till", 3)
    assert ring().read("iiko", key) == WebhookKey("kofe", "till", 3)
    assert key.startswith("1.kofe.till.3.")
    assert len(key.rpartition(".")[2]) * 5 >= 128


def test_every_single_character_change_of_a_key_is_refused() -> None:
    keyring = ring("1", "2")
    key = keyring.mint("iiko", "kofe", "till")
    alphabet = string.ascii_letters + string.digits + "._-٣"
    for place in range(len(key)):
        for character in alphabet:
            if character != key[place]:
                assert keyring.read("iiko", key[:place] + character + key[place + 1 :]) is None
        assert keyring.read("iiko", key[:place] + key[place + 1 :]) is None, "a character left out"
        assert keyring.read("iiko", key[:place] + key[place] + key[place:]) is None, "a character doubled"


@pytest.mark.parametrize(
    "text",
    ["", ".", "....", "1.kofe.till.1.", "1.kofe.till..x", "9.kofe.till.1.x", "a" * 10_000, "\ud800....", "\x00...."],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    assert ring().read("iiko", text) is None


@given(st.text(max_size=80))
def test_no_text_is_a_key(text: str) -> None:
    assert ring().read("iiko", text) is None


def test_a_key_of_one_vendor_is_no_key_of_another() -> None:
    assert ring().read("smsru", ring().mint("iiko", "kofe", "till")) is None


def test_a_key_that_was_found_genuine_is_remembered_for_its_vendor_only() -> None:
    keyring = ring()
    key = keyring.mint("iiko", "kofe", "till")
    assert keyring.read("iiko", key) == keyring.read("iiko", key)
    assert keyring.read("smsru", key) is None


def test_after_a_rotation_new_keys_are_minted_with_the_newest_and_old_ones_still_read() -> None:
    old = ring("1").mint("iiko", "kofe", "till")
    both = ring("1", "2", "10")
    assert both.mint("iiko", "kofe", "till").startswith("10.")
    assert both.read("iiko", old) == WebhookKey("kofe", "till", 1)
    assert ring("2").read("iiko", old) is None


# Sealing


@given(st.text(max_size=50), st.text(max_size=20))
def test_what_was_sealed_opens_again_in_its_context(plain: str, context: str) -> None:
    assert ring().unseal("vault", ring().seal("vault", plain, context), context) == plain


def test_a_sealed_value_opens_nowhere_else_and_shows_nothing() -> None:
    sealed = ring().seal("vault", "the-api-id", "kofe.smsru-api-id")
    assert "the-api-id" not in sealed
    assert sealed != ring().seal("vault", "the-api-id", "kofe.smsru-api-id"), "a nonce of its own each time"
    for name, context in (("vault", "chay.smsru-api-id"), ("vault", ""), ("verify", "kofe.smsru-api-id")):
        other = Keyring({"vault": {"1": OLD}, "verify": {"1": NEW}})
        with pytest.raises(ConfigError):
            other.unseal(name, sealed, context)  # type: ignore[arg-type]


def test_a_sealed_value_opens_after_a_rotation_while_its_version_is_here() -> None:
    sealed = ring("1").seal("vault", "plain", "c")
    assert ring("1", "2").unseal("vault", sealed, "c") == "plain"
    assert ring("1", "2").seal("vault", "plain", "c").startswith("s1.2.")
    with pytest.raises(ConfigError, match="sealed with version 1 of `vault`, which isn't here"):
        ring("2").unseal("vault", sealed, "c")


def test_every_changed_character_of_a_sealed_value_is_found_out() -> None:
    sealed = ring().seal("vault", "plain", "c")
    assert not sealed.endswith("="), "the last character before padding has bits that mean nothing"
    for place in range(len(sealed)):
        broken = sealed[:place] + ("A" if sealed[place] != "A" else "Q") + sealed[place + 1 :]
        with pytest.raises(ConfigError):
            ring().unseal("vault", broken, "c")


@pytest.mark.parametrize("sealed", ["", "s1", "s1.1", "s1.1.", "s1.1.!!!", "s1.1.AAAA", "plain text"])
def test_what_was_never_sealed_is_a_clear_error(sealed: str) -> None:
    with pytest.raises(ConfigError):
        ring().unseal("vault", sealed, "c")


# The stored form


def test_a_fresh_secret_can_be_read_from_its_stored_form() -> None:
    keyring = Keyring.from_json({name: Keyring.generate() for name in SECRET_NAMES})
    version, secret = keyring.newest("mint")
    assert (version, len(secret)) == ("1", 32)


@pytest.mark.parametrize(
    "text",
    ["nonsense", "[]", '{"1": 5}', '{"1": "%%%"}', '{"one": "AAAA"}', '{"-1": "AAAA"}', json.dumps({"1": "AAAA"})],
)
def test_a_secret_that_cannot_be_read_names_itself_and_shows_nothing(text: str) -> None:
    with pytest.raises(ConfigError, match="SVYAZKA_MINT_KEYS") as caught:
        Keyring.from_json({"mint": text})
    assert "AAAA" not in str(caught.value)


def test_a_secret_that_is_not_there_is_missed_when_it_is_needed() -> None:
    keyring = Keyring.from_json({"mint": Keyring.generate(), "vault": ""})
    assert keyring.mint("iiko", "kofe", "till")
    with pytest.raises(ConfigError, match="SVYAZKA_VAULT_KEYS"):
        keyring.seal("vault", "x", "c")


# People

SPELLINGS = [PHONE, "89991234567", "8 (999) 123-45-67", "9991234567", "+7 999 123-45-67", "7(999)1234567"]


def test_a_person_is_one_in_every_spelling() -> None:
    assert len({ring().person("kofe", text) for text in SPELLINGS}) == 1
    assert ring().person("kofe", "Ivan@Mail.ru ") == ring().person("kofe", "ivan@mail.ru")


def test_a_person_is_another_at_another_tenants_and_under_another_key() -> None:
    assert ring().person("kofe", PHONE) != ring().person("chay", PHONE)
    assert ring("1").person("kofe", PHONE) != ring("2").person("kofe", PHONE)


def test_a_chat_is_no_phone_of_the_same_digits_and_no_chat_elsewhere() -> None:
    people = {ring().person("kofe", text) for text in (PHONE, "telegram:9991234567", "max:9991234567")}
    assert len(people) == 3


def test_after_a_rotation_a_person_is_found_under_every_key_the_newest_first() -> None:
    both = ring("1", "2", "10")
    assert both.person_ever("kofe", PHONE) == [ring(version).person("kofe", PHONE) for version in ("10", "2", "1")]
    assert both.person("kofe", PHONE) == both.person_ever("kofe", PHONE)[0]


def found_in(raw: str | bytes, person: str = PHONE) -> bool:
    body = raw if isinstance(raw, bytes) else raw.encode()
    return ring().person("kofe", person) in ring().people("kofe", body)


@pytest.mark.parametrize(
    "raw",
    [
        *(json.dumps({"client": {"phone": text}}) for text in SPELLINGS),
        *(urlencode({"phone": text}) for text in SPELLINGS),
        f"data[0]={quote('сообщение для ' + PHONE)}", '{"comment": "звонить 8 999 123-45-67, спросить Ивана"}',
        '{"phone":79991234567}', "phones: 8 999 765-43-21 8 999 123-45-67", "89997654321 89991234567",
        "8(999)765-43-21\n8(999)123-45-67", "89991234567 доб. 12", '{"phone":"\\u002b79991234567"}',
    ],
)  # fmt: skip
def test_a_persons_phone_is_found_anywhere_in_a_raw_request(raw: str) -> None:
    assert found_in(raw)


@pytest.mark.parametrize("raw", ['{"email":"Ivan@Mail.ru"}', "email=ivan%40mail.ru&x=1", "пишите на ivan@mail.ru."])
def test_a_persons_email_is_found_anywhere_in_a_raw_request(raw: str) -> None:
    assert found_in(raw, "ivan@mail.ru")


def test_a_phone_is_found_behind_hundreds_of_dates_and_ids() -> None:
    lines = [
        {"id": f"f7d7468e-4c1f-5e7a-96d0-{n:012}", "at": f"2026-03-14 15:53:{n % 60:02}.{n:03}"} for n in range(300)
    ]
    assert found_in(json.dumps({"items": lines, "customer": {"phone": PHONE, "email": "ivan@mail.ru"}}))
    assert found_in(json.dumps({"items": lines, "customer": {"email": "ivan@mail.ru"}}), "ivan@mail.ru")


def test_everybody_in_a_long_list_is_found() -> None:
    body = json.dumps([{"id": n, "phone": f"+7999123{n:04}"} for n in range(400)])
    people = ring().people("kofe", body.encode())
    assert {ring().person("kofe", f"+7999123{n:04}") for n in range(400)} <= set(people)


@pytest.mark.parametrize("text", ["a", "9 ", "89991234567 ", "a@a.", "%41", "\xff"])
def test_half_a_megabyte_of_anything_can_be_searched_and_holds_so_many_people_at_most(text: str) -> None:
    people = ring().people("kofe", (text * (512 * 1024 // len(text))).encode("latin-1"))
    assert len(people) <= PEOPLE_OF_A_REQUEST


def test_sums_and_numbers_are_nobody() -> None:
    assert ring().people("kofe", b"") == ()
    assert ring().people("kofe", b'{"sum": 1480, "number": "1024", "price": "99.90"}') == ()
