"""Deals, leads and contacts that changed: Bitrix24 tells of each once, if at all. Deletions can't be asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from svyazka.connectors.bitrix24 import client
from svyazka.connectors.bitrix24.client import CONTACT, DEAL, LEAD
from svyazka.connectors.bitrix24.facts import card_fact, deal_fact, lead_fact
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.changes import Change, Mark
from svyazka.engine.contracts.learning import Polled, Polling
from svyazka.engine.contracts.untrusted import Section, text, zoned_time
from svyazka.model.base import Frozen
from svyazka.model.events import Fact

READ: dict[str, tuple[int, Callable[[Section, Bitrix24Settings], Fact]]] = {
    "deals": (DEAL, lambda card, settings: deal_fact(card, settings.won_stages)),
    "leads": (LEAD, lambda card, settings: lead_fact(card)),
    "contacts": (CONTACT, lambda card, settings: card_fact(card, "contact")),
}
"""What is looked at: its kind at Bitrix24, and what a card of it means."""


class Cursor(Frozen):
    """How far we have looked."""

    deals: Mark
    leads: Mark
    contacts: Mark


class Bitrix24Polling(Polling[Bitrix24Settings]):
    """Asks for what changed since the last look."""

    every: ClassVar[float] = 600.0

    def ready(self, settings: Bitrix24Settings) -> bool:
        return settings.has_access()

    async def poll(self, cursor: str | None, call: Call[Bitrix24Settings]) -> Polled:
        """One look. What is there at the first one is history. Raises VendorFailure, NoAccess, NotSent, MaybeSent."""
        known = Cursor.model_validate_json(cursor) if cursor is not None else None
        marks: dict[str, Mark] = {}
        facts: list[Fact] = []
        for name, (kind, fact) in READ.items():
            mark: Mark | None = getattr(known, name) if known is not None else None
            if mark is None:
                marks[name] = Mark.first([_change(card) for card in await client.newest(call, kind)])
                continue
            found, more = await client.changed(call, kind, datetime.fromtimestamp(mark.since(), UTC), mark.page)
            changes: Sequence[Change] = [_change(card) for card in found]
            facts += [fact(card, call.settings) for card, one in zip(found, changes, strict=True) if mark.is_new(one)]
            marks[name] = mark.after(changes, more)
        moved = Cursor(**marks)
        busy = any(mark.busy for mark in marks.values())
        return Polled(facts=facts, cursor=moved.model_dump_json(exclude_defaults=True), more=busy)


def _change(card: Section) -> Change:
    moment = zoned_time(card.get("updatedTime"))
    return Change(text(card.get("id"), 40), int(moment.timestamp()) if moment is not None else None)
