"""Bitrix24's way in: what proves an event, and that the journal keeps no token of it."""

from __future__ import annotations

import json

import pytest

from connectors.support import posted
from svyazka.connectors.bitrix24.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import FORM, Inbound, RawRequest
from svyazka.engine.journal.events_of_request import stored_request
from vendors.bitrix24 import HOOK_TOKEN, HOOKS
from vendors.parts.base import SAMPLES

OURS = Inbound({}, {"application_token": HOOK_TOKEN})
APPS = "testapptoken00000000000000000000"
EVENT = "wh-contact-update-outgoing.form"


def sample(name: str) -> RawRequest:
    return posted((SAMPLES / "bitrix24" / name).read_bytes(), ("content-type", FORM))


@pytest.mark.parametrize(
    ("name", "token", "let_in"),
    [
        (EVENT, HOOK_TOKEN, True),
        (EVENT, APPS, False),
        ("wh-contact-add-app.form", HOOK_TOKEN, False),
        ("wh-contact-add-app.form", APPS, True),
        ("wh-robot-app-deal.form", HOOK_TOKEN, False),
        ("wh-robot-deal.form", HOOK_TOKEN, True),
    ],
)
def test_an_event_bears_the_token_of_the_connection_and_a_robots_call_none(name: str, token: str, let_in: bool) -> None:
    assert (WEBHOOK.verify(sample(name), Inbound({}, {"application_token": token})) is None) is let_in
    assert WEBHOOK.verify(sample(name), Inbound({}, {})) is None, "then our key in the address is all the proof"


def test_a_token_elsewhere_than_in_auth_proves_nothing() -> None:
    for body in (f"event=ONCRMDEALADD&application_token={HOOK_TOKEN}", f"auth={HOOK_TOKEN}&event=ONCRMDEALADD", ""):
        assert WEBHOOK.verify(posted(body.encode(), ("content-type", FORM)), OURS) is not None


def test_no_token_is_kept() -> None:
    told = {"event": "ONCRMDEALADD", "auth": {"access_token": "test-a", "refresh_token": "test-r"}}
    requests = [*HOOKS.requests.values(), posted(json.dumps(told).encode(), ("content-type", "application/json"))]
    kept = [stored_request(WEBHOOK.kept(request)).body for request in requests]
    secrets = ("testaccess", "testrefresh", "testapptoken", "testhooktoken", "testeventtoken", "test-a", "test-r")
    assert [secret for secret in secrets if any(secret in body for body in kept)] == []
    assert sum("%5BFIELDS%5D%5BID%5D" in body for body in kept) >= 8, "all else stays as it came"


def test_a_portal_that_isnt_ours_is_told_apart() -> None:
    (fact,) = WEBHOOK.parse(sample(EVENT), Inbound({"member_id": "f" * 32}, {}))
    assert getattr(fact, "is_foreign", False)
