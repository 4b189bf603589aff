"""`doctor`: whether АТОЛ Онлайн lets us in, and whether it can tell us of documents."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.atol import client
from svyazka.connectors.atol.document import fits
from svyazka.connectors.atol.settings import AtolSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, let_in


class AtolDoctor(Doctor[AtolSettings]):
    """Asks АТОЛ Онлайн for a token: nothing else can be asked that registers nothing."""

    def ready(self, settings: AtolSettings) -> bool:
        return settings.login is not None and settings.password is not None

    async def check(self, call: Call[AtolSettings]) -> list[Finding]:
        findings = [await let_in("АТОЛ", client.let_in(call))]
        if call.hook_url is not None and not fits(call.hook_url):
            what = N_("ATOL won't call our address: it doesn't fit its mask, so reports are asked for instead")
            findings.append(Finding("callback", "warn", what, _("nothing to do: receipts are known a little later")))
        return findings
