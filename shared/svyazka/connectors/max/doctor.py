"""`doctor` on MAX: the bot, and who gets its updates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from svyazka.catalogue import N_, _
from svyazka.connectors.max import client, polling
from svyazka.connectors.max.polling import Subscription
from svyazka.connectors.max.settings import MaxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.untrusted import text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.support.urls import place, same_place
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked

FIX = N_("`svyazka doctor --fix` subscribes it")


async def check(call: Call[MaxSettings]) -> list[Finding]:
    """Who the bot is, and whether its updates come to us."""
    findings: list[Finding] = []
    try:
        bot = await client.ask(call, "GET", "/me")
        name = text(bot.get("username")) or text(bot.get("first_name")) or "a bot"
        findings.append(Finding("bot", "ok", _("MAX lets us in as {name}", name=name)))
        findings += _hook_findings(await polling.subscriptions(call), call.hook_url)
    except (VendorFailure, NotSent, MaybeSent) as error:
        findings.append(failed(error))
    return findings


def _hook_findings(found: Sequence[Subscription], hook_url: str | None) -> Iterable[Finding]:
    urls = [each.url for each in found]
    others = [url for url in urls if hook_url is None or not same_place(url, hook_url)]
    if hook_url is None:
        yield Finding(
            "webhook", "warn", _("updates go to {count} address(es); our own isn't known here", count=len(urls))
        )
    elif hook_url in urls:
        yield Finding("webhook", "ok", _("updates come to us: {place}", place=place(hook_url)))
        yield from _kinds(next(each for each in found if each.url == hook_url))
    elif len(others) < len(urls):
        yield Finding("webhook", "warn", _("updates come to us under another key than today's"), FIX)
    else:
        yield Finding("webhook", "warn", _("no webhook of ours: what people answer to the bot isn't heard"), FIX)
    if hook_url is not None and others:
        places = ", ".join(map(place, others))
        yield Finding(
            "other webhooks",
            "warn",
            _("the bot's updates go to others too: {places}", places=places),
            _("see who they are"),
        )


def _kinds(ours: Subscription) -> Iterable[Finding]:
    if ours.lacks:
        yield Finding(
            "update types", "warn", _("not all that we hear is sent: {lacks}", lacks=", ".join(ours.lacks)), FIX
        )


def failed(error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, VendorFailure) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else N_("try again; if it stays so, ask MAX's support")
    return no_access("bot", str(error), remedy, error)


class MaxDoctor(Doctor[MaxSettings]):
    """Asks the bot's account."""

    def ready(self, settings: MaxSettings) -> bool:
        return settings.bot_token is not None

    async def check(self, call: Call[MaxSettings]) -> list[Finding]:
        return await check(call)
