"""One question to a vendor's token address, and what its answer means. No state, no store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Exchanges
from svyazka.engine.contracts.oauth import OAuthApp
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.engine.support.urls import is_own_machine
from svyazka.model.errors import LeaseTooShort, MaybeSent, NotSent
from svyazka.model.grants import Pair, Trouble
from svyazka.model.outcomes import Blocked, Retry
from svyazka.model.reasons import Reason

if TYPE_CHECKING:
    import httpx

TEXT_LIMIT = 500
LONGEST_LIFE = 10 * 365 * 86400.0
"""Seconds of `expires_in` that are believed."""

_PLACES = {"json": "json", "form": "data", "query": "params"}
"""Encoding of a question -> where its fields go."""

MARGIN = timedelta(minutes=5)
"""An access token is renewed this long before its end; one of a shorter life at the half of it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """No pair came."""

    do: Literal["reauthorise", "block", "retry"]
    trouble: Trouble
    after: float | None = None
    heard: bool = True
    """An answer came, and it was no. Without one the same refresh token is asked with once more."""

    def outcome(self) -> Blocked | Retry:
        """The same for a delivery, a poll or a re-read that wanted access."""
        trouble = self.trouble
        if self.do == "retry":
            return Retry(
                code=trouble.code, message=trouble.message, after=self.after, reason=Reason.OUT_OF_SERVICE
            )  # fmt: skip
        return Blocked(code=trouble.code, message=trouble.message, remedy=trouble.remedy, reason=Reason.NO_ACCESS)


def code_fields(app: OAuthApp, code: str) -> dict[str, str]:
    """What exchanges a code."""
    return _fields(app, "authorization_code") | {"code": code}


def refresh_fields(app: OAuthApp, refresh: str) -> dict[str, str]:
    """What exchanges a refresh token."""
    return _fields(app, "refresh_token") | {"refresh_token": refresh}


def _fields(app: OAuthApp, grant_type: str) -> dict[str, str]:
    fields = {"client_id": app.client_id, "client_secret": app.client_secret, "grant_type": grant_type}
    return fields | ({"redirect_uri": app.redirect_uri} if app.redirect_uri is not None else {})


async def ask(
    http: Exchanges, app: OAuthApp, base_url: str | None, fields: Mapping[str, str], now: datetime
) -> Pair | Failure:
    """Ask for a pair; raises nothing of the network. `now` is real time."""
    url = app.token_path if "://" in app.token_path else f"{base_url}{app.token_path}"
    if "://" not in url:
        return _failed("block", "no_address", N_("адрес аккаунта неизвестен"), N_("Впишите его в файл бизнеса"))
    given: dict[str, Any] = {_PLACES[app.encoding]: dict(fields)}
    for secret in ("code", "refresh_token", "client_secret"):
        if app.encoding == "query" and secret in fields:
            http.hide(fields[secret])  # it travels in the address, which stories and logs show
    try:
        method = "GET" if app.encoding == "query" else "POST"
        response = await http.request(method, url, headers={"Accept": "application/json"}, **given)
    except NotSent as error:
        return replace(_failed("retry", "not_connected", str(error)), heard=False)
    except LeaseTooShort as error:
        return replace(_failed("retry", "lease_too_short", str(error)), heard=False)
    except MaybeSent as error:
        silent = _failed("retry", "timeout", N_("no answer to a request for access ({why})").format(why=error))
        return replace(silent, heard=False)
    finally:
        http.blank("request_body")  # no story shows tokens, in whatever encoding they travel
    if response.status_code == 200:
        http.blank("response_body")
    return _pair(app, response, now) if response.status_code == 200 else _refusal(app, response)


def _pair(app: OAuthApp, response: httpx.Response, now: datetime) -> Pair | Failure:
    content = _json(response)
    access, refresh = content.get("access_token"), content.get("refresh_token")
    if not isinstance(access, str) or not access:
        return _row_for(app, response, content) or _failed(
            "retry", "no_token", N_("the vendor answered 200 without an access token")
        )
    life = content.get("expires_in")
    seconds = float(life) if isinstance(life, int | float) and 0 < life < LONGEST_LIFE else None
    lives = timedelta(seconds=seconds) if seconds else app.access_life
    return Pair(
        access=access,
        refresh=refresh if isinstance(refresh, str) and refresh else None,
        renew_at=now + max(lives - MARGIN, lives / 2),
        base_url=_address(content.get(app.address_in)) if app.address_in else None,
    )


def _address(told: object) -> str | None:
    """An address to call with a token: never in the open, but to this very machine."""
    safe = isinstance(told, str) and (told.startswith("https://") or is_own_machine(told))
    return told if safe and isinstance(told, str) else None


def _refusal(app: OAuthApp, response: httpx.Response) -> Failure:
    content = _json(response)
    status = response.status_code
    if not content and 400 <= status < 500:
        # A page of something on the way: nothing was said of our tokens or of the integration.
        return _failed(
            "retry",
            str(status),
            N_("not the vendor's own answer: {status}").format(status=status),
            after=_after(response),
        )
    if row := _row_for(app, response, content):
        return row
    if status >= 500 or status in (408, 429):
        return _failed(
            "retry",
            str(status),
            N_("the vendor's token address answered {status}").format(status=status),
            after=_after(response),
        )
    what = N_("сервис ответил {status} на просьбу о доступе").format(status=status)
    return _failed("block", str(status), what, N_("Проверьте client_id, client_secret и redirect_uri интеграции"))


def _row_for(app: OAuthApp, response: httpx.Response, content: Mapping[str, Any]) -> Failure | None:
    """The first row of the vendor's table that fits."""
    said = " ".join(str(content[name]) for name in app.texts if content.get(name)) or response.text
    said = said[:TEXT_LIMIT].casefold()
    for row in app.errors:
        if row.status in (None, response.status_code) and row.says.casefold() in said:
            return Failure(row.do, Trouble(code=row.code, message=row.what, remedy=row.remedy), _after(response))
    return None


def _after(response: httpx.Response) -> float | None:
    return parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))


def _json(response: httpx.Response) -> Mapping[str, Any]:
    try:
        content = response.json()
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _failed(
    do: Literal["reauthorise", "block", "retry"], code: str, what: str, remedy: str = "", after: float | None = None
) -> Failure:
    return Failure(do, Trouble(code=code, message=what, remedy=remedy), after)
