"""What `svyazka doctor` asks CloudPayments."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.cloudpayments import client
from svyazka.connectors.cloudpayments.hook import address, registered
from svyazka.connectors.cloudpayments.settings import CloudpaymentsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, let_in
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import MaybeSent, NotSent


class CloudpaymentsDoctor(Doctor[CloudpaymentsSettings]):
    """Asks CloudPayments."""

    def ready(self, settings: CloudpaymentsSettings) -> bool:
        return settings.public_id is not None and settings.api_secret is not None

    async def check(self, call: Call[CloudpaymentsSettings]) -> list[Finding]:
        """Keys, and where it tells of what happens. Where it asks (Check) can't be seen by its API."""
        findings = [await let_in("CloudPayments", client.probe(call))]
        if findings[0].status != "ok" or call.hook_url is None:
            return findings
        try:
            missing = await registered(call, call.hook_url)
        except (VendorFailure, NotSent, MaybeSent):
            return findings
        if missing:
            what = _("CloudPayments doesn't tell us of {missing}", missing=", ".join(missing))
            findings.append(Finding("webhook", "warn", what, _("svyazka doctor --fix registers our addresses")))
        by_hand = N_("put it by hand into the site's settings: Check, POST, CloudPayments, UTF-8")
        what = _("whether it asks us before a payment can't be seen: {url}", url=address("…", "check"))
        findings.append(Finding("check", "warn", what, by_hand))
        return findings
