"""Orders and reservations, read again in iiko's cloud API."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from svyazka.catalogue import N_
from svyazka.connectors.iiko import reads
from svyazka.connectors.iiko.schema import Change
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.connectors.iiko.webhook import final_statuses, foreign_organization, order_fact, reserve_fact
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.engine.contracts.untrusted import Section
from svyazka.model.errors import NotShown
from svyazka.model.events import Entity, Fact

READERS: dict[str, Callable[[Call[IikoSettings], str], Awaitable[Section | None]]] = {
    "delivery": reads.delivery,
    "table": reads.table_order,
    "reserve": reads.reserve,
}
"""Entity kind -> how it is read again."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class IikoReading(Reading[IikoSettings]):
    """Orders and reservations."""

    def ready(self, settings: IikoSettings) -> bool:
        return settings.sign_in() is not None

    async def read(self, entity: Entity, call: Call[IikoSettings]) -> Fact | None:
        """The order or reservation as iiko's cache has it now; None when it isn't there (any more) or not ours.

        It tells no time of what happened: that would be one more call, and nobody asks. Raises NotShown for an
        id that can't be iiko's (a hand-made event), which it would answer with 400; VendorFailure, NotSent, MaybeSent.
        """
        if UUID.fullmatch(entity.id) is None:
            raise NotShown(N_("iiko's ids are UUIDs: this isn't one of its objects"))
        read = READERS.get(entity.kind)
        info = await read(call, entity.id) if read else None
        if info is None or foreign_organization(call.settings.organization_id, info.get("organizationId")):
            return None
        root = {"eventInfo": info}
        if entity.kind == "reserve":
            return reserve_fact(Change.of_reserve(root), None)
        return order_fact(Change.of_order(root), entity.kind, final_statuses(call.settings.final_statuses), None)
