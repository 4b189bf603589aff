"""Where a table begins: under a title, filters and blank lines, with one line of headings or two."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from svyazka.importing.fields import NAMED, OTHERS, plain, without_number
from svyazka.importing.files.kinds import Line
from svyazka.importing.values.blanks import cleaned

LOOKED_AT = 40
"""Lines in which a heading is looked for."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The columns' titles, and where the rows begin."""

    titles: tuple[str, ...]
    lines: frozenset[int]
    """Numbers of the lines that are it; none where the file has no headings."""
    first: int
    """The number of the first line of data."""

    def repeats(self, cells: Sequence[str]) -> bool:
        """Whether a later line is the heading once more, as printed forms have it on each page."""
        filled = [cell for cell in cells if cell]
        return (
            len(filled) > 1 and bool(self.lines) and all(any(cell in title for title in self.titles) for cell in filled)
        )


def heading_of(sample: Sequence[Line], named: Container[str] = ()) -> Heading:
    """The first line in which at least two cells, or all, are headings that are known, or that a person has `named`."""
    rows = [
        (line.number, tuple(cleaned(cell).replace("\n", " ") for cell in line.cells)) for line in sample[:LOOKED_AT]
    ]
    scores = [_known(cells, named) for _number, cells in rows]
    best = max(range(len(rows)), key=lambda at: (scores[at], -at), default=None)
    if best is None or not _is_heading(rows[best][1], scores[best]):
        width = max((len(cells) for _number, cells in rows), default=0)
        return Heading(("",) * width, frozenset(), rows[0][0] if rows else 1)
    used, titles = [best], rows[best][1]
    for at in (best - 1, best + 1):
        if 0 <= at < len(rows) and _belongs(rows[at][1], titles, named):
            upper, lower = sorted((at, best))
            titles = _joined(rows[upper][1], rows[lower][1])
            used.append(at)
            break
    after = max(used) + 1
    while after < len(rows) and _is_numbering(rows[after][1]):
        used.append(after)
        after += 1
    width = max((place + 1 for place, title in enumerate(titles) if title), default=0)
    last = rows[max(used)][0]
    return Heading(titles[:width], frozenset(rows[at][0] for at in used), last + 1)


def _known(cells: Sequence[str], named: Container[str]) -> int:
    return sum(without_number(plain(cell)) in NAMED or plain(cell) in named for cell in cells)


def _is_heading(cells: Sequence[str], score: int) -> bool:
    filled = sum(bool(cell) for cell in cells)
    return score >= 2 or (score == 1 and filled == 1)


def _belongs(cells: Sequence[str], titles: Sequence[str], named: Container[str]) -> bool:
    """Whether a line is the other half of a heading of two: it stands over or under it, adds words, and is no data."""
    filled = [cell for cell in cells if cell]
    fills_gaps = any(cell and not (titles[place : place + 1] or ("",))[0] for place, cell in enumerate(cells))
    gaps_between = any(not title for title in titles) or any(not cell for cell in cells)
    words = all(not any(letter.isdigit() for letter in cell) and "@" not in cell for cell in filled)
    return (
        len(filled) > 1
        and gaps_between
        and words
        and (_known(cells, named) > 0 or (fills_gaps and _speaks_of_others(cells)))
    )


def _speaks_of_others(cells: Sequence[str]) -> bool:
    return any(OTHERS & set(plain(cell).split()) for cell in cells)


def _joined(upper: Sequence[str], lower: Sequence[str]) -> tuple[str, ...]:
    """Each column's words from top to bottom; a cell that goes over several columns is said of each of them that has
    words of its own below."""
    titles, over = [], ""
    for place in range(max(len(upper), len(lower))):
        above = upper[place] if place < len(upper) else ""
        below = lower[place] if place < len(lower) else ""
        over = above or (over if below else "")
        titles.append(" / ".join(filter(None, (over if below or above else "", below))))
    return tuple(titles)


def _is_numbering(cells: Sequence[str]) -> bool:
    """The line `1 2 3 4` under the headings of a printed form."""
    filled = [cell for cell in cells if cell]
    return len(filled) > 2 and filled == [str(number) for number in range(1, len(filled) + 1)]
