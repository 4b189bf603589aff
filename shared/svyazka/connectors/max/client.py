"""Calls to MAX's bot API: JSON, the raw token in `Authorization`, and refusals that may come as HTTP 200."""

from __future__ import annotations

import httpx
from pydantic import Field

from svyazka.catalogue import N_
from svyazka.connectors.max.failures import UNTRUSTED, is_untrusted, outcome_of
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.rules.on_the_way import on_the_way, turned_away
from svyazka.model.errors import NotSent, SourceUnavailable
from svyazka.model.outcomes import Blocked, Outcome, Retry, Succeeded, Unclear
from svyazka.model.tenants import ConnectionSettings

CALL_TIMEOUT = 15.0


class MaxSettings(ConnectionSettings):
    """A bot. `webhook_secret`: what its webhook is registered with, where it isn't to be made from the token."""

    bot_token: str | None = Field(
        default=None, pattern=r"^\S+$", description="a bot's token of business.max.ru: one word, no spaces"
    )
    webhook_secret: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{5,256}$")


class MaxFailure(SourceUnavailable):
    """MAX couldn't or wouldn't answer; `outcome` says what to make of it."""

    outcome: Outcome

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(getattr(outcome, "message", None) or outcome.kind)


async def send(call: Call[MaxSettings], address: str, words: str) -> Outcome:
    """One message, as plain text, to a user (who must have started the bot) or, by a negative id, to a chat."""
    params = {"chat_id" if address.startswith("-") else "user_id": address, "disable_link_preview": "true"}
    try:
        answer = await ask(call, "POST", "/messages", params=params, json={"text": words, "notify": True})
    except MaxFailure as failure:
        return failure.outcome
    mid = text(section(answer, "message", "body").get("mid"))
    if mid is None:
        return Unclear(code="no_id", message=N_("MAX answered without the message's id"))
    return Succeeded(external_id=mid)


async def ask(
    call: Call[MaxSettings],
    method: str,
    path: str,
    *,
    params: dict[str, str] | None = None,
    json: object = None,
) -> Section:
    """One call. Raises MaxFailure, NotSent, MaybeSent."""
    token = call.settings.bot_token
    if token is None:
        raise MaxFailure(Blocked(code="no_credentials", message=N_("не задан bot_token"), remedy="svyazka secret set"))
    headers = {"Authorization": token}
    try:
        response = await call.http.request(
            method, path, params=params, json=json, headers=headers, timeout=CALL_TIMEOUT
        )
    except NotSent as error:
        if is_untrusted(error):
            raise MaxFailure(UNTRUSTED) from error
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
            raise MaxFailure(Retry(code="not_max", message=N_("something on the way answered in MAX's place")))
        raise MaxFailure(Unclear(code="not_json", message=N_("MAX answered 200 with something that isn't its JSON")))
    if status == 200 and answer.get("success") is not False:
        return answer
    if turned_away(status) and not (text(answer.get("code")) or text(answer.get("message"))):
        raise MaxFailure(on_the_way(response, "MAX"))
    raise MaxFailure(outcome_of(status, answer))
