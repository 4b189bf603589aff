"""Calls to amoCRM's API v4: whose token they carry, and what each failure means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.amocrm import moving
from svyazka.connectors.amocrm.failures import BODILESS, TOKEN, failure, rule_of
from svyazka.connectors.amocrm.schema import sections
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.engine.contracts.calls import Access, Call
from svyazka.engine.contracts.failures import Rule
from svyazka.engine.contracts.untrusted import Section, number, section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way, retry_after, turned_away
from svyazka.model.errors import NotShown
from svyazka.model.outcomes import Blocked, Outcome, Retry, Unclear

CALL_TIMEOUT = 15.0
PAGE = 250
MOST_PAGES = 20
"""Pages of one question that are read: what is asked for has fewer."""

_QUIET = "amocrm.quiet_until"


class Invalid(VendorFailure):
    """amoCRM doesn't take some of the values: `paths` are their places (`custom_fields_values.0.field_id`)."""

    def __init__(self, outcome: Outcome, paths: Sequence[str]) -> None:
        super().__init__(outcome)
        self.paths = paths


async def ask(
    call: Call[AmocrmSettings],
    method: str,
    path: str,
    params: Mapping[str, str | int] | None = None,
    json: object = None,
) -> Section | None:
    """One call to `/api/v4/<path>`; None where amoCRM says that there is nothing (204).

    A 401 renews an OAuth token once and asks once more. Raises VendorFailure, NoAccess, NotSent, MaybeSent.
    """
    _be_quiet(call)
    access = await _access(call)
    response = await _send(call, method, path, params, json, access)
    if await moving.followed(call, response, access):
        response = await _send(call, method, path, params, json, access)
    if response.status_code == 401 and json_object(response) and call.auth is not None:
        access = await call.auth.renewed(access.token)
        response = await _send(call, method, path, params, json, access)
    if response.is_success and call.auth is not None:
        await call.auth.worked(access.token)
    return _content(call, response)


async def _access(call: Call[AmocrmSettings]) -> Access:
    if call.auth is not None:
        return await call.auth.access()
    if call.settings.token is None:
        missing = N_("не заданы token или client_id, client_secret и redirect_uri")
        raise VendorFailure(Blocked(code="no_credentials", message=missing, remedy=TOKEN))
    return Access(call.settings.token)


async def _send(
    call: Call[AmocrmSettings], method: str, path: str, params: Mapping[str, str | int] | None, json: object,
    access: Access,
) -> httpx.Response:  # fmt: skip
    address = await moving.address(call, access)
    if address is None:
        remedy = N_("Укажите subdomain — имя аккаунта из адреса ИМЯ.amocrm.ru")
        raise VendorFailure(Blocked(code="no_subdomain", message=N_("не указан адрес аккаунта amoCRM"), remedy=remedy))
    call.http.hide(access.token)
    headers = {"Authorization": f"Bearer {access.token}", "Accept": "application/json"}
    url = f"{address.rstrip('/')}/api/v4/{path}"
    return await call.http.request(method, url, params=params, json=json, headers=headers, timeout=CALL_TIMEOUT)


def _content(call: Call[AmocrmSettings], response: httpx.Response) -> Section | None:
    status = response.status_code
    if status == 204:
        return None
    said = json_object(response)
    if status in (200, 201, 202):
        if said:
            return said
        raise VendorFailure(
            Unclear(
                code="not_json",
                message=N_("amoCRM answered {status} with something not its JSON").format(status=status),
            )
        )
    if turned_away(status) and not said and status not in BODILESS:
        raise VendorFailure(on_the_way(response, "amoCRM"))
    rule = rule_of(status, in_json=bool(said), by_oauth=call.auth is not None)
    after = _after(response, said, rule)
    if rule.after is not None:
        call.memo[_QUIET] = datetime.now(UTC) + timedelta(seconds=after or rule.after)
    outcome = failure(rule, status, call.http.cut(_detail(said)), after)
    if status == 400 and (wrong := _errors(said)):
        raise Invalid(outcome, [text(error.get("path")) or "?" for error in wrong])
    raise VendorFailure(outcome)


def _errors(said: Section) -> list[Section]:
    return [error for one in sections(said.get("validation-errors")) for error in sections(one.get("errors"))]


def _detail(said: Section) -> str:
    """What is wrong, with its place: `custom_fields_values.0.field_id: The value you selected ...`."""
    errors = [
        f"{text(error.get('path')) or '?'}: {text(error.get('detail')) or text(error.get('code')) or '?'}"
        for error in _errors(said)
    ]
    return "; ".join(errors[:5]) or text(said.get("detail")) or ""


def _after(response: httpx.Response, said: Section, rule: Rule) -> float | None:
    """`retry_after` of the body (Retry-After isn't known to be sent), at least what the rule waits."""
    given = number(said.get("retry_after"))
    waits = [float(wait) for wait in (given, retry_after(response), rule.after) if wait is not None]
    return max(waits, default=None)


def _be_quiet(call: Call[AmocrmSettings]) -> None:
    """After a 429 or a block nothing goes out to the account: going on is what gets an address blocked."""
    until: datetime | None = call.memo.get(_QUIET)
    left = (until - datetime.now(UTC)).total_seconds() if until else 0
    if left > 0:
        raise VendorFailure(Retry(code="429", message=N_("amoCRM wants a pause"), after=left, outage=False))


# Reads


async def account(call: Call[AmocrmSettings]) -> Section:
    """The account that these credentials see."""
    return await ask(call, "GET", "account", {"with": "is_api_filter_enabled"}) or {}


async def lead(call: Call[AmocrmSettings], lead_id: str) -> Section | None:
    """A deal with the ids of its contacts, or None."""
    return await one(call, f"leads/{lead_id}", {"with": "contacts"})


async def contact(call: Call[AmocrmSettings], contact_id: str) -> Section | None:
    """A contact, or None."""
    return await one(call, f"contacts/{contact_id}")


async def company(call: Call[AmocrmSettings], company_id: str) -> Section | None:
    """A company, or None."""
    return await one(call, f"companies/{company_id}")


async def one(call: Call[AmocrmSettings], path: str, params: Mapping[str, str | int] | None = None) -> Section | None:
    """One card; None where it is gone. Raises NotShown for one that this user never sees."""
    try:
        found = await ask(call, "GET", path, params)
    except VendorFailure as error:
        if error.code == "404":
            return None
        if error.code == "403" and isinstance(error.outcome, Blocked):
            # A deal in a pipeline that this user doesn't see says nothing of the connection.
            raise NotShown(str(error)) from error
        raise
    return None if found is None or found.get("is_deleted") is True else found


async def every(
    call: Call[AmocrmSettings], path: str, embedded: str, params: Mapping[str, str | int] | None = None
) -> AsyncIterator[Section]:
    """All of a list, page by page."""
    for page in range(1, MOST_PAGES + 1):
        answer = await ask(call, "GET", path, {**(params or {}), "limit": PAGE, "page": page}) or {}
        for one in sections(section(answer, "_embedded").get(embedded)):
            yield one
        if not section(answer, "_links", "next"):
            return


async def filters_work(call: Call[AmocrmSettings]) -> bool:
    """Whether this account lets us filter lists; asked once a process."""
    known: bool | None = call.memo.get("amocrm.filters")
    if known is None:
        known = (await account(call)).get("is_api_filter_enabled") is not False
        call.memo["amocrm.filters"] = known
    return known


def main_contact(lead_body: Section) -> str | None:
    """The id of a deal's main contact; of its only one where none is marked."""
    linked = list(sections(section(lead_body, "_embedded").get("contacts")))
    main = next((one for one in linked if one.get("is_main") is True), linked[0] if linked else None)
    return text(main.get("id")) if main else None


async def changed(
    call: Call[AmocrmSettings], entity: str, since: int | None, page: int = 1, limit: int = PAGE,
    with_: Mapping[str, str] | None = None,
) -> tuple[Sequence[Section], bool]:  # fmt: skip
    """Deals or contacts changed at or after `since` (unix seconds), oldest first, and whether there are more.

    `since` None: the newest only, for the first look.
    """
    if since is None:
        order: dict[str, str | int] = {"order[updated_at]": "desc"}
    else:
        order = {"order[updated_at]": "asc", "filter[updated_at][from]": since}
    return await _page(call, entity, page, limit, {**order, **(with_ or {})})


async def in_order(
    call: Call[AmocrmSettings], entity: str, page: int, limit: int, with_: Mapping[str, str]
) -> tuple[Sequence[Section], bool]:
    """A page of all cards of a kind in the order of their ids, and whether there are more."""
    return await _page(call, entity, page, limit, {"order[id]": "asc", **with_})


async def _page(
    call: Call[AmocrmSettings], entity: str, page: int, limit: int, params: Mapping[str, str | int]
) -> tuple[Sequence[Section], bool]:
    answer = await ask(call, "GET", entity, {**params, "limit": limit, "page": page}) or {}
    found = list(sections(section(answer, "_embedded").get(entity)))
    return found, bool(section(answer, "_links", "next"))


async def pipelines(call: Call[AmocrmSettings]) -> dict[str, set[str]]:
    """Pipelines with the ids of their stages."""
    answer = await ask(call, "GET", "leads/pipelines") or {}
    return {
        text(one.get("id")) or "": {
            text(status.get("id")) or "" for status in sections(section(one, "_embedded").get("statuses"))
        }
        for one in sections(section(answer, "_embedded").get("pipelines"))
    }


# The registration of our webhook


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook as amoCRM keeps it."""

    id: str
    destination: str
    events: frozenset[str]
    disabled: bool


async def hooks(call: Call[AmocrmSettings], destination: str | None = None) -> list[Hook]:
    """The account's webhooks; only an administrator may see them."""
    params = {"filter[destination]": destination} if destination else None
    try:
        answer = await ask(call, "GET", "webhooks", params) or {}
    finally:
        call.http.blank("response_body")  # addresses hold keys, of other services' webhooks too
    return [
        Hook(
            text(one.get("id")) or "", text(one.get("destination")) or "",
            frozenset(filter(None, map(text, one.get("settings") or ()))), one.get("disabled") is True,
        )
        for one in sections(section(answer, "_embedded").get("webhooks"))
    ]  # fmt: skip


async def subscribe(call: Call[AmocrmSettings], destination: str, events: Sequence[str]) -> None:
    """Register an address; the list is always whole, for nobody says whether a repeat adds or replaces."""
    await ask(call, "POST", "webhooks", json={"destination": destination, "settings": list(events), "sort": 10})


async def unsubscribe(call: Call[AmocrmSettings], destination: str) -> None:
    """Take an address away; one that isn't there is no trouble."""
    try:
        await ask(call, "DELETE", "webhooks", json={"destination": destination})
    except VendorFailure as error:
        if error.code != "404":
            raise
