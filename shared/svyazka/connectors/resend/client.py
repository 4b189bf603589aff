"""Calls to Resend: JSON over HTTPS, the key in a header, and an idempotency key on every letter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import Field

from svyazka.catalogue import N_
from svyazka.connectors.resend.failures import failure
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.rules.on_the_way import on_the_way, turned_away
from svyazka.model.errors import NotShown, SourceUnavailable
from svyazka.model.outcomes import Outcome, Succeeded, Unclear
from svyazka.model.tenants import ConnectionSettings

USER_AGENT = "svyazka"
"""Resend's edge refuses calls without one."""

ONLY_SENDS = "restricted_api_key"
"""What a key that may only send is told when it asks for anything else."""


class ResendSettings(ConnectionSettings):
    """`api_key`: re_... `sender`: `Name <address@domain>`. `signing_secret`: whsec_... of our webhook endpoint."""

    api_key: str | None = Field(default=None, min_length=1)
    sender: str | None = Field(default=None, min_length=1)
    signing_secret: str | None = Field(default=None, pattern=r"\S")


class ResendFailure(SourceUnavailable):
    """Resend couldn't or wouldn't answer a question; `outcome` says what to make of it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(getattr(outcome, "message", None) or outcome.kind)


async def send(call: Call[ResendSettings], letter: Mapping[str, Any]) -> Outcome:
    """One letter, its bytes the same at every repeat. Raises NotSent, MaybeSent."""
    body = json.dumps(letter, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {**_headers(call), "Content-Type": "application/json", "Idempotency-Key": call.key}
    response = await call.http.request("POST", "emails", content=body, headers=headers)
    answer = _json(response)
    if response.status_code != httpx.codes.OK:
        return _failure(response, answer, in_doubt=call.doubt_since is not None)
    id_ = text(answer.get("id"))
    if id_ is None:
        message = N_("Resend answers 200 without an id: the letter may have been taken")
        return Unclear(code="no_id", message=message)
    return Succeeded(external_id=id_)


async def letter(call: Call[ResendSettings], id_: str) -> Section | None:
    """A letter that we sent, with its `last_event`; None when there is no such. So `received_letter` does.

    Raises NotShown where the key may only send, ResendFailure, NotSent, MaybeSent.
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
    if response.status_code == httpx.codes.NOT_FOUND and _own(_json(response)):
        return None
    return _understood(response)


async def _ask(call: Call[ResendSettings], path: str) -> Section:
    return _understood(await call.http.request("GET", path, headers=_headers(call)))


def _understood(response: httpx.Response) -> Section:
    answer = _json(response)
    if response.status_code == httpx.codes.OK and answer:
        return answer
    if answer.get("name") == ONLY_SENDS:
        raise NotShown(N_("this key of Resend's may only send"))
    raise ResendFailure(_failure(response, answer))


def _failure(response: httpx.Response, answer: Section, in_doubt: bool = False) -> Outcome:
    if turned_away(response.status_code) and not _own(answer):
        return on_the_way(response, "Resend")
    name = text(answer.get("name"), 60)
    return failure(response.status_code, name, response.headers, datetime.now(UTC), in_doubt)


def _own(answer: Section) -> bool:
    """Whether a refusal is the API's own: {statusCode, name, message}."""
    return any(name in answer for name in ("name", "statusCode"))


def _headers(call: Call[ResendSettings]) -> dict[str, str]:
    return {"Authorization": f"Bearer {call.settings.api_key}", "User-Agent": USER_AGENT}


def _json(response: httpx.Response) -> Section:
    """The answer's object; an empty one for anything else."""
    try:
        return section(response.json())
    except (ValueError, RecursionError):
        return section(None)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
