"""What YCLIENTS' refusals mean: its statuses and codes as one table, and the reading of an answer by it. Pure."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.yclients.schema import whole
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.model.bookings import WhyNot
from svyazka.model.outcomes import Outcome, Refused
from svyazka.model.reasons import Reason

LIMIT_WAIT = 60.0
"""Over 200 requests a minute or 5 a second from one IP address; `Retry-After` may be absent."""

FAILURES = FailureMap(
    # `meta.errors[].code`: what a client's booking may be told is filed under our own words.
    codes={
        422: Rule("refuse", Reason.BAD_REQUEST, N_("neither a service nor a promotion was given")),
        431: Rule("refuse", Reason.BAD_ADDRESS, N_("not a phone number"), code=WhyNot.BAD_PHONE),
        432: Rule("refuse", Reason.BAD_REQUEST, N_("a wrong SMS code"), code=WhyNot.WRONG_CODE),
        433: Rule("refuse", Reason.CONFLICT, N_("the time is taken or outside working hours"), code=WhyNot.TAKEN),
        434: Rule("refuse", Reason.OTHER, N_("the client is on the salon's black list"), code=WhyNot.NOT_WELCOME),
        435: Rule("refuse", Reason.BAD_REQUEST, N_("the client's name is missing"), code=WhyNot.NO_NAME),
        436: Rule("refuse", Reason.CONFLICT, N_("no master is free at that time"), code=WhyNot.TAKEN),
        437: Rule("refuse", Reason.CONFLICT, N_("it overlaps another appointment of the same request")),
        438: Rule("refuse", Reason.NOT_FOUND, N_("the service exists no more"), code=WhyNot.NO_SERVICE),
    },
    statuses={
        400: Rule("refuse", Reason.BAD_REQUEST, N_("YCLIENTS doesn't take the request: a mistake of ours")),
        401: Rule(
            "block",
            Reason.NO_ACCESS,
            N_("YCLIENTS не признаёт токены: пароль пользователя сменили или токен партнёра перевыпущен"),
            N_("Получите токен пользователя заново и сохраните его: svyazka secret set"),
        ),
        402: Rule(
            "block",
            Reason.NO_MONEY,
            N_("лицензия YCLIENTS в этом филиале закончилась"),
            N_("Продлите лицензию YCLIENTS: работа продолжится сама"),
        ),
        403: Rule(
            "block",
            Reason.NO_ACCESS,
            N_("у пользователя интеграции нет прав в этом филиале YCLIENTS"),
            N_("Дайте ему в YCLIENTS доступ к журналу записей и к клиентам: работа продолжится сама"),
        ),
        404: Rule("refuse", Reason.NOT_FOUND, N_("YCLIENTS has no such object in this salon")),
        409: Rule("refuse", Reason.CONFLICT, N_("the time is taken"), code=WhyNot.TAKEN),
        422: Rule("refuse", Reason.BAD_REQUEST, N_("YCLIENTS doesn't take the data")),
        429: Rule("retry", Reason.TOO_MUCH, N_("over YCLIENTS' limit for one IP address"), after=LIMIT_WAIT),
        500: Rule("retry", Reason.OUT_OF_SERVICE, N_("YCLIENTS failed")),
        502: Rule("retry", Reason.OUT_OF_SERVICE, N_("YCLIENTS can't be reached behind its gateway")),
        503: Rule("retry", Reason.OUT_OF_SERVICE, N_("YCLIENTS is unavailable")),
        504: Rule("retry", Reason.OUT_OF_SERVICE, N_("YCLIENTS didn't answer its gateway in time")),
    },
    classes={range(500, 1000): Rule("retry", Reason.OUT_OF_SERVICE, N_("YCLIENTS failed"))},
    other=Rule("refuse", Reason.OTHER, N_("YCLIENTS refuses the request")),
)

PHRASES = (("продлить лицензию", 402), ("необходима авторизация", 401), ("доступ запрещен", 403))
"""What `meta.message` says -> the status that it means: a licence that ended comes as 402 or 403, and anything
may come in disguise, as 200 with `success: false`."""


NOT_TAKEN = N_("YCLIENTS doesn't take the data: {fields}")
"""As the catalogue knows what is put together below."""

HAS_THE_PHONE = "с указанным телефоном уже существует"
PHONE_TAKEN = "phone_taken"
NO_SECOND = N_("YCLIENTS has a client with this phone already, and makes no second one")


def failure(status: int, meta: Section, after: float | None = None) -> Outcome:
    """What a failure means: by its code where we know it, else by its words, else by its status.

    The words themselves aren't passed on, save in Russian to the business: they may name a client.
    """
    codes = (whole(each.get("code")) for each in sections(meta.get("errors")))
    code = next((found for found in codes if found in FAILURES.codes), None)
    said = (text(meta.get("message")) or "").casefold()
    meant = next((standing for phrase, standing in PHRASES if phrase in said), status)
    rule = FAILURES.rule_of(meant, code)
    if meant == 422 and HAS_THE_PHONE in said:
        return Refused(code=PHONE_TAKEN, message=NO_SECOND, reason=Reason.CONFLICT)
    fields = ", ".join(str(field)[:40] for field in list(section(meta.get("errors")))[:5])
    words = f"{rule.what}: {fields}" if fields and rule.do == "refuse" else rule.what
    return outcome_of(rule, str(code if code is not None else meant), message=words, after=after)
