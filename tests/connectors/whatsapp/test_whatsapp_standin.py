"""The stand-in of WhatsApp keeps to what is known of Meta's Cloud API: over real HTTP on loopback."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.support import posted, scripted
from simulators.serve import Running
from simulators.whatsapp import APP_SECRET, NUMBER, TOKEN
from svyazka.connectors.whatsapp.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound

SAMPLES = Path(__file__).parents[2] / "samples" / "whatsapp-meta"
OURS = Inbound({"phone_number_id": NUMBER}, {"app_secret": APP_SECRET})


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def send(whatsapp: Running, body: Any, token: str | None = TOKEN, number: str = NUMBER) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = f"{whatsapp.base_url('whatsapp')}/v25.0/{number}/messages"
    return httpx.post(url, json=body, headers=headers, trust_env=False)


def template(*texts: str, name: str = "review_request") -> Any:
    parameters = [{"type": "text", "text": text} for text in texts]
    components = [{"type": "body", "parameters": parameters}]
    made = {"name": name, "language": {"code": "ru"}, "components": components}
    return {"messaging_product": "whatsapp", "to": "79991234567", "type": "template", "template": made}


def tell(whatsapp: Running, what: str, **told: Any) -> Any:
    answer = httpx.post(f"{whatsapp.url}/_sim/whatsapp/{what}", json=told, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(answer: httpx.Response) -> tuple[int, int]:
    error = answer.json()["error"]
    assert set(sample("error_100")["error"]) <= set(error)
    return answer.status_code, error["code"]


def test_the_requests_of_the_samples_are_taken(whatsapp: Running) -> None:
    text = send(whatsapp, sample("send_text_request")).json()
    assert set(text) == set(sample("send_ok"))
    assert "message_status" not in text["messages"][0]
    answer = send(whatsapp, sample("send_template_request")).json()
    assert set(answer["messages"][0]) == set(sample("send_ok")["messages"][0])
    effects = whatsapp.of("whatsapp").effects
    assert [(effect["to"], effect["key"]) for effect in effects] == [("79991234567", "job-01"), ("79991234567", None)]


@pytest.mark.parametrize(
    ("body", "token", "number", "expected"),
    [
        (template("x"), None, NUMBER, (401, 0)), (template("x"), "old", NUMBER, (401, 190)),
        (template("x"), TOKEN, "1", (400, 100)), (template("x", name="other"), TOKEN, NUMBER, (404, 132001)),
        (template(), TOKEN, NUMBER, (400, 132000)), (template(""), TOKEN, NUMBER, (400, 131008)),
        (template("a\nb"), TOKEN, NUMBER, (400, 132018)), ({"to": "79991234567"}, TOKEN, NUMBER, (400, 100)),
        ({**sample("send_text_request"), "text": {"body": "x" * 4097}}, TOKEN, NUMBER, (400, 100)),
    ],
)  # fmt: skip
def test_a_message_is_refused_for_the_right_reason(
    whatsapp: Running, body: Any, token: str | None, number: str, expected: tuple[int, int]
) -> None:
    assert refusal(send(whatsapp, body, token, number)) == expected
    assert whatsapp.of("whatsapp").effects == []


def test_an_address_is_registered_by_whoever_gives_the_challenge_back(whatsapp: Running) -> None:
    with scripted() as ear:
        assert tell(whatsapp, "register", hook=f"{ear.url}/hook?key=k", verify_token="v")["registered"] is False
    assert whatsapp.of("whatsapp").hook is None


@pytest.mark.parametrize(
    ("wrote", "fate", "told"),
    [(True, None, ["sent", "delivered"]), (False, None, ["failed"]), (True, 131026, ["failed"])],
)
def test_what_becomes_of_a_text_is_told_later_signed_and_escaped_as_meta_does(
    whatsapp: Running, wrote: bool, fate: int | None, told: list[str]
) -> None:
    with scripted() as ear:
        ear.on("/hook", 200)
        tell(whatsapp, "settings", hook=f"{ear.url}/hook", fates={"*": fate} if fate else {})
        if wrote:
            tell(whatsapp, "incoming", **{"from": "79991234567", "text": "Здравствуйте/"})
        assert send(whatsapp, sample("send_text_request")).status_code == 200
        hooks_are_out(whatsapp, len(told) + wrote)
        for _, body, headers in ear.seen:
            content = json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()
            assert WEBHOOK.verify(posted(content, *headers.items()), OURS) is None
    values = [body["entry"][0]["changes"][0]["value"] for _, body, _ in ear.seen]
    statuses = [status for value in values for status in value.get("statuses", [])]
    assert [status["status"] for status in statuses] == told
    assert {status["biz_opaque_callback_data"] for status in statuses} == {"job-01"}


def hooks_are_out(whatsapp: Running, count: int) -> None:
    """Asks until so many webhooks have been sent."""
    end = time.monotonic() + 60
    ledger = f"{whatsapp.url}/_sim/whatsapp/ledger"
    while len(httpx.get(ledger, trust_env=False).json()["hooks"]) < count:
        assert time.monotonic() < end, f"{count} webhooks were expected"
