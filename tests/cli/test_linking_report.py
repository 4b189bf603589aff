"""What a first link would do, as a page and a workbook."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from svyazka.cli.linking_report import SHOWN, write
from svyazka.importing.tables import open_table


def test_a_plan_is_told_by_a_page_with_charts_and_a_workbook_with_every_row(tmp_path: Path) -> None:
    rows = [
        {"what": "link", "cards": ["salon/1", "crm/1"], "why": ""},
        {"what": "household", "cards": ["salon/2", "crm/<b>"], "why": ""},
        *({"what": "doubt", "cards": [f"salon/{n}", f"crm/{n}"], "why": "resemble"} for n in range(SHOWN + 5)),
    ]
    told = {"linked": 3, "proposed": 1, "doubts": SHOWN + 5, "households": 1, "new": {"salon": 7, "crm": 9}}
    web, workbook = write(tmp_path / "new", "sync_contacts", told, rows, datetime(2026, 3, 14, 12, 0))
    assert (web.stat().st_mode & 0o77, workbook.stat().st_mode & 0o77) == (0, 0)
    page = web.read_text()
    assert page.count("<svg") == 1
    assert "crm/<b>" not in page
    numbers = dict(re.findall(r"<tr><td>([^<]*)</td><td>([^<]*)</td></tr>", page))
    assert [numbers["only in salon"], numbers["only in crm"], numbers["linked already"]] == ["7", "9", "2"]
    assert numbers["one name, and one birthday or phones that are a digit apart"] == str(SHOWN + 5)
    assert f"{SHOWN} of {SHOWN + 5}" in page
    lines = [line.cells for line in open_table(workbook).lines()]
    assert len(lines) == len(rows) + 1
    assert lines[2][1] == "salon/2, crm/<b>"
