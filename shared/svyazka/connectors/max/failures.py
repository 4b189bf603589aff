"""What MAX's refusals mean: statuses and codes as a table, and the reading of an answer by it. Pure."""

from __future__ import annotations

import ssl
from http import HTTPStatus

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.model.outcomes import Outcome
from svyazka.model.reasons import Reason

UNTRUSTED = Rule(
    "block",
    Reason.SETTING,
    N_("сертификат сервера MAX не проверяется: у этого адреса другой удостоверяющий центр"),
    N_("Проверьте base_url (сейчас действует platform-api2.max.ru) и обновите Связку"),
    code="tls",
)

FAILURES = FailureMap(
    phrases={
        # One message's trouble.
        (400, "attachment.not.ready"): Rule(
            "retry",
            Reason.OUT_OF_SERVICE,
            N_("an uploaded file isn't processed yet"),
            after=2,
            outage=False,
            code="attachment.not.ready",
        ),
    },
    statuses={
        200: Rule(
            "refuse",
            Reason.OTHER,
            N_("MAX отказывается отправить сообщение и не говорит почему"),
            N_("Проверьте в кабинете business.max.ru, что бот одобрен и не остановлен"),
        ),
        400: Rule("refuse", Reason.BAD_REQUEST, N_("MAX doesn't take the message")),
        401: Rule(
            "block",
            Reason.NO_ACCESS,
            N_("MAX не признаёт токен бота: его отозвали или ввели с ошибкой"),
            N_("Возьмите токен в кабинете business.max.ru и сохраните его: svyazka secret set"),
        ),
        403: Rule(
            "refuse",
            Reason.BAD_ADDRESS,
            N_("the user stopped the bot or never started it, or the bot may not write there"),
        ),
        404: Rule("refuse", Reason.BAD_ADDRESS, N_("there is no such chat or user")),
        405: Rule("refuse", Reason.BAD_REQUEST, N_("a mistake of ours: a wrong method")),
        429: Rule("retry", Reason.TOO_MUCH, N_("over MAX's 30 calls a second"), after=1),
    },
    classes={range(500, 1000): Rule("retry", Reason.OUT_OF_SERVICE, N_("MAX is unavailable"))},
    special={N_("the server's certificate isn't to be believed"): UNTRUSTED},
    other=Rule("refuse", Reason.OTHER, N_("MAX refuses the call")),
)
IN_DISGUISE = {
    "chat.denied": 403,
    "verify.token": 401,
    "chat.not.found": 404,
    "not.found": 404,
    "too.many.requests": 429,
}
"""What a refusal that comes as HTTP 200 with `success: false` says -> the status that it means."""


def failure(status: int, answer: Section, after: float | None = None) -> Outcome:
    """What a refusal means: by status and code; one in disguise by what its message says."""
    code = text(answer.get("code")) or ""
    if status == HTTPStatus.OK:
        status = IN_DISGUISE.get(code or (text(answer.get("message")) or ""), status)
    return outcome_of(FAILURES.rule_of(status, said=code), str(status), after=after)


def is_untrusted(error: BaseException | None) -> bool:
    """Whether a connection failed because the server's certificate isn't to be believed."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
