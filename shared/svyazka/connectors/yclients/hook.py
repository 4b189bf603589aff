"""Our webhook at YCLIENTS: its registration."""

from __future__ import annotations

from collections.abc import Mapping

from svyazka.catalogue import _
from svyazka.connectors.yclients import client
from svyazka.connectors.yclients.doctor import BY_HAND, URLS, WANTED, failed, not_open_finding, same_value, urls_of
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Finding, Hook
from svyazka.engine.contracts.untrusted import Section
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.support.urls import place, same_place
from svyazka.model.errors import MaybeSent, NotSent


async def register(call: Call[YclientsSettings], hook_url: str) -> Finding:
    """Add our address. What is set is replaced whole by YCLIENTS, so it is read, merged and written."""
    call.http.hide(hook_url)
    try:
        present = await client.hook_settings(call)
        if "url" in present and "urls" not in present:
            return _old_form(present, hook_url)
        others = [url for url in urls_of(present) if not same_place(url, hook_url)]
        if len(others) >= URLS:
            return Finding(
                "webhook",
                "fail",
                _("all {most} addresses are others'", most=URLS),
                _("take one out in YCLIENTS' settings"),
            )
        wanted: Mapping[str, object] = {**present, **dict.fromkeys(WANTED, 1), "urls": [*others, hook_url]}
        if all(same_value(present.get(name), value) for name, value in wanted.items()):
            return Finding("webhook", "ok", _("the webhook is registered already"))
        await client.set_hooks(call, wanted)
    except VendorFailure as failure:
        return not_open_finding() if client.not_open(failure) else failed(failure)
    except (NotSent, MaybeSent) as error:
        return failed(error)
    return Finding("webhook", "ok", _("the webhook is registered: events go to {place}", place=place(hook_url)))


def _old_form(present: Section, hook_url: str) -> Finding:
    """An installation that knows one address only: whose it is stays whose it is."""
    if any(same_place(url, hook_url) for url in urls_of(present)):
        return Finding("webhook", "ok", _("events come to us: {place}", place=place(hook_url)))
    return Finding("webhook", "fail", _("this salon takes one address only, and it isn't ours: left as it is"), BY_HAND)


class YclientsHook(Hook[YclientsSettings]):
    """Adds our address to the salon's webhooks; others stay where they are."""

    def ready(self, settings: YclientsSettings) -> bool:
        return settings.can_ask()

    async def register(self, call: Call[YclientsSettings], url: str) -> list[Finding]:
        return [await register(call, url)]
