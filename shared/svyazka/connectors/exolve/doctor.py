"""`doctor`: whether Exolve knows the key."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.exolve import client
from svyazka.connectors.exolve.settings import ExolveSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, let_in


class ExolveDoctor(Doctor[ExolveSettings]):
    """Asks Exolve."""

    def ready(self, settings: ExolveSettings) -> bool:
        return settings.api_key is not None

    async def check(self, call: Call[ExolveSettings]) -> list[Finding]:
        """Whether the key is good. Balance, sender names and webhook addresses are shown by the cabinet only."""
        settings = call.settings
        findings = [await let_in("Exolve", _listed(call))]
        if settings.sender is None:
            what = N_("sender isn't set: Exolve's documentation demands one")
            findings.append(Finding("sender", "warn", what, _("set the application's number (79...) or name")))
        if settings.whatsapp_sender is not None:
            what = N_("whatsapp_sender is not used: Exolve's WhatsApp API has no public documentation")
            findings.append(Finding("whatsapp", "warn", what, _("docs/vendors/exolve.md says what there is instead")))
        return findings


async def _listed(call: Call[ExolveSettings]) -> str:
    return _("{number} message(s) in its list", number=await client.count(call))
