"""What stands on a person's card in a CRM, for a text that speaks of it.

It is never waited for: a message without the discount is better than none. Whoever can't be asked within three seconds,
or is in trouble, shows nothing, and the text's own word for that stands there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.putting import card_of
from svyazka.engine.hub import Hub
from svyazka.engine.outages.learning import Outages
from svyazka.engine.rules.deadlines import TIMES
from svyazka.engine.support.logs import log, where
from svyazka.model.commands import Deadline
from svyazka.model.contacts import Contact
from svyazka.model.errors import ConfigError, LeaseTooShort, MaybeSent, NotSent, SourceUnavailable
from svyazka.model.records import Shown


class Cards:
    """Reads cards."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages

    async def of(self, tenant: str, connection: str, person: Contact) -> Mapping[str, str]:
        """The fields of his card that show something; none where there is no card, or nobody to be asked."""
        try:
            account = await self._hub.directory.account(tenant, connection)
        except ConfigError:
            return {}
        records = account.records if account is not None else None
        if account is None or records is None or account.missing:
            return {}
        if await self._outages.of(tenant, connection) is not None:
            return {}
        call = call_to(self._hub, account, exchanges(self._hub, account, deadline=Deadline.QUICK), key="card")
        try:
            async with asyncio.timeout(TIMES[Deadline.QUICK].call):
                card = await card_of(records, person, call)
        except (NotSent, MaybeSent, LeaseTooShort, SourceUnavailable, TimeoutError) as error:
            log("WARNING", "a card was not read", tenant=tenant, connection=connection, error=type(error).__name__)
            return {}
        except Exception as error:
            log("ERROR", "connector failed", vendor=account.vendor, error=type(error).__name__, where=where(error))
            return {}
        fields = card.fields if card is not None else {}
        return {name: text for name, shown in fields.items() if (text := _said(shown))}


def _said(shown: Shown) -> str:
    if isinstance(shown, bool):
        return "да" if shown else "нет"
    if isinstance(shown, tuple):
        return next(iter(shown), "")
    return shown if isinstance(shown, str) else ""
