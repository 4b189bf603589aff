"""The stand-in of Resend keeps to what is known of Resend: over real HTTP on loopback."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.support import posted, scripted
from simulators.resend import KEY, ONLY_SENDING, SECRET
from simulators.serve import Running
from svyazka.connectors.resend.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound

SAMPLES = Path(__file__).parents[2] / "samples" / "resend"
LETTER = {"from": "Кофейня <noreply@example.com>", "to": ["anna@example.org"], "subject": "Привет", "text": "Привет"}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def call(
    resend: Running, path: str = "emails", body: Any = None, key: str | None = KEY, method: str = "POST", **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        named["authorization"] = f"Bearer {key}"
    return httpx.request(method, f"{resend.base_url('resend')}/{path}", json=body, headers=named, trust_env=False)


def tell(resend: Running, what: str, **told: Any) -> Any:
    answer = httpx.post(f"{resend.url}/_sim/resend/{what}", json=told, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def error(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"statusCode", "name", "message"}
    assert body["statusCode"] == answer.status_code
    return answer.status_code, body["name"]


def test_the_request_of_the_samples_is_understood(resend: Running) -> None:
    head, _, body = (SAMPLES / "send_request.http").read_bytes().partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[2:])
    headers["Authorization"] = f"Bearer {KEY}"
    answer = httpx.post(f"{resend.base_url('resend')}/emails", content=body, headers=headers, trust_env=False)
    assert answer.status_code == 200
    assert set(answer.json()) == set(sample("send_ok"))
    (effect,) = resend.of("resend").effects
    assert (effect["to"], effect["key"]) == ("anna@example.org", "review-request/01HX0000000000000000000001")
    read = call(resend, f"emails/{answer.json()['id']}", method="GET").json()
    assert set(sample("email_get")) <= set(read)


def test_a_batch_is_all_or_nothing_unless_it_is_permissive(resend: Running) -> None:
    two = [LETTER, {**LETTER, "to": []}]
    assert error(call(resend, "emails/batch", two)) == (422, "missing_required_field")
    assert resend.of("resend").effects == []
    told = call(resend, "emails/batch", two, x_batch_validation="permissive").json()
    assert set(told) == set(sample("batch_permissive"))
    assert [len(told["data"]), told["errors"][0]["index"]] == [1, sample("batch_permissive")["errors"][0]["index"]]
    assert len(resend.of("resend").effects) == 1, "the first was sent, the second never will be"
    told = call(resend, "emails/batch", [LETTER, LETTER]).json()
    assert set(told) == set(sample("batch_ok"))
    assert len(told["data"]) == len(sample("batch_ok")["data"])


def test_a_key_is_remembered_for_a_day(resend: Running) -> None:
    first = call(resend, body=LETTER, idempotency_key="k").json()
    assert call(resend, body=LETTER, idempotency_key="k").json() == first
    other = {**LETTER, "text": "Иное"}
    assert error(call(resend, body=other, idempotency_key="k")) == (409, "invalid_idempotent_request")
    assert error(call(resend, body=LETTER, idempotency_key="k" * 257)) == (400, "invalid_idempotency_key")
    tell(resend, "settings", ahead=24 * 3600 + 1)
    assert call(resend, body=LETTER, idempotency_key="k").json() != first
    assert len(resend.of("resend").effects) == 2


@pytest.mark.parametrize(
    ("key", "path", "refusal"),
    [
        (None, "emails", (401, "missing_api_key")), ("re_wrong", "emails", (403, "invalid_api_key")),
        (ONLY_SENDING, "emails", None), (ONLY_SENDING, "emails/x", (401, "restricted_api_key")),
        (ONLY_SENDING, "domains", (401, "restricted_api_key")), (KEY, "emails/x", (404, "not_found")),
    ],
)  # fmt: skip
def test_a_key_opens_what_it_may(resend: Running, key: str | None, path: str, refusal: tuple[int, str] | None) -> None:
    answer = call(resend, path, LETTER, key, "POST" if path == "emails" else "GET")
    assert (error(answer) if answer.status_code != 200 else None) == refusal


def test_a_caller_without_a_name_is_refused_by_the_edge(resend: Running) -> None:
    answer = call(resend, body=LETTER, user_agent="")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"subject": ""}, (422, "missing_required_field")), ({"text": None}, (422, "missing_required_field")),
        ({"from": "Кофейня"}, (422, "invalid_from_address")), ({"from": "a@other.com"}, (403, "validation_error")),
        ({"to": ["анна"]}, (422, "validation_error")),
        ({"tags": [{"name": "имя", "value": "x"}]}, (422, "validation_error")),
    ],
)  # fmt: skip
def test_a_letter_is_refused_for_the_right_reason(
    resend: Running, change: dict[str, Any], refusal: tuple[int, str]
) -> None:
    assert error(call(resend, body={**LETTER, **change})) == refusal
    assert resend.of("resend").effects == []


def test_rate_and_quota_have_429_of_their_own(resend: Running) -> None:
    tell(resend, "settings", per_second=1, left=1)
    assert call(resend, body=LETTER).status_code == 200
    limited = call(resend, body=LETTER)
    assert error(limited) == (429, "rate_limit_exceeded")
    assert (limited.headers["retry-after"], limited.headers["ratelimit-reset"]) == ("1", "1")
    tell(resend, "settings", per_second=None)
    assert error(call(resend, body=LETTER)) == (429, "daily_quota_exceeded")


@pytest.mark.parametrize(
    ("to", "first", "second"),
    [
        ("anna@example.org", ["sent", "delivered"], ["sent", "delivered"]),
        ("bounced+1@resend.dev", ["sent", "bounced"], ["suppressed"]),
        ("complained@resend.dev", ["sent", "complained"], ["suppressed"]),
    ],
)  # fmt: skip
def test_every_endpoint_hears_what_becomes_of_a_letter_and_an_address_may_be_suppressed_after(
    resend: Running, to: str, first: list[str], second: list[str]
) -> None:
    with scripted() as ear:
        ear.on("/hook", 200)
        made = call(resend, "webhooks", {"endpoint": f"{ear.url}/hook", "events": ["email.delivered"]})
        assert (made.status_code, made.json()["signing_secret"]) == (201, SECRET)
        told = []
        for events in (first, second):
            call(resend, body={**LETTER, "to": to})
            told += [f"email.{name}" for name in events]
            hooks_are_out(resend, len(told))
        ours = Inbound({}, {"signing_secret": SECRET}, time.time())
        for _, body, headers in ear.seen:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            assert WEBHOOK.verify(posted(content, *headers.items()), ours) is None
    assert [body["type"] for _, body, _ in ear.seen] == told


def hooks_are_out(resend: Running, count: int) -> None:
    """Asks until so many events have been sent."""
    end = time.monotonic() + 60
    ledger = f"{resend.url}/_sim/resend/ledger"
    while len(httpx.get(ledger, trust_env=False).json()["hooks"]) < count:
        assert time.monotonic() < end, f"{count} events were expected"
