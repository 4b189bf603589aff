"""What Exolve's refusals mean: phrases and statuses as a table, and the reading of an answer by it. Pure.

Errors have no codes, so their phrases are looked for, without case. What a row with a remedy says is told to the
business in an alert, so it is in Russian; the others stay in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from svyazka.catalogue import N_
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Unclear


@dataclass(frozen=True, slots=True)
class Rule:
    """What an answer of Exolve's means for us; `phrase` is part of what it says, in lower case; status 0: any."""

    status: int
    phrase: str
    do: Literal["retry", "refuse", "block"]
    code: str
    what: str
    remedy: str | None = None
    maybe_sent: bool = False


_KEY = N_("Скопируйте ключ API приложения в кабинете exolve.ru и сохраните его: svyazka secret set")
_ACCOUNT = N_("Разберитесь в кабинете exolve.ru или с его поддержкой: отправка продолжится сама")
_MONEY = N_("Пополните баланс на exolve.ru: отправка продолжится сама")

FAILURES: Sequence[Rule] = (
    Rule(400, "incorrect number format", "refuse", "number", N_("a wrong number, or a field is missing")),
    Rule(400, "destination is not permitted", "refuse", "not_permitted", N_("this recipient isn't allowed")),
    Rule(
        400,
        "customer has not signed",
        "refuse",
        "no_contract",
        N_("без договора Exolve отправляет только на ваш подтверждённый номер"),
        N_("Заключите договор в кабинете exolve.ru"),
    ),
    Rule(
        400, "incorrect customer state", "block", "account", N_("аккаунт Exolve не активен или заблокирован"), _ACCOUNT
    ),
    Rule(
        400,
        "is disabled on the application",
        "block",
        "disabled",
        N_("в приложении Exolve не включены СМС"),
        N_("Включите СМС для приложения в кабинете exolve.ru"),
    ),
    # With which status and words money is asked for isn't documented; only the event's word is: UNDERFUNDED.
    *(
        Rule(400, phrase, "block", "no_money", N_("на счёте Exolve не хватает денег"), _MONEY)
        for phrase in ("underfunded", "insufficient", N_("not enough"), "balance")
    ),
    Rule(400, "", "refuse", "http_400", N_("Exolve doesn't take the message")),
    Rule(401, "", "block", "http_401", N_("Exolve не признаёт ключ API"), _KEY),
    Rule(402, "", "block", "http_402", N_("на счёте Exolve не хватает денег"), _MONEY),
    Rule(403, "", "block", "http_403", N_("у ключа Exolve нет доступа к СМС"), _KEY),
    Rule(404, "", "refuse", "http_404", N_("there is no such method: see base_url")),
    Rule(408, "", "retry", "http_408", N_("Exolve gave up waiting"), maybe_sent=True),
    Rule(429, "", "retry", "429", N_("too many requests at once")),
)
FAILED = Rule(0, "", "retry", "http_5xx", N_("Exolve failed"), maybe_sent=True)
TURNED_AWAY = Rule(0, "", "refuse", "http_4xx", N_("Exolve doesn't take the request"))

UNTAKEN = N_("Exolve answers 200 without a message_id: it says neither yes nor no")
UNTAKEN_AGAIN = N_("Exolve не берёт сообщение и не говорит почему: ответ без номера")
ASK_SUPPORT = N_("Покажите поддержке exolve.ru этот вызов")


def rule_of(status: int, said: str | None) -> Rule:
    """The first row that fits; a status of no row is judged by its class.

    An error that comes with 200 is judged by its phrase as if it had come with 400.
    """
    words, wanted = (said or "").casefold(), 400 if status == 200 else status
    fitting = (rule for rule in FAILURES if rule.status == wanted and rule.phrase in words)
    return next(fitting, TURNED_AWAY if 300 <= wanted < 500 else FAILED)


def failure(status: int, said: str | None, headers: Mapping[str, str], now: datetime) -> Outcome:
    """What a refusal means. Its words hold nobody's data; `now`: real time, for a Retry-After that is a date."""
    rule = rule_of(status, said)
    words = f"{rule.what} ({status}: {said})" if said and rule.remedy is None else rule.what
    if rule.do == "retry":
        after = parse_retry_after(headers.get("retry-after"), now)
        made = Unclear if rule.maybe_sent else Retry
        return made(code=rule.code, message=words, after=after)
    if rule.do == "block":
        return Blocked(code=rule.code, message=words, remedy=rule.remedy or "")
    return Refused(code=rule.code, message=words, remedy=rule.remedy)
