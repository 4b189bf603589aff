"""What becomes of each line of a file: one outcome a line, and the sums say so."""

from __future__ import annotations

from enum import StrEnum

from svyazka.catalogue import N_


class Outcome(StrEnum):
    """Of a line, before anything is written anywhere."""

    READY = "ready"
    HEADING = "heading"
    BLANK = "blank"
    TOTAL = "total"
    GROUP = "group"
    REPEAT = "repeat"
    MERGED = "merged"
    DOUBT = "doubt"
    UNUSABLE = "unusable"
    BROKEN = "broken"


OUTCOMES: dict[Outcome, str] = {
    Outcome.READY: N_("to be taken"),
    Outcome.HEADING: N_("part of the heading"),
    Outcome.BLANK: N_("blank"),
    Outcome.TOTAL: N_("a total"),
    Outcome.GROUP: N_("only its first cell is filled: the name of a group, or a name alone"),
    Outcome.REPEAT: N_("says again what an earlier line has said"),
    Outcome.MERGED: N_("taken together with another line, as was decided"),
    Outcome.DOUBT: N_("may be the same person as another line: somebody has to say"),
    Outcome.UNUSABLE: N_("nothing to tell this person by: no code, no phone, no address"),
    Outcome.BROKEN: N_("has more cells than the table has columns"),
}
"""What a person reads."""
