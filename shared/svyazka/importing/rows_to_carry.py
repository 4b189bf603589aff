"""A row as it lies in its sealed batch until it is brought over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from svyazka.engine.contracts.capabilities.records import Written
from svyazka.importing.book import Noted
from svyazka.importing.outcomes import Outcome
from svyazka.importing.rows import Row
from svyazka.model.records import Object, Value


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

    @property
    def row(self) -> Row:
        """As the file's row that it is."""
        return Row(self.number, Outcome.READY, self.fields, unsure=self.unsure)
