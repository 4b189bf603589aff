"""Calls to YCLIENTS' REST API: two tokens in one header, an envelope around every answer, pages of 50.

Here are the salon's journal and its settings, which take both tokens; what clients book by takes the developer's alone
and stands in `booking.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.yclients.failures import failure
from svyazka.connectors.yclients.schema import identifier, whole
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, sections
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way, retry_after, turned_away
from svyazka.model.outcomes import Blocked, Refused, Retry, Unclear

ACCEPT = "application/vnd.yclients.v2+json"
"""Without it the answer comes in an older format that has no envelope."""

PAGE, SEARCH_PAGE = 50, 200
"""Objects of a page that the two kinds of lists give at most."""

CALL_TIMEOUT = 15.0
NOT_OPEN = ("403", "404")
"""Refusals of what YCLIENTS doesn't open to every integration, or to every user."""


@dataclass(frozen=True, slots=True)
class Page:
    """Objects of one page, and how many there are in all, where the answer says so."""

    items: Sequence[Section]
    total: int | None

    def is_last(self, number: int) -> bool:
        """Whether nothing stands after it; a full page of a list that doesn't say its length may have another."""
        if self.total is None:
            return len(self.items) < PAGE
        return not self.items or number * PAGE >= self.total


async def record(call: Call[YclientsSettings], record_id: str) -> Section | None:
    """A record as it is now, a deleted one for some time too; None when it is gone."""
    return await _object(call, f"/api/v1/record/{_company(call)}/{quote(record_id, safe='')}", record_id)


async def client_card(call: Call[YclientsSettings], client_id: str) -> Section | None:
    """A client's card as it is now; None when it is gone."""
    return await _object(call, f"/api/v1/client/{_company(call)}/{quote(client_id, safe='')}", client_id)


async def records(call: Call[YclientsSettings], changed_after: datetime, page: int) -> Page:
    """Records that were made, changed or deleted since."""
    params = {"changed_after": changed_after.isoformat(), "with_deleted": "1", "page": str(page), "count": str(PAGE)}
    return await _page(call, f"/api/v1/records/{_company(call)}", params)


async def clients(call: Call[YclientsSettings], changed_after: datetime, page: int) -> Page:
    """Clients' cards that were made or changed since: an old method of YCLIENTS', the only one that can tell."""
    params = {"changed_after": changed_after.isoformat(), "page": str(page), "count": str(PAGE)}
    return await _page(call, f"/api/v1/clients/{_company(call)}", params)


async def clients_by_email(call: Call[YclientsSettings], email: str) -> Page:
    """Clients' cards with this address, by the same old method."""
    return await _page(call, f"/api/v1/clients/{_company(call)}", {"email": email, "page": "1", "count": str(PAGE)})


async def clients_in_order(call: Call[YclientsSettings], page: int, size: int, search: str | None = None) -> Page:
    """Clients in the order of their ids, in short: no more than these fields is documented of this list. `search`: what
    must stand in a phone, a name or a card's number."""
    filters = [{"type": "quick_search", "state": {"value": search}}] if search is not None else []
    wanted = {
        "page": page, "page_size": size, "fields": ["id", "name", "phone", "email"], "order_by": "id",
        "order_by_direction": "ASC", "operation": "AND", "filters": filters,
    }  # fmt: skip
    data, meta = await ask(call, "POST", f"/api/v1/company/{_company(call)}/clients/search", json=wanted)
    return Page(list(sections(data)), whole(meta.get("total_count")))


async def add_client(call: Call[YclientsSettings], card: Mapping[str, object]) -> Section:
    """A new client's card; what YCLIENTS shows of it."""
    data, _ = await ask(call, "POST", f"/api/v1/clients/{_company(call)}", json=dict(card), writes=True)
    return section(data)


async def put_client(
    call: Call[YclientsSettings], client_id: str, card: Mapping[str, object], leaves_by: float
) -> Section:
    """The whole of a client's card in the place of what was there; what YCLIENTS shows of it. Raises TooLate."""
    path = f"/api/v1/client/{_company(call)}/{quote(client_id, safe='')}"
    data, _ = await ask(call, "PUT", path, json=dict(card), writes=True, leaves_by=leaves_by)
    return section(data)


async def records_of_day(call: Call[YclientsSettings], day: date, staff: str | None, page: int) -> Page:
    """Records of one day of visits, deleted ones too."""
    params = {"start_date": day.isoformat(), "end_date": day.isoformat(), "with_deleted": "1"}
    params |= {"page": str(page), "count": str(PAGE), **({"staff_id": staff} if staff else {})}
    return await _page(call, f"/api/v1/records/{_company(call)}", params)


async def records_between(call: Call[YclientsSettings], first: date, last: date, page: int) -> Page:
    """Records of some days of visits, without deleted ones."""
    params = {"start_date": first.isoformat(), "end_date": last.isoformat(), "page": str(page), "count": str(PAGE)}
    return await _page(call, f"/api/v1/records/{_company(call)}", params)


async def put_record(
    call: Call[YclientsSettings], record_id: str, record: Mapping[str, object], leaves_by: float
) -> Section:
    """The whole of a record in the place of what was there; what YCLIENTS shows of it. Raises TooLate."""
    path = f"/api/v1/record/{_company(call)}/{quote(record_id, safe='')}"
    data, _ = await ask(call, "PUT", path, json=dict(record), writes=True, leaves_by=leaves_by)
    return section(data) or next(iter(sections(data)), {})


async def delete_record(call: Call[YclientsSettings], record_id: str) -> None:
    """Take a record out of the journal."""
    await ask(call, "DELETE", f"/api/v1/record/{_company(call)}/{quote(record_id, safe='')}", writes=True)


async def sign_in(call: Call[YclientsSettings], asked: Mapping[str, object]) -> object:
    """What `auth` answers. Neither side of it stays in any story; the partner alone asks."""
    return (await ask(call, "POST", "/api/v1/auth", json=dict(asked), secretive=True, user=False))[0]


async def companies(call: Call[YclientsSettings]) -> dict[str, Section]:
    """Salons that the user works in, by their ids."""
    data, _ = await ask(call, "GET", "/api/v1/companies", params={"my": "1"})
    return {id_: each for each in sections(data) if (id_ := identifier(each.get("id")))}


async def hook_settings(call: Call[YclientsSettings]) -> Section:
    """The salon's own webhooks: addresses and flags. Addresses of others may hold their keys."""
    data, _ = await ask(call, "GET", f"/api/v1/hooks_settings/{_company(call)}", secretive=True)
    return section(data)


async def set_hooks(call: Call[YclientsSettings], wanted: Mapping[str, object]) -> None:
    """Replace the salon's webhooks, all of them."""
    await ask(call, "POST", f"/api/v1/hooks_settings/{_company(call)}", json=dict(wanted), secretive=True)


def _company(call: Call[YclientsSettings]) -> int:
    settings = call.settings
    if settings.company_id is None or not settings.can_ask():
        wanted = ("company_id", "partner_token", "user_token")
        missing = ", ".join(name for name in wanted if getattr(settings, name) is None)
        remedy = N_("Впишите их в файл бизнеса; токены сохраните командой svyazka secret set")
        raise VendorFailure(
            Blocked(code="no_credentials", message=N_("не заданы: {missing}").format(missing=missing), remedy=remedy)
        )
    return settings.company_id


async def _object(call: Call[YclientsSettings], path: str, wanted: str) -> Section | None:
    try:
        data, _ = await ask(call, "GET", path)
    except VendorFailure as error:
        if isinstance(error.outcome, Refused) and error.code == "404":
            return None
        raise
    found = section(data)
    return found if identifier(found.get("id")) == wanted else None


async def _page(call: Call[YclientsSettings], path: str, params: dict[str, str]) -> Page:
    data, meta = await ask(call, "GET", path, params=params)
    items = list(sections(data))
    return Page(items, whole(meta.get("total_count")))


async def ask(
    call: Call[YclientsSettings],
    method: str,
    path: str,
    *,
    params: Mapping[str, str | Sequence[str]] | None = None,
    json: object = None,
    secretive: bool = False,
    user: bool = True,
    writes: bool = False,
    leaves_by: float | None = None,
) -> tuple[object, Section]:
    """`data` and `meta` of one call. Raises VendorFailure, NotSent, MaybeSent.

    `secretive`: neither side of it stays in the attempt's story. `user`: with the user's token too. `writes`: what
    answers neither yes nor no may have been done.
    """
    headers = {
        "Accept": ACCEPT,
        "Content-Type": "application/json",
        "Authorization": f"Bearer {call.settings.partner_token}"
        + (f", User {call.settings.user_token}" if user else ""),
    }
    try:
        response = await call.http.request(
            method, path, params=params, json=json, headers=headers, timeout=CALL_TIMEOUT, leaves_by=leaves_by
        )
    finally:
        if secretive:
            call.http.blank("request_body", "response_body")
    try:
        return _content(response, deletes=method == "DELETE")
    except VendorFailure as error:
        if writes and isinstance(error.outcome, Retry) and not turned_away(response.status_code):
            raise VendorFailure(_in_doubt(error.outcome)) from None
        raise


def _in_doubt(said: Retry) -> Unclear:
    """It failed on their side, or spoke no words of its own: what was to be written may have been."""
    return Unclear(code=said.code, message=said.message, reason=said.reason, after=said.after)


def not_open(error: VendorFailure) -> bool:
    """The method isn't for this integration or user: the others may be."""
    return isinstance(error.outcome, Blocked | Refused) and error.code in NOT_OPEN


def _content(response: httpx.Response, *, deletes: bool = False) -> tuple[object, Section]:
    """What an answer holds. A deletion is answered with nothing, by 204 or by 200."""
    envelope = json_object(response)
    meta = section(envelope.get("meta"))
    status = response.status_code
    if status < 300 and (envelope.get("success") is True or (deletes and not response.content)):
        return envelope.get("data"), meta
    if status < 300 and envelope.get("success") is not False:
        raise VendorFailure(Retry(code="not_json", message=N_("YCLIENTS answered with something that isn't its JSON")))
    if turned_away(status) and not envelope:
        raise VendorFailure(on_the_way(response, "YCLIENTS"))
    raise VendorFailure(failure(status, meta, retry_after(response)))
