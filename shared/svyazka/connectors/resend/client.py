"""Calls to Resend: JSON over HTTPS, the key in a header, and an idempotency key on every letter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.resend.failures import failure
from svyazka.connectors.resend.settings import ResendSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way, retry_after, turned_away
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.model.errors import NotShown
from svyazka.model.outcomes import Outcome, Succeeded, Unclear

USER_AGENT = "svyazka"
"""Resend's edge refuses calls without one."""

ONLY_SENDS = "restricted_api_key"
"""What a key that may only send is told when it asks for anything else."""


async def send(call: Call[ResendSettings], letter: Mapping[str, Any]) -> Outcome:
    """One letter, its bytes the same at every repeat. Raises NotSent, MaybeSent."""
    body = json.dumps(letter, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {**_headers(call), "Content-Type": "application/json", "Idempotency-Key": call.key}
    response = await call.http.request("POST", "emails", content=body, headers=headers)
    answer = json_object(response)
    if response.status_code != httpx.codes.OK:
        return _failure(response, answer, in_doubt=call.doubt_since is not None)
    id_ = text(answer.get("id"))
    if id_ is None:
        message = N_("Resend answers 200 without an id: the letter may have been taken")
        return Unclear(code="no_id", message=message)
    return Succeeded(external_id=id_)


async def letter(call: Call[ResendSettings], id_: str) -> Section | None:
    """A letter that we sent, with its `last_event`; None when there is no such. So `received_letter` does.

    Raises NotShown where the key may only send, VendorFailure, NotSent, MaybeSent.
    """
    return await _read(call, f"emails/{id_}")


async def received_letter(call: Call[ResendSettings], id_: str) -> Section | None:
    """A letter that came, with its body."""
    return await _read(call, f"emails/receiving/{id_}")


async def domains(call: Call[ResendSettings]) -> dict[str, str]:
    """The account's domains and the status of each. Raises as `letter` does."""
    answer = await _ask(call, "domains")
    found = (section(item) for item in _list(answer.get("data")))
    return {str(item["name"]).lower(): text(item.get("status")) or "" for item in found if text(item.get("name"))}


async def endpoints(call: Call[ResendSettings]) -> list[Section]:
    """The account's webhook endpoints. The answer isn't kept in the story: it holds keys. Raises as `letter` does."""
    try:
        answer = await _ask(call, "webhooks")
    finally:
        call.http.blank("response_body")
    return [section(item) for item in _list(answer.get("data"))]


async def _read(call: Call[ResendSettings], path: str) -> Section | None:
    response = await call.http.request("GET", path, headers=_headers(call))
    if response.status_code == httpx.codes.NOT_FOUND and _own(json_object(response)):
        return None
    return _understood(response)


async def _ask(call: Call[ResendSettings], path: str) -> Section:
    return _understood(await call.http.request("GET", path, headers=_headers(call)))


def _understood(response: httpx.Response) -> Section:
    answer = json_object(response)
    if response.status_code == httpx.codes.OK and answer:
        return answer
    if answer.get("name") == ONLY_SENDS:
        raise NotShown(N_("this key of Resend's may only send"))
    raise VendorFailure(_failure(response, answer))


def _failure(response: httpx.Response, answer: Section, in_doubt: bool = False) -> Outcome:
    if turned_away(response.status_code) and not _own(answer):
        return on_the_way(response, "Resend")
    name = text(answer.get("name"), 60)
    return failure(response.status_code, name, _stated_wait(response), in_doubt)


def _stated_wait(response: httpx.Response) -> float | None:
    """Seconds by `retry-after`, else until the window of the rate begins anew."""
    after = retry_after(response)
    window = parse_retry_after(response.headers.get("ratelimit-reset"), datetime.now(UTC))
    return window if after is None else after


def _own(answer: Section) -> bool:
    """Whether a refusal is the API's own: {statusCode, name, message}."""
    return any(name in answer for name in ("name", "statusCode"))


def _headers(call: Call[ResendSettings]) -> dict[str, str]:
    return {"Authorization": f"Bearer {call.settings.api_key}", "User-Agent": USER_AGENT}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
