"""Who shares a phone with somebody is told from him by name."""

from __future__ import annotations

import pytest

from svyazka.model.names import parts_of, same_person

SAME = [
    ("Анна", "анна петрова"), ("Петрова Анна", "Анна Петрова"), ("Анна Сергеевна Петрова", "Петрова Анна"),
    ("Аня", "Анна Петрова"), ("Семён", "Семен"), ("Иванов И.", "Иван Иванов"),
    ("Екатерна Смирнова", "Екатерина Смирнова"),
    ("Катя", "Екатерина"), ("Гость", "Анна"), (None, "Анна"), ("", ""), ("+7 999", "Анна"), ("Анна Сергеевна", "Анна"),
    ("Ильич", "Ильич"), ("Анна Петров", "Анна Петрова"), ("Саша Петрова", "Петрова Александра"),
]  # fmt: skip
DIFFERENT = [
    ("Анна", "Пётр"), ("Анна Петрова", "Пётр Петров"), ("Мария", "Марина"), ("Иван", "Игорь"),
    ("Анна Петрова", "Анна Сидорова"),
    ("Олег", "Ольга"), ("Александр Петров", "Александра Петрова"), ("Александр", "Александра"),
    ("Евгений", "Евгения"), ("Саша Петров", "Саша Петрова"), ("Петров", "Петрова"),
    ("Женя Белинский", "Женя Белинская"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_persons_names_in_any_form_are_one(one: str | None, other: str | None) -> None:
    assert same_person(one, other)
    assert same_person(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_people_are_two(one: str, other: str) -> None:
    assert not same_person(one, other)
    assert not same_person(other, one)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Мария", ("Мария", "", "")), ("Мария Иванова", ("Мария", "", "Иванова")),
        ("Мария Петровна Иванова", ("Мария", "Петровна", "Иванова")), ("Мария Львовна", ("Мария", "Львовна", "")),
        ("Иванова Мария Петровна", ("Мария", "Петровна", "Иванова")), ("Иванов  Иван", ("Иван", "", "Иванов")),
        ("Павел Иван", ("Павел", "", "Иван")), ("Ким Мария", ("Ким", "", "Мария")),
        ("Мария де Ла Крус", ("Мария де Ла Крус", "", "")), ("", ("", "", "")),
    ],
)  # fmt: skip
def test_a_surname_that_stands_first_is_told_where_that_is_plain(name: str, parts: tuple[str, str, str]) -> None:
    found = parts_of(name)
    assert found == parts
    assert parts_of(str(found)) == found
