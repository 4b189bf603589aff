"""Whoever a message can reach is found by `forget` and masked by `show`: one notion of a phone in a text for all."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svyazka.model.contacts import Contact, normalize_phone
from svyazka.model.phones import key, keys, unescaped
from svyazka.reading.masking import Masker

NUMBER = "+79990000108"

SPELLINGS = [
    "8\u00a0(999)\u00a0000-01-08", "+7\u2011999\u2011000\u201101\u201108", "8\u202f999\u202f000\u202f01\u202f08",
    "\u202a+7 999 000-01-08\u202c", "8\u2013999\u2013000\u201301\u201308", "+7\u2212999\u2212000\u221201\u221208",
    "8\u00ad999\u200b000\ufeff0108", "тел.:89990000108", "тел89990000108",
    "\uff18\uff08\uff19\uff19\uff19\uff09\uff10\uff10\uff10\uff0d\uff10\uff11\uff0d0\uff18", "\uff0b79990000108",
    "8\ufe0f\u20e39\ufe0f\u20e39\ufe0f\u20e39\ufe0f\u20e30000108",
    "8  -  999  -  000  -  01  -  08", "8\t999\n000 01 08",
    "79990000107.0 8 999 000 01 08", "8 999 000 01 08 доб. 15", "89990000108x15", "кв. 5, 8 999 000-01-08",
    "8 999 000-01-08 8 999 765-43-21", "89990000108 12", "00 7 999 000 01 08", "79990000108.0", "79990000108.00",
    "7.9990000108e10", "7.9990000108E+10", "7,9990000108E+10", "8.9990000108e10", "79990000108,0", "+79990000108.0",
    "8 (999) 000-01-08.0",
]  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_phone_is_the_same_however_it_is_typed_pasted_or_exported(text: str) -> None:
    wanted = "+79990000107" if text.startswith("79990000107") else NUMBER
    assert normalize_phone(text) == wanted
    assert_found_and_masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "901234567.0", "901 234 567.0", "901234567,0", "999 123 456.7", "99 912 345.67", "999123456.78", "7.9991234567",
        "7,9991234567", "7.99E+10", "7.99912E+10", "9.99123456E+8", "9e10", "79991234567.5", "1e400", "MTS", "900",
        "KOFE79991234567", "evt_79991234567", "79991234567a0b1", "290-31-58", "2903158", "123-45-67",
    ],
)  # fmt: skip
def test_no_digit_of_a_phone_is_made_by_formatting(text: str) -> None:
    assert normalize_phone(text) is None


def assert_found_and_masked(text: str) -> None:
    """What normalises is found and masked in whatever form a request, or a word of a vendor's, brings it."""
    number = normalize_phone(text)
    if number is None:
        return
    person = key(number) or number
    dumped, dumped_twice = json.dumps({"phone": text}), json.dumps({"data": json.dumps({"phone": text})})
    for body in (
        text.encode(), dumped.encode(), json.dumps({"phone": text}, ensure_ascii=False).encode(), dumped_twice.encode(),
        urlencode({"phone": text}).encode(), quote(text).encode(), text.encode("utf-16"),
    ):  # fmt: skip
        assert person in set(keys(unescaped(body))), body
    masker = Masker()
    for shown in (
        masker.text(text), masker.text(dumped), masker.body(dumped), masker.body(dumped_twice),
        masker.text(f"to={quote_plus(text)}&json=1"), masker.text(f"'{quote(text)}'"),
    ):  # fmt: skip
        assert shown is not None
        assert person not in set(keys(unescaped(shown.encode()))), shown


SIGNS = " \u00a0\u202f\u2009\u3000\t-\u2010\u2011\u2013\u2014\u2212().\u200e\u202a\u202c\ufeff"


@given(
    st.sampled_from(["+7", "8", "7", "", "007", "\uff0b7"]),
    st.integers(0, 999_999_999),
    st.lists(st.text(SIGNS, max_size=4), min_size=11, max_size=11),
    st.sampled_from(["", "тел. ", "Иван, ", "\n", "№ ", "("]),
    st.sampled_from(["", " доб. 7", "\n", ", Иван", ")", "; 8 999 111-22-33", " x5"]),
)
def test_whatever_stands_between_its_digits_a_phone_is_found_and_masked(
    prefix: str, rest: int, signs: list[str], before: str, after: str
) -> None:
    digits = f"9{rest:09}"
    assert_found_and_masked(before + prefix + "".join(map("".join, zip(signs, digits, strict=False))) + after)


@settings(max_examples=300)
@given(st.text("0123456789789+7 -().,;/:eExхдоб%\\un\u00a0\u2011\u0664\uff18Иab_№", max_size=40))
def test_no_text_can_be_messaged_that_is_not_found_and_masked(text: str) -> None:
    assert_found_and_masked(text)


@pytest.mark.parametrize("spelled", ["+29022222", "00 290 22222", "8-10-290-22222", "+683 4000", "(+683) 4000"])
def test_a_countrys_short_numbers_are_found_too(spelled: str) -> None:
    number = normalize_phone(spelled)
    assert number is not None
    assert number in set(keys(spelled))


def test_a_known_contact_is_masked_even_where_its_phone_is_none() -> None:
    somebody = Contact(phone="MTS-OFFICE-77", email="o'brien!x@mail.ru")
    shown = Masker().text("to MTS-OFFICE-77, o'brien!x@mail.ru", [somebody]) or ""
    assert "OFFICE" not in shown
    assert "brien" not in shown
