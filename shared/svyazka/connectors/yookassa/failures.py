"""What ЮKassa's refusals mean: its error codes as a table, and the reading of an answer by it. Pure.

Source: yookassa.ru/developers, «Ответы API и рекомендации». The code decides, then the HTTP status.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.engine.contracts.untrusted import Section, text, whole
from svyazka.model.outcomes import Outcome, Unknown
from svyazka.model.reasons import Reason

_KEY = N_("Возьмите shopId и секретный ключ в кабинете yookassa.ru («Интеграция» → «Ключи API»): svyazka secret set")
_MANAGER = N_("Напишите менеджеру ЮKassa: магазину нужно включить эту возможность (автоплатежи, сплит, холд)")

_OURS = Rule("refuse", Reason.BAD_REQUEST, N_("YooKassa doesn't take the request: see base_url"), code="http_4xx")

FAILURES = FailureMap(
    # `code` of an error body
    codes={
        "invalid_request": Rule("refuse", Reason.BAD_REQUEST, N_("YooKassa doesn't take the request")),
        "invalid_credentials": Rule(
            "block", Reason.NO_ACCESS, N_("ЮKassa не признаёт shopId или секретный ключ"), _KEY
        ),
        "forbidden": Rule("refuse", Reason.ACCOUNT, N_("магазину ЮKassa это не разрешено"), _MANAGER),
        "not_found": Rule("refuse", Reason.NOT_FOUND, N_("YooKassa has no such object in this shop")),
        "not_supported": _OURS,
        "unsupported_media_type": _OURS,
        "gone": _OURS,
        "too_many_requests": Rule("retry", Reason.TOO_MUCH, N_("too many requests at once"), after=1.0),
        "internal_server_error": Rule(
            "unclear", Reason.OUT_OF_SERVICE, N_("YooKassa failed, and may have acted before")
        ),
    },
    statuses={
        # Accepted and not done yet: the same request, with the same key, is to come again.
        202: Rule("unclear", Reason.OUT_OF_SERVICE, N_("YooKassa is still working on it"), code="processing"),
    },
    classes={range(400, 500): _OURS},
    other=Rule("unclear", Reason.OUT_OF_SERVICE, N_("YooKassa failed, and may have acted before"), code="http_5xx"),
)

KEY_HEADER = "Idempotence-Key"


def failure(status: int, answer: Section) -> Outcome:
    """What ЮKassa's own refusal means. Its words name a field, never a person."""
    code = text(answer.get("code"), 60)
    named = text(answer.get("parameter"), 60)
    if named == KEY_HEADER:
        message = N_("YooKassa has taken something else under this key before: what came of that has to be looked up")
        return Unknown(code="key_taken", message=message, reason=Reason.DUPLICATE, outage=False)
    rule = FAILURES.rule_of(status, code)
    words = f"{rule.what}: {named}" if named and rule.remedy is None else rule.what
    wait = whole(answer.get("retry_after"))
    after = wait / 1000 if wait is not None and rule.do in ("retry", "unclear") else None
    return outcome_of(rule, code or f"http_{status}", message=words, after=after)
