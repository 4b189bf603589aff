"""What `svyazka doctor` asks Meta, each answer with its remedy.

A `fail` means that no message can go out: a blocked connection counts as recovered only when none is left.
"""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.whatsapp import client
from svyazka.connectors.whatsapp.settings import WhatsappSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked

WORKING = frozenset({"CONNECTED", "FLAGGED"})
"""States of a number that sends; FLAGGED is a warning of Meta's."""

MANAGER = N_("see the number in WhatsApp Manager (business.facebook.com)")


async def check(call: Call[WhatsappSettings]) -> list[Finding]:
    """Token and number, its name and its quality; whether we can hear."""
    settings = call.settings
    findings = [
        _there(
            "app secret",
            settings.app_secret,
            N_("every webhook is refused"),
            N_("it stands in the App settings, Basic"),
        ),
        _there("verify token", settings.verify_token, N_("the webhook can't be registered"), N_("make one up")),
    ]
    try:
        return [*_number(await client.phone_number(call)), *findings]
    except VendorFailure as error:
        remedy = (
            error.outcome.remedy if isinstance(error.outcome, Blocked) else N_("check phone_number_id and the token")
        )
        return [no_access("number", _("Meta doesn't let us in: {why}", why=error), remedy, error), *findings]
    except (NotSent, MaybeSent) as error:
        remedy = N_("try again later; from Russia Meta may be out of reach: a proxy is `base_url`")
        return [no_access("number", _("Meta doesn't answer: {why}", why=error), remedy), *findings]


def _there(name: str, secret: str | None, without: str, where: str) -> Finding:
    if secret is not None:
        return Finding(name, "ok", _("there is one"))
    return Finding(
        name,
        "warn",
        _("there is none: {without}", without=without),
        _("{where}; store it by `svyazka secret set`", where=where),
    )


def _number(number: Section) -> list[Finding]:
    name, state = text(number.get("verified_name"), 60) or "?", text(number.get("status"), 40)
    if state is None or state in WORKING:
        told = f": {state}" if state else ""
        findings = [Finding("number", "ok", _("the number of «{name}» works{value}", name=name, value=told))]
    else:
        findings = [
            no_access("number", _("the number of «{name}» doesn't send: {state}", name=name, state=state), MANAGER)
        ]
    approval, quality = text(number.get("name_status"), 40), text(number.get("quality_rating"), 40)
    if approval in ("DECLINED", "EXPIRED", "NONE"):
        findings.append(
            Finding("name", "warn", _("the display name isn't approved: {approval}", approval=approval), MANAGER)
        )
    if quality in ("YELLOW", "RED"):
        what = N_("the number's quality is {quality}: people complain, and Meta lets fewer messages through").format(
            quality=quality
        )
        findings.append(Finding("quality", "warn", what, MANAGER))
    return findings


class WhatsappDoctor(Doctor[WhatsappSettings]):
    """Asks Meta."""

    def ready(self, settings: WhatsappSettings) -> bool:
        return settings.phone_number_id is not None and settings.access_token is not None

    async def check(self, call: Call[WhatsappSettings]) -> list[Finding]:
        return await check(call)
