"""Prints and normalisers: what is the same stays the same, also when keys and versions change."""

from __future__ import annotations

import pytest
from hypothesis import given
from test_comparing_properties import worlds
from world_of_sides import KEY, World, printer, some

from svyazka.engine.comparing.normalising import FIRST, NORMALISERS, FieldType, Normaliser
from svyazka.engine.comparing.prints import Print, Printer
from svyazka.engine.security.keyring import Keyring
from svyazka.model.bases import FieldBase
from svyazka.model.errors import ConfigError
from svyazka.model.records import CLEARED, UNREAD

OTHER = b"o" * 32

SAMPLES = [
    (FieldType.TEXT, "  a\u00a0long\tstory\u200b ", "a long story"),
    (FieldType.TEXT, "e\u0301", "é"),
    (FieldType.NAME, " Пётр  Иванов", "Пётр Иванов"),
    (FieldType.PHONE, "8 (999) 000-01-00", "+79990000100"),
    (FieldType.PHONE, "добавочный 12", "добавочный 12"),
    (FieldType.EMAIL, " Anna@Kofe.RU ", "anna@kofe.ru"),
    (FieldType.EMAIL, "Нет", "нет"),
    (FieldType.DATE, "31.12.1990", "1990-12-31"),
    (FieldType.DATE, "1990-12-31T00:00:00+03:00", "1990-12-31"),
    (FieldType.DATE, "весной", "весной"),
    (FieldType.MONEY, "1 049,30", "1049.3"),
    (FieldType.MONEY, "0", "0"),
    (FieldType.MONEY, "много", "много"),
    (FieldType.MONEY, "1E9999999", "1E9999999"),
    (FieldType.MONEY, "1e-999999", "1e-999999"),
    (FieldType.TAG, "VIP клиент", "vip клиент"),
    (FieldType.FLAG, True, "yes"),
]


@pytest.mark.parametrize(("type", "value", "normal"), SAMPLES)
def test_the_first_version_makes_of_a_value_what_it_always_made(
    type: FieldType, value: str | bool, normal: str
) -> None:
    """A change here would make every base of such a field look changed: add a version instead."""
    assert FIRST(type, value) == normal
    assert len(NORMALISERS) <= 2


def test_a_print_belongs_to_one_tenant_kind_and_field_and_says_what_made_it() -> None:
    (text,) = printer().prints("about", "alpha")
    assert Print.read(text)[:2] == ("1", 1)
    assert len(text) == len("1.1.") + 22
    others = {
        *printer().prints("name", "alpha"),
        *Printer({"1": KEY}, "bar", "contact").prints("about", "alpha"),
        *Printer({"1": KEY}, "kofe", "deal").prints("about", "alpha"),
        *Printer({"1": OTHER}, "kofe", "contact").prints("about", "alpha"),
        text,
    }
    assert len(others) == 5
    with pytest.raises(ConfigError):
        Printer({}, "kofe", "contact")


def test_nothing_is_no_print_and_what_is_unread_can_not_be_told() -> None:
    assert printer().prints("about", CLEARED) == ()
    assert printer().shows((), "about", CLEARED) is True
    assert printer().shows((), "about", "alpha") is False
    assert printer().shows((), "about", UNREAD) is None


def test_the_keyring_gives_keys_for_prints_that_are_none_of_its_others() -> None:
    keyring = Keyring.from_json({"mint": Keyring.generate()})
    keys = keyring.print_keys()
    assert list(keys) == ["1"]
    assert keys["1"] != keyring.newest("mint")[1]


second = Normaliser(2, {**FIRST.rules, FieldType.TEXT: str.casefold, FieldType.NAME: str.casefold})
"""A release that compares texts without case."""


@given(worlds(unread=False))
@some(25)
def test_neither_a_new_key_nor_a_new_normaliser_writes_anything_and_both_are_taken_up(world: World) -> None:
    world.round()
    world.round()
    world.printer = printer({"1": KEY, "2": OTHER}, (FIRST, second))
    assert not any(one.writes for one in world.compared().fields.values())
    assert world.round() == 0
    for name, field in world.compared().fields.items():
        if field.verdict.standing.is_open:
            continue
        assert not field.bases, "they are stored under the new ones"
        for system in world.systems.values():
            assert all(text.startswith("2.2.") for text in system.bases[name].prints)


def test_what_a_retired_key_printed_counts_as_no_base() -> None:
    retired = printer({"2": OTHER})
    base = FieldBase(prints=printer().prints("about", "alpha"))
    assert retired.shows(base.prints, "about", "alpha") is None
