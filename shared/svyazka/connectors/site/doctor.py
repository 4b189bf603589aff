"""`doctor`: whether a site's settings can be meant."""

from __future__ import annotations

from svyazka.catalogue import _
from svyazka.connectors.site.settings import SiteSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding


class SiteDoctor(Doctor[SiteSettings]):
    """Looks at settings: there is nobody to be asked."""

    def ready(self, settings: SiteSettings) -> bool:
        return True

    async def check(self, call: Call[SiteSettings]) -> list[Finding]:
        """The first visitor after a quiet time waits for a cold start in the cloud: said, with what it costs to end."""
        settings = call.settings
        found = [
            Finding(
                "front door", "ok",
                _(
                    "after a quiet time the first visitor waits 5 to 8 s in the cloud; sizes.ingest.min = 1 in "
                    "Terraform keeps one instance ready, which is billed round the clock. On one machine nobody waits"
                ),
            )
        ]  # fmt: skip
        if settings.honeypot is None:
            found.append(
                Finding(
                    "honeypot", "warn", _("forms have no trap for robots"),
                    _("name a hidden field of the form in `honeypot`"),
                )
            )  # fmt: skip
        return found
