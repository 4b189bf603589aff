"""A month's money on one page that can be sent by mail: a chart for each provider, and a table under it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from pathlib import Path

from svyazka.catalogue import _, told
from svyazka.engine.rules.reconciling import Cause, Month
from svyazka.importing.report.charts import Bar, bars
from svyazka.importing.report.frame import framed, table
from svyazka.model.money import Money
from svyazka.reading.paid_words import MOVED


def write(
    path: Path, business: str, first: date, found: Sequence[tuple[str, Month]], causes: Mapping[Cause, str]
) -> None:
    """For its owner's eyes alone. `found`: by the provider's connection; `causes`: what each is called."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.chmod(0o600)
    title = _("{business}: payments of {month}", business=business, month=f"{first:%m.%Y}")
    parts = [f"<h1>{escape(title)}</h1>"]
    for name, month in found:
        parts += _of_provider(name, month, causes)
    path.write_text(framed(title, parts), encoding="utf-8")


def _of_provider(name: str, month: Month, causes: Mapping[Cause, str]) -> list[str]:
    said = _("It adds up to 0.00") if not month.differences else _("Differences: {count}", count=len(month.differences))
    drawn = [
        Bar(_("Here, roubles"), _roubles(month.ours), "good"),
        Bar(_("There, roubles"), _roubles(month.theirs), "plain"),
        Bar(_("Fees, roubles"), _roubles(month.fees), "asked"),
    ]  # fmt: skip
    sums = Counter[Cause]()
    for one in month.differences:
        sums[one.cause] += abs(one.kopecks)
    drawn += [Bar(told(causes[cause]), _roubles(kopecks), "bad") for cause, kopecks in sums.most_common()]
    totals = [
        (_("Here"), _text(month.ours)), (_("There"), _text(month.theirs)),
        (_("Difference"), _text(month.ours - month.theirs)), (_("Fees"), _text(month.fees)),
        (_("Agree"), str(month.agreed)),
    ]  # fmt: skip
    heads = (_("Cause"), _("Kind"), _("Difference"), _("Payment"), _("External id"))
    rows = [
        (told(causes[one.cause]), told(MOVED[one.what]), _text(one.kopecks), one.payment or "", one.external_id)
        for one in month.differences
    ]
    return [
        f'<h2>{escape(name)}</h2><p class="lead">{escape(said)}</p>', bars(name, drawn), table(("", name), totals),
        table(heads, rows) if rows else "",
    ]  # fmt: skip


def _roubles(kopecks: int) -> int:
    """Whole ones: a bar is no place for kopecks, and less than nothing has no length."""
    return max(round(kopecks / 100), 0)


def _text(kopecks: int) -> str:
    return Money(kopecks=kopecks).text
