"""What a write proved: the base of the side that was written, from what its vendor's answer shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from svyazka.engine.comparing.fields import FieldRule
from svyazka.engine.comparing.normalising import FieldType, field_type
from svyazka.engine.comparing.prints import Printer
from svyazka.model.bases import Accepted, AcceptedFor, FieldBase
from svyazka.model.records import Shown


class Proof(Enum):
    """What an answer says where it shows no value."""

    NONE = "none"


NO_PROOF: Final = Proof.NONE
Answer = Shown | Literal[Proof.NONE]
"""What the answer to a write, or a reading whose version is that answer's, shows of a field. Any other reading may be
of somebody's later edit and proves nothing."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of a field after one side was written."""

    bases: Mapping[str, FieldBase]
    accepted: Accepted | None


def settle(
    field: str,
    rule: FieldRule,
    side: str,
    bases: Mapping[str, FieldBase],
    answer: Answer,
    printer: Printer,
    accepted: Accepted | None = None,
    *,
    made: bool = False,
) -> Settled:
    """The bases of all sides after `side` was written, from those that the comparison gave (its `bases`, over the ones
    that the sides had before).

    Without a proof the base is what we wrote: whatever else stands there is then a change, but for what stood there
    before, which says that the field wasn't taken. `made`: the side's object was made by this write.
    """
    written = bases[side]
    type = rule.type or field_type(field)
    if written.owed is None:
        return Settled(bases, accepted)
    if answer is NO_PROOF or any(printer.shows(before, field, answer, type) for before in written.owed.before):
        tried = written.owed.model_copy(update={"times": written.owed.times + 1, "made": made})
        return Settled({**bases, side: written.model_copy(update={"owed": tried})}, accepted)
    if printer.shows(written.prints, field, answer, type) or _more_than(written, field, answer, printer, type):
        return Settled({**bases, side: FieldBase(prints=written.prints)}, accepted)
    own = FieldBase(prints=printer.prints(field, answer, type))
    sides = {name: base.prints for name, base in bases.items()} | {side: own.prints}
    return Settled({**bases, side: own}, Accepted(sides=sides, why=AcceptedFor.SPELLING))


def _more_than(written: FieldBase, field: str, answer: Answer, printer: Printer, type: FieldType) -> bool:
    """Whether a set shows what we wrote and more: somebody has added to it meanwhile, which is no spelling of ours."""
    return isinstance(answer, tuple) and set(written.prints) < set(printer.prints(field, answer, type))
