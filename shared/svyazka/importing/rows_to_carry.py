"""A row as it lies in its sealed batch until it is brought over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from svyazka.importing.outcomes import Outcome
from svyazka.importing.rows import Row
from svyazka.model.contacts import Contact
from svyazka.model.records import Value


@dataclass(frozen=True, slots=True)
class RowToCarry:
    """One of them."""

    place: int
    number: int
    id: str
    object: str | None
    fields: Mapping[str, Value]
    said: Mapping[str, tuple[str, ...]] | None
    """Prints of what the file said of it last."""
    mark: str

    @classmethod
    def read(cls, place: int, said: Mapping[str, Any]) -> RowToCarry:
        """As `planning.Planned.as_json` wrote it."""
        last = said["said"]
        return cls(
            place, said["row"], said["id"], said["object"],
            {name: tuple(value) if isinstance(value, list) else value for name, value in said["fields"].items()},
            None if last is None else {name: tuple(prints) for name, prints in last.items()}, said["mark"],
        )  # fmt: skip

    @property
    def row(self) -> Row:
        """As the file's row that it is."""
        return Row(self.number, Outcome.READY, self.fields)

    def contact(self) -> Contact:
        """Whom it is about, for `forget`."""
        row = self.row
        return Contact(name=row.text("name"), phone=row.text("phone"), email=row.text("email"))
