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

    async def look(self, records: Records[Any], now: datetime, call: Call[Any]) -> bool:
        """Look again, if the last time is a while ago; False: the system can't be asked for that."""
        if self.looked_at is not None and now - self.looked_at < LOOK_EVERY:
            return True
        if not await _added(self.cards, records, self.since, call):
            return False
        self.looked_at = now
        newest = self.cards.newest_change()
        self.since = max(self.since, newest - A_SECOND) if newest else self.since
        return True


async def since(moment: datetime, records: Records[Any], call: Call[Any]) -> Cards:
    """Cards that were made or changed since then; all, where the system can't be asked for these alone."""
    cards = Cards()
    if await _added(cards, records, moment, call):
        return cards
    after = None
    while True:
        page = await records.page(KIND, after, call)
        cards.add(page.objects)
        after = page.next
        if after is None:
            return cards


async def _added(cards: Cards, records: Records[Any], moment: datetime, call: Call[Any]) -> bool:
    """Add what was made or changed since; False: the system can't be asked for that."""
    after = None
    while True:
        page = await records.changed(KIND, moment, after, call)
        if page is None:
            return False
        cards.add(page.objects)
        after = page.next
        if after is None:
            return True
