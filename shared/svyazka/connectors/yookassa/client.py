"""Calls to ЮKassa: JSON over HTTPS, the shop's id and key by HTTP Basic, and a key of ours on every write."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx

from svyazka.connectors.yookassa.failures import KEY_HEADER, failure
from svyazka.connectors.yookassa.settings import YookassaSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import NOTHING, Section, section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, on_the_way
from svyazka.model.money import amounts_as_text

PAGE = 100
"""Objects that a page of a list has at most."""


async def write(call: Call[YookassaSettings], path: str, what: Mapping[str, Any]) -> Section:
    """What came of a POST: the object. Its bytes are the same at every try, or the key would be refused. Raises
    VendorFailure, NotSent, MaybeSent."""
    body = json.dumps(what, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {**_access(call), "Content-Type": "application/json", KEY_HEADER: call.key}
    return _object(await call.http.request("POST", path, content=body, headers=headers))


async def read(call: Call[YookassaSettings], path: str) -> Section | None:
    """An object; None where the shop has no such. Raises as `write` does."""
    response = await call.http.request("GET", path, headers=_access(call))
    if response.status_code == httpx.codes.NOT_FOUND and _answer(response).get("type") == "error":
        return None
    return _object(response)


async def page(call: Call[YookassaSettings], path: str, **wanted: str | None) -> Section:
    """A page of a list. Raises as `write` does."""
    params = {"limit": str(PAGE), **{name: value for name, value in wanted.items() if value is not None}}
    return _object(await call.http.request("GET", path, params=_dotted(params), headers=_access(call)), wanted="type")


async def shop(call: Call[YookassaSettings]) -> Section:
    """Whose credentials these are. Raises as `write` does."""
    response = await call.http.request("GET", "me", headers=_access(call))
    return _object(response, wanted="account_id")


def _object(response: httpx.Response, wanted: str = "id") -> Section:
    answer = _answer(response)
    if answer.get("type") in ("error", "processing"):
        raise VendorFailure(failure(response.status_code, answer))
    if response.status_code != httpx.codes.OK or text(answer.get(wanted), 64) is None:
        raise VendorFailure(on_the_way(response, "ЮKassa"))
    return answer


def _answer(response: httpx.Response) -> Section:
    try:
        return section(amounts_as_text(response.content))
    except (ValueError, RecursionError):
        return NOTHING


def _dotted(params: Mapping[str, str]) -> dict[str, str]:
    """`created_at__gte` is how `created_at.gte` is written here."""
    return {name.replace("__", "."): value for name, value in params.items()}


def _access(call: Call[YookassaSettings]) -> dict[str, str]:
    pair = base64.b64encode(f"{call.settings.shop_id}:{call.settings.secret_key}".encode()).decode()
    call.http.hide(pair)
    return {"Authorization": f"Basic {pair}"}
