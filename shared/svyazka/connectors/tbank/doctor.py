"""`doctor`: whether T-Bank lets us in."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.tbank import client
from svyazka.connectors.tbank.settings import TbankSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, let_in


class TbankDoctor(Doctor[TbankSettings]):
    """Asks T-Bank for an order that nobody has."""

    def ready(self, settings: TbankSettings) -> bool:
        return settings.terminal_key is not None and settings.password is not None

    async def check(self, call: Call[TbankSettings]) -> list[Finding]:
        """Whether the terminal and its password are taken, and what receipts lack."""
        findings = [await let_in("T-Bank", client.account(call))]
        if call.settings.taxation is None:
            what, remedy = (
                _("`taxation` isn't set: T-Bank takes no receipt"),
                N_("set it, or `receipt: false` in the flow"),
            )
            findings.append(Finding("receipts", "warn", what, remedy))
        return findings
