"""Calls to Invoicebox: JSON over HTTPS, the shop's token as Bearer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.invoicebox.failures import FAILURES, error_of, failure
from svyazka.connectors.invoicebox.settings import InvoiceboxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import outcome_of
from svyazka.engine.contracts.untrusted import NOTHING, Section, section, sections, text, whole
from svyazka.engine.contracts.vendor_answers import VendorFailure, on_the_way, retry_after
from svyazka.model.money import amounts_as_text
from svyazka.model.outcomes import Retry

PAGE = 30
"""What a page has if nothing is said: whichever spelling is understood, pages are of one size."""
PAGES = 500
"""More than these aren't looked through."""

SPELLINGS = (("_page", "_pageSize"), ("page", "pageSize"))
"""How a page is asked for: by the newer client, by the documentation."""

# A call without it is turned away.
AGENT = "Svyazka/1.0 (payments 1.0)"

ORDERS, REFUNDS = "filter/api/order/order", "filter/api/order/refund-order"


async def written(call: Call[InvoiceboxSettings], method: str, path: str, what: Mapping[str, Any] | None) -> Section:
    """What came of a write: the object. Raises VendorFailure, NotSent, MaybeSent."""
    content = json.dumps(what, ensure_ascii=False, separators=(",", ":")).encode() if what is not None else None
    headers = {**_headers(call), "Content-Type": "application/json"}
    response = await call.http.request(method, _path(call, path), content=content, headers=headers)
    return _object(response, section(_data(response)))


async def one(call: Call[InvoiceboxSettings], path: str) -> Section | None:
    """An object; None where the shop has no such. Raises as `written` does."""
    response = await call.http.request("GET", _path(call, path), headers=_headers(call))
    if response.status_code == httpx.codes.NOT_FOUND and error_of(_answer(response)):
        return None
    return _object(response, section(_data(response)))


async def several(call: Call[InvoiceboxSettings], path: str) -> list[Section]:
    """A list that comes whole. Raises as `written` does."""
    return _rows(await call.http.request("GET", _path(call, path), headers=_headers(call)))


async def every(call: Call[InvoiceboxSettings], path: str, wanted: Mapping[str, str]) -> AsyncIterator[Section]:
    """Every object of a list, page after page. Raises as `written` does, and where it is too long to prove anything."""
    for number in range(1, PAGES + 1):
        rows, more = await page(call, path, wanted, number)
        for row in rows:
            yield row
        if not more:
            return
    message = N_("more than {count} of Invoicebox's objects to look through").format(count=PAGES * PAGE)
    raise VendorFailure(Retry(code="too_many", message=message, outage=False))


async def page(
    call: Call[InvoiceboxSettings], path: str, wanted: Mapping[str, str], number: int
) -> tuple[list[Section], bool]:
    """A page of a list, and whether there are more. Which of two spellings it understands is told by its answer, and
    remembered. Raises as `written` does."""
    spellings = [call.memo["paging"]] if "paging" in call.memo else SPELLINGS
    for at, size in spellings:
        params = {**wanted, at: str(number), size: str(PAGE)}
        response = await call.http.request("GET", _path(call, path), params=params, headers=_headers(call))
        rows, meta = _rows(response), section(_answer(response).get("metaData"))
        shown = whole(meta.get("page")), whole(meta.get("pageSize"))
        if None in shown:
            # Nothing says which page it is: a full one may be any of them.
            return (rows, False) if number == 1 and len(rows) < PAGE else _no_pages()
        if shown == (number, PAGE):
            if number > 1:
                call.memo["paging"] = at, size
            return rows, len(rows) >= PAGE
        if number == 1 and len(rows) < (shown[1] or 0):
            return rows, False
    return _no_pages()


async def by_partner(call: Call[InvoiceboxSettings], path: str, what: Mapping[str, Any]) -> httpx.Response:
    """What a write with the partner's own token is answered: as it came. Raises NotSent, MaybeSent."""
    content = json.dumps(what, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {**_headers(call, call.settings.partner_token), "Content-Type": "application/json"}
    return await call.http.request("POST", _path(call, path), content=content, headers=headers)


def told(response: httpx.Response) -> object:
    """What an answer holds. Raises VendorFailure."""
    return _data(response)


async def account(call: Call[InvoiceboxSettings]) -> str:
    """Whose token it is. Raises as `written` does."""
    response = await call.http.request("GET", _path(call, "security/api/auth/auth"), headers=_headers(call))
    whose = section(_data(response))
    if "userId" in whose and whose["userId"] is None:
        # Answered with 200 to whoever sends no token.
        raise VendorFailure(outcome_of(FAILURES.codes["unauthorized"], "unauthorized"))
    return text(_object(response, whose, "userId")["userId"], 40) or "?"


def _no_pages() -> tuple[list[Section], bool]:
    message = N_("Invoicebox's list isn't paged as either of its descriptions says: nothing is proved by it")
    raise VendorFailure(Retry(code="no_pages", message=message, outage=False))


def _rows(response: httpx.Response) -> list[Section]:
    rows = _data(response)
    if not isinstance(rows, list):
        raise VendorFailure(on_the_way(response, "Invoicebox"))
    return sections(rows)


def _object(response: httpx.Response, told: Section, wanted: str = "id") -> Section:
    if text(told.get(wanted), 64) is None:
        raise VendorFailure(on_the_way(response, "Invoicebox"))
    return told


def _data(response: httpx.Response) -> object:
    """What an answer holds, where it is Invoicebox's own. Raises VendorFailure."""
    answer = _answer(response)
    error = error_of(answer)
    if error:
        raise VendorFailure(failure(response.status_code, error, retry_after(response)))
    if response.is_success:
        return answer.get("data")
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS and _is_json(response):
        raise VendorFailure(failure(response.status_code, NOTHING, retry_after(response)))
    raise VendorFailure(on_the_way(response, "Invoicebox"))


def _is_json(response: httpx.Response) -> bool:
    return "json" in response.headers.get("content-type", "")


def _answer(response: httpx.Response) -> Section:
    try:
        return section(amounts_as_text(response.content))
    except (ValueError, RecursionError):
        return NOTHING


def _path(call: Call[InvoiceboxSettings], path: str) -> str:
    return f"{call.settings.api}/{path}"


def _headers(call: Call[InvoiceboxSettings], token: str | None = None) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token or call.settings.token}",
        "Accept": "application/json",
        "User-Agent": AGENT,
    }
