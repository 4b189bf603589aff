"""Onboarding: a partner of the vendor's brings a business in, and gets its access for it.

A code of activation may be good for once only, and its answer is the business's only way in: whatever comes is kept
before anything else is done with it, and asked for by the same code it is taken from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


class Onboarding(Protocol[SettingsT]):
    """One vendor's. Stateless. Raises VendorFailure, NotSent, MaybeSent."""

    def ready(self, settings: SettingsT) -> bool:
        """Whether the partner's own credentials are there."""
        raise NotImplementedError

    async def invite(self, email: str, call: Call[SettingsT]) -> str:
        """Ask the business to register: it gets a letter. The invitation's id."""
        raise NotImplementedError

    async def activate(self, code: str, call: Call[SettingsT]) -> Mapping[str, str]:
        """What a code of activation opens: settings of the connection and their values, kept (`Call.keep`) before they
        are looked at. A code that was taken before gives what was kept then."""
        raise NotImplementedError
