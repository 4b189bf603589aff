"""Deals, leads, contacts and companies, read again in Bitrix24."""

from __future__ import annotations

from svyazka.connectors.bitrix24.client import COMPANY, CONTACT, DEAL, LEAD, ORIGINAL, Batch, Params, batch
from svyazka.connectors.bitrix24.facts import card_fact, deal_fact, lead_fact, person
from svyazka.connectors.bitrix24.failures import DENIED, NOT_FOUND
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.engine.contracts.untrusted import Section, section
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.contacts import Contact
from svyazka.model.errors import NotShown
from svyazka.model.events import Entity, Fact
from svyazka.model.outcomes import Refused

KINDS = {"deal": DEAL, "lead": LEAD, "contact": CONTACT, "company": COMPANY}


class Bitrix24Reading(Reading[Bitrix24Settings]):
    """Deals with their contact, leads, contacts and companies."""

    def ready(self, settings: Bitrix24Settings) -> bool:
        return settings.has_access()

    async def read(self, entity: Entity, call: Call[Bitrix24Settings]) -> Fact | None:
        """The card as the portal has it now, by one call; None when it is gone or of no kind of ours.

        Raises VendorFailure, NoAccess, NotShown, NotSent, MaybeSent.
        """
        kind = KINDS.get(entity.kind)
        if kind is None:
            return None
        commands: dict[str, tuple[str, Params]] = {}
        commands["card"] = ("crm.item.get", {"entityTypeId": kind, "id": entity.id, **ORIGINAL})
        if kind == DEAL:
            whose = "$result[card][item][contactId]"
            commands["contact"] = ("crm.item.get", {"entityTypeId": CONTACT, "id": whose, **ORIGINAL})
        found = await batch(call, commands)
        card = _shown(found)
        if card is None:
            return None
        match entity.kind:
            case "deal":
                return deal_fact(card, call.settings.won_stages, _client(found))
            case "lead":
                return lead_fact(card)
            case _:
                return card_fact(card, entity.kind)


def _shown(found: Batch) -> Section | None:
    try:
        return section(found.one("card"), "item") or None
    except VendorFailure as failure:
        if failure.code == NOT_FOUND:
            return None
        if failure.code == DENIED:
            # What this employee doesn't see says nothing of the connection.
            raise NotShown(str(failure)) from failure
        raise


def _client(found: Batch) -> Contact:
    """Whose deal it is. An empty Contact where it is nobody's, or somebody's whom we aren't shown: None would let
    planning keep whomever a webhook named."""
    try:
        return person(section(found.one("contact"), "item"))
    except VendorFailure as failure:
        if isinstance(failure.outcome, Refused):
            return Contact()
        raise
