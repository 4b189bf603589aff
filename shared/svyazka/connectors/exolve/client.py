"""Calls to Exolve: POST with JSON, the application's key in a header. There is no client id, but one can ask."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import Field

from svyazka.catalogue import N_
from svyazka.connectors.exolve.failures import UNTAKEN, failure
from svyazka.connectors.exolve.schema import error_text
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, text, zoned_time
from svyazka.engine.rules.on_the_way import on_the_way, turned_away
from svyazka.model.errors import SourceUnavailable
from svyazka.model.outcomes import Outcome, Retry, Succeeded, Unclear
from svyazka.model.tenants import ConnectionSettings

MESSAGING = "messaging/v1"
JSON = "application/json; charset=utf-8"

CLOCKS_APART = timedelta(minutes=2)
PAGE, PAGES = 2000, 5
"""GetList answers at most so many messages at a time; more pages than these aren't looked through."""


class ExolveSettings(ConnectionSettings):
    """`api_key`: of an application. `sender`: its number (79...) or a registered name.

    `whatsapp_sender` is taken and not used: there is no public documentation of Exolve's WhatsApp API.
    """

    api_key: str | None = Field(default=None, min_length=1)
    sender: str | None = Field(default=None, min_length=1)
    whatsapp_sender: str | None = Field(default=None, min_length=1)


class ExolveFailure(SourceUnavailable):
    """Exolve couldn't or wouldn't answer a question; `outcome` says what to make of it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(getattr(outcome, "message", None) or outcome.kind)


async def send(call: Call[ExolveSettings], number: str, words: str) -> Outcome:
    """One message to one number (11 digits, no plus). Raises NotSent, MaybeSent.

    An answer that says neither yes nor no is Unclear.
    """
    body = {"destination": number, "text": words}
    if call.settings.sender:
        body = {"number": call.settings.sender, **body}
    response = await _post(call, "SendSMS", body)
    answer = _json(response)
    id_, said = text(answer.get("message_id"), 40), error_text(answer)
    if response.status_code == httpx.codes.OK and id_ is not None:
        return Succeeded(external_id=id_)
    if response.status_code == httpx.codes.OK and said is None:
        return Unclear(code="no_message_id", message=UNTAKEN, outage=False)
    if said is None and turned_away(response.status_code):
        return on_the_way(response, "Exolve")
    return failure(response.status_code, said, response.headers, datetime.now(UTC))


async def sent_since(call: Call[ExolveSettings], number: str, words: str, since: datetime) -> str | None:
    """The id of a message with this text to this number; None where there is none. Raises ExolveFailure, NotSent,
    MaybeSent.
    """
    wanted: dict[str, Any] = {"date_gte": _stamp(since - CLOCKS_APART), "limit": PAGE}
    if call.settings.sender:
        wanted["number"] = call.settings.sender
    for page in range(PAGES):
        messages = _listed(await _ask(call, "GetList", {**wanted, "offset": page * PAGE}))
        for message in messages:
            came = zoned_time(message.get("date"))
            fits = (text(message.get("receiver")), str(message.get("text")).strip()) == (number, words.strip())
            if fits and (came is None or came >= since - CLOCKS_APART):
                return text(message.get("message_id"), 40)
        if len(messages) < PAGE:
            return None
    raise ExolveFailure(
        Retry(code="too_many", message=N_("more than {value} messages to look through").format(value=PAGE * PAGES))
    )


async def count(call: Call[ExolveSettings]) -> str:
    """How many messages the application has sent and got. Raises as `sent_since` does."""
    return text((await _ask(call, "GetCount", {})).get("count"), 20) or "?"


async def _ask(call: Call[ExolveSettings], method: str, body: Mapping[str, Any]) -> Section:
    response = await _post(call, method, body)
    answer = _json(response)
    said = error_text(answer)
    if said is None and turned_away(response.status_code):
        raise ExolveFailure(on_the_way(response, "Exolve"))
    if response.status_code != httpx.codes.OK or said is not None:
        raise ExolveFailure(failure(response.status_code, said, response.headers, datetime.now(UTC)))
    return answer


async def _post(call: Call[ExolveSettings], method: str, body: Mapping[str, Any]) -> httpx.Response:
    headers = {"Authorization": f"Bearer {call.settings.api_key}", "Content-Type": JSON}
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return await call.http.request("POST", f"{MESSAGING}/{method}", content=content, headers=headers)


def _json(response: httpx.Response) -> Section:
    """The answer's object; an empty one for anything else (a wrong address answers in plain text)."""
    try:
        return section(response.json())
    except (ValueError, RecursionError):
        return section(None)


def _listed(answer: Section) -> list[Section]:
    messages = answer.get("messages")
    return [section(one) for one in messages] if isinstance(messages, list) else []


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
