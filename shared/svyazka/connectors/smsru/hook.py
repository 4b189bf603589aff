"""Our webhook at sms.ru: its registration."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.smsru import client
from svyazka.connectors.smsru.doctor import failed, place
from svyazka.connectors.smsru.settings import SmsruSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Finding, Hook
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import MaybeSent, NotSent


async def register(call: Call[SmsruSettings], hook_url: str) -> Finding:
    """Add our address to those that sms.ru tells of statuses, unless it is there."""
    try:
        if hook_url in await client.callbacks(call):
            return Finding("callback", "ok", _("the callback is registered already"))
        if hook_url in await client.callbacks(call, add=hook_url):
            return Finding(
                "callback", "ok", _("the callback is registered: statuses come to {place}", place=place(hook_url))
            )
    except VendorFailure as error:
        return failed("callback", error)
    except (NotSent, MaybeSent) as error:
        return Finding(
            "callback", "fail", _("sms.ru doesn't answer: {why}", why=error), _("run this again: it does no harm")
        )
    remedy = N_("add the address by hand: sms.ru, the account's settings for the API, callback")
    return Finding("callback", "fail", _("sms.ru took the address and doesn't list it"), remedy)


class SmsruHook(Hook[SmsruSettings]):
    """Registers our address. Others are left alone: sms.ru sends everything to each of them."""

    def ready(self, settings: SmsruSettings) -> bool:
        return settings.api_id is not None

    async def register(self, call: Call[SmsruSettings], url: str) -> list[Finding]:
        return [await register(call, url)]
