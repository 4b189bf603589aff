"""Every way a Russian types a phone becomes one number; what no SMS reaches is known; output is masked."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from svyazka.model import contacts
from svyazka.model.contacts import (
    can_take_messages,
    mask_email,
    mask_name,
    mask_phone,
    normalize_email,
    normalize_phone,
)

MOBILE = "+79991234567"

SPELLINGS = [
    "+79991234567", "79991234567", "89991234567", "9991234567", "+7 (999) 123-45-67", "8 (999) 123-45-67",
    "8(999)1234567", "8-999-123-45-67", "8 999 123 45 67", "8.999.123.45.67", "8–999–123–45–67",
    "+7\u00a0999\u00a0123-45-67",
    "  +7 999 123 45 67  ", "tel:+79991234567", "тел. 8 999 123-45-67", "007 999 123 45 67",
    "8 (999) 123-45-67 доб. 12",
    "8 (999) 123-45-67 доб.12", "89991234567 вн 5", "+79991234567,12", "+79991234567;ext=12", "+79991234567 x12",
    "89991234567#12", "８９９９１２３４５６７", "٨٩٩٩١٢٣٤٥٦٧", "+8 (999) 123-45-67", "89991234567 / 89997654321",
]  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_way_a_russian_types_a_mobile_is_one_number(text: str) -> None:
    assert normalize_phone(text) == MOBILE


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("8 (495) 123-45-67", "+74951234567"),
        ("8-800-555-35-35", "+78005553535"),
        ("+375 29 123-45-67", "+375291234567"),
        ("8-10-375-29-123-45-67", "+375291234567"),
        ("375291234567", "+375291234567"),
        ("+7 701 123 45 67", "+77011234567"),
        ("00 49 151 23456789", "+4915123456789"),
        ("+84 91 234 56 78", "+84912345678"),
    ],
)
def test_land_lines_and_other_countries_keep_their_own_numbers(text: str, number: str) -> None:
    assert normalize_phone(text) == number


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "   ",
        "нет",
        "123-45-67",
        "0000000000",
        "+7999",
        "8999123456",
        "899912345678",
        "+",
        "доб. 12",
        "²²²",
        "½",
    ],
)
def test_what_can_be_no_phone_is_none(text: str | None) -> None:
    assert normalize_phone(text) is None


@given(
    st.integers(0, 999_999_999),
    st.sampled_from(["+7", "8", "7", "", "007", "+7 ", "8 ", "8-"]),
    st.lists(st.sampled_from(["", " ", "-", "(", ")", ".", "\u00a0"]), min_size=10, max_size=10),
)
def test_separators_and_prefixes_never_change_a_mobile(rest: int, prefix: str, separators: list[str]) -> None:
    digits = f"9{rest:09}"
    number = normalize_phone("+7" + digits)
    typed = prefix + "".join(separator + digit for separator, digit in zip(separators, digits, strict=True))
    assume(re.search(r"\.0+$", typed) is None)  # a number that a spreadsheet made: those are no digits of a phone
    assert normalize_phone(typed) == number
    if number is not None:
        assert normalize_phone(number) == number == "+7" + digits


@given(st.one_of(st.integers(0, 10**10 - 1), st.integers(8 * 10**9, 10**10 - 1)))
def test_a_number_of_ours_is_judged_as_the_numbering_plans_library_judges_it(rest: int) -> None:
    typed = f"+7{rest:010}"
    parsed = phonenumbers.parse(typed, None)
    assert normalize_phone(typed) == (typed if phonenumbers.is_valid_number(parsed) else None)


@given(st.text(max_size=40))
def test_no_text_breaks_it_and_its_answer_is_stable(text: str) -> None:
    number = normalize_phone(text)
    if number is not None:
        assert number.startswith("+")
        assert number[1:].isascii()
        assert number[1:].isdecimal()
        assert normalize_phone(number) == number
        assert isinstance(can_take_messages(number), bool)


@pytest.mark.parametrize("number", ["+74951234567", "+78124567890", "+78005553535", "+78095051234"])
def test_land_lines_and_8_800_are_never_messaged(number: str) -> None:
    assert not can_take_messages(number)


@pytest.mark.parametrize("number", [MOBILE, "+77011234567", "+375291234567"])
def test_mobiles_are(number: str) -> None:
    assert can_take_messages(number)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Ivan.Petrov@Mail.RU", "ivan.petrov@mail.ru"), ("  a+b@x.io ", "a+b@x.io"),
        ("почта@пример.рф", "почта@пример.рф"),
        ("a@b", None), ("a@b.", None), ("@b.ru", None), ("a b@c.ru", None), ("a@c.ru, d@e.ru", None), ("a@@c.ru", None),
        ("<a@c.ru>", "a@c.ru"), ("Иван <A@c.ru>", "a@c.ru"), ("a@c.ru.", "a@c.ru"), ("a@c.ru..", "a@c.ru"),
        ("MAILTO:A@c.ru?subject=x", "a@c.ru"), ("a @ c.ru", "a@c.ru"), ("\u00a0a@c.ru\u200b", "a@c.ru"),
        ("почта@xn--e1afmkfd.xn--p1ai", "почта@пример.рф"), ("a@XN--E1AFMKFD.XN--P1AI.", "a@пример.рф"),
        ("a@xn--\u044f.ru", "a@xn--\u044f.ru"), ("mailto:", None), ("<a@c.ru> <d@e.ru>", None),
        ("", None), (None, None),
    ],
)  # fmt: skip
def test_an_email_is_one_address_in_lower_case_or_none(text: str | None, address: str | None) -> None:
    assert normalize_email(text) == address


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (MOBILE, "+7999•••4567"), ("8 (999) 123-45-67", "+7999•••4567"), ("+375291234567", "+3•••67"),
        ("12345", "•••"), ("", ""), (None, None),
    ],
)  # fmt: skip
def test_a_masked_phone_shows_its_ends_only(text: str | None, shown: str | None) -> None:
    assert mask_phone(text) == shown


@given(st.integers(0, 9_999_999_999))
def test_a_masked_mobile_never_holds_its_middle(number: int) -> None:
    digits = f"{number:010}"
    shown = mask_phone("+7" + digits)
    assert shown == f"+7{digits[:3]}•••{digits[6:]}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("ivan@mail.ru", "i•••@mail.ru"), ("@mail.ru", "•••@mail.ru"), ("no address", "•••"), ("", ""), (None, None)],
)
def test_a_masked_email_shows_its_first_letter_and_domain(text: str | None, shown: str | None) -> None:
    assert mask_email(text) == shown


def test_a_masked_name_shows_its_first_letter() -> None:
    assert [mask_name(name) for name in ("Иван Петров", "", None)] == ["И•••", "", None]


def test_what_is_known_of_russian_mobiles_is_what_the_numbering_plan_says() -> None:
    for prefix in range(9000, 10_000):
        digits = f"7{prefix}{prefix * 7919 % 1_000_000:06d}"
        found = phonenumbers.parse(f"+{digits}", None)
        valid = phonenumbers.is_valid_number(found)
        assert normalize_phone(f"+{digits}") == (f"+{digits}" if valid else None), digits
        if not str(prefix).startswith("93"):
            assert phonenumbers.number_type(found) == contacts.MOBILE
