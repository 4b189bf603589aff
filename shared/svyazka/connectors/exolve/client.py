"""Calls to Exolve: POST with JSON, the application's key in a header. There is no client id, but one can ask."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.exolve.failures import UNTAKEN, failure
from svyazka.connectors.exolve.schema import error_text
from svyazka.connectors.exolve.settings import ExolveSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import NOTHING, Section, section, text, zoned_time
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way, retry_after, turned_away
from svyazka.model.outcomes import Outcome, Retry, Succeeded, Unclear

MESSAGING = "messaging/v1"
JSON = "application/json; charset=utf-8"

CLOCKS_APART = timedelta(minutes=2)
PAGE, PAGES = 2000, 5
"""GetList answers at most so many messages at a time; more pages than these aren't looked through."""


async def send(call: Call[ExolveSettings], number: str, words: str) -> Outcome:
    """One message to one number (11 digits, no plus). Raises NotSent, MaybeSent.

    An answer that says neither yes nor no is Unclear.
    """
    body = {"destination": number, "text": words}
    if call.settings.sender:
        body = {"number": call.settings.sender, **body}
    response = await _post(call, "SendSMS", body)
    answer = json_object(response)
    id_, said = text(answer.get("message_id"), 40), error_text(answer)
    if response.status_code == httpx.codes.OK and id_ is not None:
        return Succeeded(external_id=id_)
    if response.status_code == httpx.codes.OK and said is None:
        return Unclear(code="no_message_id", message=UNTAKEN, outage=False)
    if said is None and turned_away(response.status_code):
        return on_the_way(response, "Exolve")
    return failure(response.status_code, said, retry_after(response))


async def sent_since(call: Call[ExolveSettings], number: str, words: str, since: datetime) -> str | None:
    """The id of a message with this text to this number; None where there is none. Raises VendorFailure, NotSent,
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
    raise VendorFailure(
        Retry(code="too_many", message=N_("more than {value} messages to look through").format(value=PAGE * PAGES))
    )


async def count(call: Call[ExolveSettings]) -> str:
    """How many messages the application has sent and got. Raises as `sent_since` does."""
    return text((await _ask(call, "GetCount", {})).get("count"), 20) or "?"


async def _ask(call: Call[ExolveSettings], method: str, body: Mapping[str, Any]) -> Section:
    with call.reading():
        response = await _post(call, method, body)
    answer = json_object(response)
    said = error_text(answer)
    if said is None and turned_away(response.status_code):
        raise VendorFailure(on_the_way(response, "Exolve"))
    if response.status_code != httpx.codes.OK or said is not None:
        raise VendorFailure(failure(response.status_code, said, retry_after(response)))
    if answer is NOTHING:  # a page of somebody else's would pass for "no such message was sent"
        raise VendorFailure(on_the_way(response, "Exolve"))
    return answer


async def _post(call: Call[ExolveSettings], method: str, body: Mapping[str, Any]) -> httpx.Response:
    headers = {"Authorization": f"Bearer {call.settings.api_key}", "Content-Type": JSON}
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return await call.http.request("POST", f"{MESSAGING}/{method}", content=content, headers=headers)


def _listed(answer: Section) -> list[Section]:
    messages = answer.get("messages")
    return [section(one) for one in messages] if isinstance(messages, list) else []


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
