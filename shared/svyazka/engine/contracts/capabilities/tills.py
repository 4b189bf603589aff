"""Tills: the open check of a table, and a check that was paid past the till. Command: `SettleCheck`.

What the guests owe is said by the till alone, each time it is asked: a page, an order or a link may be older than the
last glass of wine. So whoever settles a check reads it first, and where it costs something else now, or is closed,
nothing is written: `Refused` with a code of `WhyNot`, and the staff is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.model.checks import SettleCheck, TableCheck
    from svyazka.model.commands import Safety
    from svyazka.model.outcomes import Outcome
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


class Tills(Protocol[SettingsT]):
    """One vendor's tills. Stateless. Reads raise VendorFailure, NotSent, MaybeSent; `settle` may let NotSent and
    MaybeSent pass."""

    def ready(self, settings: SettingsT) -> bool:
        """Whether the credentials for asking are there."""
        raise NotImplementedError

    async def open_checks(self, table: str, call: Call[SettingsT]) -> Sequence[TableCheck]:
        """The open checks of a table, by its number or name as the restaurant's people say it; none where it has none.
        Raises VendorFailure(Refused(code="no_table")) where there is no such table."""
        raise NotImplementedError

    def safety(self, command: SettleCheck) -> Safety:
        """What a crash or a silent time-out in the middle of it means. Pure."""
        raise NotImplementedError

    async def settle(self, command: SettleCheck, call: Call[SettingsT]) -> Outcome:
        """Note the payment at the till, where it isn't yet, and close the check. A check that is closed and holds as
        much is Succeeded(already=True)."""
        raise NotImplementedError

    async def find(self, command: SettleCheck, call: Call[SettingsT]) -> Outcome | None:
        """What an earlier try that is in doubt came to: Succeeded where the check is closed and paid, else None. Then
        it is settled once more, which begins by reading."""
        raise NotImplementedError
