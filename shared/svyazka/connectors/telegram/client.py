"""Calls to the Bot API. The token stands in the path: no story, log line or exception may show a URL of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from svyazka.catalogue import N_
from svyazka.connectors.telegram.failures import failure, moved_to
from svyazka.connectors.telegram.schema import identifier
from svyazka.connectors.telegram.settings import TelegramSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, whole
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way
from svyazka.model.commands import Button
from svyazka.model.outcomes import Blocked, Outcome, Succeeded, Unclear

CALL_TIMEOUT = 15.0
MOVED_FOR = timedelta(days=365)
"""How long a group's new id is remembered; the old one names it anew at any time."""


async def send(
    call: Call[TelegramSettings], chat: str, words: str, buttons: Sequence[Sequence[Button]] = ()
) -> Outcome:  # fmt: skip
    """One message, as plain text: what came from outside can't become markup. A moved group is followed once."""
    message = {"text": words, "link_preview_options": {"is_disabled": True}, **_keyboard(buttons)}
    known = await _known_chat(call, chat)
    try:
        status, answer = await _call(call, "sendMessage", {"chat_id": known, **message})
        new = moved_to(status, answer)
        if new is not None:
            await _remember(call, chat, new)
            status, answer = await _call(call, "sendMessage", {"chat_id": new, **message})
    except VendorFailure as error:
        return error.outcome
    if status == 200 and answer.get("ok") is True:
        sent = section(answer.get("result"))
        where, number = identifier(section(sent, "chat").get("id")), identifier(sent.get("message_id"))
        return Succeeded(external_id=f"{where}/{number}")
    if status < 300:
        return Unclear(code="not_json", message=N_("Telegram answered 200 with something that isn't its JSON"))
    return failure(status, answer)


def _keyboard(buttons: Sequence[Sequence[Button]]) -> dict[str, object]:
    """Under the message; what asks for a phone can stand only in the place of the keyboard, and goes once pressed."""
    if not any(buttons):
        return {}
    if any(button.asks_phone for row in buttons for button in row):
        rows = [[{"text": one.text, "request_contact": one.asks_phone} for one in row] for row in buttons]
        return {"reply_markup": {"keyboard": rows, "one_time_keyboard": True, "resize_keyboard": True}}
    return {
        "reply_markup": {"inline_keyboard": [[{"text": b.text, "callback_data": b.data} for b in r] for r in buttons]}
    }


async def ask(call: Call[TelegramSettings], method: str, body: Mapping[str, object] | None = None) -> Section:
    """`result` of any other method. Raises VendorFailure, NotSent, MaybeSent."""
    status, answer = await _call(call, method, body)
    if status == 200 and answer.get("ok") is True:
        return section(answer.get("result"))
    if status < 300:
        raise VendorFailure(
            Unclear(code="not_json", message=N_("Telegram answered with something that isn't its JSON"))
        )
    raise VendorFailure(failure(status, answer))


async def _call(
    call: Call[TelegramSettings], method: str, body: Mapping[str, object] | None = None
) -> tuple[int, Section]:
    token = call.settings.bot_token
    if token is None:
        remedy = "svyazka secret set"
        raise VendorFailure(Blocked(code="no_credentials", message=N_("не задан bot_token"), remedy=remedy))
    call.http.hide(token)
    response = await call.http.request("POST", f"/bot{token}/{method}", json=dict(body or {}), timeout=CALL_TIMEOUT)
    answer = json_object(response)
    if not isinstance(answer.get("ok"), bool) and 300 <= response.status_code < 500:
        raise VendorFailure(on_the_way(response, "Telegram"))
    refused = whole(answer.get("error_code")) if answer.get("ok") is False else None
    return refused or response.status_code, answer


async def _known_chat(call: Call[TelegramSettings], chat: str) -> str:
    """The chat's id as it is now: only groups, whose ids are negative, ever change theirs."""
    name = f"telegram.chat.{chat}"
    if not chat.startswith("-"):
        return chat
    if name not in call.memo:
        kept = await call.tokens.get(name) if call.tokens else None
        call.memo[name] = kept[0] if kept else chat
    found: str = call.memo[name]
    return found


async def _remember(call: Call[TelegramSettings], chat: str, new: str) -> None:
    name = f"telegram.chat.{chat}"
    call.memo[name] = new
    if call.tokens is not None:
        await call.tokens.put(name, new, call.now + MOVED_FOR)
