"""What Exolve's refusals mean: phrases and statuses as a table, and the reading of an answer by it. Pure.

Errors have no codes, so their phrases are looked for, without case.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.model.outcomes import Outcome
from svyazka.model.reasons import Reason

_KEY = N_("Скопируйте ключ API приложения в кабинете exolve.ru и сохраните его: svyazka secret set")
_ACCOUNT = N_("Разберитесь в кабинете exolve.ru или с его поддержкой: отправка продолжится сама")
_MONEY = N_("Пополните баланс на exolve.ru: отправка продолжится сама")
_NO_MONEY = Rule("block", Reason.NO_MONEY, N_("на счёте Exolve не хватает денег"), _MONEY, code="no_money")
_TURNED_AWAY = Rule("refuse", Reason.BAD_REQUEST, N_("Exolve doesn't take the request"), code="http_4xx")

FAILURES = FailureMap(
    phrases={
        (400, "incorrect number format"): Rule(
            "refuse", Reason.BAD_ADDRESS, N_("a wrong number, or a field is missing"), code="number"
        ),
        (400, "destination is not permitted"): Rule(
            "refuse", Reason.BAD_ADDRESS, N_("this recipient isn't allowed"), code="not_permitted"
        ),
        (400, "customer has not signed"): Rule(
            "refuse",
            Reason.ACCOUNT,
            N_("без договора Exolve отправляет только на ваш подтверждённый номер"),
            N_("Заключите договор в кабинете exolve.ru"),
            code="no_contract",
        ),
        (400, "incorrect customer state"): Rule(
            "block", Reason.ACCOUNT, N_("аккаунт Exolve не активен или заблокирован"), _ACCOUNT, code="account"
        ),
        (400, "is disabled on the application"): Rule(
            "block",
            Reason.SETTING,
            N_("в приложении Exolve не включены СМС"),
            N_("Включите СМС для приложения в кабинете exolve.ru"),
            code="disabled",
        ),
        # With which status and words money is asked for isn't documented; only the event's word is: UNDERFUNDED.
        **{(400, phrase): _NO_MONEY for phrase in ("underfunded", "insufficient", "not enough", "balance")},
    },
    statuses={
        400: Rule("refuse", Reason.BAD_REQUEST, N_("Exolve doesn't take the message"), code="http_400"),
        401: Rule("block", Reason.NO_ACCESS, N_("Exolve не признаёт ключ API"), _KEY, code="http_401"),
        402: Rule("block", Reason.NO_MONEY, N_("на счёте Exolve не хватает денег"), _MONEY, code="http_402"),
        403: Rule("block", Reason.NO_ACCESS, N_("у ключа Exolve нет доступа к СМС"), _KEY, code="http_403"),
        404: Rule("refuse", Reason.SETTING, N_("there is no such method: see base_url"), code="http_404"),
        408: Rule("unclear", Reason.OUT_OF_SERVICE, N_("Exolve gave up waiting"), code="http_408"),
        429: Rule("retry", Reason.TOO_MUCH, N_("too many requests at once"), code="429"),
    },
    classes={range(300, 500): _TURNED_AWAY},
    other=Rule("unclear", Reason.OUT_OF_SERVICE, N_("Exolve failed"), code="http_5xx"),
)

UNTAKEN = N_("Exolve answers 200 without a message_id: it says neither yes nor no")
UNTAKEN_AGAIN = N_("Exolve не берёт сообщение и не говорит почему: ответ без номера")
ASK_SUPPORT = N_("Покажите поддержке exolve.ru этот вызов")


def failure(status: int, said: str | None, after: float | None) -> Outcome:
    """What a refusal means. Its words hold nobody's data; `after`: seconds that Exolve asks us to wait.

    An error that comes with 200 is judged by its phrase as if it had come with 400.
    """
    rule = FAILURES.rule_of(400 if status == 200 else status, said=said)
    words = f"{rule.what} ({status}: {said})" if said and rule.remedy is None else rule.what
    return outcome_of(rule, f"http_{status}", message=words, after=after if rule.do in ("retry", "unclear") else None)
