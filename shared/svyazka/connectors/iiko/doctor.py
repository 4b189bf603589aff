"""`svyazka doctor` for iiko: is the connection in order, and, with `--fix`, the registration of our webhook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from svyazka.catalogue import N_, _
from svyazka.connectors.iiko import reads
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.connectors.iiko.webhook import CHATS, final_statuses
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import LeaseTooShort, MaybeSent, NotSent
from svyazka.model.outcomes import Blocked, Refused

TROUBLE = (VendorFailure, NotSent, MaybeSent, LeaseTooShort)
"""How a question to iiko may end without an answer."""

DELIVERY_STATUSES = (
    "Unconfirmed", "WaitCooking", "ReadyForCooking", "CookingStarted", "CookingCompleted", "Waiting", "OnWay",
    "Delivered", "Closed", "Cancelled",
)  # fmt: skip
TABLE_STATUSES = ("New", "Bill", "Closed", "Deleted")
"""All that the registration takes: iiko's schema refuses any other word."""

SWITCHES: dict[str, dict[str, bool]] = {
    "deliveryOrderFilter": {"errors": True},
    "tableOrderFilter": {},
    "reserveFilter": {"updates": True, "errors": True},
    "stopListUpdateFilter": {"updates": True},
}
"""What we want to be told of, beside the statuses of orders."""


async def check(call: Call[IikoSettings]) -> list[Finding]:
    """Credentials, organization, whether events come to us, whether we may poll: each with its remedy."""
    findings: list[Finding] = []
    try:
        seen = await reads.organizations(call)
    except TROUBLE as error:
        return [failed("credentials", error)]
    findings.append(
        Finding("credentials", "ok", _("iiko lets us in, {count} organization(s) to be seen", count=len(seen)))
    )
    findings.append(_organization_finding(call.settings.organization_id, seen))
    ours = concerned(call.settings, seen)
    try:
        for organization in ours:
            findings += _hook_findings(call, await reads.hook_settings(call, organization))
    except TROUBLE as error:
        findings.append(failed("webhook", error))
    if ours:
        findings.append(await _polling_finding(call))
    return findings


async def _polling_finding(call: Call[IikoSettings]) -> Finding:
    """The two reads of the poller, each in a restriction group of its own."""
    try:
        today = await reads.deliveries_of(call, call.now.date(), None)
    except TROUBLE as error:
        return failed("polling", error)
    try:
        await reads.deliveries_since(call, today.revision or 0)
    except TROUBLE as error:
        # A revision that iiko goes back to no more (a quiet night) shows that the right is there.
        if not (isinstance(error, VendorFailure) and isinstance(error.outcome, Refused)):
            return failed("polling", error)
    return Finding("polling", "ok", _("deliveries can be read: what a lost webhook told will be found"))


def wanted_filter(settings: IikoSettings, present: Section) -> dict[str, dict[str, Any]]:
    """The registration's filter: what is there already, and all that we need."""
    merged: dict[str, dict[str, Any]] = {
        name: {**value} for name, value in present.items() if isinstance(value, dict)
    }  # iiko's own nulls are left out
    final = final_statuses(settings.final_statuses)
    for name, switches in SWITCHES.items():
        merged[name] = {**merged.get(name, {}), **switches}
    delivery, table = merged["deliveryOrderFilter"], merged["tableOrderFilter"]
    delivery["orderStatuses"] = _with(delivery, "orderStatuses", _named(DELIVERY_STATUSES, final, "Cancelled"))
    delivery["returnedExternalDataKeys"] = _with(delivery, "returnedExternalDataKeys", CHATS)
    table["orderStatuses"] = _with(table, "orderStatuses", _named(TABLE_STATUSES, final, "Deleted"))
    return merged


def _named(known: Iterable[str], final: frozenset[str], cancelled: str) -> list[str]:
    return [status for status in known if status.casefold() in final or status == cancelled]


def _with(filter_: dict[str, Any], name: str, ours: Iterable[str]) -> list[str]:
    present = filter_.get(name)
    return list(dict.fromkeys([*(present if isinstance(present, list) else []), *ours]))


def concerned(settings: IikoSettings, seen: Iterable[str]) -> list[str]:
    ours = settings.organization_id
    return [id_ for id_ in seen if ours is None or id_.casefold() == ours.casefold()]


def _organization_finding(ours: str | None, seen: dict[str, str]) -> Finding:
    names = ", ".join(f"{id_} ({name})" for id_, name in seen.items()) or "none"
    if ours is None:
        return Finding(
            "organization",
            "warn",
            _("organization_id isn't set; to be seen: {names}", names=names),
            _("set one of these"),
        )
    if ours.casefold() in map(str.casefold, seen):
        return Finding("organization", "ok", _("organization {ours} is there", ours=ours))
    return Finding(
        "organization", "fail", _("organization {ours} isn't among those to be seen: {names}", ours=ours, names=names),
        _(
"correct organization_id, or give the API key access to that organization in iikoWeb"
),
    )  # fmt: skip


def _hook_findings(call: Call[IikoSettings], present: Section) -> Iterable[Finding]:
    remedy = N_("`svyazka doctor --fix` registers it")
    stands = text(present.get("webHooksUri"))
    if stands is None:
        yield Finding("webhook", "fail", _("no webhook is registered: iiko sends no events"), remedy)
        return
    if call.hook_url is None:
        yield Finding(
            "webhook", "warn", _("events go to {place}; our own address isn't known here", place=place(stands))
        )
    elif not same_host(stands, call.hook_url):
        yield Finding("webhook", "fail", _("events go to {place}, not to us", place=place(stands)), remedy)
        return
    elif stands != call.hook_url:
        yield Finding("webhook", "warn", _("events come to us under another address or key than today's"), remedy)
    else:
        yield Finding("webhook", "ok", _("events come to us: {place}", place=place(stands)))
    ours, theirs = call.settings.auth_token, present.get("authToken") or None
    if ours is None and theirs is not None:
        message = N_("iiko sends an authToken, and this connection doesn't look at it")
        yield Finding("auth_token", "warn", message, _("put the same into auth_token: it proves the events"))
    elif ours != theirs:
        yield Finding("auth_token", "fail", _("iiko sends another authToken than this connection expects"), remedy)
    lacking = left_out(call.settings, section(present, "webHooksFilter"))
    if lacking:
        yield Finding(
            "webhook filters",
            "warn",
            _("not all that we act on is sent: {lacking}", lacking=", ".join(lacking)),
            remedy,
        )


def left_out(settings: IikoSettings, present: Section) -> list[str]:
    """Filters that don't yet ask for all that we need."""
    return [name for name, wanted in wanted_filter(settings, present).items() if present.get(name) != wanted]


def same_host(one: str, other: str) -> bool:
    return place(one) == place(other)


def place(url: str) -> str:
    """Whose address it is, without its keys: they may stand anywhere in it but in the host and port."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].casefold() or "nowhere"
    except ValueError:
        return N_("an address that can't be read")


def failed(check: str, error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, VendorFailure) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else N_("try again; if it stays so, ask api@iiko.ru")
    if check == "webhook":
        return Finding(check, "fail", str(error), remedy)
    return no_access(check, str(error), remedy, error)


class IikoDoctor(Doctor[IikoSettings]):
    """Asks iiko."""

    def ready(self, settings: IikoSettings) -> bool:
        return settings.means_to_sign_in()

    async def check(self, call: Call[IikoSettings]) -> list[Finding]:
        return await check(call)
