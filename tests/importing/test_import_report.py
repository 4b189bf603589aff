"""The report: it says of every line what became of it, and nothing that stands in a file does anything in it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

import messy_rows
from svyazka.cli.commands import app
from svyazka.importing.columns import guess
from svyazka.importing.decisions import Decisions
from svyazka.importing.report import Became, Totals, write
from svyazka.importing.report.book import guarded
from svyazka.importing.survey import look_through
from svyazka.importing.tables import open_table

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">'
FORMULA = '=HYPERLINK("http://evil.example","click")'
LINES = [
    "ФИО;Телефон;Почта;Комментарий", f"{EVIL};8 916 123-45-68;i@gmial.com;", "Иванов Иван;89161234568;не почта;",
    "Иванов И.;89161234568;;", 'Петрова Анна;89037654322;;=1+1', "Сидоров;нет телефона;;", ";;;", "Итого;;;",
]  # fmt: skip


def report(tmp_path: Path, content: str) -> tuple[str, CalamineWorkbook]:
    file = tmp_path / f"{EVIL[:8].strip('<>')}.csv"
    file.write_text(content)
    table = open_table(file)
    looked = look_through(table, guess(table, Decisions(), messy_rows.TODAY), Decisions(), messy_rows.TODAY)
    totals = Totals(EVIL, looked.table.said, looked.columns, looked.found.clusters, len(looked.found.households))
    lines = (Became(row, row.outcome.value) for row in looked.rows())
    web, book = write(tmp_path / "out", "report", totals, lines, datetime(2026, 3, 14, tzinfo=UTC))
    assert {path.stat().st_mode & 0o777 for path in (web, book)} == {0o600}
    return web.read_text(), CalamineWorkbook.from_path(str(book))


def test_nothing_of_a_file_does_anything_in_the_page(tmp_path: Path):
    page, _book = report(tmp_path, "\n".join(LINES))
    assert EVIL not in page
    assert EVIL in unescape(page)
    assert "<script" not in page
    assert "<img" not in page
    own = re.sub(r"<td>.*?</td>|<title>.*?</title>|<h1>.*?</h1>", "", page)
    assert not re.search(r"\s(?:src|href|style|on\w+)=", own)
    assert "default-src &#x27;none&#x27;" in page


def test_every_chart_has_a_table_with_the_same_numbers(tmp_path: Path):
    page, _book = report(tmp_path, "\n".join(LINES))
    charts = re.findall(r"<svg.*?</svg><table>.*?</table>", page)
    assert len(charts) == 2
    for chart in charts:
        drawn, tabled = chart.split("</svg>")
        assert re.findall(r">(\d+)</text>", drawn) == re.findall(r"<td>(\d+)</td></tr>", tabled)


def test_the_workbook_has_every_line_once_and_every_cell_that_was_changed(tmp_path: Path):
    _page, book = report(tmp_path, "\n".join(LINES))
    lines, cells, doubles = (book.get_sheet_by_name(name).to_python() for name in ("Lines", "Cells", "Doubles"))
    assert [(row[0], row[1].split(":")[0]) for row in lines[1:]] == [
        ("1", "part of the heading"), ("2", "to be taken"), ("3", "may be the same person as another line"),
        ("4", "may be the same person as another line"), ("5", "to be taken"),
        ("6", "nothing to tell this person by"), ("7", "blank"), ("8", "a total"),
    ]  # fmt: skip
    assert ["2", "Почта", "i@gmial.com", "i@gmail.com", "the address looks misspelled"] in cells
    assert ["3", "Почта", "не почта", "", "not an e-mail address"] in cells
    assert {row[1] for row in doubles[1:]} == {"3", "4"}
    assert not [cell for row in [*lines, *cells] for cell in row if str(cell).startswith("=")]


def test_what_the_crm_has_no_place_for_stands_in_the_page_by_column(tmp_path: Path):
    file = tmp_path / "x.csv"
    file.write_text("ФИО;Телефон;Комментарий\nАнна;89161234568;VIP\n")
    table = open_table(file)
    looked = look_through(table, guess(table, Decisions(), messy_rows.TODAY), Decisions(), messy_rows.TODAY)
    totals = Totals("x", "CSV", looked.columns)
    lines = (Became(row, row.outcome.value, left_out=("comment",) if row.fields else ()) for row in looked.rows())
    web, _book = write(tmp_path, "report", totals, lines, datetime(2026, 3, 14, tzinfo=UTC))
    assert "has no place for it</h2>" in web.read_text()
    assert "<td>comment</td><td>1</td>" in web.read_text()


@pytest.mark.parametrize(("text", "written"), [
    (FORMULA, "'" + FORMULA), ("@SUM(A1)", "'@SUM(A1)"), ("-1+1|cmd", "'-1+1|cmd"), ("\tx", "'\tx"),
    ("+79161234568", "+79161234568"), ("-5.00", "-5.00"), ("Анна", "Анна"),
])  # fmt: skip
def test_what_looks_like_a_formula_is_text(text: str, written: str):
    assert guarded(text) == written


def said(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["import", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_writes_a_report_and_says_the_sums(tmp_path: Path):
    file = messy_rows.write_csv(tmp_path / "base.csv", messy_rows.messy(60, seed=3))
    status, out, _err = said(str(file), "--json", "--report", str(tmp_path / "out"))
    told = json.loads(out)
    assert (status, told["lines"], sum(told["outcomes"].values())) == (0, 64, 64)
    assert [Path(path).name for path in told["report"]] == ["base-report.html", "base-report.xlsx"]


def test_a_column_that_isnt_sure_is_asked_about(tmp_path: Path):
    file = tmp_path / "base.csv"
    file.write_text("".join(f"Иванов Иван;8916200{number:04}\n" for number in range(5)))
    status, _out, err = said(str(file))
    assert status == 1
    assert "--columns 'A=name, B=phone'" in err
    assert said(str(file), "--columns", "A=name, B=phone")[0] == 0
    assert said(str(file), "--columns", "Z=name")[2].startswith("svyazka: --columns: the file has no column 'z'")
    assert said(str(tmp_path / "none.csv"))[0] == 1


def test_a_spreadsheets_reader_isnt_loaded_by_what_only_needs_the_words(tmp_path: Path):
    import subprocess
    import sys

    heavy = ["charset_normalizer", "clevercsv", "python_calamine", "xlsxwriter"]
    code = (
        "import sys, svyazka.importing.survey, svyazka.importing.tables, svyazka.importing.report;"
        "import svyazka.cli.commands.importing;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
