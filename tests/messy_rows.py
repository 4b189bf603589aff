"""Client bases as shops really export them, made by a seed: every quirk of 1C's, Excel's and the CRMs' files, and the
truth about each line beside it. For tests and benchmarks."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import phonenumbers

TODAY = date(2026, 3, 14)
TITLES = ("Код", "Наименование", "Телефон", "Доп. телефон", "E-mail", "Дата рождения", "Сумма покупок", "Комментарий")
"""1C's; every line is made as one of its own, and laid out anew for the others."""
_FIRST = (
    "Иван", "Пётр", "Сергей", "Алексей", "Дмитрий", "Павел", "Николай", "Артём", "Роман", "Олег", "Максим", "Игорь",
    "Денис",
    "Антон", "Кирилл",
)  # fmt: skip
_FIRST_F = (
    "Анна", "Мария", "Елена", "Ольга", "Наталья", "Ирина", "Светлана", "Татьяна", "Юлия", "Екатерина", "Дарья",
    "Полина", "Ксения",
    "Вера", "Софья",
)  # fmt: skip
_LAST = (
    "Иванов", "Петров", "Сидоров", "Кузнецов", "Смирнов", "Попов", "Васильев", "Соколов", "Михайлов", "Новиков",
    "Фёдоров",
    "Морозов", "Волков", "Лебедев", "Козлов", "Степанов", "Орлов", "Макаров", "Никитин", "Захаров", "Зайцев",
    "Соловьёв",
    "Борисов", "Яковлев", "Григорьев", "Романов", "Воробьёв", "Кузьмин", "Фролов", "Александров", "Гусев", "Титов",
    "Кудрявцев", "Баранов", "Куликов", "Третьяков", "Жуков", "Рябов", "Поляков", "Цветков", "Данилов", "Быков",
)  # fmt: skip
_PATRONYMIC = (
    "Иванович", "Петрович", "Сергеевич", "Алексеевич", "Дмитриевич", "Павлович", "Николаевич", "Романович", "Олегович",
    "Игоревич",
)  # fmt: skip


@dataclass(frozen=True)
class Human:
    """Who really is behind a line."""

    id: int
    last: str
    first: str
    patronymic: str
    phone: str
    """E.164"""
    mail: str | None
    born: date | None

    @property
    def name(self) -> str:
        return f"{self.last} {self.first} {self.patronymic}".strip()


@dataclass(frozen=True)
class Made:
    """One line and the truth about it."""

    cells: tuple[str, ...]
    human: Human | None
    outcome: str
    """Of svyazka.importing.outcomes."""
    phones: tuple[str, ...] = ()


def messy(lines: int, seed: int = 7, doubles: float = 0.03) -> list[Made]:
    """So many lines of data. Of people `doubles` stand there a second time, typed anew; as many share a phone with
    another of their household; some lines are exact repeats, blank, groups, totals or broken."""
    chance = random.Random(seed)
    taken: set[str] = set()
    made: list[Made] = []
    while len(made) < lines - 1:
        human, roll = _human(chance, len(made), taken), chance.random()
        if roll < 0.01:
            made.append(Made(("",) * len(TITLES), None, "blank"))
        elif roll < 0.015:
            made.append(Made((f"Группа {len(made)}", *[""] * 7), None, "group"))
        elif roll < 0.02:
            made.append(Made((*_cells(chance, human)[0], "лишнее"), None, "broken"))
        elif roll < 0.02 + doubles and made and made[-1].outcome == "ready" and made[-1].phones:
            last = made[-1]
            assert last.human is not None
            made[-1] = Made(last.cells, last.human, "doubt", last.phones)
            cells, phones = _cells(chance, last.human, plain=True)
            made.append(Made((f"Д-{len(made):06}", *cells[1:]), last.human, "doubt", phones))
        elif roll < 0.02 + 2 * doubles and made and made[-1].human is not None and made[-1].outcome == "ready":
            other = made[-1].human
            kin = Human(len(made), human.last, human.first, human.patronymic, other.phone, None, human.born)
            if _other_name(kin, other):
                made.append(Made(*_ready(chance, kin)))
        elif roll < 0.03 + 2 * doubles and made and made[-1].outcome == "ready":
            made.append(Made(made[-1].cells, made[-1].human, "repeat", made[-1].phones))
        else:
            made.append(Made(*_ready(chance, human)))
    return [*made, Made(("Итого", "", "", "", "", "", "1 234 567,00", ""), None, "total")]


def _other_name(one: Human, other: Human) -> bool:
    from svyazka.model.names import same_person

    return not same_person(one.name, other.name)


def _ready(chance: random.Random, human: Human) -> tuple[tuple[str, ...], Human, str, tuple[str, ...]]:
    cells, phones = _cells(chance, human)
    return cells, human, "ready", phones


def _human(chance: random.Random, id_: int, taken: set[str]) -> Human:
    woman = chance.random() < 0.6
    last, patronymic = chance.choice(_LAST), chance.choice(_PATRONYMIC) if chance.random() < 0.7 else ""
    if woman:
        last, patronymic = last + "а", patronymic[:-2] + "на" if patronymic else ""
    phone = f"+79{chance.randrange(10**8, 10**9):09}"
    while phone in taken or _made_up(phone):
        phone = f"+79{chance.randrange(10**8, 10**9):09}"
    taken.add(phone)
    first, day = chance.choice(_FIRST_F if woman else _FIRST), chance.random() < 0.5
    born = date(1950, 1, 1) + timedelta(days=chance.randrange(20_000)) if day else None
    while born is not None and f"{last} {first} {born}" in taken:  # of one name and birthday they would be one person
        born += timedelta(days=1)
    taken.add(f"{last} {first} {born}")
    mail = f"client{id_}@{chance.choice(('mail.ru', 'yandex.ru', 'gmail.com'))}" if chance.random() < 0.4 else None
    return Human(id_, last, first, patronymic, phone, mail, born)


def _made_up(phone: str) -> bool:
    if not phonenumbers.is_valid_number(phonenumbers.parse(phone)):
        return True  # a range that nobody was given
    return max(map(phone[2:].count, set(phone[2:]))) >= 8 or len(set(phone[-7:])) == 1


def _cells(chance: random.Random, human: Human, plain: bool = False) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A line's cells, and the phones that can be read from them."""
    phone, readable = (_PHONES[0](human.phone), True) if plain else _phone(chance, human.phone)
    spent = chance.choice(
        ("", "0,00", f"{chance.randrange(10**6) / 100:.2f}", "1 049,30 руб", "12\xa0540,50", "3 000 ₽")
    )
    second = "" if plain or not readable or chance.random() > 0.06 else f"+7495{6_104_273 + human.id}"
    beside = second if second and chance.random() < 0.5 else ""
    phone += chance.choice((", ", "; ", " / ")) + second if second and not beside else ""
    cells = (
        f"00-{human.id:06}", chance.choice(_NAMES)(human), phone, beside, _mail(chance, human.mail),
        chance.choice(_DAYS)(human.born) if human.born else chance.choice(("", "01.01.0001", "нет")), spent,
        chance.choice(("", "", "VIP", 'скидка "10 %"; не звонить', "=HYPERLINK(\"http://x\")")),
    )  # fmt: skip
    return cells, tuple(filter(None, (human.phone, second))) if readable else ()


_NAMES: Sequence[Callable[[Human], str]] = (
    lambda human: human.name, lambda human: human.name, lambda human: human.name.upper(),
    lambda human: human.name.lower(), lambda human: f" {human.name}\xa0 ", lambda human: human.name.replace("ё", "е"),
    lambda human: f"{human.first} {human.last}", lambda human: f"{human.name}; VIP",
    lambda human: f"{human.name} (маникюр)",
)  # fmt: skip
_PHONES: Sequence[Callable[[str], str]] = (
    lambda phone: f"8 ({phone[2:5]}) {phone[5:8]}-{phone[8:10]}-{phone[10:]}",
    lambda phone: phone, lambda phone: phone[1:], lambda phone: phone[2:], lambda phone: f"'{phone}",
    lambda phone: f"{phone[1:]}.0", lambda phone: f"{phone[1]},{phone[2:]}E+10", lambda phone: f"{phone} доб. 12",
    lambda phone: f"+7 {phone[2:5]} {phone[5:8]} {phone[8:10]} {phone[10:]}", lambda phone: f"тел. 8{phone[2:]}",
)  # fmt: skip
_LOST: Sequence[Callable[[str], str]] = (
    lambda phone: f"{phone[1]},{phone[2:6]}E+10", lambda phone: f"{phone[:5]}***{phone[-4:]}",
    lambda phone: "223-45-67",
    lambda phone: "нет телефона", lambda phone: "89999999999",
)  # fmt: skip
_DAYS: Sequence[Callable[[date], str]] = (
    lambda day: f"{day:%d.%m.%Y}", lambda day: f"{day:%d.%m.%Y} 0:00:00", lambda day: day.isoformat(),
    lambda day: str((day - date(1899, 12, 30)).days), lambda day: f"{day.day} {_MONTHS[day.month - 1]} {day.year} г.",
)  # fmt: skip
_MONTHS = (
    "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября",
    "декабря",
)  # fmt: skip


def _phone(chance: random.Random, phone: str) -> tuple[str, bool]:
    if chance.random() < 0.04:
        return chance.choice(_LOST)(phone), False
    return chance.choice(_PHONES)(phone), True


def _mail(chance: random.Random, mail: str | None) -> str:
    if mail is None:
        return chance.choice(("", "", "-", "нет"))
    return chance.choice((mail, mail.upper(), f" {mail} ", f"<{mail}>"))


@dataclass(frozen=True)
class Layout:
    """How a program lays its clients out."""

    head: Sequence[Sequence[str]]
    """Title, filter, headings: all that stands over the data."""
    order: Sequence[int | None]
    """Of each column, which of 1C's it is; None: an empty one."""

    @property
    def lines(self) -> int:
        """Lines before the data."""
        return len(self.head)

    def cells(self, one: Made) -> tuple[str, ...]:
        """A line as this program writes it."""
        if sum(map(bool, one.cells)) == 1 and one.cells[0]:  # the name of a group
            return (one.cells[0], *[""] * (len(self.order) - 1))
        phone, beside = TITLES.index("Телефон"), TITLES.index("Доп. телефон")
        if beside not in self.order and len(one.cells) > beside and one.cells[beside]:
            both = f"{one.cells[phone]}\n{one.cells[beside]}"
            one = replace(one, cells=(*one.cells[:phone], both, "", *one.cells[beside + 1 :]))
        said = tuple("" if place is None or place >= len(one.cells) else one.cells[place] for place in self.order)
        return said + one.cells[len(TITLES) :]


ONE_C = Layout((("Контрагенты", *[""] * 7), ("Отбор: Покупатели", *[""] * 7), ("",) * 8, TITLES), range(8))
LAYOUTS = {
    "1C": ONE_C,
    "YCLIENTS": Layout(
        (("Имя", "Телефон", "Email", "Категории", "Дата рождения", "Продано", "ID клиента", "Комментарий", "Скидка"),),
        (1, 2, 4, None, 5, 6, 0, 7, None),
    ),
    "amoCRM": Layout(
        (("ID контакта", "Полное имя контакта", "Компания", "Рабочий телефон", "Мобильный телефон", "Рабочий email",
          "Дата рождения", "Примечание", "Ответственный"),),
        (0, 1, None, 3, 2, 4, 5, 7, None),
    ),
    "by hand": Layout(
        (("База клиентов на 01.03.2026", *[""] * 7), ("Клиент", "", "Контакты", "", "", "Прочее", "", ""),
         ("Код", "ФИО", "Телефон", "Телефон 2", "Почта", "Д.р.", "Сумма", "Примечание")),
        range(8),
    ),
}  # fmt: skip
"""A heading in two lines is what merged cells come to in a file."""


def table(made: Sequence[Made], layout: Layout = ONE_C) -> Iterator[tuple[str, ...]]:
    """All lines of the file: title and filter, the headings, the data."""
    yield from map(tuple, layout.head)
    yield from map(layout.cells, made)


HEAD = ONE_C.lines
"""Lines before the data."""


def write_csv(
    path: Path, made: Sequence[Made], encoding: str = "cp1251", delimiter: str = ";", layout: Layout = ONE_C
) -> Path:  # fmt: skip
    """As 1C writes it: what is in quotes is doubled."""
    with path.open("w", encoding=encoding, errors="replace", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\r\n").writerows(table(made, layout))
    return path


def write_xlsx(path: Path, made: Sequence[Made], layout: Layout = ONE_C) -> Path:
    """As Excel saves it: what looks like a number has become one."""
    import xlsxwriter

    book = xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("Лист1")
    for number, cells in enumerate(table(made, layout)):
        for place, cell in enumerate(cells):
            if cell.isdigit() and len(cell) < 16 and layout.order[place : place + 1] != (0,):
                sheet.write_number(number, place, int(cell))
            elif cell:
                sheet.write_string(number, place, cell)
    book.close()
    return path
