"""What `svyazka doctor` asks Resend, each answer with its remedy.

A `fail` means that no letter can go out: a blocked connection counts as recovered only when none is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import parseaddr
from urllib.parse import urlsplit

from svyazka.catalogue import N_, _
from svyazka.connectors.resend import client
from svyazka.connectors.resend.schema import EVENTS
from svyazka.connectors.resend.settings import ResendSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.security import standardwebhooks
from svyazka.model.errors import ConfigError, MaybeSent, NotSent, NotShown
from svyazka.model.outcomes import Blocked

TEST_DOMAIN = "resend.dev"
"""Any account may send from it, to its owner's address only."""

NEEDED = frozenset(f"email.{name}" for name in EVENTS) - {"email.opened", "email.clicked", "email.sent"}
"""Events without which we don't learn what became of a letter."""

ADD = N_("add the address of `svyazka urls` at resend.com (Webhooks), all events, and store its signing secret")

Check = Callable[[Call[ResendSettings]], Awaitable[Finding]]


async def check(call: Call[ResendSettings]) -> list[Finding]:
    """Key, domain of the sender, webhook endpoint, signing secret."""
    findings: list[Finding] = []
    for name, ask in CHECKS.items():
        try:
            findings.append(await ask(call))
        except NotShown:
            findings.append(Finding(name, "ok", _("the key may only send, so Resend doesn't show this")))
        except VendorFailure as error:
            findings.append(_failed(name, error))
            break
        except (NotSent, MaybeSent) as error:
            findings.append(no_access(name, _("Resend doesn't answer: {why}", why=error), _("try again later")))
            break
    return [*findings, _signing_secret(call.settings.signing_secret)]


async def _domain(call: Call[ResendSettings]) -> Finding:
    domain = parseaddr(call.settings.sender or "")[1].rpartition("@")[2].lower()
    known = await client.domains(call)
    if not domain:
        return no_access("sender", _("sender isn't set"), _("set it: Name <address@your-domain>"))
    if domain == TEST_DOMAIN:
        what = N_("from {TEST_DOMAIN} letters go to the account owner's own address only").format(
            TEST_DOMAIN=TEST_DOMAIN
        )
        return Finding("sender", "warn", what, _("verify a domain of your own at resend.com (Domains)"))
    status = known.get(domain)
    if status == "verified":
        return Finding("sender", "ok", _("the domain {domain} is verified", domain=domain))
    remedy = N_("put the records that resend.com (Domains) shows into the domain's DNS, then press Verify there")
    if status is None:
        return no_access(
            "sender",
            _("the account has no domain {domain}", domain=domain),
            _("add it at resend.com, then {remedy}", remedy=remedy),
        )
    return no_access("sender", _("the domain {domain} isn't verified: {status}", domain=domain, status=status), remedy)


async def _endpoint(call: Call[ResendSettings]) -> Finding:
    ours = call.hook_url
    endpoints = await client.endpoints(call)
    if ours is None:
        return Finding(
            "webhook",
            "warn",
            _("{count} endpoint(s) at Resend; our own address isn't known here", count=len(endpoints)),
        )
    found = next((one for one in endpoints if _place(text(one.get("endpoint"))) == _place(ours)), None)
    if found is None:
        return Finding("webhook", "warn", _("our address isn't there: what became of letters isn't told"), ADD)
    if text(found.get("endpoint")) != ours:
        what = N_("events come to us under another key than today's: refused if it was rotated or is another tenant's")
        return Finding("webhook", "warn", what, ADD)
    if text(found.get("status")) == "disabled":
        return Finding("webhook", "warn", _("our endpoint is switched off at Resend"), _("switch it on at resend.com"))
    missing = sorted(NEEDED - _listed(found))
    if missing:
        return Finding(
            "webhook",
            "warn",
            _("our endpoint isn't told of {missing}", missing=", ".join(missing)),
            _("tick them at resend.com"),
        )
    return Finding("webhook", "ok", _("events come to us: {place}", place=_place(ours)))


CHECKS: dict[str, Check] = {"sender": _domain, "webhook": _endpoint}


def _signing_secret(secret: str | None) -> Finding:
    remedy = N_("copy it at resend.com (Webhooks, our endpoint) and store it by `svyazka secret set`")
    if secret is None:
        return Finding("signing secret", "warn", _("there is none: every event of Resend's is refused"), remedy)
    try:
        standardwebhooks.refusal(standardwebhooks.secrets_of(secret), (), b"", 0)
    except ConfigError as error:
        return Finding("signing secret", "warn", str(error), remedy)
    return Finding("signing secret", "ok", _("it can be a key"))


def _listed(endpoint: Section) -> frozenset[str]:
    events = endpoint.get("events")
    return frozenset(one for one in events if isinstance(one, str)) if isinstance(events, list) else NEEDED


def _failed(check: str, error: VendorFailure) -> Finding:
    outcome = error.outcome
    remedy = outcome.remedy if isinstance(outcome, Blocked) else N_("try again later")
    return no_access(check, _("Resend doesn't let us in: {why}", why=error), remedy, error)


def _place(url: str | None) -> str:
    """An address without its key."""
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


class ResendDoctor(Doctor[ResendSettings]):
    """Asks Resend."""

    def ready(self, settings: ResendSettings) -> bool:
        return settings.api_key is not None

    async def check(self, call: Call[ResendSettings]) -> list[Finding]:
        return await check(call)
