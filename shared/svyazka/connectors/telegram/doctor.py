"""`doctor` on Telegram: the bot, and where its updates go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from svyazka.catalogue import N_, _
from svyazka.connectors.telegram import client
from svyazka.connectors.telegram.schema import moment, webhook_secret
from svyazka.connectors.telegram.settings import TelegramSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import VendorFailure
from svyazka.engine.contracts.learning import Doctor, Finding, Hook, no_access
from svyazka.engine.contracts.untrusted import Section, text, whole
from svyazka.engine.support.urls import is_own_machine, is_public_https, place, same_host
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked

ALLOWED = ["message", "callback_query", "my_chat_member"]
MAX_CONNECTIONS = 10
PORTS = (443, 80, 88, 8443)
FRESH = timedelta(hours=1)
"""A failure of an update that is older than this is history."""

FIX = N_("`svyazka doctor --fix` registers it")


async def check(call: Call[TelegramSettings]) -> list[Finding]:
    """Who the bot is, and whether its updates come to us."""
    findings: list[Finding] = []
    try:
        bot = await client.ask(call, "getMe")
        findings.append(
            Finding("bot", "ok", _("Telegram lets us in as @{value}", value=text(bot.get("username")) or "a bot"))
        )
        findings += _hook_findings(call, await client.ask(call, "getWebhookInfo"))
    except (VendorFailure, NotSent, MaybeSent) as error:
        findings.append(_failed(error))
    finally:
        call.http.blank("response_body")  # an address in it may hold somebody's key
    return findings


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
        return _failed(error)
    return Finding("webhook", "ok", _("the webhook is registered: updates go to {place}", place=place(hook_url)))


def _hook_findings(call: Call[TelegramSettings], info: Section) -> Iterable[Finding]:
    stands = text(info.get("url"))
    if stands is None:
        yield Finding("webhook", "warn", _("no webhook is set: what people answer to the bot isn't heard"), FIX)
        return
    if call.hook_url is None:
        yield Finding(
            "webhook", "warn", _("updates go to {place}; our own address isn't known here", place=place(stands))
        )
    elif stands == call.hook_url:
        yield Finding("webhook", "ok", _("updates come to us: {place}", place=place(stands)))
    elif same_host(stands, call.hook_url):
        yield Finding("webhook", "warn", _("updates come to us under another address or key than today's"), FIX)
    else:
        yield Finding("webhook", "fail", _("updates go to {place}, not to us", place=place(stands)), FIX)
    failed = moment(info.get("last_error_date"))
    if failed is not None and call.now - failed < FRESH:
        said = call.http.cut(text(info.get("last_error_message")) or N_("no reason"))
        pending = whole(info.get("pending_update_count")) or 0
        remedy = N_("401 means another secret: {FIX}; anything else is our server's trouble").format(FIX=FIX)
        yield Finding(
            "updates", "warn", _("{pending} update(s) wait, Telegram says: {said}", pending=pending, said=said), remedy
        )
    listed = info.get("allowed_updates")
    missing = [kind for kind in ALLOWED if isinstance(listed, list) and kind not in listed]
    if missing:
        yield Finding(
            "allowed updates", "warn", _("not all that we hear is sent: {missing}", missing=", ".join(missing)), FIX
        )


def _failed(error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, VendorFailure) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else N_("try again; Telegram may be unreachable from here")
    return no_access("bot", str(error), remedy, error)


class TelegramDoctor(Doctor[TelegramSettings]):
    """Asks the bot's account."""

    def ready(self, settings: TelegramSettings) -> bool:
        return settings.bot_token is not None

    async def check(self, call: Call[TelegramSettings]) -> list[Finding]:
        return await check(call)


class TelegramHook(Hook[TelegramSettings]):
    """Registers our webhook with its secret."""

    def ready(self, settings: TelegramSettings) -> bool:
        return settings.bot_token is not None

    async def register(self, call: Call[TelegramSettings], url: str) -> list[Finding]:
        return [await register(call, url)]
