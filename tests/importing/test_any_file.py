"""Whatever wrote a file, in whatever letters: the same people come out, and each line is accounted for once."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Callable
from html import escape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import messy_rows
from svyazka.importing.columns import Columns, by_titles, guess
from svyazka.importing.decisions import Decisions
from svyazka.importing.files.kinds import FileRefused, Limits
from svyazka.importing.outcomes import Outcome
from svyazka.importing.remarks import Why
from svyazka.importing.rows import Row
from svyazka.importing.survey import Survey, look_through
from svyazka.importing.tables import open_table

TITLES = ("ФИО", "Телефон", "Почта")
PEOPLE = [
    ("Иванов Иван", "8 916 123-45-68", "i@ya.ru"),
    ("Фёдорова Яна; VIP", "8 903 765-43-22", ""),
    ('ООО "Ёлка"', "", "e@ya.ru"),
]
MEANT = [("Иванов Иван", "+79161234568"), ("Фёдорова Яна", "+79037654322"), ('ООО "Ёлка"', None)]
SAMPLES = Path(__file__).parent.parent / "samples"


def text(delimiter: str = ";", end: str = "\r\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([TITLES, *PEOPLE])
    return out.getvalue()


def survey(path: Path, decisions: Decisions | None = None, **given: str) -> Survey:
    table = open_table(path)
    known = decisions or Decisions()
    return look_through(table, guess(table, known, messy_rows.TODAY, given), known, messy_rows.TODAY)


def people(path: Path) -> list[tuple[str | None, str | None]]:
    return [(row.text("name"), row.text("phone")) for row in survey(path).rows() if row.outcome is Outcome.READY]


def page(rows: list[tuple[str, ...]]) -> str:
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<html><head><meta charset=utf-8></head><body><table>{lines}</table>"


FILES: dict[str, Callable[[], bytes]] = {
    "utf-8": lambda: text().encode(),
    "utf-8 with its mark": lambda: text().encode("utf-8-sig"),
    "utf-16 with its mark": lambda: text("\t").encode("utf-16"),
    "utf-16 without": lambda: text("\t").encode("utf-16-le"),
    "cp1251": lambda: text().encode("cp1251"),
    "koi8-r": lambda: text().encode("koi8-r"),
    "cp866": lambda: text().encode("cp866"),
    "two encodings in one file": lambda: (b"\n".join(
        line.encode("cp1251" if number % 2 else "utf-8") for number, line in enumerate(text(end="\n").split("\n")))),
    "commas": lambda: text(",").encode(),
    "bars": lambda: text("|").encode(),
    "Excel says its delimiter": lambda: ("sep=,\r\n" + text(",")).encode(),
    "lines end as on an old Mac": lambda: text(end="\r").encode(),
    "blank lines and a title before": lambda: ("Клиенты;;\r\nОтбор: все;;\r\n;;\r\n" + text()).encode(),
    "a web page called .xls": lambda: page([TITLES, *PEOPLE]).encode(),
}  # fmt: skip


@pytest.mark.parametrize("how", FILES)
def test_the_same_people_in_any_file(how: str, tmp_path: Path):
    path = tmp_path / "clients.csv"
    path.write_bytes(FILES[how]())
    assert people(path) == MEANT


def test_the_export_of_1c(tmp_path: Path):
    assert people(SAMPLES / "onec" / "clients_export_cp1251.csv") == [
        ("Иванов Иван Иванович", "+79991234567"), ("Петрова Анна", "+79990001122"), ("Сидоров Павел", "+79995554433"),
    ]  # fmt: skip


def test_a_workbook_with_numbers_dates_two_lines_of_headings_and_a_hidden_sheet(tmp_path: Path):
    import xlsxwriter

    path = tmp_path / "clients.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Служебный").hide()
    book.get_worksheet_by_name("Служебный").write_column(0, 0, ["ФИО", "никто"])
    sheet = book.add_worksheet("Клиенты")
    sheet.activate()
    sheet.write(0, 0, "Список клиентов")
    sheet.merge_range(2, 1, 2, 2, "Контакты")
    sheet.write(2, 0, "ФИО")
    sheet.write_row(3, 1, ["Телефон", "E-mail"])
    sheet.write(2, 3, "Дата рождения")
    sheet.write_row(4, 0, [1, 2, 3, 4])
    sheet.write_row(5, 0, ["Иванов Иван", 79161234568, "i@ya.ru"])
    sheet.write_datetime(5, 3, messy_rows.date(1985, 2, 14), book.add_format({"num_format": "dd.mm.yyyy"}))
    sheet.write_row(6, 0, ["Петрова Анна", "8 903 765-43-22", "", 31092])
    sheet.write_row(8, 0, ["Итого:", 2])
    book.close()

    looked = survey(path)
    assert [one.field for one in looked.columns.guesses] == ["name", "phone", "email", "birthday"]
    rows = list(looked.rows())
    assert [(row.number, row.outcome.value) for row in rows] == [
        (1, "heading"), (2, "blank"), (3, "heading"), (4, "heading"), (5, "heading"), (6, "ready"), (7, "ready"),
        (8, "blank"), (9, "total"),
    ]  # fmt: skip
    assert [row.fields["birthday"] for row in rows if row.outcome is Outcome.READY] == ["1985-02-14"] * 2
    assert [row.text("phone") for row in rows if row.outcome is Outcome.READY] == ["+79161234568", "+79037654322"]


def test_a_quote_that_nobody_closed_swallows_no_lines(tmp_path: Path):
    path = tmp_path / "clients.csv"
    path.write_text(
        'ФИО;Телефон;Комментарий\nИванов Иван;89161234568;"любит\nкофе"\nПетрова Анна;89037654322;"VIP\n'
        + "".join(f"Клиент {number};8916200{number:04};\n" for number in range(120))
    )
    found = [row for row in survey(path).rows() if row.outcome is Outcome.READY]
    assert len(found) == 122
    assert found[0].fields["comment"] == "любит\nкофе"
    assert found[1].fields["comment"] == '"VIP'


def test_nor_where_its_lines_are_long(tmp_path: Path):
    long = "слово " * 400
    lines = ["ФИО;Телефон;Комментарий", 'Иванов;89160000000;"VIP', *(f"Клиент {n};{n};{long}" for n in range(90))]
    assert len(_read(tmp_path / "x.csv", "\n".join([*lines, f"Петров;1;{long * 80}"]))) == len(lines) + 1


def _read(path: Path, content: str) -> list[tuple[str, ...]]:
    path.write_text(content, newline="")
    return [line.cells for line in open_table(path).lines()]


CLIENTS = [f"Клиент {number};8916200{number:04};слово {number}" for number in range(24)]


@pytest.mark.parametrize("later", ['"не пить ""кофе"" с утра"', '"; и ещё"', 'слово"', ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_stray_quote_of_the_last_column_swallows_no_lines(later: str, end: str, tmp_path: Path):
    lines = ["ФИО;Телефон;Комментарий", *CLIENTS]
    lines[4] = 'Клиент 3;89162000003;"не закрыта'
    if later:
        lines[9] = f"Клиент 8;89162000008;{later}"
    read = _read(tmp_path / "x.csv", end.join(lines) + end)
    assert [cells[1] for cells in read] == [line.split(";")[1] for line in lines]


@pytest.mark.parametrize(
    ("delimiter", "end", "rows"),
    [
        (";", "\n", [("ФИО", "Телефон", "Комментарий"), ("Иванов", "89161234568", "любит\nкофе\nи чай")]),
        (";", "\n", [("Комментарий", "ФИО", "Телефон"), ("любит\nкофе", "Иванов", "89161234568")]),
        (",", "\n", [("Телефон", "Комментарий"), ("89161234568", "Москва\nул. Мира, 5"), ("89161234569", "да")]),
        (",", "\r\n", [("Телефон", "Комментарий"), ("89161234568", "Москва\nMira,5"), ("89161234569", "да")]),
        (";", "\r\n", [("Телефон",), ("89161234568\n89161234569",), ("89161234560",)]),
    ],
)
def test_a_cell_of_several_lines_stays_one_and_the_report_names_it(
    delimiter: str, end: str, rows: list[tuple[str, ...]], tmp_path: Path
):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    assert _read(tmp_path / "x.csv", out.getvalue()) == rows
    joined = [
        row for row in survey(tmp_path / "x.csv").rows() if any(said.remark.why is Why.JOINED for said in row.remarks)
    ]
    assert [row.number for row in joined] == [2]


def test_a_stray_quote_before_the_headings_hides_no_width(tmp_path: Path):
    read = _read(tmp_path / "x.csv", '"ФИО;Телефон\nКлиент 0;\nКлиент 1;"\nчай"\n')
    assert ("Клиент 0", "") in read


@given(st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_line_without_a_quote_is_lost_by_one_stray_quote(data: st.DataObject):
    width = data.draw(st.integers(2, 4))
    cell = st.sampled_from(
        ["", "Анна", "VIP", "да нет", 'ООО "Ёлка"', "раз; два", "; три", "кофе\nи чай", "\nчай", '"']
    )
    plain = st.sampled_from(["", "Анна", "VIP", "да нет"])
    lines = [["ФИО", "Телефон", "Почта", "Комментарий"][:width]]
    for number in range(data.draw(st.integers(2, 15))):
        rest = st.lists(data.draw(st.sampled_from([cell, plain])), min_size=width - 1, max_size=width - 1)
        lines.append([f"Клиент {number}", *data.draw(rest)])
    written = []
    for one in lines:
        out = io.StringIO()
        csv.writer(out, delimiter=";", lineterminator="\n").writerow(one)
        written.append(out.getvalue())
    at = data.draw(st.integers(0, len(written) - 1))
    place = data.draw(st.integers(0, len(written[at]) - 1))
    written[at] = f'{written[at][:place]}"{written[at][place:]}'
    with tempfile.TemporaryDirectory() as folder:
        read = _read(Path(folder) / "x.csv", "".join(written))
    whole = [tuple(one) for one, text in zip(lines, written, strict=True) if '"' not in text]
    assert [cells for cells in read if cells in whole] == whole


REFUSED: list[tuple[str, bytes, str]] = [
    ("it is empty", b"", "x.csv"), ("MXL", b"MOXCEL\0\0", "x.mxl"), ("PDF", b"%PDF-1.7", "x.pdf"),
    ("archive", b"Rar!\x1a", "x.rar"),
    ("damaged", b"PK\x03\x04 cut off", "x.xlsx"),
    ("no workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "x.xls"),
    ("XML of 2003", b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "x.xls"),
    ("more than 100 lines", b"a;b\n" * 101, "x.csv"), ("more than 20 columns", b";" * 30, "x.csv"),
    ("longer than 5000", b"a" * 6000, "x.csv"),
    ("split it", b"a;b\n" * 3000, "x.csv"), ("it is no table", b"BEGIN:VCARD\r\nFN:x\r\n", "x.vcf"),
    ("it is no table", '<?xml version="1.0"?>\n<КоммерческаяИнформация/>'.encode(), "import.xml"),
]  # fmt: skip


@pytest.mark.parametrize(("says", "content", "name"), REFUSED)
def test_what_cant_be_read_is_refused_with_what_to_do(says: str, content: bytes, name: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=says):
        list(open_table(path, limits=Limits(file=10_000, lines=100, columns=20, line=5000)).lines())


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_is(tmp_path: Path):
    path = tmp_path / "x.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(3 * 2**20))
    with pytest.raises(FileRefused, match="larger than 2 MB"):
        open_table(path, limits=Limits(unpacked=2 * 2**20))


def _workbook(path: Path, far: str = "A3") -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_column(0, 0, ["ФИО", "Анна"])
    sheet.write(far, " ")
    book.close()


@pytest.mark.parametrize("far", ["XFD150000", "LA1048576"])
def test_a_cell_far_from_the_table_is_named_instead_of_filling_the_memory(far: str, tmp_path: Path):
    """It aborted the process: a sheet is held as a rectangle."""
    path = tmp_path / "x.xlsx"
    _workbook(path, far)
    with pytest.raises(FileRefused, match="far from the table"):
        open_table(path)


@pytest.mark.parametrize(
    "spoilt", [lambda sheet: sheet[: len(sheet) // 2], lambda _sheet: b'<row><c r="XFD1']
)  # fmt: skip
def test_a_workbook_with_a_damaged_sheet_is_refused_with_what_to_do(spoilt: Callable[[bytes], bytes], tmp_path: Path):
    whole, path = tmp_path / "whole.xlsx", tmp_path / "x.xlsx"
    _workbook(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, spoilt(content) if name == "xl/worksheets/sheet1.xml" else content)
    with pytest.raises(FileRefused, match="damaged"):
        open_table(path)


def test_a_client_who_is_called_as_sums_are_is_no_sum(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("Клиент;Телефон;Сумма\nTotal Fitness;89161234568;\nВсего клиентов: 1;;\nИтого;;5000\n")
    assert [row.outcome.value for row in survey(path).rows()] == ["heading", "ready", "total", "total"]


@pytest.mark.parametrize("write", [messy_rows.write_csv, messy_rows.write_xlsx], ids=["csv", "xlsx"])
@pytest.mark.parametrize("program", messy_rows.LAYOUTS)
def test_a_messy_base_is_read_as_it_was_meant(program: str, write: Callable[..., Path], tmp_path: Path):
    layout = messy_rows.LAYOUTS[program]
    made, head = messy_rows.messy(300, seed=11 + layout.lines, doubles=0.1), layout.lines
    looked = survey(write(tmp_path / "base", made, layout=layout))
    rows = {row.number: row for row in looked.rows()}
    assert sorted(rows) == list(range(1, head + len(made) + 1))
    assert sum(looked.outcomes.values()) == len(rows)
    wrong = [(one, row) for one, row in zip(made, list(rows.values())[head:], strict=False) if not is_right(one, row)]
    assert wrong == []
    humans = {head + number: one.human for number, one in enumerate(made, start=1) if one.human}
    assert all(len({human(humans, line) for line in cluster.lines}) == 1 for cluster in looked.found.clusters)


def human(humans: dict[int, messy_rows.Human], line: int) -> int:
    return humans[line].id


def is_right(made: messy_rows.Made, row: Row) -> bool:
    person = made.human is None or made.outcome in {"broken"} or row.text("name") in names_of(made.human)
    return made.outcome == row.outcome and set(row.texts("phone")) == set(made.phones) and person


def names_of(one: messy_rows.Human) -> set[str]:
    return {one.name, one.name.replace("ё", "е"), f"{one.first} {one.last}"}


def test_a_table_without_headings_is_guessed_by_its_cells_and_asked_about(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("".join(f"Иванов Иван;8916200{number:04};i{number}@ya.ru\n" for number in range(5)))
    columns = survey(path).columns
    assert [one.field for one in columns.guesses] == ["name", "phone", "email"]
    assert [one.letter for one in columns.asked] == ["A", "B"]
    assert survey(path, a="name", b="phone").columns.asked == ()


def test_what_is_said_of_a_letter_is_remembered_of_its_heading():
    """The next export has its columns in another order: another person's phone was taken unasked."""
    columns = _columns("ФИО;Рабочий;Тел 2;Тел 2;\nАнна;89161234568;1;2;3\n")
    said = Decisions(columns={"b": "phone", "c": "skip", "e": "skip", "фио": "name"})
    assert by_titles(said, columns).columns == {"рабочий": "phone", "c": "skip", "e": "skip", "фио": "name"}


def test_headings_that_speak_of_others_and_cells_that_contradict_them():
    columns = _columns("ФИО;Телефон;Телефон менеджера;E-mail\n" + "Иванов Иван;не скажу;89161234568;i@ya.ru\n" * 9)
    assert [(one.field, one in columns.asked) for one in columns.guesses] == [
        ("name", False), ("phone", True), (None, False), ("email", False),
    ]  # fmt: skip


def _columns(content: str) -> Columns:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_text(content)
        return survey(path).columns


def test_amocrm_and_yclients_exports_need_no_questions():
    amocrm = _columns(
        '"ID","Тип","Полное имя контакта","Имя","Фамилия","Ответственный","Рабочий телефон","Мобильный телефон",'
        '"Рабочий email"\n'
        + "".join(
            f'"{100 + n}","контакт","Иван Иванов","Иван","Иванов","Олег","\'+7916200{n:04}","","i{n}@ya.ru"\n'
            for n in range(5)
        )
    )
    assert [one.field for one in amocrm.guesses] == [
        "code",
        None,
        "name",
        "first_name",
        "last_name",
        None,
        "phone",
        "phone",
        "email",
    ]
    yclients = _columns(
        "Имя;Телефон;Email;Пол;День рождения;Продано;Количество визитов;Последний визит\n"
        + "Анна;+79161234568;;Женский;;100;2;01.02.2026\n" * 3
    )
    assert [one.field for one in yclients.guesses] == [
        "name",
        "phone",
        "email",
        "sex",
        "birthday",
        "spent",
        "visits",
        "last_visit",
    ]
    assert amocrm.asked == yclients.asked == ()
