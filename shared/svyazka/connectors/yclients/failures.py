"""What YCLIENTS' refusals mean: its statuses and codes as tables, and the reading of an answer by them. Pure.

What a row with a remedy says is told to the business in an alert, so it is in Russian; the others stay in the
journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from svyazka.catalogue import N_
from svyazka.connectors.yclients.schema import whole
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry


@dataclass(frozen=True, slots=True)
class Rule:
    """What a status or a code of YCLIENTS' means for us."""

    do: Literal["retry", "refuse", "block"]
    what: str
    remedy: str = ""
    wait: float | None = None
    """Seconds to wait at least."""


LIMIT_WAIT = 60.0
"""Over 200 requests a minute or 5 a second from one IP address; `Retry-After` may be absent."""

STATUSES: dict[int, Rule] = {
    400: Rule("refuse", N_("YCLIENTS doesn't take the request: a mistake of ours")),
    401: Rule(
        "block", N_(
"YCLIENTS не признаёт токены: пароль пользователя сменили или токен партнёра перевыпущен"
),
        N_("Получите токен пользователя заново и сохраните его: svyazka secret set"),
    ),
    402: Rule(
        "block", N_("лицензия YCLIENTS в этом филиале закончилась"),
        N_("Продлите лицензию YCLIENTS: работа продолжится сама"),
    ),
    403: Rule(
        "block", N_("у пользователя интеграции нет прав в этом филиале YCLIENTS"),
        N_(
"Дайте ему в YCLIENTS доступ к журналу записей и к клиентам: работа продолжится сама"
),
    ),
    404: Rule("refuse", N_("YCLIENTS has no such object in this salon")),
    409: Rule("refuse", N_("the time is taken")),
    422: Rule("refuse", N_("YCLIENTS doesn't take the data")),
    429: Rule("retry", N_("over YCLIENTS' limit for one IP address"), wait=LIMIT_WAIT),
    500: Rule("retry", N_("YCLIENTS failed")),
    502: Rule("retry", N_("YCLIENTS can't be reached behind its gateway")),
    503: Rule("retry", N_("YCLIENTS is unavailable")),
    504: Rule("retry", N_("YCLIENTS didn't answer its gateway in time")),
}  # fmt: skip
OTHER_4XX = Rule("refuse", N_("YCLIENTS refuses the request"))
OTHER_5XX = Rule("retry", N_("YCLIENTS failed"))

CODES: dict[int, Rule] = {
    422: Rule("refuse", N_("neither a service nor a promotion was given")),
    431: Rule("refuse", N_("not a phone number")),
    432: Rule("refuse", N_("a wrong SMS code")),
    433: Rule("refuse", N_("the time is taken or outside working hours")),
    434: Rule("refuse", N_("the client is on the salon's black list")),
    435: Rule("refuse", N_("the client's name is missing")),
    436: Rule("refuse", N_("no master is free at that time")),
    437: Rule("refuse", N_("it overlaps another appointment of the same request")),
    438: Rule("refuse", N_("the service exists no more")),
}
"""`meta.errors[].code`; goes before the status."""

PHRASES = (("продлить лицензию", 402), ("необходима авторизация", 401), ("доступ запрещен", 403))
"""What `meta.message` says -> the status that it means: a licence that ended comes as 402 or 403, and anything
may come in disguise, as 200 with `success: false`."""


def outcome_of(status: int, meta: Section, after: float | None = None) -> Outcome:
    """What a failure means: by its code where we know it, else by its words, else by its status.

    The words themselves aren't passed on, save in Russian to the business: they may name a client.
    """
    code = next((found for each in sections(meta.get("errors")) if (found := whole(each.get("code"))) in CODES), None)
    said = (text(meta.get("message")) or "").casefold()
    meant = next((standing for phrase, standing in PHRASES if phrase in said), status)
    usual = OTHER_5XX if status >= 500 else OTHER_4XX
    rule = CODES[code] if code is not None else STATUSES.get(meant, usual)
    name = str(code if code is not None else meant)
    if rule.do == "retry":
        waits = [wait for wait in (rule.wait, after) if wait is not None]
        return Retry(code=name, message=rule.what, after=max(waits, default=None))
    if rule.do == "block":
        return Blocked(code=name, message=rule.what, remedy=rule.remedy)
    fields = ", ".join(str(field)[:40] for field in list(section(meta.get("errors")))[:5])
    return Refused(code=name, message=f"{rule.what}: {fields}" if fields else rule.what)
