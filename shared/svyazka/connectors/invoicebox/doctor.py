"""`doctor`: whether Invoicebox lets us in, and whether its notifications can be proved."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.invoicebox import client
from svyazka.connectors.invoicebox.settings import InvoiceboxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, let_in


class InvoiceboxDoctor(Doctor[InvoiceboxSettings]):
    """Asks Invoicebox."""

    def ready(self, settings: InvoiceboxSettings) -> bool:
        return settings.merchant_id is not None and settings.token is not None

    async def check(self, call: Call[InvoiceboxSettings]) -> list[Finding]:
        findings = [await let_in("Invoicebox", client.account(call))]
        if call.settings.notification_key is None:
            what = N_("without notification_key no notification of Invoicebox's is believed")
            remedy = _("take the key of notifications from its cabinet: svyazka secret set")
            findings.append(Finding("notifications", "warn", what, remedy))
        return findings
