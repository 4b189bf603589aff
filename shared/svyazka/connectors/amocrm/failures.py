"""What amoCRM's refusals mean: its statuses as a table, and the reading of an answer by it. Pure.

A row with `after` quiets the whole account: nothing more is asked of it for so long.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.model.outcomes import Outcome
from svyazka.model.reasons import Reason

RIGHTS = N_("Нужен доступ от имени администратора аккаунта, которому видны эти сделки")
TOKEN = N_("Выпустите новый долгосрочный токен на карточке интеграции и сохраните его: svyazka secret set")
_RENAMED = Rule(
    "block",
    Reason.SETTING,
    N_("аккаунт amoCRM переехал на другой адрес"),
    N_("Исправьте subdomain: аккаунт могли переименовать"),
)
_FLOODING = Rule("retry", Reason.TOO_MUCH, N_("amoCRM has blocked this address for too many requests"), after=3600)
_NOT_EVEN_FRESH = Rule(
    "block",
    Reason.NO_ACCESS,
    N_("401 Unauthorized: amoCRM не принимает ни этот токен, ни новый"),
    N_("Выдайте доступ заново: svyazka auth"),
)

FAILURES = FailureMap(
    statuses={
        301: _RENAMED,
        302: _RENAMED,
        400: Rule("refuse", Reason.BAD_REQUEST, N_("amoCRM doesn't take the request")),
        401: Rule("block", Reason.NO_ACCESS, N_("401 Unauthorized: amoCRM больше не принимает этот токен"), TOKEN),
        402: Rule(
            "block", Reason.NO_MONEY, N_("аккаунт amoCRM не оплачен"), N_("Оплатите его: работа продолжится сама")
        ),
        403: Rule("block", Reason.NO_ACCESS, N_("у этого пользователя amoCRM нет прав"), RIGHTS),
        404: Rule("refuse", Reason.NOT_FOUND, N_("there is no such thing")),
        422: Rule("refuse", Reason.BAD_REQUEST, N_("amoCRM can't process so much at once")),
        429: Rule("retry", Reason.TOO_MUCH, N_("over amoCRM's 7 requests a second"), after=60),
        # A write may have been done before it broke: what reads takes it for a plain failure.
        500: Rule("unclear", Reason.OUT_OF_SERVICE, N_("amoCRM failed")),
        502: Rule("unclear", Reason.OUT_OF_SERVICE, N_("amoCRM can't be reached behind its gateway")),
        503: Rule("unclear", Reason.OUT_OF_SERVICE, N_("amoCRM is unavailable")),
        504: Rule("unclear", Reason.OUT_OF_SERVICE, N_("amoCRM didn't answer in time")),
    },
    classes={range(500, 1000): Rule("unclear", Reason.OUT_OF_SERVICE, N_("amoCRM failed"))},
    special={
        N_("403 as a page instead of JSON: going on would only make it longer"): _FLOODING,
        N_("401 to a token of OAuth's that was renewed for this very call"): _NOT_EVEN_FRESH,
    },
    other=Rule("refuse", Reason.OTHER, N_("amoCRM refuses the request")),
)

BODILESS = (301, 302, 403, 429)
"""Refusals that amoCRM itself sends without its JSON: an account that was renamed, flooding."""


def rule_of(status: int, *, in_json: bool, by_oauth: bool) -> Rule:
    """The row for a status."""
    if status == 403 and not in_json:
        return _FLOODING
    return _NOT_EVEN_FRESH if status == 401 and by_oauth else FAILURES.rule_of(status)


def failure(rule: Rule, status: int, detail: str, after: float | None) -> Outcome:
    """What a failure means, with amoCRM's own words."""
    return outcome_of(rule, str(status), message=f"{rule.what}: {detail}" if detail else None, after=after)
