"""Calls to sms.ru. Every one is a POST with the key in the body: a key in a URL would end up in logs.

The API answers HTTP 200 whatever it has to say; only the JSON tells. Another status, or a body that isn't JSON,
comes from something in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.smsru.failures import accepted, entry_of, failure
from svyazka.connectors.smsru.schema import amount, whole
from svyazka.connectors.smsru.settings import SmsruSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way
from svyazka.model.outcomes import Outcome, Retry, Succeeded


@dataclass(frozen=True, slots=True)
class Price:
    """What a text to a number costs; None: sms.ru doesn't say, because it wouldn't send it."""

    roubles: float | None
    parts: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """A daily allowance of messages, and what of it is used; `total` None: sms.ru names none."""

    total: int | None
    used: int


async def send(call: Call[SmsruSettings], number: str, message: str, ttl_minutes: int | None = None) -> Outcome:
    """One message to one number (digits, country code first). Raises NotSent, MaybeSent."""
    params: dict[str, str | int] = {"to": number, "msg": message}
    if call.settings.sender:
        params["from"] = call.settings.sender
    if ttl_minutes is not None:
        params["ttl"] = ttl_minutes
    response = await _post(call, "sms/send", params)
    answer = _answer(response)
    if answer is None:
        return on_the_way(response, "sms.ru")
    if not accepted(answer):
        return failure(answer, call.now, call.maybe_sent_at)
    entry = entry_of(answer, number)
    if not accepted(entry):
        return failure(entry, call.now, call.maybe_sent_at)
    return Succeeded(external_id=text(entry.get("sms_id")), cost=amount(entry.get("cost")))


async def price(call: Call[SmsruSettings], number: str, message: str) -> Price:
    """The price of a text to a number. Raises VendorFailure, NotSent, MaybeSent; so do all that follow."""
    entry = entry_of(await _ask(call, "sms/cost", {"to": number, "msg": message}), number)
    return Price(amount(entry.get("cost")), whole(entry.get("sms"))) if accepted(entry) else Price(None, None)


async def status(call: Call[SmsruSettings], sms_id: str) -> tuple[int, float | None] | None:
    """A message's status code and cost; None when the account has no such message."""
    entry = entry_of(await _ask(call, "sms/status", {"sms_id": sms_id}), sms_id)
    code = whole(entry.get("status_code"))
    return (code, amount(entry.get("cost"))) if code is not None and code >= 0 else None


async def authorize(call: Call[SmsruSettings]) -> None:
    """Nothing when sms.ru knows the key."""
    await _ask(call, "auth/check")


async def balance(call: Call[SmsruSettings]) -> float | None:
    """Roubles."""
    return amount((await _ask(call, "my/balance")).get("balance"))


async def senders(call: Call[SmsruSettings]) -> list[str]:
    """Approved sender names; the key is absent where there are none."""
    return _texts((await _ask(call, "my/senders")).get("senders"))


async def daily_limit(call: Call[SmsruSettings]) -> Usage:
    """Messages a day."""
    return _usage(await _ask(call, "my/limit"), "total_limit")


async def free_messages(call: Call[SmsruSettings]) -> Usage:
    """Messages a day that cost nothing: only to the account's own phone."""
    return _usage(await _ask(call, "my/free"), "total_free")


async def callbacks(call: Call[SmsruSettings], add: str | None = None) -> list[str]:
    """Registered addresses, after `add` has been added to them.

    The answer isn't kept in the story: it holds keys, and not of our addresses alone.
    """
    if add is not None:
        _hide_address(call, add)
    method, params = ("callback/get", {}) if add is None else ("callback/add", {"url": add})
    try:
        return _texts((await _ask(call, method, params)).get("callback"))
    finally:
        call.http.blank("response_body")


async def _ask(call: Call[SmsruSettings], method: str, params: dict[str, str] | None = None) -> Section:
    response = await _post(call, method, params or {})
    answer = _answer(response)
    if answer is None:
        raise VendorFailure(
            Retry(code=f"http_{response.status_code}", message=N_("expected sms.ru's JSON, got something else"))
        )
    if not accepted(answer):
        raise VendorFailure(failure(answer, call.now))
    return answer


async def _post(call: Call[SmsruSettings], method: str, params: dict[str, Any]) -> httpx.Response:
    api_id = call.settings.api_id or ""
    call.http.hide(quote_plus(api_id))  # as it stands in a form
    return await call.http.request("POST", method, data={"api_id": api_id, "json": 1, **params})


def _answer(response: httpx.Response) -> Section | None:
    """The API's own answer, whatever the HTTP status; None for what isn't one."""
    answer = json_object(response)
    return answer if "status_code" in answer else None


def _usage(answer: Section, total: str) -> Usage:
    return Usage(whole(answer.get(total)), whole(answer.get("used_today")) or 0)


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _hide_address(call: Call[SmsruSettings], url: str) -> None:
    for _, secret in parse_qsl(urlsplit(url).query):
        call.http.hide(secret)
    call.http.hide(quote_plus(url))
