"""Calls to r_k Delivery's API. A token sees only orders that were created through the same API connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper.client import host
from svyazka.connectors.rkeeper.failures import CREDENTIALS, of_delivery
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, number, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way, retry_after, turned_away
from svyazka.model.outcomes import Blocked, Retry

API = "/orders/api/v1"
TOKEN_LIFE = timedelta(minutes=10)
"""For an answer without `expires_in`; lives between an hour and years have been seen."""

HIDDEN = frozenset({403, 404})
"""What asking for an order of somebody else's is answered with."""


async def order(call: Call[RKeeperSettings], order_id: str) -> Section | None:
    """An order by its `orderId`; None when it isn't to be seen through this API connection.

    Raises VendorFailure, NotSent, MaybeSent.
    """
    response = await _get(call, f"{API}/orders/{quote(order_id, safe='')}")
    if response.status_code in HIDDEN and _own(response):
        return None
    result = _result(call, response)
    if not isinstance(result, dict):
        raise VendorFailure(Retry(code="not_an_order", message=N_("r_k Delivery answered without an order")))
    return result


async def orders(call: Call[RKeeperSettings], since: datetime) -> Sequence[Section]:
    """This API connection's orders from a time on, newest change first (docs: «Поиск заказов»)."""
    params = {"fromDate": since.isoformat(timespec="seconds"), "orderBy": "updatedAt", "sortOrder": "desc"}
    result = _result(call, await _get(call, f"{API}/orders", params))
    if not isinstance(result, list):
        raise VendorFailure(Retry(code="not_a_list", message=N_("r_k Delivery answered without a list of orders")))
    return [item for item in result if isinstance(item, dict)]


async def _get(call: Call[RKeeperSettings], path: str, params: dict[str, str] | None = None) -> httpx.Response:
    """One read. A 401 renews the token once and asks once more."""
    token = await access_token(call)
    response = await _ask(call, path, params, token)
    if response.status_code == 401:
        response = await _ask(call, path, params, await access_token(call, refused=token))
    return response


async def _ask(
    call: Call[RKeeperSettings], path: str, params: dict[str, str] | None, token: str
) -> httpx.Response:  # fmt: skip
    headers = {"Authorization": f"Bearer {token}"}
    return await call.http.request("GET", host(call, "delivery") + path, params=params, headers=headers)


def _result(call: Call[RKeeperSettings], response: httpx.Response) -> Any:
    said = json_object(response)
    if response.is_success:
        if "result" in said:
            return said["result"]
        raise VendorFailure(Retry(code="no_result", message=N_("r_k Delivery answered without a result")))
    if turned_away(response.status_code) and response.status_code != 429 and not _own(response):
        raise VendorFailure(on_the_way(response, "r_k Delivery"))
    code, detail = text(said.get("code")), text(said.get("msg"))
    detail = call.http.cut(detail) if detail else None
    raise VendorFailure(of_delivery(response.status_code, code, detail, retry_after(response)))


def _own(response: httpx.Response) -> bool:
    """Whether a refusal is r_k Delivery's own: an object, or nothing at all, as its platform answers 401 and 403."""
    return bool(json_object(response)) or (response.status_code in (401, 403) and not response.content)


async def access_token(call: Call[RKeeperSettings], refused: str | None = None) -> str:
    """A token of r_k Delivery's. Raises VendorFailure."""
    client_id, secret = call.settings.client_id, call.settings.client_secret
    if client_id is None or secret is None:
        missing = N_("не заданы client_id и client_secret r_k Delivery")
        raise VendorFailure(Blocked(code="no_credentials", message=missing, remedy=CREDENTIALS))
    # Other credentials or another installation never get the token of these.
    mark = sha256("\n".join((call.settings.base_url or "", client_id, secret)).encode()).hexdigest()[:16]
    return await call.token(f"rkeeper-{mark}", lambda: _fresh(call, client_id, secret), refused)


async def _fresh(call: Call[RKeeperSettings], client_id: str, secret: str) -> tuple[str, datetime]:
    form = {"client_id": client_id, "client_secret": secret, "grant_type": "client_credentials", "scopes": "orders"}
    call.http.hide(secret)
    response = await call.http.request("POST", host(call, "login") + "/connect/token", data=form)
    said = json_object(response)
    if response.status_code in (400, 401, 403) and _own(response):
        message = N_("r_k Delivery не признаёт client_id и client_secret")
        raise VendorFailure(Blocked(code=str(response.status_code), message=message, remedy=CREDENTIALS))
    call.http.blank("response_body")  # it holds a secret that wasn't known before it came
    if turned_away(response.status_code):
        raise VendorFailure(on_the_way(response, "r_k Delivery"))
    token = said.get("access_token") if response.is_success else None
    if not isinstance(token, str) or not token:
        code = "no_token" if response.is_success else str(response.status_code)
        raise VendorFailure(Retry(code=code, message=N_("r_k Delivery answered without a token")))
    seconds = number(said.get("expires_in"))
    # Longer than a day is never needed, and lives of years have been seen.
    life = timedelta(seconds=min(seconds, 86400)) if seconds and seconds > 0 else TOKEN_LIFE
    return token, datetime.now(UTC) + life
