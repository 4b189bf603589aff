"""Our webhook at Telegram: its registration."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.telegram import client
from svyazka.connectors.telegram.doctor import ALLOWED, failed
from svyazka.connectors.telegram.schema import webhook_secret
from svyazka.connectors.telegram.settings import TelegramSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Finding, Hook
from svyazka.engine.contracts.untrusted import text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.support.urls import is_own_machine, is_public_https, place, same_host
from svyazka.model.errors import MaybeSent, NotSent

MAX_CONNECTIONS = 10
PORTS = (443, 80, 88, 8443)


async def register(call: Call[TelegramSettings], hook_url: str) -> Finding:
    """Set the webhook. One of another program is left alone: a bot has one address, and it would fall silent."""
    call.http.hide(hook_url)
    stand_in = is_own_machine(call.http.base_url) and is_own_machine(hook_url)
    if not stand_in and not is_public_https(hook_url, PORTS):
        message = N_("Telegram calls only https on ports {names}, our address is {place}").format(
            names=", ".join(map(str, PORTS)), place=place(hook_url)
        )
        return Finding("webhook", "fail", message, _("set SVYAZKA_PUBLIC_URL to the address by which we are reached"))
    try:
        stands = text((await client.ask(call, "getWebhookInfo")).get("url"))
        call.http.blank("response_body")
        if stands and not same_host(stands, hook_url):
            return Finding(
                "webhook", "fail", _("the bot's updates go to {place}: left as it is", place=place(stands)),
                _(
"make a bot of its own for Svyazka, or take that webhook away and run this again"
),
            )  # fmt: skip
        secret = webhook_secret(call.settings.webhook_secret, call.settings.bot_token)
        call.http.hide(secret or "")
        await client.ask(
            call, "setWebhook",
            {
                "url": hook_url, "secret_token": secret, "allowed_updates": ALLOWED,
                "max_connections": MAX_CONNECTIONS, "drop_pending_updates": False,
            },
        )  # fmt: skip
    except (VendorFailure, NotSent, MaybeSent) as error:
        return failed(error)
    return Finding("webhook", "ok", _("the webhook is registered: updates go to {place}", place=place(hook_url)))


class TelegramHook(Hook[TelegramSettings]):
    """Registers our webhook with its secret."""

    def ready(self, settings: TelegramSettings) -> bool:
        return settings.bot_token is not None

    async def register(self, call: Call[TelegramSettings], url: str) -> list[Finding]:
        return [await register(call, url)]
