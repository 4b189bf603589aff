"""Calls to iikoCloud API: tokens, and what each failure means. Every call is a POST with JSON, reads too."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Literal, TypeVar

import httpx
from pydantic import Field

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import TOKEN_MARGIN, Call
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.rules.on_the_way import on_the_way, turned_away
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.model.errors import SourceUnavailable
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unknown
from svyazka.model.tenants import ConnectionSettings

UUID = r"^(?i:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})$"
UUID_LIKE = N_("an id such as 7bc05553-4b68-44e8-b7bc-37be63c6d9e9 (`svyazka doctor --live` lists them)")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a status or a code of iiko's means for us."""

    do: Literal["retry", "refuse", "block", "done"]
    what: str
    remedy: str = ""
    wait: float | None = None
    """Seconds to wait at least."""
    outage: bool = True
    """The trouble is the connection's, not this one command's."""


# What a row with a remedy says is told to the business in an alert, so it is in Russian; others stay in the journal.

RIGHTS = N_("Дайте этому API-логину группу ограничений с этим методом (iikoWeb, «Настройки Cloud API»)")
CREDENTIALS = N_("Сверьте ключи подключения с iikoWeb и сохраните их: svyazka secret set")
TILL = N_("Проверьте, что касса ресторана включена, зарегистрирована и на связи с iikoCloud")
DICTIONARY = N_("refresh the dictionaries: the order names something that the restaurant doesn't have")

STATUSES: dict[int, Rule] = {
    400: Rule("refuse", N_("iiko doesn't take the request: validation, an unknown id or a feature that is off")),
    401: Rule("block", N_("iiko не принимает ни этот токен, ни новый"), CREDENTIALS),
    403: Rule("block", N_("у этого API-логина iiko нет прав"), RIGHTS),
    408: Rule("retry", N_("the till didn't answer in time")),
    410: Rule("refuse", N_("iiko has forgotten this correlation id")),
    429: Rule("retry", N_("over iiko's quota"), wait=60),
    500: Rule("retry", N_("iiko failed")),
    502: Rule("retry", N_("iiko can't be reached behind its gateway")),
    503: Rule("retry", N_("iiko is unavailable")),
}
OTHER_4XX = Rule("refuse", N_("iiko refuses the request"))
OTHER_5XX = Rule("retry", N_("iiko failed"))

_TILL_OFF = Rule("block", N_("касса не на связи или не настроена"), TILL)
_REFERENCE = Rule("refuse", N_("a reference or a value that the restaurant doesn't have"), DICTIONARY)
_RACE = Rule("retry", N_("the restaurant's staff changed it at the same time"), outage=False)
_TROUBLE = Rule("retry", N_("iiko failed"))

CODES: dict[str, Rule] = {
    "Common_OrganizationNotFound": Rule(
        "block",
        N_("у этой организации не настроена лояльность"),
        N_("Настройте iikoCard или укажите другую организацию"),
    ),
    "DRAFTS_DISABLED": Rule("block", N_("черновики выключены"), N_("Включите их в настройках доставки iiko")),
    "DuplicatedOrderId": Rule("done", N_("an earlier try of ours has succeeded")),
    "DuplicatedReserveId": Rule("done", N_("an earlier try of ours has succeeded")),
    "TerminalGroupUnregistered": _TILL_OFF,
    "TerminalGroupDisabled": _TILL_OFF,
    "TerminalGroupIdNotDetermined": _TILL_OFF,
    "OrganizationUnregistered": _TILL_OFF,
    "OrganizationDisabled": _TILL_OFF,
    "IikoFrontTooOldVersion": _TILL_OFF,
    "ProductNotFound": _REFERENCE,
    "ProductSizeNotFound": _REFERENCE,
    "PaymentTypeNotFound": _REFERENCE,
    "OrderTypeNotFound": _REFERENCE,
    "MarketingSourceNotFound": _REFERENCE,
    "CourierIdDoesNotExist": _REFERENCE,
    "InvalidPhone": _REFERENCE,
    "RequestProductPriceIsNotEqualToFrontPrice": _REFERENCE,
    "WrongDeliveryStatus": _RACE,
    "OrderStatusChangedInIikoFront": _RACE,
    "InconsistentUpdates": _RACE,
    "MayBeInconsistentUpdates": _RACE,
    "EntityAlreadyInUse": _RACE,
    "Common": _TROUBLE,
    "InternalServerError": _TROUBLE,
    "UnknownError": _TROUBLE,
}
"""`error` of an answer, or `errorInfo.code` of an order that wasn't created; goes before the status."""

TILL_TIMEOUT = 10
"""Seconds that iiko may wait for the till (header `Timeout`, 15 unless told)."""
CALL_TIMEOUT = TILL_TIMEOUT + 5.0

LONGEST_WAIT = 3600.0
"""Seconds to which a Retry-After is believed."""

TOKEN_LIFE = timedelta(minutes=15)
"""For a token that doesn't say when it ends; iiko's usual life is an hour."""

DICTIONARY_LIFE = timedelta(hours=1)

T = TypeVar("T")


class IikoSettings(ConnectionSettings):
    """`api_key` + `app_id` + `client_secret` (API v2), or `api_login` (v1); none: webhooks only."""

    organization_id: str | None = Field(default=None, pattern=UUID, description=UUID_LIKE)
    api_key: str | None = Field(default=None, min_length=1)
    app_id: str | None = Field(default=None, min_length=1)
    client_secret: str | None = Field(default=None, min_length=1)
    api_login: str | None = Field(default=None, min_length=1)
    auth_token: str | None = Field(default=None, min_length=1)
    final_statuses: tuple[str, ...] | None = Field(default=None, min_length=1)

    def sign_in(self) -> tuple[str, dict[str, str]] | None:
        """Where and with what a token is to be had: v2 where its three are there, else v1, else None."""
        if self.api_key and self.app_id and self.client_secret:
            body = {"apiKey": self.api_key, "appId": self.app_id, "clientSecret": self.client_secret}
            return "/api/v2/access_token", body
        return ("/api/1/access_token", {"apiLogin": self.api_login}) if self.api_login else None

    @property
    def api_credentials(self) -> object | None:
        """Whether the API can be called at all: None is what `optional_settings` warns of."""
        return self.sign_in()

    def means_to_sign_in(self) -> bool:
        """Whether credentials were given, be it in part: what then lacks is told, not passed over."""
        return any((self.api_key, self.app_id, self.client_secret, self.api_login))


class IikoFailure(SourceUnavailable):
    """iiko couldn't or wouldn't answer; `outcome` says what to make of it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(getattr(outcome, "message", None) or outcome.kind)


def outcome_of(
    status: int | None, code: str | None, detail: str | None, after: float | None = None, *, reading: bool = True
) -> Outcome:
    """What a failure means: by its code where we know it, else by its status; a quota is a quota with any code.

    `reading`: False for a command, of which a 408 doesn't tell whether the till has carried it out.
    """
    fallback = OTHER_5XX if status is None or status >= 500 else OTHER_4XX
    known = CODES.get(code or "") if status != 429 else None
    rule = known or STATUSES.get(status or 0, fallback)
    name = code if code and status != 429 else str(status)
    message = f"{rule.what}: {detail}" if detail else rule.what
    if status == 408 and not reading:
        return Unknown(code=name, message=message)
    if rule.do == "retry":
        waits = [wait for wait in (rule.wait, after) if wait is not None]
        return Retry(code=name, message=message, after=max(waits, default=None), outage=rule.outage)
    if rule.do == "block":
        return Blocked(code=name, message=message, remedy=rule.remedy)
    if rule.do == "done":
        return Succeeded(already=True, message=message)
    return Refused(code=name, message=message)


async def ask(call: Call[IikoSettings], path: str, body: dict[str, object]) -> Section:
    """One read. A 401 renews the token once and asks once more. Raises IikoFailure, NotSent, MaybeSent."""
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
    said = _said(response)
    if response.status_code == 200:
        if said:
            return said
        raise IikoFailure(Retry(code="not_json", message=N_("iiko answered 200 with something that isn't its JSON")))
    # A quota is a quota whoever says so: iiko blocks logins for going on.
    if turned_away(response.status_code) and response.status_code != 429 and not _own(response):
        raise IikoFailure(on_the_way(response, "iiko"))
    detail = text(said.get("errorDescription")) or text(said.get("message"))
    after = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    cut = call.http.cut(detail) if detail else None
    outcome = outcome_of(response.status_code, text(said.get("error")), cut, after)
    if isinstance(outcome, Retry) and response.status_code == 429:
        wait = min(outcome.after or 0.0, LONGEST_WAIT)
        call.memo[_named(call, "quota")] = datetime.now(UTC) + timedelta(seconds=wait)
        outcome = outcome.model_copy(update={"after": wait})
    raise IikoFailure(outcome)


def _said(response: httpx.Response) -> Section:
    """The answer's object; an empty one for anything else."""
    try:
        return section(response.json())
    except (ValueError, RecursionError):
        return section(None)


def _own(response: httpx.Response) -> bool:
    """Whether a refusal is iiko's own: an object, or nothing at all, as its platform answers 401 and 403."""
    return bool(_said(response)) or (response.status_code in (401, 403) and not response.content)


def _wait_for_quota(call: Call[IikoSettings]) -> None:
    """Over the quota nobody asks before its time is up: iiko blocks logins for many failing requests."""
    until: datetime | None = call.memo.get(_named(call, "quota"))
    left = (until - datetime.now(UTC)).total_seconds() if until else 0.0
    if left > 0:
        raise IikoFailure(Retry(code="429", message=N_("waiting until iiko's quota is free again"), after=left))


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
        raise IikoFailure(Blocked(code="no_credentials", message=missing, remedy=CREDENTIALS))
    return await call.token(_named(call, "token"), lambda: _fresh(call, *sign_in), refused)


async def _fresh(call: Call[IikoSettings], path: str, body: dict[str, str]) -> tuple[str, datetime]:
    response = await _post(call, path, body)
    if response.status_code in (400, 401, 403) and _own(response):
        message = N_("iiko не признаёт эти ключи")
        raise IikoFailure(Blocked(code=str(response.status_code), message=message, remedy=CREDENTIALS))
    token = _content(call, response).get("token")
    if not isinstance(token, str) or not token:
        raise IikoFailure(Retry(code="no_token", message=N_("iiko answered without a token")))
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
