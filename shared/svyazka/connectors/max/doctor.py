"""`doctor` on MAX: the bot, and who gets its updates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from svyazka.catalogue import N_, _
from svyazka.connectors.max import client, polling
from svyazka.connectors.max.polling import Subscription
from svyazka.connectors.max.settings import MaxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import VendorFailure
from svyazka.engine.contracts.learning import Doctor, Finding, Hook, no_access
from svyazka.engine.contracts.untrusted import text
from svyazka.engine.support.urls import is_own_machine, is_public_https, place, same_place
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
        findings.append(_failed(error))
    return findings


async def register(call: Call[MaxSettings], hook_url: str) -> Finding:
    """Subscribe anew: whether the present subscription has our secret, MAX doesn't tell."""
    stand_in = is_own_machine(call.http.base_url) and is_own_machine(hook_url)
    if not stand_in and not is_public_https(hook_url):
        message = N_("MAX calls only https on port 443, our address is {place}").format(place=place(hook_url))
        return Finding("webhook", "fail", message, _("set SVYAZKA_PUBLIC_URL to the address by which we are reached"))
    try:
        await polling.subscribe(call, hook_url)
    except (VendorFailure, NotSent, MaybeSent) as error:
        return _failed(error)
    return Finding("webhook", "ok", _("the webhook is subscribed: updates come to {place}", place=place(hook_url)))


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


def _failed(error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, VendorFailure) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else N_("try again; if it stays so, ask MAX's support")
    return no_access("bot", str(error), remedy, error)


class MaxDoctor(Doctor[MaxSettings]):
    """Asks the bot's account."""

    def ready(self, settings: MaxSettings) -> bool:
        return settings.bot_token is not None

    async def check(self, call: Call[MaxSettings]) -> list[Finding]:
        return await check(call)


class MaxHook(Hook[MaxSettings]):
    """Subscribes our webhook with its secret; others get the bot's updates too."""

    def ready(self, settings: MaxSettings) -> bool:
        return settings.bot_token is not None

    async def register(self, call: Call[MaxSettings], url: str) -> list[Finding]:
        return [await register(call, url)]
