"""Our webhook at MAX: its registration."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.max import polling
from svyazka.connectors.max.doctor import failed
from svyazka.connectors.max.settings import MaxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Finding, Hook
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.support.urls import is_own_machine, is_public_https, place
from svyazka.model.errors import MaybeSent, NotSent


async def register(call: Call[MaxSettings], hook_url: str) -> Finding:
    """Subscribe anew: whether the present subscription has our secret, MAX doesn't tell."""
    stand_in = is_own_machine(call.http.base_url) and is_own_machine(hook_url)
    if not stand_in and not is_public_https(hook_url):
        message = N_("MAX calls only https on port 443, our address is {place}").format(place=place(hook_url))
        return Finding("webhook", "fail", message, _("set SVYAZKA_PUBLIC_URL to the address by which we are reached"))
    try:
        await polling.subscribe(call, hook_url)
    except (VendorFailure, NotSent, MaybeSent) as error:
        return failed(error)
    return Finding("webhook", "ok", _("the webhook is subscribed: updates come to {place}", place=place(hook_url)))


class MaxHook(Hook[MaxSettings]):
    """Subscribes our webhook with its secret; others get the bot's updates too."""

    def ready(self, settings: MaxSettings) -> bool:
        return settings.bot_token is not None

    async def register(self, call: Call[MaxSettings], url: str) -> list[Finding]:
        return [await register(call, url)]
