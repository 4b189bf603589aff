"""What is said of a cell: what was put right in it, what is only proposed, what can't be used. Every one is listed."""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from svyazka.catalogue import N_

ValueT = TypeVar("ValueT", covariant=True)


class Why(StrEnum):
    """Why a cell isn't taken exactly as it stands."""

    CASE = "case"
    LATIN = "latin"
    SWAPPED = "swapped"
    MOVED = "moved"
    SPELLING = "spelling"
    SEVERAL = "several"
    EXTENSION = "extension"
    TYPO = "typo"
    ORDER = "order"
    COMPANY = "company"
    DAMAGED = "damaged"
    JOINED = "joined"
    ROUNDED = "rounded"
    HIDDEN = "hidden"
    LOCAL = "local"
    RUBBISH = "rubbish"
    NO_PHONE = "no_phone"
    NO_MAIL = "no_mail"
    NO_DAY = "no_day"
    NO_YEAR = "no_year"
    NOT_BORN_THEN = "not_born_then"
    NO_AMOUNT = "no_amount"
    NO_CHOICE = "no_choice"
    FORMULA = "formula"
    TOO_LONG = "too_long"


class Kind(StrEnum):
    """What became of the cell."""

    CHANGED = "changed"
    """Put right: there is one thing that it can mean."""
    PROPOSED = "proposed"
    """Left as it stands; somebody may decide otherwise."""
    LEFT_OUT = "left_out"
    """Nothing of it is used."""


SAID: dict[Why, tuple[Kind, str]] = {
    Why.CASE: (Kind.CHANGED, N_("capital letters as a name has them")),
    Why.LATIN: (Kind.CHANGED, N_("Latin letters that look like Cyrillic ones")),
    Why.SWAPPED: (Kind.CHANGED, N_("first and last name stood in each other's column")),
    Why.MOVED: (Kind.CHANGED, N_("a note beside the name, moved to the comment")),
    Why.SPELLING: (Kind.CHANGED, N_("one spelling for all")),
    Why.SEVERAL: (Kind.CHANGED, N_("several in one cell")),
    Why.EXTENSION: (Kind.CHANGED, N_("an extension, which a phone number doesn't keep")),
    Why.TYPO: (Kind.PROPOSED, N_("the address looks misspelled")),
    Why.ORDER: (Kind.PROPOSED, N_("day and month may be the other way round")),
    Why.COMPANY: (Kind.PROPOSED, N_("a company rather than a person")),
    Why.DAMAGED: (Kind.PROPOSED, N_("letters are lost: the file was saved in another encoding")),
    Why.JOINED: (Kind.PROPOSED, N_("quotes hold several lines of the file together as one cell")),
    Why.ROUNDED: (Kind.LEFT_OUT, N_("a spreadsheet has rounded digits of the phone away")),
    Why.HIDDEN: (Kind.LEFT_OUT, N_("digits of the phone are hidden")),
    Why.LOCAL: (Kind.LEFT_OUT, N_("a local number without the code of its town")),
    Why.RUBBISH: (Kind.LEFT_OUT, N_("nobody's number: typed to fill the field")),
    Why.NO_PHONE: (Kind.LEFT_OUT, N_("not a phone number")),
    Why.NO_MAIL: (Kind.LEFT_OUT, N_("not an e-mail address")),
    Why.NO_DAY: (Kind.LEFT_OUT, N_("not a date")),
    Why.NO_YEAR: (Kind.LEFT_OUT, N_("a date without its year")),
    Why.NOT_BORN_THEN: (Kind.LEFT_OUT, N_("nobody who lives was born on this day")),
    Why.NO_AMOUNT: (Kind.LEFT_OUT, N_("not an amount")),
    Why.NO_CHOICE: (Kind.LEFT_OUT, N_("none of the answers that this column has")),
    Why.FORMULA: (Kind.LEFT_OUT, N_("a spreadsheet's error stands in the cell")),
    Why.TOO_LONG: (Kind.LEFT_OUT, N_("longer than such a field can be")),
}


class Remark(NamedTuple):
    """One thing said of one cell."""

    why: Why
    was: str
    now: str | None = None
    """What is taken instead, or would be."""

    @property
    def kind(self) -> Kind:
        """What became of the cell."""
        return SAID[self.why][0]


class Read(NamedTuple, Generic[ValueT]):
    """What a cell means, and what is to be said of it."""

    value: ValueT
    remarks: tuple[Remark, ...] = ()
