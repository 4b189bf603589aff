"""Which column is what: guessed from headings and cells with how sure that is, and a person has the last word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import islice

from svyazka.catalogue import N_
from svyazka.importing.decisions import Decisions
from svyazka.importing.fields import FIELDS, NAMED, OTHERS, SKIP, Shape, plain, without_number
from svyazka.importing.files.kinds import Table
from svyazka.importing.headings import Heading, heading_of
from svyazka.importing.looks import ALL, HARDLY, by_looks, share
from svyazka.importing.values.blanks import cleaned, is_an_error, is_blank
from svyazka.importing.values.days import Order, order_of
from svyazka.model.errors import ConfigError

SURE = 0.8
"""A guess that is less sure than this is asked about before anything is written."""
_SAMPLE = 400
_CELLS = 200
_FEW = 20
ALL_DIFFER = 0.9
"""A column in which fewer differ is no key, whatever stands over it."""


@dataclass(frozen=True)
class Guess:
    """What one column is taken for."""

    place: int
    title: str
    field: str | None
    """None: left out."""
    sure: float
    """From 0 to 1; 1 is a person's word."""
    why: str
    order: Order = Order.UNKNOWN
    filled: int = 0
    """Cells of the sample that aren't blank."""

    @property
    def letter(self) -> str:
        """As a spreadsheet calls the column."""
        number, said = self.place + 1, ""
        while number:
            number, rest = divmod(number - 1, 26)
            said = chr(ord("A") + rest) + said
        return said

    @cached_property
    def shape(self) -> Shape:
        """How its cells are read; a field of the CRM's settings is a text."""
        known = FIELDS.get(self.field or "")
        return Shape.TEXT if known is None else known.shape


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table consists of."""

    heading: Heading
    guesses: tuple[Guess, ...]

    @property
    def asked(self) -> tuple[Guess, ...]:
        """What has to be confirmed."""
        return tuple(guess for guess in self.guesses if guess.field is not None and guess.sure < SURE)

    @property
    def taken(self) -> tuple[Guess, ...]:
        """The columns that are used."""
        return tuple(guess for guess in self.guesses if guess.field is not None)


DECIDED = N_("as was decided")
HEADED = N_("the heading says so")
HEADED_ALONE = N_("the heading says so, the cells don't look like it")
SOUNDS_LIKE = N_("the heading sounds like it")
LOOKS_LIKE = N_("the cells look like it")
SECOND = N_("another column is that already")
SOMEBODY_ELSE = N_("the heading speaks of somebody else")
UNKNOWN = N_("not known: left out")
NO_KEY = N_("the heading says so, but many lines share one: no key")


def guess(table: Table, decisions: Decisions, today: date, given: Mapping[str, str] | None = None) -> Columns:
    """Look at the beginning of a table. `given`: by plain heading or letter. Raises ConfigError for a column that isn't
    there."""
    sample = list(islice(table.lines(), _SAMPLE))
    said = {**decisions.columns, **(given or {})}
    heading = heading_of(sample, {title for title in said if len(title) > 2})
    rows = [line.cells for line in sample if line.number >= heading.first]
    width = max([len(heading.titles), *map(len, rows)], default=0) if not heading.lines else len(heading.titles)
    cells = [_filled(rows, place) for place in range(width)]
    titles = [heading.titles[place] if place < len(heading.titles) else "" for place in range(width)]
    blank = [Guess(place, title, None, 0.0, UNKNOWN, filled=len(cells[place])) for place, title in enumerate(titles)]
    _check(given or {}, blank)
    guesses = [_decided(one, said) or _guessed(one, cells[one.place], today) for one in blank]
    guesses = _by_looks(_without_seconds(_one_name(guesses, cells)), cells, today)
    return Columns(heading, tuple(replace(one, order=order_of(cells[one.place])) for one in guesses))


def by_titles(decisions: Decisions, columns: Columns) -> Decisions:
    """What was said of a column by its letter, by its heading, where no other bears it: the next file may have its
    columns in another order."""
    titles = [plain(one.title) for one in columns.guesses]
    named = {one.letter.casefold(): title for one, title in zip(columns.guesses, titles, strict=True) if title}
    alone = {letter: title for letter, title in named.items() if titles.count(title) == 1}
    said = {alone.get(column, column): field for column, field in decisions.columns.items()}
    return decisions.model_copy(update={"columns": said})


def _filled(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    found = (cleaned(row[place]) for row in rows if place < len(row))
    return list(islice((cell for cell in found if not is_blank(cell) and not is_an_error(cell)), _CELLS))


def _check(given: Mapping[str, str], columns: Sequence[Guess]) -> None:
    known = {plain(one.title) for one in columns} | {one.letter.casefold() for one in columns}
    for title in given.keys() - known:
        raise ConfigError(_no_column(title, columns))


def _no_column(title: str, columns: Sequence[Guess]) -> str:
    from svyazka.catalogue import _

    names = ", ".join(f"{one.letter} «{one.title}»" if one.title else one.letter for one in columns)
    return _("--columns: the file has no column {title!r}; it has {names}", title=title, names=names)


def _decided(column: Guess, said: Mapping[str, str]) -> Guess | None:
    field = said.get(column.letter.casefold()) or (said.get(plain(column.title)) if column.title else None)
    return None if field is None else replace(column, field=None if field == SKIP else field, sure=1.0, why=DECIDED)


def _guessed(column: Guess, cells: Sequence[str], today: date) -> Guess:
    title = without_number(plain(column.title))
    if OTHERS & set(title.split()):
        return replace(column, sure=1.0, why=SOMEBODY_ELSE)
    field, sure, why = NAMED.get(title), 0.95, HEADED
    if field is None and title:
        under = without_number(plain(column.title.rpartition(" / ")[2]))  # of a heading in two lines the lower one
        field, sure, why = NAMED.get(under) or _sounds_like(title), 0.8, SOUNDS_LIKE
    if field is None:
        return column
    part = share(FIELDS[field].shape, cells, today)
    if field == "code" and part < ALL_DIFFER and len(cells) >= _FEW:
        return replace(column, field=None, sure=1.0, why=NO_KEY)
    if part < HARDLY and field != "code":
        return replace(column, field=field, sure=0.4, why=HEADED_ALONE)
    return replace(column, field=field, sure=sure if part >= ALL else sure - 0.2, why=why)


def _sounds_like(title: str) -> str | None:
    """The longest known heading that stands in this one as whole words, from its parts to the whole."""
    padded = f" {title} "
    found = max((known for known in NAMED if f" {known} " in padded and len(known) > 2), key=len, default=None)
    return NAMED[found] if found is not None else None


def _one_name(guesses: list[Guess], cells: Sequence[Sequence[str]]) -> list[Guess]:
    """`Имя` without a column of last names is the whole name, where its cells have several words too."""
    fields = {one.field for one in guesses}
    if "last_name" in fields or "name" in fields:
        return guesses
    return [replace(one, field="name") if one.field == "first_name" else one for one in guesses]


def _without_seconds(guesses: list[Guess]) -> list[Guess]:
    """What only one column may tell is told by the surest, the first of these; the others are left out."""
    best: dict[str, Guess] = {}
    for one in guesses:
        if one.field is not None and one.field in FIELDS and not FIELDS[one.field].several:
            held = best.get(one.field, one)
            best[one.field] = one if one.sure > held.sure else held
    return [
        one
        if one.sure == 1.0 or best.get(one.field or "", one) is one
        else replace(one, field=None, sure=SURE, why=SECOND)
        for one in guesses
    ]


def _by_looks(guesses: list[Guess], cells: Sequence[Sequence[str]], today: date) -> list[Guess]:
    """Columns that no heading explains, by their cells; a name only where none is known yet."""
    found, has_name = [], any(one.field in {"name", "first_name", "last_name"} for one in guesses)
    for one in guesses:
        looks = by_looks(cells[one.place], today) if one.why == UNKNOWN else None
        if looks is not None and not (looks[0] == "name" and has_name):
            has_name = has_name or looks[0] == "name"
            one = replace(one, field=looks[0], sure=looks[1], why=LOOKS_LIKE)
        found.append(one)
    return found
