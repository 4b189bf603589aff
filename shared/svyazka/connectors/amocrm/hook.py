"""Our webhook at amoCRM: its registration."""

from __future__ import annotations

from svyazka.catalogue import _
from svyazka.connectors.amocrm import client
from svyazka.connectors.amocrm.doctor import EVENTS, TROUBLE, failed, place
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.connectors.amocrm.watch import hide_key
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Finding, Hook


class AmocrmHook(Hook[AmocrmSettings]):
    """Registers our webhook, or enables it again. Other webhooks of the account are left alone."""

    def ready(self, settings: AmocrmSettings) -> bool:
        return settings.has_access()

    async def register(self, call: Call[AmocrmSettings], url: str) -> list[Finding]:
        """Register our webhook, or enable it again. Other webhooks of the account are left alone."""
        hide_key(call, url)
        try:
            ours = next((hook for hook in await client.hooks(call, url) if hook.destination == url), None)
            if ours is not None and not ours.disabled and set(EVENTS) <= ours.events:
                return [Finding("webhook", "ok", _("the webhook is registered already"))]
            if ours is not None and ours.disabled:
                await client.unsubscribe(call, url)
            await client.subscribe(call, url, sorted({*EVENTS, *(ours.events if ours else ())}))
        except TROUBLE as error:
            return [failed("webhook", error)]
        return [Finding("webhook", "ok", _("the webhook is registered: events go to {place}", place=place(url)))]
