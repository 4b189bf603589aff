"""What goes out is what httpx would send, for every shape of call that connectors make."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from svyazka.engine.support.requests import made
from svyazka.model.errors import RefusedAddress

URL = "https://api.example.org/v4/leads"
CALLS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a form": {"data": {"to": "79991234567", "msg": "Спасибо & до встречи!", "json": 1, "test": True, "from": None}},
    "a form with a list": {"data": {"id": [1, "2"], "empty": []}},
    "no fields": {"data": {}},
    "JSON": {"json": {"text": "Привет", "price": 1.5, "tags": ["a", None]}},
    "JSON of nothing": {"json": []},
    "a JSON that isn't there": {"json": None},
    "bytes": {"content": b"raw\xff", "headers": {"Content-Type": "text/csv"}},
    "bytes before all else": {"content": b"", "json": {"a": 1}},
    "headers of its own": {"json": {}, "headers": {"content-TYPE": "application/hal+json", "USER-agent": "x"}},
    "parameters": {"params": {"filter[id]": "1 2", "with": "контакты", "page": 2, "on": True}},
    "parameters of nothing": {"params": {}},
}
URLS = ["/a%2Fb?x=1%2B2", "/a/../b/", "/ключ?q=да нет#part", "/x?y"]


@pytest.mark.parametrize("given", CALLS.values(), ids=CALLS.keys())
def test_a_call_is_spelled_as_httpx_spells_it(given: dict[str, Any]) -> None:
    ours, theirs = made("post", URL, **given), httpx.Request("post", URL, **given)
    assert (ours.method, ours.url, ours.body) == (theirs.method, str(theirs.url), theirs.content)
    for name, value in theirs.headers.items():
        if name not in ("host", "content-length"):
            assert ours.headers[name] == value


@pytest.mark.parametrize("url", [*(URL + rest for rest in URLS), "https://ХУКИ.рф/крюк", "HTTP://a.example:80/x"])
def test_an_address_is_spelled_as_httpx_spells_it(url: str) -> None:
    assert made("GET", url).url == str(httpx.Request("GET", url).url)
    assert made("GET", url, params={"a": "b c"}).url == str(httpx.Request("GET", url, params={"a": "b c"}).url)


@pytest.mark.parametrize("url", ["https://[::1", "http://a:port/", "https://a.example/\x00"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddress):
        made("GET", url)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_holds_no_number_that_is_none(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        made("POST", URL, json={"price": value})
