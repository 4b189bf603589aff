"""What r_keeper's refusals mean: statuses of r_k Delivery's API and codes of White Server as one table. Pure."""

from __future__ import annotations

import re

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.model.outcomes import Outcome
from svyazka.model.reasons import Reason

CREDENTIALS = N_("Проверьте ключи этого подключения и сохраните их: svyazka secret set")
_API_ACCESS = N_("Проверьте лицензию модуля Delivery_Api и подключение по API (админ-панель, «Интеграции»)")
_LICENCE = N_("Проверьте лицензию White Server этого ресторана на l.ucs.ru (агент и агрегатор)")
_RESTAURANT = N_("Попросите настроить агент White Server этого ресторана: integrations@rkeeper.ru")

TILL_ERROR = "ERR_EXTERNAL_ERROR_WS"
"""The till or White Server behind Delivery refused or was silent: only the text says which."""
_SILENCE = re.compile(r"time\W?out|offline|unresponsive|not respond|не отвечает|недоступ", re.I)

_TILL_REFUSED = Rule("refuse", Reason.OTHER, N_("the till refused"))
_TILL_SILENT = Rule("unclear", Reason.OUT_OF_SERVICE, N_("the till didn't answer"), outage=False)
_NOT_WHITE_SERVER = Rule("unclear", Reason.OUT_OF_SERVICE, N_("White Server failed"))
_OTHER_OF_WHITE_SERVER = Rule(
    "retry", Reason.OTHER, N_("White Server failed in a way that we don't know"), outage=False
)
_MENU = Rule("refuse", Reason.NOT_FOUND, N_("the order names what the till's menu doesn't have: refresh the menu"))
_STAFF = Rule("refuse", Reason.OTHER, N_("the restaurant refused the order, or nobody there reacted: tell the guest"))
_TILL = Rule("refuse", Reason.OTHER, N_("the till couldn't carry it out"))

FAILURES = FailureMap(
    # White Server, whose HTTP status is always 200: `wsError.code`, or the code of the system behind it (agentError,
    # rkError, shError), which goes first.
    codes={
        "AuthFailed": Rule("block", Reason.NO_ACCESS, N_("White Server не признаёт токен"), CREDENTIALS),
        "BadRequest": Rule(
            "refuse",
            Reason.BAD_REQUEST,
            N_("White Server doesn't take the request: a fault of ours"),
        ),
        "License": Rule("block", Reason.NO_MONEY, N_("нет лицензии White Server"), _LICENCE),
        "NotFound": Rule("refuse", Reason.NOT_FOUND, N_("White Server knows no such object, order or task")),
        "TaskLimitExceeded": Rule("retry", Reason.TOO_MUCH, N_("over White Server's quota"), after=60),
        "Timeout": Rule("retry", Reason.OUT_OF_SERVICE, N_("the restaurant's agent is silent")),
        "AwaitingAnswer": Rule(
            "retry",
            Reason.OUT_OF_SERVICE,
            N_("the restaurant hasn't answered yet"),
            after=2,
            outage=False,
        ),
        "WsAgentNotSelected": Rule(
            "block",
            Reason.SETTING,
            N_("для ресторана не выбран агент White Server"),
            _RESTAURANT,
        ),
        "InternalError": Rule("retry", Reason.OUT_OF_SERVICE, N_("White Server failed")),
        "WsaDuplicateOrder": Rule("done", Reason.DUPLICATE, N_("an earlier try of ours has succeeded")),
        "WsaOrderCreationDishNotFound": _MENU,
        "WsaOrderCreationSelectorNotFound": _MENU,
        "WsaOrderMenuIsUnknownError": _MENU,
        "WsaOrderCanceledOnKass": _STAFF,
        "WsaOrderCreationCancelled": _STAFF,
        "WsaOrderIgnoredOnPos": _STAFF,
        "WsaOrderError": _TILL,
        "WsaFillingOrderError": _TILL,
        "WsaCommandNotSupported": Rule(
            "block",
            Reason.SETTING,
            N_("агент White Server в ресторане слишком старый"),
            _RESTAURANT,
        ),
    },
    # r_k Delivery's API
    statuses={
        400: Rule("refuse", Reason.BAD_REQUEST, N_("r_k Delivery doesn't take the request")),
        401: Rule("block", Reason.NO_ACCESS, N_("r_k Delivery не принимает ни этот токен, ни новый"), CREDENTIALS),
        403: Rule("block", Reason.NO_ACCESS, N_("r_k Delivery не разрешает это подключению по API"), _API_ACCESS),
        404: Rule("refuse", Reason.NOT_FOUND, N_("r_k Delivery has no such object")),
        422: Rule("refuse", Reason.BAD_REQUEST, N_("r_k Delivery doesn't take the request")),
        429: Rule("retry", Reason.TOO_MUCH, N_("over r_k Delivery's quota"), after=60),
    },
    # A command that got such an answer may have been carried out.
    classes={range(500, 1000): Rule("unclear", Reason.OUT_OF_SERVICE, N_("r_k Delivery failed"))},
    special={
        N_("ERR_EXTERNAL_ERROR_WS of r_k Delivery, whose text speaks of silence"): _TILL_SILENT,
        N_("ERR_EXTERNAL_ERROR_WS of r_k Delivery with another text"): _TILL_REFUSED,
        N_("an answer that isn't White Server's own"): _NOT_WHITE_SERVER,
        N_("a code of White Server's of no row"): _OTHER_OF_WHITE_SERVER,
    },
    other=Rule("refuse", Reason.OTHER, N_("r_k Delivery refuses the request")),
)


def of_delivery(status: int, code: str | None, detail: str | None, after: float | None = None) -> Outcome:
    """What a refusal of r_k Delivery's API means."""
    if code == TILL_ERROR:
        rule = _TILL_SILENT if _SILENCE.search(detail or "") else _TILL_REFUSED
    else:
        rule = FAILURES.rule_of(status)
    return outcome_of(rule, code or str(status), message=_told(rule, detail), after=after)


def of_white_server(codes: list[str], detail: str | None) -> Outcome:
    """What White Server's error means, given its codes, the innermost first."""
    rule = next((FAILURES.codes[code] for code in codes if code in FAILURES.codes), _OTHER_OF_WHITE_SERVER)
    return outcome_of(rule, codes[0] if codes else "unknown", message=_told(rule, detail))


def in_its_place(status: int, after: float | None) -> Outcome:
    """What an answer means that isn't White Server's own: something before it speaks."""
    rule = _NOT_WHITE_SERVER
    return outcome_of(rule, str(status), message=_told(rule, N_("no JSON-RPC answer")), after=after)


def _told(rule: Rule, detail: str | None) -> str:
    return f"{rule.what}: {detail}" if detail else rule.what
