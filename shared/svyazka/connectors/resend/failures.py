"""What Resend's refusals mean: its error names as a table, and the reading of an answer by it. Pure.

The name decides, then the HTTP status: what stands before Resend (a CDN) answers in HTML or plain text.
"""

from __future__ import annotations

from http import HTTPStatus

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.model.outcomes import Outcome, Unknown
from svyazka.model.reasons import Reason

_KEY = N_("Создайте ключ на resend.com («API Keys») и сохраните его: svyazka secret set")
_SUPPORT = N_("Разберитесь в кабинете resend.com или напишите в его поддержку")
_DOMAIN = N_("Подтвердите домен на resend.com («Domains»): записи DKIM и SPF в DNS; адрес в `sender` — на этом домене")
_PLAN = N_("Повысьте тариф на resend.com или подождите: отправка продолжится сама")


def _our_bug(what: str) -> Rule:
    return Rule("refuse", Reason.BAD_REQUEST, N_("{what}: a mistake of ours").format(what=what))


_FAILED = Rule("retry", Reason.OUT_OF_SERVICE, N_("Resend failed"), maybe_sent=True)
_NO_WORD = Rule(
    "retry",
    Reason.OUT_OF_SERVICE,
    N_("Resend answers with {status} and nothing that can be understood"),
    maybe_sent=True,
)
_SECURITY = Rule("refuse", Reason.ACCOUNT, N_("Resend отказал по соображениям безопасности"), _SUPPORT)
UNVERIFIED = Rule("refuse", Reason.SENDER, N_("Resend не отправляет с этого адреса: домен не подтверждён"), _DOMAIN)

FAILURES = FailureMap(
    # `name` of an error body
    codes={
        "missing_api_key": Rule("block", Reason.NO_ACCESS, N_("Resend не получил ключ API"), _KEY),
        "restricted_api_key": Rule("block", Reason.NO_ACCESS, N_("ключу Resend не разрешено это письмо"), _KEY),
        "invalid_api_key": Rule("block", Reason.NO_ACCESS, N_("Resend не признаёт ключ API"), _KEY),
        "suspended_api_key": Rule("block", Reason.ACCOUNT, N_("Resend приостановил ключ API"), _SUPPORT),
        "invalid_access": Rule("block", Reason.NO_ACCESS, N_("у ключа Resend нет нужного доступа"), _KEY),
        "invalid_permission": Rule("block", Reason.NO_ACCESS, N_("у ключа Resend нет нужных прав"), _KEY),
        "email_above_quota": Rule("block", Reason.NO_MONEY, N_("исчерпан объём писем на Resend"), _PLAN),
        "daily_quota_exceeded": Rule("block", Reason.NO_MONEY, N_("исчерпан дневной объём писем на Resend"), _PLAN),
        "monthly_quota_exceeded": Rule("block", Reason.NO_MONEY, N_("исчерпан месячный объём писем на Resend"), _PLAN),
        "rate_limit_exceeded": Rule("retry", Reason.TOO_MUCH, N_("too many requests at once"), after=1.0),
        # Our key is the delivery's own: an earlier try of the very same letter is still being worked on.
        "concurrent_idempotent_requests": Rule(
            "retry", Reason.CONFLICT, N_("an earlier try is still being worked on"), after=5.0, outage=False
        ),
        "resource_locked": Rule("retry", Reason.CONFLICT, N_("Resend has it locked for the moment"), outage=False),
        "invalid_idempotent_request": Rule(
            "refuse",
            Reason.DUPLICATE,
            N_("Resend уже принимал под этим номером письмо с другим содержанием"),
            N_("Проверьте в кабинете resend.com, дошло ли оно; само не повторится"),
        ),
        "invalid_idempotency_key": _our_bug(N_("a wrong idempotency key")),
        "validation_error": Rule("refuse", Reason.BAD_CONTENT, N_("Resend doesn't take this letter")),
        "invalid_from_address": Rule(
            "refuse",
            Reason.SENDER,
            N_("Resend не принимает адрес отправителя"),
            N_("Исправьте `sender`: Имя <адрес@ваш-домен>"),
        ),
        "not_found": _our_bug(N_("an unknown address of the API")),
        "method_not_allowed": _our_bug(N_("a wrong method")),
        "invalid_attachment": _our_bug(N_("an attachment")),
        "invalid_parameter": _our_bug(N_("a wrong parameter")),
        "invalid_region": _our_bug(N_("a wrong region")),
        "missing_required_field": _our_bug(N_("a missing field")),
        "missing_required_fields": _our_bug(N_("a missing field")),
        "missing_required_parameter": _our_bug(N_("a missing parameter")),
        "security_error": _SECURITY,
        "application_error": _FAILED,
        "internal_server_error": _FAILED,
        "service_unavailable": _FAILED,
    },
    # For names of no row, and for answers that aren't the API's own
    statuses={
        400: Rule("refuse", Reason.BAD_REQUEST, N_("Resend doesn't take this request")),
        401: Rule("block", Reason.NO_ACCESS, N_("Resend не признаёт ключ API"), _KEY),
        403: Rule(
            "block",
            Reason.NO_ACCESS,
            N_("Resend не пускает нас"),
            N_("{KEY}; если ключ верен, разберитесь с поддержкой resend.com").format(KEY=_KEY),
        ),
        404: Rule("refuse", Reason.SETTING, N_("there is no such thing at Resend: see base_url")),
        405: _our_bug(N_("a wrong method")),
        408: _FAILED,
        409: Rule("retry", Reason.CONFLICT, N_("Resend says that it is being worked on"), after=5.0, outage=False),
        413: Rule("refuse", Reason.BAD_CONTENT, N_("the letter is too large")),
        422: Rule("refuse", Reason.BAD_CONTENT, N_("Resend doesn't take this letter")),
        429: Rule("retry", Reason.TOO_MUCH, N_("too many requests at once"), after=1.0),
        451: _SECURITY,
    },
    classes={range(300): _NO_WORD, range(500, 1000): _NO_WORD},
    # The domain isn't verified, or only the owner's own address may be written to.
    special={N_("validation_error with 403"): UNVERIFIED},
    other=Rule("retry", Reason.SETTING, N_("turned away before Resend's API: see base_url")),
)


def failure(status: int, name: str | None, after: float | None, in_doubt: bool = False) -> Outcome:
    """What an answer other than 200 means. `after`: seconds that it asks us to wait.

    `in_doubt`: an earlier try of the same letter may have been taken. Then a conflict of contents under our key is
    the proof that it was received, and only Resend's receipt tells what became of it.
    """
    code = name or str(status)
    unverified = name == "validation_error" and status == HTTPStatus.FORBIDDEN
    rule = UNVERIFIED if unverified else FAILURES.rule_of(status, name)
    if name == "invalid_idempotent_request" and in_doubt:
        return Unknown(code=code, message=N_("{what}: an earlier try of ours was received").format(what=rule.what))
    if status == HTTPStatus.TOO_MANY_REQUESTS and rule.do == "retry":
        return outcome_of(rule, "429", after=after)
    return outcome_of(rule, code, message=rule.what.replace("{status}", str(status)))
