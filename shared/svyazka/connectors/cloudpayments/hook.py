"""Our addresses at CloudPayments: one a type of notification."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from svyazka.catalogue import N_, _
from svyazka.connectors.cloudpayments import client
from svyazka.connectors.cloudpayments.schema import CHECK, TYPES
from svyazka.connectors.cloudpayments.settings import CloudpaymentsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Finding, Hook, no_access
from svyazka.engine.contracts.untrusted import section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import MaybeSent, NotSent

BY_API = tuple(sorted(TYPES - {CHECK}))
"""Check is set in the cabinet only."""


def address(hook_url: str, type_: str) -> str:
    """Ours for a type: the type is the last part of the path."""
    parts = urlsplit(hook_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{type_}"))


async def registered(call: Call[CloudpaymentsSettings], hook_url: str) -> list[str]:
    """The types of which it doesn't tell us as it should. Raises VendorFailure, NotSent, MaybeSent."""
    missing = []
    for type_ in BY_API:
        there = section((await client.ask(call, f"site/notifications/{type_}/get", {})).get("Model"))
        wanted = {"Address": address(hook_url, type_), "HttpMethod": "POST"}
        on = there.get("IsEnabled") is True
        if not on or any(text(there.get(name), 1000) != value for name, value in wanted.items()):
            missing.append(type_)
    return missing


class CloudpaymentsHook(Hook[CloudpaymentsSettings]):
    """Registers our addresses, by POST: its own default is GET."""

    def ready(self, settings: CloudpaymentsSettings) -> bool:
        return settings.public_id is not None and settings.api_secret is not None

    async def register(self, call: Call[CloudpaymentsSettings], url: str) -> list[Finding]:
        try:
            missing = await registered(call, url)
            for type_ in missing:
                what = {
                    "IsEnabled": True, "Address": address(url, type_), "HttpMethod": "POST", "Encoding": "UTF8",
                    "Format": "CloudPayments",
                }  # fmt: skip
                await client.ask(call, f"site/notifications/{type_}/update", what)
        except VendorFailure as error:
            remedy = getattr(error.outcome, "remedy", None) or N_("try again later")
            return [no_access("webhook", _("CloudPayments doesn't let us in: {why}", why=error), remedy, error)]
        except (NotSent, MaybeSent) as error:
            why = _("CloudPayments doesn't answer: {why}", why=error)
            return [Finding("webhook", "fail", why, _("run this again: it does no harm"))]
        return [Finding("webhook", "ok", _("notifications come to us: {types}", types=", ".join(BY_API)))]
