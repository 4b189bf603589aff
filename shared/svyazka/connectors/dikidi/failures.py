"""What DIKIDI's refusals mean, as one table, and the reading of an answer by it. Pure.

There is no list of codes: those below were seen in the code of programs that call the widget; all else that it says is
sentences for its visitors, so words have to decide here. What no row knows is told as it stands.
"""

from __future__ import annotations

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.dikidi.schema import Refusal
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.engine.contracts.vendor_answers import on_the_way, retry_after
from svyazka.model.bookings import WhyNot
from svyazka.model.outcomes import Outcome, Retry, Unclear
from svyazka.model.reasons import Reason

MARKS = ("just a moment", "ddos-guard", "cloudflare", "challenge-platform", "captcha")
"""By what a page of a bot protection is known, in lower case."""

BY_HAND = N_(
    "Пока записывайте клиентов в приложении DIKIDI вручную. Откройте страницу онлайн-записи салона в браузере: если "
    "она работает, обновите Связку; новые записи уйдут сами, когда DIKIDI снова ответит"
)
FROM_ELSEWHERE = N_(
    "Пока записывайте клиентов в приложении DIKIDI вручную. Защита DIKIDI не пускает адреса дата-центров: попросите "
    "DIKIDI (support.dikidi.net) разрешить адрес сервера или смените его; Связка проверяет сама, не чаще раза в "
    "15 минут"
)

TAKEN = Rule("refuse", Reason.CONFLICT, N_("the time is taken"), code=WhyNot.TAKEN)
CODE_NEEDED = Rule(
    "refuse",
    Reason.SETTING,
    N_("салон требует подтверждать запись кодом из СМС: это может сделать только сам клиент"),
    N_("Спросите у клиента код, или отключите подтверждение телефона в настройках онлайн-записи DIKIDI"),
    code=WhyNot.CODE_NEEDED,
)
WRONG_CODE = Rule("refuse", Reason.BAD_REQUEST, N_("a wrong code from the SMS"), code=WhyNot.WRONG_CODE)
BAD_PHONE = Rule("refuse", Reason.BAD_ADDRESS, N_("DIKIDI takes no such phone"), code=WhyNot.BAD_PHONE)
NO_NAME = Rule("refuse", Reason.BAD_REQUEST, N_("the client's name is missing"), code=WhyNot.NO_NAME)
NOT_WELCOME = Rule("refuse", Reason.OTHER, N_("the salon takes no bookings of this client"), code=WhyNot.NOT_WELCOME)
NO_SERVICE = Rule("refuse", Reason.NOT_FOUND, N_("there is no such service or master"), code=WhyNot.NO_SERVICE)
CHANGED = Rule(
    "block", Reason.OUT_OF_SERVICE, N_("виджет DIKIDI изменился: ответ не такой, как был"), BY_HAND, code="changed"
)
PROTECTED = Rule(
    "block", Reason.OUT_OF_SERVICE, N_("DIKIDI принимает нас за робота и не пускает"), FROM_ELSEWHERE, code="protected"
)
SIGN_IN_REFUSED = Rule(
    "block",
    Reason.NO_ACCESS,
    N_("DIKIDI не принял логин и пароль администратора"),
    N_("Проверьте вход в браузере и сохраните верный пароль: svyazka secret set. Этот мы больше не пробуем"),
    code="sign_in",
)
NO_RIGHTS = Rule(
    "block",
    Reason.NO_ACCESS,
    N_("у этого сотрудника нет доступа к журналу DIKIDI"),
    N_("Дайте сотруднику, чьи login и password, право видеть журнал этого филиала"),
    code="no_rights",
)
SILENT = Rule("retry", Reason.OUT_OF_SERVICE, N_("DIKIDI failed"), code="http_5xx")

FAILURES = FailureMap(
    codes={
        "COMPANY_ERROR": Rule(
            "block",
            Reason.SETTING,
            N_("DIKIDI не знает такой компании"),
            N_("Исправьте `company`: это число в адресе страницы онлайн-записи (dikidi.net/ЧИСЛО)"),
        ),
        "USER_AUTHORISATION_ERROR": CODE_NEEDED,
        "USER_AUTHORISATION_DATA_ERROR": CODE_NEEDED,
        "NUMBER_NOT_TRUE": BAD_PHONE,
    },
    # Any error in DIKIDI's own form counts as one that came with 200. The first that fits decides.
    phrases={
        (200, "не ajax запрос"): Rule(
            "refuse", Reason.BAD_REQUEST, N_("DIKIDI doesn't take the request: a mistake of ours"), code="not_ajax"
        ),
        (200, "specialist not found"): NO_SERVICE,
        (200, "неверный код"): WRONG_CODE,
        (200, "неправильный код"): WRONG_CODE,
        (200, "код подтверждения"): CODE_NEEDED,
        (200, "код из"): CODE_NEEDED,
        (200, "подтвердите"): CODE_NEEDED,
        (200, "captcha"): CODE_NEEDED,
        (200, "занят"): TAKEN,
        (200, "истек"): TAKEN,
        (200, "телефон"): BAD_PHONE,
        (200, "имя"): NO_NAME,
        (200, "списке"): NOT_WELCOME,
    },
    statuses={
        404: CHANGED,
        405: CHANGED,
        429: Rule("retry", Reason.TOO_MUCH, N_("too many calls at once"), after=60.0, code="429"),
    },
    classes={range(500, 600): SILENT},
    special={
        N_("a page of its bot protection, whatever the status"): PROTECTED,
        N_("an answer without what was asked for"): CHANGED,
        N_("any other refusal to hold a time"): TAKEN,
        N_("a sign-in to the back office that isn't taken"): SIGN_IN_REFUSED,
        N_("the login page or no rights, in place of the journal"): NO_RIGHTS,
    },
    other=Rule("refuse", Reason.OTHER, N_("DIKIDI refuses"), code="refused"),
)


def refused(refusal: Refusal, otherwise: Rule = FAILURES.other) -> Outcome:
    """What a refusal in DIKIDI's own form means; its sentence is told where no row knows it."""
    rule = FAILURES.rule_of(200, refusal.code, refusal.said)
    rule = otherwise if rule is FAILURES.other else rule
    said = refusal.said or refusal.code
    return outcome_of(
        rule, refusal.code or "refused", message=f"{rule.what}: {said}" if rule is FAILURES.other else None
    )


def not_an_answer(response: httpx.Response, acted: bool) -> Outcome:
    """What something means that isn't an answer of the widget's: a page of the protection, of an error, of a login.

    `acted`: the call, had it come through, would have booked; then what doesn't prove that it was turned away is
    unclear.
    """
    status = response.status_code
    page = response.text[:20_000].casefold()
    if any(mark in page for mark in MARKS) and status in (200, 403, 429, 503):
        return outcome_of(PROTECTED, f"http_{status}")
    if 200 <= status < 300:
        return NOT_SURE if acted else outcome_of(CHANGED, "changed")
    if status in FAILURES.statuses:
        return outcome_of(FAILURES.statuses[status], f"http_{status}", after=retry_after(response))
    found = outcome_of(SILENT, f"http_{status}") if status >= 500 else on_the_way(response, "DIKIDI")
    if acted and isinstance(found, Retry) and status >= 500:
        return Unclear(code=found.code, message=found.message)
    return found


NOT_SURE = Unclear(code="no_booking", message=N_("DIKIDI answers without a booking: it says neither yes nor no"))
