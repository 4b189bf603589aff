"""Bars as SVG, made by hand: no script, no font, no outside address, and a table with the same numbers under each."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _LABEL, _LINE, _BAR = 760, 370, 26, 16
_LETTERS = 46
"""Of a label: more of them would begin left of the picture in a wide font; the table under it has all."""


class Bar(NamedTuple):
    """One bar."""

    label: str
    value: int
    tone: str = "plain"
    """A class of the page's style: good, plain, asked, bad."""


def bars(title: str, values: Sequence[Bar]) -> str:
    """Lying bars, the labels to their left and the numbers at their ends."""
    most = max((bar.value for bar in values), default=0) or 1
    room = _WIDTH - _LABEL - 90
    drawn = []
    for place, bar in enumerate(values):
        top = place * _LINE + (_LINE - _BAR) // 2
        width = max(round(room * bar.value / most), 2 if bar.value else 0)
        drawn.append(
            f'<text class="label" x="{_LABEL - 10}" y="{top + 13}">{escape(_short(bar.label))}</text>'
            f'<rect class="{escape(bar.tone)}" x="{_LABEL}" y="{top}" width="{width}" height="{_BAR}" rx="3"></rect>'
            f'<text x="{_LABEL + width + 8}" y="{top + 13}">{number(bar.value)}</text>'
        )
    height = max(len(values), 1) * _LINE
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title, quote=True)}">'
        f"<title>{escape(title)}</title>{''.join(drawn)}</svg>"
    )


def number(value: int) -> str:
    """`12 345`, the blanks such as don't break."""
    return f"{value:,}".replace(",", "\u202f")


def _short(label: str) -> str:
    return label if len(label) <= _LETTERS else label[: _LETTERS - 1] + "…"
