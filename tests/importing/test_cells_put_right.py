"""What a cell means, however it was typed; what can't be meant is never made up."""

from __future__ import annotations

from datetime import date

import pytest

from svyazka.importing.remarks import Kind, Why
from svyazka.importing.values.amounts import amount, count
from svyazka.importing.values.days import Order, day, order_of
from svyazka.importing.values.mails import mails
from svyazka.importing.values.names import name, together
from svyazka.importing.values.phones import phones

TODAY = date(2026, 3, 14)
ONE, TWO = "+79161234568", "+79037654322"

PHONES = [
    ("8 (916) 123-45-68", (ONE,), Why.SPELLING), ("+79161234568", (ONE,), None),
    ("'+79161234568", (ONE,), Why.SPELLING),
    ("9161234568", (ONE,), Why.SPELLING), ("79161234568.0", (ONE,), Why.SPELLING),
    ("7,9161234568E+10", (ONE,), Why.SPELLING), ("7.9161234568E+10", (ONE,), Why.SPELLING),
    ("8 916 123 45 68 доб. 12", (ONE,), Why.EXTENSION), ("8 916 123-45-68, вн.104", (ONE,), Why.EXTENSION),
    ("+7 916 123-45-68 ext 5", (ONE,), Why.EXTENSION),
    ("8 916 123-45-68, 8-903-765-43-22", (ONE, TWO), Why.SEVERAL),
    ("89161234568/89037654322", (ONE, TWO), Why.SEVERAL),
    ("89161234568 89037654322", (ONE, TWO), Why.SEVERAL), ("8916 123 45 68 8903 765 43 22", (ONE, TWO), Why.SEVERAL),
    ("89161234568\n89037654322", (ONE, TWO), Why.SEVERAL),
    ("дом. 89161234568; раб. 8 903 765-43-22", (ONE, TWO), Why.SEVERAL),
    ("7,9161E+10", (), Why.ROUNDED), ("7.9161E10", (), Why.ROUNDED), ("+7916***4568", (), Why.HIDDEN),
    ("7916xxx4568", (), Why.HIDDEN),
    ("223-45-67", (), Why.LOCAL), ("89999999999", (), Why.RUBBISH), ("0000000", (), Why.RUBBISH),
    ("+7 911 111-11-11", (), Why.RUBBISH),
    ("нет телефона", (), Why.NO_PHONE), ("12", (), Why.NO_PHONE),
    ("+375 29 123-45-67", ("+375291234567",), Why.SPELLING),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "meant", "why"), PHONES)
def test_phones_of_a_cell(typed: str, meant: tuple[str, ...], why: Why | None):
    read = phones(typed)
    assert read.value == meant
    assert [remark.why for remark in read.remarks][-1:] == ([why] if why else [])


MAILS = [
    ("ivan@mail.ru", ("ivan@mail.ru",), None), (" Ivan@Mail.RU ", ("ivan@mail.ru",), Why.SPELLING),
    ("a@ya.ru, b@ya.ru", ("a@ya.ru", "b@ya.ru"), Why.SEVERAL), ("a@ya.ru b@ya.ru", ("a@ya.ru",
    "b@ya.ru"), Why.SEVERAL),
    ("ivan@gmial.com", ("ivan@gmial.com",), Why.TYPO), ("ivan@mail.ri", ("ivan@mail.ri",), Why.TYPO),
    ("ivan@mail,ru", (), Why.TYPO), ("ivan mail.ru", (), Why.NO_MAIL), ("ivan@yandex.kz", ("ivan@yandex.kz",), None),
    ("ivan@email.ru", ("ivan@email.ru",), None), ("ivan@firma-okna.ru", ("ivan@firma-okna.ru",), None),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "meant", "why"), MAILS)
def test_addresses_of_a_cell_and_a_misspelled_one_is_never_changed(typed: str, meant: tuple[str, ...], why: Why | None):
    read = mails(typed)
    assert read.value == meant
    assert [remark.why for remark in read.remarks][-1:] == ([why] if why else [])
    assert Why.TYPO not in {remark.why for remark in read.remarks if remark.kind is not Kind.PROPOSED}


def test_what_a_misspelled_address_may_have_been():
    assert [mails(typed).remarks[0].now for typed in ("i@gmial.com", "i@mail,ru", "i@yandx.ru", "i@mаil.ru")] == [
        "i@gmail.com", "i@mail.ru", "i@yandex.ru", "i@mail.ru",
    ]  # fmt: skip


DAYS = [
    ("14.02.1985", "1985-02-14"), ("14.02.1985 0:00:00", "1985-02-14"), ("1985-02-14", "1985-02-14"),
    ("1985-02-14T00:00:00", "1985-02-14"), ("14.2.85", "1985-02-14"), ("14/02/1985", "1985-02-14"),
    ("14 февраля 1985 г.", "1985-02-14"), ("14 фев 1985", "1985-02-14"), ("1 мая 1990 года", "1990-05-01"),
    ("31092", "1985-02-14"), ("31092.0", "1985-02-14"), ("14-Feb-1985", "1985-02-14"), ("14.02.1985г", "1985-02-14"),
    ("31.02.1985", None), ("01.01.0001", None), ("14.02", None), ("14 февраля", None), ("1985", None), ("осень", None),
    ("14.02.2085", None), ("14.02.1880", None), ("00.00.0000", None), ("01.12.25", "2025-12-01"), ("01.12.27",
    "1927-12-01"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "meant"), DAYS)
def test_birthdays(typed: str, meant: str | None):
    assert day(typed, TODAY, birth=True).value == meant


def test_whether_the_month_stands_first_is_seen_by_the_whole_column():
    american = ["02/14/1985", "03/04/1990"]
    assert [day(cell, TODAY, order_of(american)).value for cell in american] == ["1985-02-14", "1990-03-04"]
    assert order_of(["14/02/1985", "03/04/1990"]) is Order.DAY
    doubtful = day("03/04/1990", TODAY)
    assert (doubtful.value, [remark.why for remark in doubtful.remarks]) == ("1990-04-03", [Why.ORDER])


AMOUNTS = [
    ("1 049,30 руб", "1049.30"), ("1\u202f049,30 ₽", "1049.30"), ("1,049.30", "1049.30"), ("1.049,30", "1049.30"),
    ("1049.3", "1049.30"),
    ("1 049", "1049.00"), ("1.049", None), ("1,049", None), ("1.049.000", "1049000.00"), ("0,5", "0.50"),
    ("12 руб. 5 коп.", "12.05"), ("(100,00)", "-100.00"), ("-5", "-5.00"),
    ("3 000 ?", "3000.00"), ("1'000'000", "1000000.00"), ("сто", None), ("10%", None), ("1e30", None), ("12-50", None),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "meant"), AMOUNTS)
def test_amounts(typed: str, meant: str | None):
    assert amount(typed).value == meant


def test_a_count_is_whole():
    assert [count(typed).value for typed in ("12", "12.0", "1 200", "1,5", "много")] == ["12", "12", "1200", None, None]


NAMES = [
    ("Иванов Иван Иванович", "Иванов Иван Иванович", None), ("ИВАНОВ ИВАН", "Иванов Иван", None), ("иванова анна",
    "Иванова Анна", None),
    ("иВАНОВ Иван", "Иванов Иван", None), ("ПЕТРОВ-ВОДКИН КУЗЬМА", "Петров-Водкин Кузьма", None), ("МАМЕДОВ АЛИ ОГЛЫ",
    "Мамедов Али оглы", None),
    ("Петрова Анна; VIP", "Петрова Анна", "VIP"), ("Мария (маникюр)", "Мария", "маникюр"), ("Анна - жена Петра",
    "Анна", "жена Петра"),
    ("Aннa", "Анна", None), ("O'Neil John", "O'Neil John", None), ("МакГрегор Евгений", "МакГрегор Евгений", None),
    ("ООО РОМАШКА", "ООО РОМАШКА", None), ("ИП Иванов Иван", "Иванов Иван", None),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "meant", "beside"), NAMES)
def test_names(typed: str, meant: str, beside: str | None):
    read = name(typed).value
    assert (read.text, read.beside) == (meant, beside)


def test_a_phone_within_a_name_is_a_phone():
    assert name("Ольга 8 916 123-45-68").value == ("Ольга", None, (ONE,))


def test_a_first_name_in_the_column_of_last_names_changes_places_only_where_both_show_it():
    assert together("Анна", "Кузнецова", None).value == "Анна Кузнецова"
    assert together("Иван", "Пётр", None).value == "Пётр Иван"
    assert together("Ким", "Анна", "Олеговна").value == "Анна Олеговна Ким"
