"""Who shares a phone with somebody is told from him by name, patronymic and birth date."""

from __future__ import annotations

import pytest

from svyazka.engine.comparing.matching import can_be_one, is_near, told_by
from svyazka.model.records import Object, RecordKind

ME = ("Анна Петрова", "1990-12-31")


@pytest.mark.parametrize(
    ("one", "other", "can"),
    [
        (ME, ("петрова анна сергеевна", None), True),
        (ME, ("Аня", "31.12.1990"), True),
        (ME, (None, None), True),
        (ME, ("Пётр Петров", None), False),
        (ME, ("Анна Петрова", "2012-01-01"), False),
        (("Иванов Пётр Ильич", None), ("Иванов Пётр Петрович", None), False),  # father and son
        (("Иванов Пётр Ильич", None), ("Пётр Ильич Иванов", None), True),
        (("Сергевна Анна", None), ("Анна Сергеевна", None), True),
    ],
)
def test_two_cards_of_one_phone_can_be_one_persons_or_a_households(
    one: tuple[str | None, str | None], other: tuple[str | None, str | None], can: bool
) -> None:
    assert can_be_one(one, other) is can
    assert can_be_one(other, one) is can


def test_a_person_is_told_by_the_name_that_a_list_shows_where_the_whole_one_is_unread() -> None:
    assert told_by(Object(RecordKind.CONTACT, "7", {"birthday": "1990-12-31"}, called="Анна")) == ("Анна", "1990-12-31")


def test_a_phone_one_digit_off_is_near() -> None:
    assert is_near("+79990000100", "+79990000190")
    assert is_near("+79990000123", "+79990000132")
    assert not is_near("+79990000123", "+79990000134")
    assert not is_near("+79990000100", "+79990000100")
