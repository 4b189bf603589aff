"""What one call sends: its address, headers and body, spelled as they go out.

httpx spells addresses (IDNA, percent-encoding, parameters); its client isn't used: what it does besides (redirects,
cookies, proxies, authentication) is nothing that we want, and cost more than the call.
"""

from __future__ import annotations

import json as json_
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from svyazka.catalogue import N_
from svyazka.engine.support.answers import OFFERED
from svyazka.model.errors import RefusedAddress

ALWAYS = {"accept": "*/*", "accept-encoding": OFFERED, "connection": "keep-alive", "user-agent": "svyazka"}
"""Headers of every call, unless it has its own."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call as it goes out."""

    method: str
    url: str
    headers: Mapping[str, str]
    """By name in lower case; `host` and `content-length` follow from the rest."""
    body: bytes


def made(
    method: str,
    url: str,
    *,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    json: object = None,
    data: Mapping[str, Any] | None = None,
    content: bytes | None = None,
) -> Request:
    """The call that these make: a body of `content`, else a form of `data`, else JSON. Raises RefusedAddress."""
    import httpx

    own = {name.lower(): value for name, value in (headers or {}).items()}
    kind, body = _body(content, data, json)
    said = {**ALWAYS, "content-type": kind, **own} if kind else {**ALWAYS, **own}
    try:
        address = _spelled(url) if params is None else str(httpx.URL(url, params=params))
    except httpx.InvalidURL:
        raise RefusedAddress(N_("expected a URL such as https://example.org/hook")) from None
    return Request(method.upper(), address, said, body)


@lru_cache(maxsize=1024)
def _spelled(url: str) -> str:
    import httpx

    return str(httpx.URL(url))


def _body(content: bytes | None, data: Mapping[str, Any] | None, json: object) -> tuple[str | None, bytes]:
    """Its type and its bytes."""
    if content is not None:
        return None, content
    if data:
        return "application/x-www-form-urlencoded", urlencode(list(_pairs(data))).encode()
    if json is not None:
        text = json_.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return "application/json", text.encode()
    return None, b""


def _pairs(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A form's fields; a list is a field for each of its values."""
    for name, value in data.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            yield name, _plain(one)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


__all__ = ["Request", "made"]
