"""Calls to iikoCloud API: tokens, and what each failure means. Every call is a POST with JSON, reads too."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.iiko.failures import CREDENTIALS, failure
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.engine.contracts.calls import TOKEN_MARGIN, Call
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way, retry_after, turned_away
from svyazka.model.outcomes import Blocked, Retry

TILL_TIMEOUT = 10
"""Seconds that iiko may wait for the till (header `Timeout`, 15 unless told)."""
CALL_TIMEOUT = TILL_TIMEOUT + 5.0

LONGEST_WAIT = 3600.0
"""Seconds to which a Retry-After is believed."""

TOKEN_LIFE = timedelta(minutes=15)
"""For a token that doesn't say when it ends; iiko's usual life is an hour."""

DICTIONARY_LIFE = timedelta(hours=1)

T = TypeVar("T")


async def ask(call: Call[IikoSettings], path: str, body: dict[str, object]) -> Section:
    """One read. A 401 renews the token once and asks once more. Raises VendorFailure, NotSent, MaybeSent."""
    token = await _token(call)
    response = await _post(call, path, body, token)
    if response.status_code == 401:
        token = await _token(call, refused=token)
        response = await _post(call, path, body, token)
    return _content(call, response)


async def _post(call: Call[IikoSettings], path: str, body: object, token: str | None = None) -> httpx.Response:
    _wait_for_quota(call)
    headers = {"Timeout": str(TILL_TIMEOUT)}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await call.http.request("POST", path, json=body, headers=headers, timeout=CALL_TIMEOUT)


def _content(call: Call[IikoSettings], response: httpx.Response) -> Section:
    said = json_object(response)
    if response.status_code == 200:
        if said:
            return said
        raise VendorFailure(Retry(code="not_json", message=N_("iiko answered 200 with something that isn't its JSON")))
    # A quota is a quota whoever says so: iiko blocks logins for going on.
    if turned_away(response.status_code) and response.status_code != 429 and not _own(response):
        raise VendorFailure(on_the_way(response, "iiko"))
    detail = text(said.get("errorDescription")) or text(said.get("message"))
    cut = call.http.cut(detail) if detail else None
    outcome = failure(response.status_code, text(said.get("error")), cut, retry_after(response))
    if isinstance(outcome, Retry) and response.status_code == 429:
        wait = min(outcome.after or 0.0, LONGEST_WAIT)
        call.memo[_named(call, "quota")] = datetime.now(UTC) + timedelta(seconds=wait)
        outcome = outcome.model_copy(update={"after": wait})
    raise VendorFailure(outcome)


def _own(response: httpx.Response) -> bool:
    """Whether a refusal is iiko's own: an object, or nothing at all, as its platform answers 401 and 403."""
    return bool(json_object(response)) or (response.status_code in (401, 403) and not response.content)


def _wait_for_quota(call: Call[IikoSettings]) -> None:
    """Over the quota nobody asks before its time is up: iiko blocks logins for many failing requests."""
    until: datetime | None = call.memo.get(_named(call, "quota"))
    left = (until - datetime.now(UTC)).total_seconds() if until else 0.0
    if left > 0:
        raise VendorFailure(Retry(code="429", message=N_("waiting until iiko's quota is free again"), after=left))


def _named(call: Call[IikoSettings], what: str) -> str:
    """Where something of these credentials is remembered: others, or another installation, never get it."""
    owner = json.dumps([call.settings.base_url, call.settings.sign_in()])
    return f"iiko.{what}-{sha256(owner.encode()).hexdigest()[:16]}"


async def remembered(call: Call[IikoSettings], what: str, read: Callable[[], Awaitable[T]]) -> T:
    """A dictionary of iiko's, read once an hour by each process."""
    name = _named(call, what)
    kept: tuple[T, datetime] | None = call.memo.get(name)
    now = datetime.now(UTC)
    if kept is None or kept[1] <= now:
        kept = call.memo[name] = (await read(), now + DICTIONARY_LIFE)
    return kept[0]


async def _token(call: Call[IikoSettings], refused: str | None = None) -> str:
    sign_in = call.settings.sign_in()
    if sign_in is None:
        missing = N_("не заданы api_key, app_id и client_secret или api_login")
        raise VendorFailure(Blocked(code="no_credentials", message=missing, remedy=CREDENTIALS))
    return await call.token(_named(call, "token"), lambda: _fresh(call, *sign_in), refused)


async def _fresh(call: Call[IikoSettings], path: str, body: dict[str, str]) -> tuple[str, datetime]:
    response = await _post(call, path, body)
    if response.status_code in (400, 401, 403) and _own(response):
        message = N_("iiko не признаёт эти ключи")
        raise VendorFailure(Blocked(code=str(response.status_code), message=message, remedy=CREDENTIALS))
    token = _content(call, response).get("token")
    if not isinstance(token, str) or not token:
        raise VendorFailure(Retry(code="no_token", message=N_("iiko answered without a token")))
    call.http.blank("response_body")  # it holds a secret that wasn't known before it came
    return token, token_end(token, datetime.now(UTC))


def token_end(token: str, now: datetime) -> datetime:
    """The `exp` of a JWT; 15 minutes from now for what isn't one, or says that it is over already."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        end = datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, OSError):
        return now + TOKEN_LIFE
    return end if end > now + TOKEN_MARGIN else now + TOKEN_LIFE
