"""Cards that have come into a system since it was listed: of others' making, or of ours, unseen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.importing.book import KIND
from svyazka.importing.cards import Cards

CLOCKS_DIFFER = timedelta(minutes=2)
"""So much a vendor's clock may be behind ours."""
LOOK_EVERY = timedelta(seconds=10)
A_SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class Newcomers:
    """Cards that others have made since the system was listed, as far as this process has looked."""

    since: datetime
    """By the vendor's clock, once it has shown any."""
    looked_at: datetime | None = None
    cards: Cards = field(default_factory=Cards)
    _after: str | None = None
    """Where a look goes on that hasn't come to its end: a process that begins in the middle of a large import has
    thousands of our own cards to go through."""

    async def look(self, records: Records[Any], now: datetime, call: Call[Any]) -> bool:
        """Look again, if the last time is a while ago: one page of it. Whether that was all."""
        if self._after is None and self.looked_at is not None and now - self.looked_at < LOOK_EVERY:
            return True
        page = await records.changed(KIND, self.since, self._after, call)
        if page is None:
            return True  # the system can't be asked for that
        self.cards.add(page.objects)
        self._after = page.next
        if page.next is not None:
            return False
        self.looked_at = now
        newest = self.cards.newest_change()
        self.since = max(self.since, newest - A_SECOND) if newest else self.since
        return True


async def since(moment: datetime, records: Records[Any], call: Call[Any]) -> Cards:
    """Cards that were made or changed since then; all, where the system can't be asked for these alone."""
    cards, after, tells = Cards(), None, True
    while True:
        page = await records.changed(KIND, moment, after, call) if tells else None
        if page is None:
            tells, page = False, await records.page(KIND, after, call)
        cards.add(page.objects)
        after = page.next
        if after is None:
            return cards
