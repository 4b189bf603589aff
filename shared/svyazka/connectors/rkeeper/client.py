"""What r_keeper's failures mean, and the settings of a connection. The calls themselves: `delivery.py` for
r_k Delivery's API, `white_server.py` for the relay to the tills; a restaurant may have either or both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from svyazka.catalogue import N_, _
from svyazka.connectors.rkeeper.statuses import Meaning
from svyazka.engine.contracts.calls import Call
from svyazka.model.base import Frozen
from svyazka.model.errors import SourceUnavailable
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unknown
from svyazka.model.tenants import ConnectionSettings

_PATH = re.compile(r"^[^.\s]+(\.[^.\s]+)*$")


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


Paths = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
"""One dotted path or a list of them."""


class FieldPaths(Frozen):
    """`paths`: where a push keeps what we look for, in place of the usual places; `order.customer.phone`."""

    order: Paths | None = None
    status: Paths | None = None
    status_id: Paths | None = None
    phone: Paths | None = None
    name: Paths | None = None
    email: Paths | None = None
    time: Paths | None = None

    @field_validator("*")
    @classmethod
    def _dotted(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for path in value or ():
            if not _PATH.match(path):
                raise ValueError(_("expected a dotted path such as order.customer.phone, got {path!r}", path=path))
        return value


class RKeeperSettings(ConnectionSettings):
    """`client_id` + `client_secret`: r_k Delivery's API. `object_id` + `token`: White Server. None: pushes only."""

    final_statuses: tuple[str, ...] | None = Field(default=None, min_length=1)
    status_map: dict[str, Meaning] = {}
    paths: FieldPaths = FieldPaths()
    client_id: str | None = Field(default=None, min_length=1)
    client_secret: str | None = Field(default=None, min_length=1)
    object_id: Annotated[tuple[int, ...], BeforeValidator(_listed)] | None = Field(default=None, min_length=1)
    token: str | None = Field(default=None, min_length=1)
    token_scheme: str | None = Field(default=None, pattern=r"^[A-Za-z]+$")
    """A word before the token: the documentation shows none, two public clients send `Token`."""
    signature_recipe: Literal["hmac-sha256", "sha256-key-body", "sha256-body-key"] | None = None
    signature_key: str | None = Field(default=None, min_length=1)

    @field_validator("status_map", "final_statuses", mode="before")
    @classmethod
    def _ids_in_quotes(cls, value: object) -> object:
        items = value if isinstance(value, dict | list | tuple) else ()
        for status in items:
            if not isinstance(status, str):
                raise ValueError(_('expected a status\'s name, or its id in quotes such as "{status}"', status=status))
        return value

    @property
    def has_delivery(self) -> bool:
        return self.client_id is not None and self.client_secret is not None

    @property
    def has_white_server(self) -> bool:
        return self.token is not None


class RKeeperFailure(SourceUnavailable):
    """r_keeper couldn't or wouldn't answer; `outcome` says what to make of it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(getattr(outcome, "message", None) or outcome.kind)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a status or a code means for us."""

    do: Literal["retry", "refuse", "block", "done"]
    what: str
    remedy: str = ""
    wait: float | None = None
    """Seconds to wait at least."""
    outage: bool = True
    """The trouble is the connection's, not this one command's."""
    repeatable: bool = True
    """False: a command that got this answer may have been carried out, so it is not repeated blindly."""


# What a row with a remedy says is told to the business in an alert, so it is in Russian; others stay in the journal.

CREDENTIALS = N_("Проверьте ключи этого подключения и сохраните их: svyazka secret set")
API_ACCESS = N_("Проверьте лицензию модуля Delivery_Api и подключение по API (админ-панель, «Интеграции»)")
LICENCE = N_("Проверьте лицензию White Server этого ресторана на l.ucs.ru (агент и агрегатор)")
RESTAURANT = N_("Попросите настроить агент White Server этого ресторана: integrations@rkeeper.ru")

# r_k Delivery's API

STATUSES: dict[int, Rule] = {
    400: Rule("refuse", N_("r_k Delivery doesn't take the request")),
    401: Rule("block", N_("r_k Delivery не принимает ни этот токен, ни новый"), CREDENTIALS),
    403: Rule("block", N_("r_k Delivery не разрешает это подключению по API"), API_ACCESS),
    404: Rule("refuse", N_("r_k Delivery has no such object")),
    422: Rule("refuse", N_("r_k Delivery doesn't take the request")),
    429: Rule("retry", N_("over r_k Delivery's quota"), wait=60),
}
OTHER_4XX = Rule("refuse", N_("r_k Delivery refuses the request"))
OTHER_5XX = Rule("retry", N_("r_k Delivery failed"), repeatable=False)

TILL_ERROR = "ERR_EXTERNAL_ERROR_WS"
"""The till or White Server behind Delivery refused or was silent: only the text says which."""

TILL_REFUSED = Rule("refuse", N_("the till refused"))
TILL_SILENT = Rule("retry", N_("the till didn't answer"), outage=False, repeatable=False)
_SILENCE = re.compile(r"time\W?out|offline|unresponsive|not respond|не отвечает|недоступ", re.I)

# White Server: the HTTP status is always 200

_LICENCE = Rule("block", N_("нет лицензии White Server"), LICENCE)
_MENU = Rule("refuse", N_("the order names what the till's menu doesn't have: refresh the menu"))
_STAFF = Rule("refuse", N_("the restaurant refused the order, or nobody there reacted: tell the guest"))
_TILL = Rule("refuse", N_("the till couldn't carry it out"))

WS_CODES: dict[str, Rule] = {
    "AuthFailed": Rule("block", N_("White Server не признаёт токен"), CREDENTIALS),
    "BadRequest": Rule("refuse", N_("White Server doesn't take the request: a fault of ours")),
    "License": _LICENCE,
    "NotFound": Rule("refuse", N_("White Server knows no such object, order or task")),
    "TaskLimitExceeded": Rule("retry", N_("over White Server's quota"), wait=60),
    "Timeout": Rule("retry", N_("the restaurant's agent is silent")),
    "AwaitingAnswer": Rule("retry", N_("the restaurant hasn't answered yet"), wait=2, outage=False),
    "WsAgentNotSelected": Rule("block", N_("для ресторана не выбран агент White Server"), RESTAURANT),
    "InternalError": Rule("retry", N_("White Server failed")),
    "WsaDuplicateOrder": Rule("done", N_("an earlier try of ours has succeeded")),
    "WsaOrderCreationDishNotFound": _MENU,
    "WsaOrderCreationSelectorNotFound": _MENU,
    "WsaOrderMenuIsUnknownError": _MENU,
    "WsaOrderCanceledOnKass": _STAFF,
    "WsaOrderCreationCancelled": _STAFF,
    "WsaOrderIgnoredOnPos": _STAFF,
    "WsaOrderError": _TILL,
    "WsaFillingOrderError": _TILL,
    "WsaCommandNotSupported": Rule("block", N_("агент White Server в ресторане слишком старый"), RESTAURANT),
}
"""`wsError.code`, or the code of the system behind it (agentError, rkError, shError), which goes first."""

OTHER_WS = Rule("retry", N_("White Server failed in a way that we don't know"), outage=False)


def outcome_of(
    rule: Rule, code: str, detail: str | None = None, after: float | None = None, *, reading: bool = True
) -> Outcome:
    """What a row of the map makes of a call; `reading`: False for a command."""
    message = f"{rule.what}: {detail}" if detail else rule.what
    if not reading and not rule.repeatable:
        return Unknown(
            code=code, message=N_("{message}; look whether it was done before repeating it").format(message=message)
        )
    match rule.do:
        case "retry":
            waits = [wait for wait in (rule.wait, after) if wait is not None]
            return Retry(code=code, message=message, after=max(waits, default=None), outage=rule.outage)
        case "block":
            return Blocked(code=code, message=message, remedy=rule.remedy)
        case "done":
            return Succeeded(already=True, message=message)
        case "refuse":
            return Refused(code=code, message=message)


def delivery_rule(status: int, code: str | None, detail: str | None) -> Rule:
    """The row for an answer of r_k Delivery's API."""
    if code == TILL_ERROR:
        return TILL_SILENT if _SILENCE.search(detail or "") else TILL_REFUSED
    return STATUSES.get(status) or (OTHER_5XX if status >= 500 else OTHER_4XX)


def white_server_rule(codes: list[str]) -> Rule:
    """The row for White Server's error, given its codes, the innermost first."""
    return next((WS_CODES[code] for code in codes if code in WS_CODES), OTHER_WS)


def host(call: Call[RKeeperSettings], product: str) -> str:
    """Where a product's API is; with `base_url` (a simulator, a proxy) all of them are there."""
    return (call.settings.base_url or HOSTS[product]).rstrip("/")


HOSTS = {
    "login": "https://auth-delivery.ucs.ru",
    "delivery": "https://delivery.ucs.ru",
    "white_server": "https://ws.ucs.ru",
}
