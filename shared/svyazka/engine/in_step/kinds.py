"""What keeping in step has to know of a kind of things. People are one object in each system, and need no more than
this; visits have a description of their own (`visits.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from svyazka.engine.comparing.prints import Printer
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.contracts.manifest import Manifest
from svyazka.model.in_step import Record, Rules, Side
from svyazka.model.records import Object, RecordKind, Shown


class Kind:
    """Things that are one object in each system, of which each may be the first."""

    finds_by_cards = True
    """Whose object it is that a system seems to lack is told by what stands on cards: a phone, an address."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def takes(self, connection: str, kind: RecordKind) -> bool:
        """Whether a connection's objects of that kind are such things."""
        return kind is self.rules.kind and connection in self.rules.between

    def begins(self, connection: str) -> bool:
        """Whether an object there is such a thing by itself, with nobody else having it."""
        return True

    def lists_all(self, connection: str) -> bool:
        """Whether what its list doesn't show isn't there. Else it is asked for what it showed the last time, and
        doesn't any more."""
        return True

    def is_over(self, side: Side, prints: Printer) -> bool:
        """Whether nothing more becomes of an object, by what was last agreed there."""
        return False

    def records(self, connection: str, manifest: Manifest[Any], settings: Mapping[str, object]) -> Records[Any] | None:
        """The way to its objects there."""
        return manifest.records_under(settings)

    def writes_to(self, connection: str, records: Records[Any]) -> bool:
        """Whether its objects there can be written at all."""
        return True

    def shown(
        self, connection: str, one: Object, record: Record, others: Mapping[str, Object], prints: Printer, now: datetime
    ) -> Mapping[str, Shown]:
        """An object's fields as they are compared. `others`: what the other systems show of the thing, as far as they
        were read."""
        return one.fields

    def as_compared(
        self, record: Record, read: Mapping[str, Object], prints: Printer, now: datetime
    ) -> dict[str, Object]:
        """What was read of a record's objects, as it is compared."""
        return {
            name: replace(one, fields=self.shown(name, one, record, read, prints, now)) for name, one in read.items()
        }

    def of_gone(self, connection: str) -> Mapping[str, Shown] | None:
        """What the others are told by an object's having been deleted; None: nothing."""
        return None

    def read_as(self, names: frozenset[str]) -> frozenset[str]:
        """The fields as an object that was just read shows them: what `shown` makes others of."""
        return names
