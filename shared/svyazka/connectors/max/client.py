"""Calls to MAX's bot API: JSON, the raw token in `Authorization`, and refusals that may come as HTTP 200."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.max.failures import UNTRUSTED, failure, is_untrusted
from svyazka.connectors.max.settings import MaxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import outcome_of
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, on_the_way, retry_after
from svyazka.model.commands import Button
from svyazka.model.errors import NotSent
from svyazka.model.outcomes import Blocked, Outcome, Retry, Succeeded, Unclear

CALL_TIMEOUT = 15.0


async def send(call: Call[MaxSettings], address: str, words: str, buttons: Sequence[Sequence[Button]] = ()) -> Outcome:
    """One message, as plain text, to a user (who must have started the bot) or, by a negative id, to a chat."""
    params = {"chat_id" if address.startswith("-") else "user_id": address, "disable_link_preview": "true"}
    try:
        message = {"text": words, "notify": True, **_keyboard(buttons)}
        answer = await ask(call, "POST", "/messages", params=params, json=message)
    except VendorFailure as error:
        return error.outcome
    mid = text(section(answer, "message", "body").get("mid"))
    if mid is None:
        return Unclear(code="no_id", message=N_("MAX answered without the message's id"))
    return Succeeded(external_id=mid)


def _keyboard(buttons: Sequence[Sequence[Button]]) -> dict[str, object]:
    """Under the message, each a `callback` that brings its payload back, or a `request_contact`."""
    rows = [[_shown(one) for one in row] for row in buttons if row]
    return {"attachments": [{"type": "inline_keyboard", "payload": {"buttons": rows}}]} if rows else {}


def _shown(button: Button) -> dict[str, str]:
    if button.asks_phone:
        return {"type": "request_contact", "text": button.text}
    return {"type": "callback", "text": button.text, "payload": button.data}


async def ask(
    call: Call[MaxSettings],
    method: str,
    path: str,
    *,
    params: dict[str, str] | None = None,
    json: object = None,
) -> Section:
    """One call. Raises VendorFailure, NotSent, MaybeSent."""
    token = call.settings.bot_token
    if token is None:
        raise VendorFailure(
            Blocked(code="no_credentials", message=N_("не задан bot_token"), remedy="svyazka secret set")
        )
    headers = {"Authorization": token}
    try:
        response = await call.http.request(
            method, path, params=params, json=json, headers=headers, timeout=CALL_TIMEOUT
        )
    except NotSent as error:
        if is_untrusted(error):
            raise VendorFailure(outcome_of(UNTRUSTED, "tls")) from error
        raise
    return _content(response)


def _content(response: httpx.Response) -> Section:
    status = response.status_code
    try:
        content: object = response.json()
    except (ValueError, RecursionError):
        content = None
    answer = section(content)
    if status == 200 and not isinstance(content, dict):
        if "html" in response.headers.get("content-type", "").lower():
            # The page of an operator or of a network on the way: MAX hasn't seen the call.
            raise VendorFailure(Retry(code="not_max", message=N_("something on the way answered in MAX's place")))
        raise VendorFailure(Unclear(code="not_json", message=N_("MAX answered 200 with something that isn't its JSON")))
    if status == 200 and answer.get("success") is not False:
        return answer
    if 200 < status < 300:  # no success that MAX's pages know, and no refusal either
        raise VendorFailure(on_the_way(response, "MAX"))
    if 300 <= status < 500 and not (text(answer.get("code")) or text(answer.get("message"))):
        raise VendorFailure(on_the_way(response, "MAX"))
    raise VendorFailure(failure(status, answer, retry_after(response)))
