"""The worker's side of iiko: reading objects again, polling, and `doctor`.

No command is carried out yet: iiko is no messenger. Creating deliveries and crediting bonuses will be
commands of their own, with `order.id` as the idempotency key; their failure map lies ready in `client.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from svyazka.connectors.iiko import client, poll
from svyazka.connectors.iiko.client import IikoFailure, IikoSettings
from svyazka.connectors.iiko.schema import Change, Section, section, text
from svyazka.connectors.iiko.webhook import CHATS, final_statuses, of_organization, order_fact, reserve_fact
from svyazka.engine.calls import Call
from svyazka.engine.connector import Connector, Finding, Limits, Polled
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.events import Entity, Fact
from svyazka.model.outcomes import Blocked

READERS: dict[str, Callable[[Call[IikoSettings], str], Awaitable[Section | None]]] = {
    "delivery": client.delivery,
    "table": client.table_order,
    "reserve": client.reserve,
}
"""Entity kind -> how it is read again."""

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


class IikoConnector(Connector[IikoSettings]):
    """iikoCloud API."""

    vendor = "iiko"
    default_base_url = "https://api-ru.iiko.services"
    # iiko publishes no figures, and blocks logins for many identical requests.
    limits = Limits(per_second=2.0, concurrency=2)
    secret_fields = ("api_key", "client_secret", "api_login", "auth_token")
    optional_settings = {
        "organization_id": "events of other organizations of the same API login aren't told apart",
        "auth_token": "whoever knows the webhook's address can send events: nothing else proves them",
        "api_key": "with app_id and client_secret (or api_login instead): without them orders aren't read again "
        "before acting, and what a lost webhook told isn't found by polling",
    }
    poll_every = 120.0

    def settings_model(self) -> type[IikoSettings]:
        return IikoSettings

    def can_reread(self, settings: IikoSettings) -> bool:
        return settings.sign_in() is not None

    async def reread(self, entity: Entity, call: Call[IikoSettings]) -> Fact | None:
        """The order or reservation as iiko's cache has it now; None when it isn't there (any more).

        Raises IikoFailure, NotSent, MaybeSent.
        """
        read = READERS.get(entity.kind)
        info = await read(call, entity.id) if read else None
        if info is None:
            return None
        root = {"eventInfo": info}
        if entity.kind == "reserve":
            fact = reserve_fact(Change.of_reserve(root), None)
        else:
            change = Change.of_order(root)
            final = final_statuses(call.settings.final_statuses)
            fact = order_fact(change, entity.kind, final, poll.occurred_at(change, call))
        return of_organization(fact, text(call.settings.organization_id), info.get("organizationId"))

    def can_poll(self, settings: IikoSettings) -> bool:
        return settings.sign_in() is not None

    async def poll(self, cursor: str | None, call: Call[IikoSettings]) -> Polled:
        return await poll.poll(cursor, call)

    def can_check(self, settings: IikoSettings) -> bool:
        return settings.sign_in() is not None

    async def check(self, call: Call[IikoSettings]) -> list[Finding]:
        """Credentials, organization, and whether events come to us: three questions, each with its remedy."""
        findings: list[Finding] = []
        try:
            seen = await client.organizations(call)
            findings.append(Finding("credentials", "ok", f"iiko lets us in, {len(seen)} organization(s) to be seen"))
            findings.append(_organization_finding(call.settings.organization_id, seen))
            for organization in _concerned(call.settings, seen):
                findings += _hook_findings(call, await client.hook_settings(call, organization))
        except (IikoFailure, NotSent, MaybeSent) as error:
            findings.append(_failed("webhook" if findings else "credentials", error))
        return findings

    async def fix(self, call: Call[IikoSettings], hook_url: str) -> list[Finding]:
        """Register our webhook. Somebody else's is never overwritten: iiko keeps one address an API login and
        organization, and its owner would stop getting events without a word."""
        call.http.hide(hook_url)
        try:
            organizations = _concerned(call.settings, await client.organizations(call))
            if len(organizations) != 1:
                message = f"expected one organization, these credentials see {len(organizations)}"
                return [Finding("webhook", "fail", message, "set organization_id of this connection")]
            return [await self._register(call, hook_url, organizations[0])]
        except (IikoFailure, NotSent, MaybeSent) as error:
            return [_failed("webhook", error)]

    async def _register(self, call: Call[IikoSettings], hook_url: str, organization: str) -> Finding:
        present = await client.hook_settings(call, organization)
        stands = text(present.get("webHooksUri"))
        if stands and not _same_host(stands, hook_url):
            return Finding(
                "webhook", "fail", f"events of this API login go to {_place(stands)}: left as it is",
                "make an API login of its own for Svyazka in iikoWeb, or clear the webhook's address there "
                "if nobody needs it any more, and run this again",
            )  # fmt: skip
        wanted: dict[str, object] = {
            "organizationId": organization,
            "webHooksUri": hook_url,
            "webHooksFilter": wanted_filter(call.settings, section(present, "webHooksFilter")),
        }
        token = call.settings.auth_token or present.get("authToken")
        if isinstance(token, str):
            call.http.hide(token)
            wanted["authToken"] = token
        if all(present.get(name) == value for name, value in wanted.items() if name != "organizationId"):
            return Finding("webhook", "ok", "the webhook is registered already")
        await client.register_hook(call, wanted)
        was = "registered" if not stands else "brought up to date"
        return Finding("webhook", "ok", f"the webhook is {was}: events go to {_place(hook_url)}")


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


def _concerned(settings: IikoSettings, seen: Iterable[str]) -> list[str]:
    ours = settings.organization_id
    return [id_ for id_ in seen if ours is None or id_.casefold() == ours.casefold()]


def _organization_finding(ours: str | None, seen: dict[str, str]) -> Finding:
    names = ", ".join(f"{id_} ({name})" for id_, name in seen.items()) or "none"
    if ours is None:
        return Finding("organization", "warn", f"organization_id isn't set; to be seen: {names}", "set one of these")
    if ours.casefold() in map(str.casefold, seen):
        return Finding("organization", "ok", f"organization {ours} is there")
    return Finding(
        "organization", "fail", f"organization {ours} isn't among those to be seen: {names}",
        "correct organization_id, or give the API key access to that organization in iikoWeb",
    )  # fmt: skip


def _hook_findings(call: Call[IikoSettings], present: Section) -> Iterable[Finding]:
    remedy = "`svyazka doctor --fix` registers it"
    stands = text(present.get("webHooksUri"))
    if stands is None:
        yield Finding("webhook", "fail", "no webhook is registered: iiko sends no events", remedy)
        return
    if call.hook_url is None:
        yield Finding("webhook", "warn", f"events go to {_place(stands)}; our own address isn't known here")
    elif not _same_host(stands, call.hook_url):
        yield Finding("webhook", "fail", f"events go to {_place(stands)}, not to us", remedy)
        return
    elif stands != call.hook_url:
        yield Finding("webhook", "warn", "events come to us under another address or key than today's", remedy)
    else:
        yield Finding("webhook", "ok", f"events come to us: {_place(stands)}")
    if (present.get("authToken") or None) != call.settings.auth_token:
        status = "fail" if call.settings.auth_token else "warn"
        yield Finding("auth_token", status, "iiko sends another authToken than this connection expects", remedy)
    filter_ = section(present, "webHooksFilter")
    missing = [name for name, wanted in wanted_filter(call.settings, filter_).items() if filter_.get(name) != wanted]
    if missing:
        yield Finding("webhook filters", "warn", f"not all that we act on is sent: {', '.join(missing)}", remedy)


def _same_host(one: str, other: str) -> bool:
    return urlsplit(one).netloc.casefold() == urlsplit(other).netloc.casefold()


def _place(url: str) -> str:
    """An address without its key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _failed(check: str, error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, IikoFailure) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else "try again; if it stays so, ask api@iiko.ru"
    return Finding(check, "fail", str(error), remedy)


CONNECTOR = IikoConnector()
