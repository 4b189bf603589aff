"""No credential stands in a text that is kept, in whatever dress it comes back to us."""

from __future__ import annotations

import base64
import json
import time
from html import escape
from urllib.parse import quote, quote_plus

import httpx
import pytest

from connectors.support import scripted
from svyazka.engine.contracts.calls import BODY_KEPT, Exchanges
from svyazka.engine.outbound.http_clients import Clients
from svyazka.engine.support.redaction import redact, shown
from svyazka.engine.support.requests import made

KEY = 'k3y/Tok+en=="2 & ключ'
DRESSES = {
    "as it is": KEY,
    "in capitals": KEY.upper(),
    "in small letters": KEY.lower(),
    "in a URL": quote(KEY, safe=""),
    "in a URL, small hexadecimal": quote(KEY, safe="").lower(),
    "in a form": quote_plus(KEY),
    "in a URL within a URL": quote(quote(KEY, safe=""), safe=""),
    "in JSON": json.dumps(KEY)[1:-1],
    "in JSON, not escaped": json.dumps(KEY, ensure_ascii=False)[1:-1],
    "in JSON of PHP's": json.dumps(KEY)[1:-1].replace("/", "\\/"),
    "in JSON within JSON": json.dumps(json.dumps(KEY))[1:-1],
    "in HTML": escape(KEY),
    "in hexadecimal": KEY.encode().hex(),
    **{
        f"in base64, {before} before": base64.b64encode(b"u" * before + KEY.encode() + b"after").decode()
        for before in range(4)
    },
    "in base64 for URLs": base64.urlsafe_b64encode(b":" + b"~~??>>" + KEY.encode()).decode(),
}


@pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES.keys())
def test_no_dress_hides_a_secret(dress: str) -> None:
    said = redact(f"<<{dress}>>", [KEY])
    assert "•••" in said
    for piece in ("k3y", "Tok", "ken", "en=", base64.b64encode(KEY.encode()).decode()[4:12], KEY.encode().hex()[:8]):
        assert piece.lower() not in said.lower().replace("•", "")


@pytest.mark.parametrize("cut", range(8, 40))
def test_what_somebodys_limit_cut_in_two_is_no_less_a_secret(cut: int) -> None:
    secret = "sk_live_4f9d8c7b6a5e4d3c2b1a09f8e7d6c5b4"
    assert redact(f"wrong key {secret[:cut]}", [secret]) == "wrong key •••"
    assert redact(f"wrong key {secret[:cut]}… (400)", [secret]) == "wrong key •••… (400)"


def test_the_token_of_a_header_is_secret_without_its_scheme() -> None:
    assert redact("no such token t0k3n-one", ["Bearer t0k3n-one"]) == "no such token •••"


ADDRESSES = {  # the values of cases/04 and their neighbours
    "http://LocalHost:8299/services/T0K3N-UP-000001": "T0K3N-UP-000001",
    "http://хуки.местный.рф/s/T0K3N-RF-000002": "T0K3N-RF-000002",
    "https://hooks.example.org/s/T0K3N-SP-000003?k=ключ": "T0K3N-SP-000003",
    "https://hooks.example.org/s/T0K3N-OK-000004": "T0K3N-OK-000004",
    "https://hooks.example.org:443/a/../s/T0K3N-DO-000005/": "T0K3N-DO-000005",
    "HTTPS://hooks.example.org/s/%54%30K3N-PC-000006": "T0K3N-PC-000006",
    "https://hooks.example.org/s?token=T0K3N-QU-000007&x=1#part": "T0K3N-QU-000007",
    "https://ХУКИ.рф/крюк/T0K3N-CY-000008": "T0K3N-CY-000008",
}


@pytest.mark.parametrize(("url", "token"), ADDRESSES.items())
async def test_a_secret_url_is_cut_out_however_the_client_spells_it(url: str, token: str) -> None:
    clients = Clients()

    async def nowhere(url: str) -> list[str]:
        return ["127.0.0.1"]

    with scripted() as endpoint:
        port = int(endpoint.url.rpartition(":")[2])
        client = clients.of("c", 2)
        called = made("POST", url).url
        path = httpx.URL(called).raw_path.decode()
        http = Exchanges(client, base_url="", deadline=time.monotonic() + 5, secrets=[url], guard=nowhere)
        endpoint.on(path, 404, f"Cannot POST {path} ({token}, {called})".encode())
        moved = httpx.URL(url).copy_with(scheme="http", port=port, fragment=None)
        await http.request("POST", str(moved), json={"echo": url})
    await clients.close()
    (told,) = http.log
    assert told.status == 404
    kept = told.model_dump_json()
    for secret in (token, quote(token, safe=""), token.lower()):
        assert secret not in kept
    assert redact(called, [url]).count("•") == 3


def test_words_that_stand_in_a_secret_url_by_chance_are_left_alone() -> None:
    said = redact("the services of api.example.org failed", ["https://api.example.org/services/T0K3N-000009"])
    assert said == "the services of api.example.org failed"


@pytest.mark.parametrize("at", [0, BODY_KEPT - 30, BODY_KEPT - 20, BODY_KEPT - 3, BODY_KEPT, BODY_KEPT + 5])
def test_a_text_is_cut_off_only_once_it_is_clean(at: int) -> None:
    secret = "sk_live_4f9d8c7b6a5e4d3c2b1a09f8e7d6c5b4"
    other = "T0K3N/" + "z" * 500
    body = "." * at + secret + other + "." * 2 * BODY_KEPT + secret
    kept = shown(body, [other, secret], BODY_KEPT)
    assert len(kept) <= BODY_KEPT
    assert len(kept) > BODY_KEPT // 2
    for piece in ("sk_", "4f9d", "T0K3N", "zzz"):
        assert piece not in kept


def test_hostile_text_is_gone_through_in_linear_time() -> None:
    secrets = ["a" * 40, "%" * 40, "https://example.org/" + "a/" * 40, "Bearer " + "ab" * 20, "\\" * 30, "&" * 30]
    hostile = ("a" * 39 + "b") * 500 + "%25" * 7000 + "\\u005c" * 3000 + "&amp;" * 4000
    started = time.process_time()
    redact(hostile, secrets)
    assert time.process_time() - started < 2.0
