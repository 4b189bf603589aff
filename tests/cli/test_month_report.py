"""The page about a month's money: its chart says what its table says, and nothing in it runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from svyazka.cli.commands.reconcile import CAUSES
from svyazka.cli.month_report import write
from svyazka.engine.rules.reconciling import Cause, Difference, Month, What


def test_a_month_is_a_chart_with_its_table(tmp_path: Path) -> None:
    difference = Difference(Cause.NOT_THERE, What.REFUND, "<b>re-1</b>", "pay_1", -50_00)
    found = [
        ("kassa", Month(ours=104_930, theirs=109_930, fees=36_73, agreed=7, differences=(difference,))),
        ("spare", Month(ours=0, theirs=0, fees=0, agreed=0, differences=())),
    ]  # fmt: skip
    path = tmp_path / "new" / "month.html"
    write(path, "Кофейня <&>", date(2026, 10, 1), found, CAUSES)
    page = path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0
    assert page.count("<svg") == 2
    for told in ("1049.30", "1099.30", "-50.00", "36.73", "1\u202f049", "pay_1", "&lt;b&gt;re-1&lt;/b&gt;", "0.00"):
        assert told in page, told
    assert "<b>re-1" not in page
    assert "<script" not in page
