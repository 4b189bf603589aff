"""Forwarder: hands events on to a system of the tenant's. Commands: `Forward`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.model.commands import Forward, Safety
    from svyazka.model.outcomes import Outcome
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


class Forwarder(Protocol[SettingsT]):
    """A receiver of events by HTTP. Stateless."""

    def safety(self, command: Forward) -> Safety:
        """What a crash or a silent time-out in the middle of the call means. Pure."""
        raise NotImplementedError

    async def forward(self, command: Forward, call: Call[SettingsT]) -> Outcome:
        """Hand one event on. NotSent and MaybeSent may pass through."""
        raise NotImplementedError
