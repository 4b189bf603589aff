"""All that the tests know of one vendor: one description each, read by the kits, the matrix of sources and channels,
and chaos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.serve import Running
from vendors.parts.asking import Asked, OAuth
from vendors.parts.calendars import Calendar, Journal
from vendors.parts.crms import Crm
from vendors.parts.done import Done
from vendors.parts.hooks import Hooks, Source
from vendors.parts.messengers import Forwarder, Messenger
from vendors.parts.money import Fiscaliser, Provider, Tables


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """All that the tests know of one vendor."""

    name: str
    hooks: Hooks | None = None
    source: Source | None = None
    done: Sequence[Done] = ()
    messenger: Messenger | None = None
    forwarder: Forwarder | None = None
    calendar: Calendar | None = None
    journal: Journal | None = None
    asked: Asked | None = None
    crm: Crm | None = None
    provider: Provider | None = None
    tables: Tables | None = None
    fiscaliser: Fiscaliser | None = None
    oauth: OAuth | None = None
    hurry: Callable[[Running], None] | None = None
    """Makes its stand-in count calls as the vendor itself does; None: it counts none, or always."""

    @property
    def plain(self) -> Mapping[str, Any]:
        """Settings of its form that are no secrets: those of whatever of it is described."""
        parts = (
            self.source,
            self.messenger,
            self.forwarder,
            self.calendar,
            self.journal,
            self.crm,
            self.provider,
            self.tables,
            self.fiscaliser,
            self.asked,
            self.oauth,
        )
        return {name: value for part in parts if part is not None for name, value in part.settings.items()}
