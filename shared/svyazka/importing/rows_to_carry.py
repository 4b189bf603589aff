"""A row as it lies in its sealed batch until it is brought over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from svyazka.engine.contracts.capabilities.records import Written
from svyazka.importing.book import Noted
from svyazka.importing.outcomes import Outcome
from svyazka.importing.rows import Row
from svyazka.model.records import UNREAD, Object, Value


def unread_there(fields: Iterable[str], card: Object) -> list[str]:
    """Those that a card doesn't show. The row's own code is ours, and has no place to be shown at."""
    return [name for name in fields if name != "code" and card.shows(name) is UNREAD]


@dataclass(frozen=True, slots=True)
class RowToCarry:
    """One of them."""

    place: int
    number: int
    id: str
    """The row's, in its file."""
    object: str | None
    """The card that it is, where there is one."""
    fields: Mapping[str, Value]
    unsure: frozenset[str]

    @classmethod
    def read(cls, place: int, said: Mapping[str, Any]) -> RowToCarry:
        """As `planning.Planned.as_json` wrote it."""
        return cls(
            place, said["row"], said["id"], said["object"],
            {name: tuple(value) if isinstance(value, list) else value for name, value in said["fields"].items()},
            frozenset(said["unsure"]),
        )  # fmt: skip

    @property
    def mark(self) -> str:
        """Ours, on the card that is made of it: the same however often it is tried."""
        return "svz-" + self.id.removeprefix("row_")[:12]

    def noted(
        self, object_: str, card: Object | None = None, written: Collection[str] = (), answer: Written | None = None
    ) -> Noted:  # fmt: skip
        """The row with its card, for the book; `card`: as it was read, None for one that was made."""
        return Noted(self.id, self.fields, self.unsure, object_, card, written, answer)

    def left_out(self, card: Object | None = None, answer: Written | None = None) -> tuple[str, ...]:
        """What of it the system has no place for: the card doesn't show it, or the answer to a write says so."""
        unread = () if card is None else unread_there(self.fields, card)
        said = answer.left_out if answer is not None else ()
        return tuple(sorted((self.fields.keys() - {"code"}) & {*unread, *said}))

    @property
    def row(self) -> Row:
        """As the file's row that it is."""
        return Row(self.number, Outcome.READY, self.fields, unsure=self.unsure)
