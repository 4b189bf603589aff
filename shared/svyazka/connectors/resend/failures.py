"""What Resend's refusals mean: its error names as a table, and the reading of an answer by it. Pure.

The name decides, then the HTTP status: what stands before Resend (a CDN) answers in HTML or plain text. What a row
with a remedy says is told to the business in an alert, so it is in Russian; the others stay in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Literal

from svyazka.catalogue import N_
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Unknown


@dataclass(frozen=True, slots=True)
class Rule:
    """What an error of Resend's means for us."""

    do: Literal["retry", "refuse", "block"]
    what: str
    remedy: str | None = None
    wait: float | None = None
    """Seconds to wait at least, where the answer itself names none."""
    outage: bool = True
    """The trouble is the connection's, not this one letter's."""
    maybe_sent: bool = False


_KEY = N_("Создайте ключ на resend.com («API Keys») и сохраните его: svyazka secret set")
_SUPPORT = N_("Разберитесь в кабинете resend.com или напишите в его поддержку")
_DOMAIN = N_("Подтвердите домен на resend.com («Domains»): записи DKIM и SPF в DNS; адрес в `sender` — на этом домене")
_PLAN = N_("Повысьте тариф на resend.com или подождите: отправка продолжится сама")


def _our_bug(what: str) -> Rule:
    return Rule("refuse", N_("{what}: a mistake of ours").format(what=what))


_FAILED = Rule("retry", N_("Resend failed"), maybe_sent=True)

NAMES: dict[str, Rule] = {
    "missing_api_key": Rule("block", N_("Resend не получил ключ API"), _KEY),
    "restricted_api_key": Rule("block", N_("ключу Resend не разрешено это письмо"), _KEY),
    "invalid_api_key": Rule("block", N_("Resend не признаёт ключ API"), _KEY),
    "suspended_api_key": Rule("block", N_("Resend приостановил ключ API"), _SUPPORT),
    "invalid_access": Rule("block", N_("у ключа Resend нет нужного доступа"), _KEY),
    "invalid_permission": Rule("block", N_("у ключа Resend нет нужных прав"), _KEY),
    "email_above_quota": Rule("block", N_("исчерпан объём писем на Resend"), _PLAN),
    "daily_quota_exceeded": Rule("block", N_("исчерпан дневной объём писем на Resend"), _PLAN),
    "monthly_quota_exceeded": Rule("block", N_("исчерпан месячный объём писем на Resend"), _PLAN),
    "rate_limit_exceeded": Rule("retry", N_("too many requests at once"), wait=1.0),
    # Our key is the delivery's own: an earlier try of the very same letter is still being worked on.
    "concurrent_idempotent_requests": Rule(
        "retry", N_("an earlier try is still being worked on"), wait=5.0, outage=False
    ),
    "resource_locked": Rule("retry", N_("Resend has it locked for the moment"), outage=False),
    "invalid_idempotent_request": Rule(
        "refuse",
        N_("Resend уже принимал под этим номером письмо с другим содержанием"),
        N_("Проверьте в кабинете resend.com, дошло ли оно; само не повторится"),
    ),
    "invalid_idempotency_key": _our_bug(N_("a wrong idempotency key")),
    "validation_error": Rule("refuse", N_("Resend doesn't take this letter")),
    "invalid_from_address": Rule(
        "refuse",
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
    "security_error": Rule("refuse", N_("Resend отказал по соображениям безопасности"), _SUPPORT),
    "application_error": _FAILED,
    "internal_server_error": _FAILED,
    "service_unavailable": _FAILED,
}
"""`name` of an error body."""

UNVERIFIED = Rule("refuse", N_("Resend не отправляет с этого адреса: домен не подтверждён"), _DOMAIN)
"""`validation_error` with 403: the domain isn't verified, or only the owner's own address may be written to."""

STATUSES: dict[int, Rule] = {
    400: Rule("refuse", N_("Resend doesn't take this request")),
    401: Rule("block", N_("Resend не признаёт ключ API"), _KEY),
    403: Rule(
        "block",
        N_("Resend не пускает нас"),
        N_("{KEY}; если ключ верен, разберитесь с поддержкой resend.com").format(KEY=_KEY),
    ),
    404: Rule("refuse", N_("there is no such thing at Resend: see base_url")),
    405: _our_bug(N_("a wrong method")),
    408: _FAILED,
    409: Rule("retry", N_("Resend says that it is being worked on"), wait=5.0, outage=False),
    413: Rule("refuse", N_("the letter is too large")),
    422: Rule("refuse", N_("Resend doesn't take this letter")),
    429: Rule("retry", N_("too many requests at once"), wait=1.0),
    451: NAMES["security_error"],
}
"""For names of no row, and for answers that aren't the API's own."""

TURNED_AWAY = Rule("retry", N_("turned away before Resend's API: see base_url"))


def failure(
    status: int, name: str | None, headers: Mapping[str, str], now: datetime, in_doubt: bool = False
) -> Outcome:
    """What an answer other than 200 means. `now`: real time, for a Retry-After that is a date.

    `in_doubt`: an earlier try of the same letter may have been taken. Then a conflict of contents under our key is
    the proof that it was received, and only Resend's receipt tells what became of it.
    """
    rule = _rule(status, name)
    code = name or f"http_{status}"
    if name == "invalid_idempotent_request" and in_doubt:
        return Unknown(code=code, message=N_("{what}: an earlier try of ours was received").format(what=rule.what))
    if rule.do == "retry":
        after = _stated_wait(headers, now) if status == HTTPStatus.TOO_MANY_REQUESTS else None
        return Retry(
            code="429" if status == HTTPStatus.TOO_MANY_REQUESTS else code, message=rule.what,
            after=rule.wait if after is None else after, outage=rule.outage, maybe_sent=rule.maybe_sent,
        )  # fmt: skip
    if rule.do == "block":
        return Blocked(code=code, message=rule.what, remedy=rule.remedy or "")
    return Refused(code=code, message=rule.what, remedy=rule.remedy)


def _rule(status: int, name: str | None) -> Rule:
    if name == "validation_error" and status == HTTPStatus.FORBIDDEN:
        return UNVERIFIED
    known = NAMES.get(name or "") or STATUSES.get(status)
    if known is not None:
        return known
    if status >= 500 or status < 300:
        return replace(
            _FAILED, what=N_("Resend answers with {status} and nothing that can be understood").format(status=status)
        )
    return TURNED_AWAY


def _stated_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds by `retry-after`, else until the window of the rate begins anew."""
    after = parse_retry_after(headers.get("retry-after"), now)
    return after if after is not None else parse_retry_after(headers.get("ratelimit-reset"), now)
