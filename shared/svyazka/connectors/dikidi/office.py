"""DIKIDI's back office, signed in as an employee of the salon: only what reads the journal.

Everything here is what the vendor's own pages call. After a few failed sign-ins a captcha appears, so that a password
that was refused once is never tried again: neither in this process nor in another, until it is another one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from svyazka.connectors.dikidi.client import BROWSER, CALL_TIMEOUT, FORM
from svyazka.connectors.dikidi.failures import (
    CHANGED,
    MARKS,
    NO_RIGHTS,
    SIGN_IN_REFUSED,
    not_an_answer,
    refused,
)
from svyazka.connectors.dikidi.journal import Journal, journal_of
from svyazka.connectors.dikidi.schema import refusal_of
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import outcome_of
from svyazka.engine.contracts.untrusted import text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object
from svyazka.model.outcomes import Retry

AUTH = "https://auth.dikidi.ru"
PATHS: Mapping[str, str] = {
    "home": "/ru/",
    "check": "/ajax/check/auth/",
    "sign_in": "/ajax/user/auth/",
    "office": "/ru/owner/journal/",
    "journal": "/ru/owner/ajax/journal/api/",
}

SESSION_LIFE = timedelta(hours=10)
"""A session lives some 12 hours (from others' programs)."""

REFUSED_FOR = timedelta(days=365)
COOKIES = ("token", "cookie_name", "uac", "cid", "session", "lang", "XSRF-TOKEN")
_CSRF = re.compile(r"[a-f0-9]{32}:\d+\.\d+")
_DONE = "sw.auth.complete"

_Cookies = dict[str, str]


async def journal(call: Call[DikidiSettings], first: date, last: date) -> Journal:
    """The visits of these days. A session that is over is renewed once. Raises VendorFailure, NotSent, MaybeSent."""
    cookies = await _session(call)
    response = await _read(call, cookies, first, last)
    if _is_lost(response):
        cookies = await _session(call, refused=cookies)
        response = await _read(call, cookies, first, last)
        if _is_lost(response):
            raise VendorFailure(outcome_of(NO_RIGHTS, "no_rights"))
    answer = json_object(response)
    refusal = refusal_of(answer)
    if refusal is not None:
        raise VendorFailure(refused(refusal))
    if not answer or not response.is_success:
        raise VendorFailure(not_an_answer(response, acted=False))
    found = journal_of(answer)
    if found is None:
        raise VendorFailure(outcome_of(CHANGED, "changed"))
    return found


async def _read(call: Call[DikidiSettings], cookies: str, first: date, last: date) -> httpx.Response:
    asked: dict[str, Any] = {"request[get][]": ["masters.info", "masters.records"]}
    for name, day in (("date_from", first), ("date_to", last)):
        asked[f"request[options][masters][records][0][{name}]"] = day.isoformat()
    try:
        return await _request(call, "POST", PATHS["journal"], _company(call), asked, json.loads(cookies))
    finally:
        call.http.blank("response_body")  # everybody's names and phones


def _is_lost(response: httpx.Response) -> bool:
    """Whether DIKIDI doesn't know us any more, or has never let this employee see that. A page of the bot protection
    is no such thing: signing in again would only make it worse."""
    page = response.text[:20_000].casefold()
    if response.status_code in (401, 403):
        return not any(mark in page for mark in MARKS)
    said = json_object(response)
    if said:
        refusal = refusal_of(said)
        return refusal is not None and "недостаточно прав" in (refusal.said or "").casefold()
    return response.status_code == 200 and 'name="password"' in page


# Signing in


async def _session(call: Call[DikidiSettings], refused: str | None = None) -> str:
    """The cookies of a session, one for all calls and instances."""
    settings = call.settings
    assert settings.login is not None
    assert settings.password is not None
    ours = hashlib.sha256(f"{settings.login}\n{settings.password}".encode()).hexdigest()[:16]
    if await call.kept(f"office.refused.{ours}") is not None:
        raise VendorFailure(outcome_of(SIGN_IN_REFUSED, "sign_in"))

    async def fresh() -> tuple[str, datetime]:
        try:
            found = await _signed_in(call, settings.login or "", settings.password or "")
        except VendorFailure as failure:
            if failure.code == "sign_in":
                await call.keep(f"office.refused.{ours}", f"no-{ours}", datetime.now(UTC) + REFUSED_FOR)
            raise
        return json.dumps(found, sort_keys=True), datetime.now(UTC) + SESSION_LIFE

    return await call.token(f"office.{ours}", fresh, refused)


async def _signed_in(call: Call[DikidiSettings], login: str, password: str) -> _Cookies:
    auth = AUTH if (urlsplit(call.http.base_url).hostname or "").endswith("dikidi.net") else call.http.base_url
    number = "".join(filter(str.isdigit, login))
    home = await _request(call, "GET", PATHS["home"], {}, None, {})
    call.http.blank("response_body")
    if home.status_code >= 400:
        raise VendorFailure(not_an_answer(home, acted=False))
    cookies = _cookies_of(home)
    form = {"number": number}
    page = _CSRF.search(home.text)
    if page is not None:
        form["telegram_csrf"] = page[0]
        checked = await _request(call, "POST", auth + PATHS["check"], {}, form, cookies)
        call.http.blank("request_body", "response_body")
        cookies |= _cookies_of(checked)
        form["csrf"] = text(json_object(checked).get("csrf"), 100) or page[0]
    form |= {"password": password, "pdAgreement": "1"}
    answer = await _request(call, "POST", auth + PATHS["sign_in"], {}, form, cookies)
    call.http.blank("request_body", "response_body")
    if _DONE not in answer.text:
        if answer.status_code == 400 or (answer.is_success and json_object(answer)):
            raise VendorFailure(outcome_of(SIGN_IN_REFUSED, "sign_in"))
        raise VendorFailure(not_an_answer(answer, acted=False))
    cookies |= _cookies_of(answer)
    bound = await _request(call, "GET", PATHS["office"], _company(call), None, cookies)
    call.http.blank("response_body")
    if not bound.is_success:
        raise VendorFailure(not_an_answer(bound, acted=False))
    cookies |= _cookies_of(bound)
    for value in cookies.values():
        call.http.hide(value)
    return cookies


def _cookies_of(response: httpx.Response) -> _Cookies:
    found: _Cookies = {}
    for line in response.headers.get_list("set-cookie"):
        name, _, value = line.partition(";")[0].strip().partition("=")
        if name in COOKIES and value:
            found[name] = value
    return found


async def _request(
    call: Call[DikidiSettings], method: str, url: str, params: Mapping[str, str], form: Mapping[str, Any] | None,
    cookies: _Cookies,
) -> httpx.Response:  # fmt: skip
    home = call.http.base_url
    headers = {
        "User-Agent": BROWSER,
        "Accept": "application/json, text/javascript, */*; q=0.01",
        "Accept-Language": "ru-RU,ru;q=0.9",
        "X-Requested-With": "XMLHttpRequest",
        "Origin": home,
        "Referer": f"{home}{PATHS['office']}?company={call.settings.company}",
        **({"Content-Type": FORM} if form is not None else {}),
        **({"Cookie": "; ".join(f"{name}={value}" for name, value in sorted(cookies.items()))} if cookies else {}),
        **({"X-XSRF-TOKEN": cookies["XSRF-TOKEN"]} if "XSRF-TOKEN" in cookies else {}),
    }
    return await call.http.request(method, url, params=params or None, data=form, headers=headers, timeout=CALL_TIMEOUT)


def _company(call: Call[DikidiSettings]) -> Mapping[str, str]:
    return {"company": str(call.settings.company)}


def is_passing(failure: VendorFailure) -> bool:
    """Whether it will be over by itself."""
    return isinstance(failure.outcome, Retry)


def why(failure: VendorFailure) -> tuple[str, str]:
    """Code and words of what is wrong, and what to do."""
    remedy = getattr(failure.outcome, "remedy", None)
    return failure.code or "failed", " ".join(filter(None, (f"{failure}.", remedy)))
