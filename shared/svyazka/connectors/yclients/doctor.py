"""`doctor` on YCLIENTS: tokens, the salon, what may be asked, and where its webhooks go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from svyazka.catalogue import N_, _, ngettext
from svyazka.connectors.yclients import booking, client
from svyazka.connectors.yclients.schema import truth
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.support.urls import place, same_place
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked

WANTED = ("active", "record", "client", "finances_operation")
"""Flags of the salon's webhooks that we need; all others stay as they are."""

URLS = 10
"""Addresses that YCLIENTS takes for one salon."""

BY_HAND = N_(
    "paste the address of `svyazka urls` in YCLIENTS' settings (WebHook), or set it in the Marketplace application"
)
FIX = N_("`svyazka doctor --fix` registers it")


async def check(call: Call[YclientsSettings]) -> list[Finding]:
    """Tokens and salon, its clock, online booking, clients, webhooks: each with its remedy."""
    findings: list[Finding] = []
    try:
        if not call.settings.can_ask():
            return [await _booking_finding(call)]
        seen = await client.companies(call)
        findings.append(_company_finding(call, seen))
        findings += _zone_findings(call, seen)
        if str(call.settings.company_id) in seen:
            findings.append(await _booking_finding(call))
        findings.append(await _clients_finding(call))
        findings += _hook_findings(await client.hook_settings(call), call.hook_url)
    except VendorFailure as failure:
        # Without these settings webhooks may work all the same: they are set elsewhere.
        findings.append(not_open_finding() if findings and client.not_open(failure) else failed(failure))
    except (NotSent, MaybeSent) as error:
        findings.append(failed(error))
    return findings


def _company_finding(call: Call[YclientsSettings], seen: Mapping[str, Section]) -> Finding:
    ours = str(call.settings.company_id)
    if ours in seen:
        return Finding("company", "ok", _("YCLIENTS lets us in, salon {ours} is there", ours=ours))
    names = ", ".join(f"{id_} ({text(each.get('title')) or id_})" for id_, each in seen.items()) or "none"
    remedy = N_("correct company_id, or give the user access to that salon")
    return no_access("company", _("salon {ours} isn't among those to be seen: {names}", ours=ours, names=names), remedy)


def _zone_findings(call: Call[YclientsSettings], seen: Mapping[str, Section]) -> Iterable[Finding]:
    """Whether the clock on the salon's wall is the one that we read its times by."""
    theirs = text(seen.get(str(call.settings.company_id), {}).get("timezone_name"), 64)
    if theirs is None:
        return
    try:
        same = (
            call.now.astimezone(ZoneInfo(theirs)).utcoffset()
            == call.now.astimezone(ZoneInfo(call.timezone)).utcoffset()
        )
    except (ZoneInfoNotFoundError, ValueError):
        return
    if same:
        yield Finding("time zone", "ok", _("the salon's clock is ours: {zone}", zone=call.timezone))
        return
    message = _("the salon lives by {theirs}, this connection by {zone}", theirs=theirs, zone=call.timezone)
    yield Finding("time zone", "fail", message, _("write `timezone: {theirs}` at the connection", theirs=theirs))


async def _booking_finding(call: Call[YclientsSettings]) -> Finding:
    try:
        count = len(await booking.services(call))
    except VendorFailure as failure:
        if not client.not_open(failure):
            raise
        message = N_("nobody can be booked: YCLIENTS doesn't open online booking to this integration")
        return Finding("booking", "warn", message, _("ask YCLIENTS' support, if it is wanted"))
    if not count:
        message = _("nothing can be booked online in this salon")
        return Finding(
            "booking", "warn", message, _("switch services on for online booking in YCLIENTS, if it is wanted")
        )
    return Finding(
        "booking",
        "ok",
        ngettext("{count} service can be booked online", "{count} services can be booked online", count),
    )


async def _clients_finding(call: Call[YclientsSettings]) -> Finding:
    try:
        await client.clients(call, call.now, 1)
    except VendorFailure as failure:
        if not client.not_open(failure):
            raise
        message = N_("clients' cards can't be asked for: only webhooks tell of their changes")
        return Finding("clients", "warn", message, _("give the user access to clients, if these are needed"))
    return Finding("clients", "ok", _("clients' cards can be asked for"))


def _hook_findings(present: Section, hook_url: str | None) -> Iterable[Finding]:
    urls = urls_of(present)
    if not truth(present.get("active")) or not urls:
        yield Finding("webhook", "fail", _("no webhook is set: YCLIENTS sends no events"), FIX)
        return
    if hook_url is None:
        yield Finding(
            "webhook", "warn", _("events go to {count} address(es); our own isn't known here", count=len(urls))
        )
    elif hook_url in urls:
        yield Finding("webhook", "ok", _("events come to us: {place}", place=place(hook_url)))
    elif any(same_place(url, hook_url) for url in urls):
        yield Finding("webhook", "warn", _("events come to us under another key than today's"), FIX)
    else:
        yield Finding("webhook", "fail", _("events go to others, not to us"), FIX)
        return
    missing = [flag for flag in WANTED if not truth(present.get(flag))]
    if missing:
        yield Finding(
            "webhook flags", "warn", _("not all that we act on is sent: {missing}", missing=", ".join(missing)), FIX
        )


def urls_of(present: Section) -> list[str]:
    found = present.get("urls")
    listed = found if isinstance(found, list) else [present.get("url")]
    return [url for url in listed if isinstance(url, str) and url]


def same_value(one: object, other: object) -> bool:
    return truth(one) if other == 1 else one == other


def not_open_finding() -> Finding:
    message = N_("YCLIENTS doesn't show this integration the salon's webhooks (since 2022 the Marketplace sets them)")
    return Finding("webhook", "warn", message, BY_HAND)


def failed(error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, VendorFailure) else None
    remedy = (
        outcome.remedy if isinstance(outcome, Blocked) else N_("try again; if it stays so, ask support@yclients.com")
    )
    return no_access("credentials", str(error), remedy, error)


class YclientsDoctor(Doctor[YclientsSettings]):
    """Asks YCLIENTS."""

    def ready(self, settings: YclientsSettings) -> bool:
        return settings.can_book()

    async def check(self, call: Call[YclientsSettings]) -> list[Finding]:
        return await check(call)
