"""Calls to АТОЛ Онлайн: JSON over HTTPS, and a token that is asked for only once the last one isn't taken any more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.atol.failures import FAILURES, TAKEN_BEFORE, TOKEN_CODES
from svyazka.connectors.atol.settings import AtolSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import outcome_of
from svyazka.engine.contracts.untrusted import NOTHING, Section, section, text, whole
from svyazka.engine.contracts.vendor_answers import VendorFailure, on_the_way, retry_after
from svyazka.model.money import amounts_as_text
from svyazka.model.outcomes import Blocked, Outcome, Unclear
from svyazka.model.reasons import Reason

TOKEN_LIFE = timedelta(hours=24)
"""From its first issue: one that is handed out again may end earlier, and says so by error 11."""

SOURCE = "svyazka"


async def register(call: Call[AtolSettings], operation: str, document: Mapping[str, Any]) -> tuple[str, bool]:
    """The uuid of what stands under the document's number now, and whether it stood there before. Raises VendorFailure,
    NotSent, MaybeSent."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    status, answer, response = await _asked(call, "POST", operation, body)
    uuid = text(answer.get("uuid"), 128)
    code = code_of(answer)
    if uuid is not None and code == TAKEN_BEFORE:
        return uuid, True
    if status == httpx.codes.OK and uuid is not None and code is None:
        return uuid, False
    raise VendorFailure(_failure(response, answer))


async def report(call: Call[AtolSettings], uuid: str) -> Section:
    """A document's report, or the service's error. Raises VendorFailure (not for an error that is the answer), NotSent,
    MaybeSent."""
    _, answer, response = await _asked(call, "GET", f"report/{quote(uuid, safe='')}")
    if text(answer.get("status"), 20) is None and code_of(answer) is None:
        raise VendorFailure(on_the_way(response, "АТОЛ"))
    return answer


async def let_in(call: Call[AtolSettings]) -> str:
    """Whether login and password are known: a token is asked for. Raises VendorFailure, NotSent, MaybeSent."""
    await _token(call)
    return call.settings.group_code or "?"


def failure(status: int, answer: Section, after: float | None = None) -> Outcome:
    """What the service's own refusal means."""
    code = code_of(answer)
    rule = FAILURES.rule_of(status, code)
    said = text(section(answer.get("error")).get("text"), 300)
    words = f"{rule.what}: {said}" if said and rule.do == "refuse" else rule.what
    if rule.do == "done":
        message = N_("ATOL has a document under this number and doesn't say which")
        return Unclear(code="no_uuid", message=message, reason=Reason.DUPLICATE, outage=False)
    return outcome_of(rule, str(code) if code is not None else f"http_{status}", message=words, after=after)


async def _asked(
    call: Call[AtolSettings], method: str, path: str, body: bytes | None = None
) -> tuple[int, Section, httpx.Response]:
    if call.hook_url is not None:
        call.http.hide(call.hook_url)  # documents name it, and its key is all that keeps strangers out
    token = await _token(call)
    response = await _sent(call, method, f"{call.settings.group_code}/{path}", body, token)
    if response.status_code == httpx.codes.UNAUTHORIZED and code_of(_answer(response)) in TOKEN_CODES:
        token = await _token(call, refused=token)
        response = await _sent(call, method, f"{call.settings.group_code}/{path}", body, token)
    return response.status_code, _answer(response), response


async def _sent(
    call: Call[AtolSettings], method: str, path: str, body: bytes | None, token: str | None = None
) -> httpx.Response:
    headers = {"Token": token} if token is not None else {}
    if body is not None:
        headers["Content-Type"] = "application/json; charset=utf-8"
    return await call.http.request(method, f"{call.settings.version}/{path}", content=body, headers=headers)


async def _token(call: Call[AtolSettings], refused: str | None = None) -> str:
    settings = call.settings
    owner = json.dumps([settings.base_url, settings.version, settings.login, settings.password])
    name = f"atol.token-{sha256(owner.encode()).hexdigest()[:16]}"
    return await call.token(name, lambda: _fresh(call), refused)


async def _fresh(call: Call[AtolSettings]) -> tuple[str, datetime]:
    asked = {"login": call.settings.login, "pass": call.settings.password, "source": SOURCE}
    response = await _sent(call, "POST", "getToken", json.dumps(asked, ensure_ascii=False).encode())
    answer = _answer(response)
    token = text(answer.get("token"), 1000)
    if token is not None and response.status_code == httpx.codes.OK:
        call.http.blank("response_body")  # it holds a secret that wasn't known before it came
        return token, datetime.now(UTC) + TOKEN_LIFE
    failed = _failure(response, answer)
    if failed.kind == "refused":  # a blank in the login fails its schema
        rule = FAILURES.codes[12]
        failed = Blocked(code=failed.code, message=rule.what, remedy=rule.remedy or "", reason=rule.reason)
    raise VendorFailure(failed)


def _failure(response: httpx.Response, answer: Section) -> Outcome:
    if code_of(answer) is None and response.status_code != httpx.codes.TOO_MANY_REQUESTS:
        return on_the_way(response, "АТОЛ")
    return failure(response.status_code, answer, retry_after(response))


def code_of(answer: Section) -> int | None:
    """The code of the error that it tells of."""
    return whole(section(answer.get("error")).get("code"))


def _answer(response: httpx.Response) -> Section:
    try:
        return section(amounts_as_text(response.content))
    except (ValueError, RecursionError):
        return NOTHING
