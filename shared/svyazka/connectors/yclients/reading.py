"""Records and clients' cards, read again in YCLIENTS."""

from __future__ import annotations

from svyazka.connectors.yclients import client
from svyazka.connectors.yclients.facts import client_fact, final_attendance, record_fact
from svyazka.connectors.yclients.schema import Change, identifier
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.model.events import Entity, Fact


class YclientsReading(Reading[YclientsSettings]):
    """Records and clients' cards."""

    def ready(self, settings: YclientsSettings) -> bool:
        return settings.can_ask()

    async def read(self, entity: Entity, call: Call[YclientsSettings]) -> Fact | None:
        """The record or the client's card as it is now; None when it is gone or another salon's.

        Raises VendorFailure, NotSent, MaybeSent.
        """
        if entity.kind not in ("record", "client"):
            return None
        read = client.record if entity.kind == "record" else client.client_card
        found = await read(call, entity.id)
        company = identifier(found.get("company_id")) if found else None
        if found is None or company not in (None, str(call.settings.company_id)):
            return None
        change = Change.of_object(entity.kind, found)
        if entity.kind == "client":
            return client_fact(change)
        return record_fact(change, final_attendance(call.settings.final_attendance))
