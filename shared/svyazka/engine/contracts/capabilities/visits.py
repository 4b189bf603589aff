"""Visits: a calendar's appointments as things to be kept in step with other systems.

`page` lists the visits of the days around today only: what it doesn't show isn't gone for that.

The same operations as `Records` has, for one kind: `RecordKind.VISIT`. Visits are read, listed and changed here; none
is ever made: whoever wants one books it (`Calendar.book`). The fields of a visit, all of them texts:

- `status`: a `VisitStatus`; one that is cancelled and still shown is a visit, not one that is gone;
- `starts_at`, `ends_at`: `WallTime.told`, the clock at the place and its zone;
- `service`, `staff`: names for people; `price`: an amount;
- `name`, and `phone` and `email` as sets: whose visit it is. These are shown and never written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, TypeVar

from svyazka.catalogue import N_
from svyazka.engine.contracts.capabilities.records import Operation, Records, Written
from svyazka.model.commands import Safety
from svyazka.model.outcomes import Refused
from svyazka.model.reasons import Reason
from svyazka.model.records import CLEARED, RecordKind

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.engine.contracts.capabilities.records import LinkTo
    from svyazka.model.outcomes import Outcome
    from svyazka.model.records import Key, Object, ObjectId, Shown, Value
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")

WRITTEN = frozenset({"status", "starts_at"})
"""What of a visit can be changed from elsewhere, where its calendar takes it."""


class Visits(Records[SettingsT]):
    """One vendor's visits. `update` refuses what its calendar doesn't take, with a code of `WhyNot` where one fits."""

    kinds = frozenset({RecordKind.VISIT})
    creating = Operation(Safety.checkable())
    writable: ClassVar[frozenset[str]] = WRITTEN
    """The fields that it takes; none: it is only read."""

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        return value

    async def find(self, kind: RecordKind, key: Key, call: Call[SettingsT]) -> tuple[Object, ...] | None:
        return None

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[SettingsT]) -> tuple[Object, ...]:
        return ()

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str, call: Call[SettingsT]
    ) -> Written:
        return Written(NONE_IS_MADE)

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[SettingsT]) -> Outcome:
        return NONE_IS_MADE


def price_of(costs: Iterable[int | float | Decimal]) -> Shown:
    """What its services cost together, to the kopeck; a sum of nothing says nothing."""
    total = sum((Decimal(str(cost)) for cost in costs), Decimal())
    return f"{total.normalize():f}" if total else CLEARED


NONE_IS_MADE = Refused(
    code="not_supported", message=N_("a visit is booked, never made for another system's sake"), reason=Reason.SETTING
)
