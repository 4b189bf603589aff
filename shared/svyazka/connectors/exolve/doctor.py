"""`doctor`: whether Exolve knows the key."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.exolve import client
from svyazka.connectors.exolve.settings import ExolveSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked


class ExolveDoctor(Doctor[ExolveSettings]):
    """Asks Exolve."""

    def ready(self, settings: ExolveSettings) -> bool:
        return settings.api_key is not None

    async def check(self, call: Call[ExolveSettings]) -> list[Finding]:
        """Whether the key is good. Balance, sender names and webhook addresses are shown by the cabinet only."""
        settings = call.settings
        findings = [await _credentials(call)]
        if settings.sender is None:
            what = N_("sender isn't set: Exolve's documentation demands one")
            findings.append(Finding("sender", "warn", what, _("set the application's number (79...) or name")))
        if settings.whatsapp_sender is not None:
            what = N_("whatsapp_sender is not used: Exolve's WhatsApp API has no public documentation")
            findings.append(Finding("whatsapp", "warn", what, _("docs/vendors/exolve.md says what there is instead")))
        return findings


async def _credentials(call: Call[ExolveSettings]) -> Finding:
    try:
        number = await client.count(call)
    except VendorFailure as error:
        remedy = error.outcome.remedy if isinstance(error.outcome, Blocked) else N_("try again later")
        return no_access("credentials", _("Exolve doesn't let us in: {why}", why=error), remedy, error)
    except (NotSent, MaybeSent) as error:
        return no_access("credentials", _("Exolve doesn't answer: {why}", why=error), _("try again later"))
    return Finding("credentials", "ok", _("Exolve knows the key; {number} message(s) in its list", number=number))
