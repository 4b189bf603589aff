"""Capability Identity: a messenger vouches for who has opened its Mini App."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings", contravariant=True)


class Identity(Protocol[SettingsT]):
    """Reads what a messenger signed for a page."""

    def user(self, init_data: str, settings: SettingsT, now: datetime, max_age: timedelta) -> str:
        """The user's id, which is that of their chat with the bot. Raises NotGenuine. Pure."""
        raise NotImplementedError
