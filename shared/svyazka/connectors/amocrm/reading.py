"""Deals, contacts and companies, read again in amoCRM."""

from __future__ import annotations

from svyazka.connectors.amocrm import client
from svyazka.connectors.amocrm.facts import Stages, contact_fact, foreign_account, lead_fact
from svyazka.connectors.amocrm.schema import Lead, person
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.engine.contracts.untrusted import Section
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, Fact


class AmocrmReading(Reading[AmocrmSettings]):
    """Deals, contacts and companies."""

    def ready(self, settings: AmocrmSettings) -> bool:
        return settings.has_access()

    async def read(self, entity: Entity, call: Call[AmocrmSettings]) -> Fact | None:
        """The deal with its main contact, or the contact, as amoCRM has it now; None when it is gone or not ours.

        Raises VendorFailure, NoAccess, NotShown, NotSent, MaybeSent.
        """
        match entity.kind:
            case "lead":
                return await _lead(entity.id, call)
            case "contact" | "company":
                read = client.contact if entity.kind == "contact" else client.company
                body = await read(call, entity.id)
                return contact_fact(body, kind=entity.kind) if body is not None and _is_ours(body, call) else None
            case _:
                return None


async def _lead(lead_id: str, call: Call[AmocrmSettings]) -> Fact | None:
    body = await client.lead(call, lead_id)
    if body is None or not _is_ours(body, call):
        return None
    contact_id = client.main_contact(body)
    card = await client.contact(call, contact_id) if contact_id else None
    # An empty Contact, not None: None would make planning keep the contact from the webhook, which may be
    # another person.
    contact = person(card) if card is not None else Contact()
    return lead_fact(Lead.of(body), Stages.of(call.settings.won_statuses), contact=contact)


def _is_ours(body: Section, call: Call[AmocrmSettings]) -> bool:
    return foreign_account(call.settings.account_id, body.get("account_id")) is None
