"""What MAX's refusals mean: statuses and codes as a table, and the reading of an answer by it. Pure.

What a row with a remedy says is told to the business in an alert, so it is in Russian; the others stay in the
journal.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry


@dataclass(frozen=True, slots=True)
class Rule:
    """What an answer of MAX's means for us; `code` "" stands for any."""

    status: int
    code: str
    do: Literal["retry", "refuse", "block"]
    what: str
    remedy: str | None = None
    wait: float | None = None
    """Seconds to wait at least."""


FAILURES: Sequence[Rule] = (
    Rule(
        200, "", "refuse", N_("MAX отказывается отправить сообщение и не говорит почему"),
        N_("Проверьте в кабинете business.max.ru, что бот одобрен и не остановлен"),
    ),
    Rule(400, "attachment.not.ready", "retry", N_("an uploaded file isn't processed yet"), wait=2),
    Rule(400, "", "refuse", N_("MAX doesn't take the message")),
    Rule(
        401, "", "block", N_("MAX не признаёт токен бота: его отозвали или ввели с ошибкой"),
        N_("Возьмите токен в кабинете business.max.ru и сохраните его: svyazka secret set"),
    ),
    Rule(403, "", "refuse", N_("the user stopped the bot or never started it, or the bot may not write there")),
    Rule(404, "", "refuse", N_("there is no such chat or user")),
    Rule(405, "", "refuse", N_("a mistake of ours: a wrong method")),
    Rule(429, "", "retry", N_("over MAX's 30 calls a second"), wait=1),
)  # fmt: skip
OTHER_4XX = Rule(0, "", "refuse", N_("MAX refuses the call"))
OTHER_5XX = Rule(0, "", "retry", N_("MAX is unavailable"))
IN_DISGUISE = {
    "chat.denied": 403,
    "verify.token": 401,
    "chat.not.found": 404,
    "not.found": 404,
    "too.many.requests": 429,
}
"""What a refusal that comes as HTTP 200 with `success: false` says -> the status that it means."""

UNTRUSTED = Blocked(
    code="tls",
    message=N_("сертификат сервера MAX не проверяется: у этого адреса другой удостоверяющий центр"),
    remedy=N_("Проверьте base_url (сейчас действует platform-api2.max.ru) и обновите Связку"),
)


def outcome_of(status: int, answer: Section) -> Outcome:
    """What a refusal means: by status and code; one in disguise by what its message says."""
    code = text(answer.get("code")) or ""
    if status == 200:
        status = IN_DISGUISE.get(code or (text(answer.get("message")) or ""), status)
    fitting = (rule for rule in FAILURES if rule.status == status and rule.code in ("", code))
    rule = next(fitting, OTHER_5XX if status >= 500 else OTHER_4XX)
    if rule.do == "retry":
        own = rule.code != ""  # one message's trouble
        return Retry(code=code if own else str(status), message=rule.what, after=rule.wait, outage=not own)
    if rule.do == "block":
        return Blocked(code=str(status), message=rule.what, remedy=rule.remedy or "")
    return Refused(code=str(status), message=rule.what, remedy=rule.remedy)


def is_untrusted(error: BaseException | None) -> bool:
    """Whether a connection failed because the server's certificate isn't to be believed."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
