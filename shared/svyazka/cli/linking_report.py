"""What a first link would do, to be read before it is begun: one page with charts, and a workbook with every row.

Both name cards by their system and id. Nothing that stands on a card is in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from pydantic import JsonValue

from svyazka.catalogue import N_, _
from svyazka.importing.report.charts import Bar, bars, number
from svyazka.importing.report.frame import framed, table

Row = Mapping[str, JsonValue]

SHOWN = 200
"""Doubts on the page; the workbook has them all."""

WHAT = {
    "link": N_("one person: would be linked"), "doubt": N_("somebody has to say"),
    "household": N_("share a phone, different people"),
}  # fmt: skip
WHY = {
    "several": N_("one system has several cards of this person"),
    "twice": N_("one system has this person twice, no other has it"),
    "unlike": N_("they share a phone or an e-mail, and not all can be one person"),
    "resemble": N_("one name, and one birthday or phones that are a digit apart"),
    "unread": N_("the name isn't shown: whose card it is can't be told"),
}  # fmt: skip


def write(folder: Path, flow: str, told: Mapping[str, JsonValue], rows: Sequence[Row], at: datetime) -> list[Path]:
    """Both files, for their owner's eyes alone. `told`: the proposal's numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    web, workbook = (folder / f"{flow}-plan.{kind}" for kind in ("html", "xlsx"))
    for path in (web, workbook):
        path.touch(0o600)
        path.chmod(0o600)
    web.write_text(_page(flow, told, rows, at), encoding="utf-8")
    _workbook(workbook, rows)
    return [web, workbook]


def _page(flow: str, told: Mapping[str, JsonValue], rows: Sequence[Row], at: datetime) -> str:
    doubts = [row for row in rows if row["what"] == "doubt"]
    title = _("First link: {flow}", flow=flow)
    found = _numbers(told, doubts)
    heads, cells = (_("Cards"), _("Why")), [(_cards(row), _why(row)) for row in doubts[:SHOWN]]
    lead, numbers, asked = _("Nothing is linked or written yet."), _("What was found"), _("What somebody has to say")
    parts = [
        f"<h1>{escape(title)}</h1><p><small>{at:%d.%m.%Y %H:%M}</small></p>",
        f'<p class="lead">{escape(lead)}</p>',
        f"<h2>{escape(numbers)}</h2>{bars(title, found)}",
        table(("", _("Number")), [(bar.label, number(bar.value)) for bar in found]),
        f"<h2>{escape(asked)}</h2>{table(heads, cells)}" if cells else "",
    ]
    if len(doubts) > SHOWN:
        said = _("{shown} of {all}; the workbook has them all", shown=SHOWN, all=len(doubts))
        parts.append(f"<p><small>{escape(said)}</small></p>")
    return framed(title, parts)


def _numbers(told: Mapping[str, JsonValue], doubts: Sequence[Row]) -> list[Bar]:
    proposed = _number(told, "proposed")
    found = [
        Bar(_("linked already"), _number(told, "linked") - proposed, "plain"), Bar(_(WHAT["link"]), proposed, "good"),
    ]  # fmt: skip
    found += [Bar(why, count, "asked") for why, count in Counter(map(_why, doubts)).most_common()]
    found.append(Bar(_(WHAT["household"]), _number(told, "households"), "plain"))
    alone = told.get("new")
    for name, count in alone.items() if isinstance(alone, dict) else ():
        found.append(Bar(_("only in {name}", name=name), count if isinstance(count, int) else 0, "plain"))
    return found


def _workbook(path: Path, rows: Sequence[Row]) -> None:
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(str(path), options)
    sheet, bold = book.add_worksheet(_("Cards")), book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for place, head in enumerate((_("What"), _("Cards"), _("Why"))):
        sheet.write_string(0, place, head, bold)
    for line, row in enumerate(rows, 1):
        for place, text in enumerate((_(WHAT.get(str(row["what"]), str(row["what"]))), _cards(row), _why(row))):
            sheet.write_string(line, place, text)
    book.close()


def _cards(row: Row) -> str:
    cards = row["cards"]
    return ", ".join(map(str, cards)) if isinstance(cards, list) else ""


def _why(row: Row) -> str:
    why = str(row["why"])
    return _(WHY[why]) if why in WHY else why


def _number(told: Mapping[str, JsonValue], name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) else 0
