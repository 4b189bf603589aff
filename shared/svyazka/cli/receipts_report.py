"""A month's fiscal receipts as one page: three columns, a chart of what agrees and what doesn't, each difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from html import escape
from pathlib import Path

from svyazka.catalogue import N_, _
from svyazka.engine.rules.reconciling_receipts import Compared, Lack, ReceiptMonth
from svyazka.importing.report.charts import Bar, bars
from svyazka.importing.report.frame import framed, table
from svyazka.model.money import Money
from svyazka.model.receipts import ReceiptKind

LACKS: Mapping[Lack, str] = {
    Lack.NOT_OWED: N_("nobody was to register a receipt"),
    Lack.NOT_DONE: N_("not registered by now"),
    Lack.REFUSED: N_("refused: somebody has to mend it"),
    Lack.BY_HAND: N_("registered past Svyazka, as somebody says"),
    Lack.NOT_THERE: N_("the fiscaliser has no such document"),
    Lack.WAITS_THERE: N_("the fiscaliser says that it isn't printed yet"),
    Lack.FAILED_THERE: N_("the fiscaliser says that it failed"),
    Lack.OTHER_AMOUNT: N_("another amount"),
    Lack.COULD_NOT_ASK: N_("the fiscaliser couldn't be asked: see its connection's secrets"),
    Lack.NOT_SHOWN: N_("the fiscaliser doesn't show it any more"),
    Lack.OVER_THE_EDGE: N_("its document is on the other side of the month's midnight"),
}

EXPLAINED = frozenset({Lack.BY_HAND, Lack.NOT_SHOWN, Lack.OVER_THE_EDGE})
"""What explains itself."""

KINDS: Mapping[ReceiptKind, str] = {
    ReceiptKind.SALE: N_("sale"), ReceiptKind.SETTLEMENT: N_("settlement of an advance"),
    ReceiptKind.REFUND: N_("refund"),
}  # fmt: skip

SHOWN = 500


def write(path: Path, title: str, month: date, found: ReceiptMonth, at: datetime) -> None:
    """The page, for its owner's eyes alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.chmod(0o600)
    path.write_text(page(title, month, found, at), encoding="utf-8")


def page(title: str, month: date, found: ReceiptMonth, at: datetime) -> str:
    heading = _("Receipts: {name}, {month}", name=title, month=month.strftime("%m.%Y"))
    lacking = Counter(one.lack for one in found.differences if one.lack is not None)
    chart = [Bar(_("agree"), found.agreed, "good")]
    chart += [
        Bar(_(LACKS[lack]), count, "plain" if lack in EXPLAINED else "bad") for lack, count in lacking.most_common()
    ]
    columns = (_("Money"), _("Receipts here"), _("At the fiscaliser"), _("Left unexplained"))
    row = (money(found.money), money(found.here), money(found.there), money(found.left))
    heads = (_("Cause"), _("Kind"), _("Order"), _("Amount"), _("Money"), _("At the fiscaliser"), _("Receipt"))
    cells = [cells_of(one) for one in found.differences[:SHOWN]]
    parts = [
        f"<h1>{escape(heading)}</h1><p><small>{at:%d.%m.%Y %H:%M}</small></p>",
        table(columns, [row]), bars(heading, chart),
        f"<h2>{escape(_('Differences'))}</h2>{table(heads, cells)}" if cells else "",
    ]  # fmt: skip
    if len(found.differences) > SHOWN:
        said = _("{shown} of {all}; --json has them all", shown=SHOWN, all=len(found.differences))
        parts.append(f"<p><small>{escape(said)}</small></p>")
    return framed(heading, parts)


def cells_of(one: Compared) -> tuple[str, ...]:
    lack = _(LACKS[one.lack]) if one.lack is not None else ""
    return (
        lack, _(KINDS[one.kind]), one.order, one.amount.text, money(one.money), money(one.there), one.receipt
    )  # fmt: skip


def money(kopecks: int) -> str:
    return Money(kopecks=kopecks).text
