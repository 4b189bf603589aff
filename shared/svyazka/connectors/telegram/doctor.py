"""`doctor` on Telegram: the bot, and where its updates go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from svyazka.catalogue import N_, _
from svyazka.connectors.telegram import client
from svyazka.connectors.telegram.schema import moment
from svyazka.connectors.telegram.settings import TelegramSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.untrusted import Section, text, whole
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.support.urls import place, same_host
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked

ALLOWED = ["message", "callback_query", "my_chat_member"]
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
        findings.append(failed(error))
    finally:
        call.http.blank("response_body")  # an address in it may hold somebody's key
    return findings


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


def failed(error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, VendorFailure) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else N_("try again; Telegram may be unreachable from here")
    return no_access("bot", str(error), remedy, error)


class TelegramDoctor(Doctor[TelegramSettings]):
    """Asks the bot's account."""

    def ready(self, settings: TelegramSettings) -> bool:
        return settings.bot_token is not None

    async def check(self, call: Call[TelegramSettings]) -> list[Finding]:
        return await check(call)
