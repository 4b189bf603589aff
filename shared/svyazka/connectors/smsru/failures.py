"""What sms.ru's refusals mean: its codes as a table, and the reading of an answer by it. Pure.

Codes decide, never texts: those differ between versions of sms.ru's own documentation. What a row with a remedy
says is told to the business in an alert, so it is in Russian; the others stay in the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from svyazka.catalogue import N_
from svyazka.connectors.smsru.schema import STATUSES, whole
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.model.events import ReceiptState
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Unclear, Unknown


@dataclass(frozen=True, slots=True)
class Rule:
    """What a code of sms.ru's means for us."""

    do: Literal["retry", "refuse", "block"]
    what: str
    remedy: str | None = None
    wait: float | None = None
    """Seconds to wait at least."""
    tomorrow: bool = False
    """Wait for the next day in Moscow."""
    outage: bool = True
    """The trouble is the connection's, not this one message's."""
    opt_out: bool = False
    maybe_sent: bool = False


MINUTE = 60.0
MOSCOW = timezone(timedelta(hours=3))
NEW_DAY_MARGIN = timedelta(minutes=5)
"""Past midnight: sms.ru doesn't publish the moment at which its daily counters begin anew."""

TOO_SOON = 231
REPEATED = timedelta(minutes=2)
"""How long after a try of our own the code for "same text within a minute" may mean that very try."""

_KEY = N_("Скопируйте api_id в кабинете sms.ru («Настройки» → «API») и сохраните его: svyazka secret set")
_TEXT = N_("Измените текст сообщения в настройках сценария")


def _our_bug(what: str) -> Rule:
    return Rule("refuse", N_("{what}: a mistake of ours").format(what=what))


_ANTIFRAUD = Rule("retry", N_("a limit of sms.ru's protection against fraud"), wait=15 * MINUTE)

FAILURES: dict[int, Rule] = {
    -1: Rule("refuse", N_("sms.ru knows no such message, or it is another account's")),
    200: Rule("block", N_("sms.ru не признаёт api_id"), _KEY),
    201: Rule("block", N_("на счёте sms.ru не хватает денег"), N_("Пополните баланс: отправка продолжится сама")),
    202: Rule("refuse", N_("not a phone number, or no route to it")),
    203: _our_bug(N_("an empty text")),
    204: Rule(
        "refuse", N_("имя отправителя не зарегистрировано у оператора получателя"),
        N_(
"Проверьте имя и его регистрацию у операторов в кабинете sms.ru («Отправители»)"
),
    ),
    205: Rule("refuse", N_("текст длиннее 8 частей СМС"), _TEXT),
    206: Rule("retry", N_("the account's daily limit is reached"), tomorrow=True),
    207: Rule("refuse", N_("no route to the number, or messages to it aren't allowed")),
    208: _our_bug(N_("a wrong time")),
    209: Rule("refuse", N_("the number is in this account's own stop list"), opt_out=True),
    210: _our_bug(N_("GET instead of POST")),
    211: _our_bug(N_("an unknown method")),
    212: _our_bug(N_("a text that isn't UTF-8")),
    213: _our_bug(N_("more than 5000 numbers")),
    214: Rule("refuse", N_("a number abroad, and the account sends within Russia only")),
    215: Rule("refuse", N_("the number is in sms.ru's stop list: its owner complained"), opt_out=True),
    216: Rule("refuse", N_("в тексте есть слово, запрещённое sms.ru"), _TEXT),
    217: Rule("refuse", N_("в рекламе кредита нет обязательной фразы"), _TEXT),
    220: Rule("retry", N_("sms.ru is unavailable for the moment")),
    221: Rule(
        "block", N_("у аккаунта sms.ru нет одобренного буквенного отправителя"),
        N_(
"Создайте имя отправителя в кабинете (sms.ru/?panel=senders) и дождитесь одобрения"
),
    ),
    230: Rule("retry", N_("too many messages to this number today"), tomorrow=True, outage=False),
    TOO_SOON: Rule("retry", N_("the same text to this number within a minute"), wait=MINUTE + 5, outage=False),
    232: Rule("refuse", N_("the same text to this number too often today")),
    233: Rule("retry", N_("too many codes to this number in a short time"), wait=10 * MINUTE, outage=False),
    300: Rule("block", N_("sms.ru не признаёт токен: он истёк или изменился адрес"), _KEY),
    301: Rule("block", N_("sms.ru не признаёт api_id"), _KEY),
    302: Rule("block", N_("аккаунт sms.ru не подтверждён"), N_("Подтвердите аккаунт в кабинете sms.ru")),
    303: Rule("refuse", N_("a wrong confirmation code")),
    304: Rule("retry", N_("too many confirmation codes asked for"), wait=15 * MINUTE),
    305: Rule("retry", N_("too many wrong confirmation codes"), wait=15 * MINUTE),
    # sms.ru's own word is to repeat the request; whether this one had its effect nobody knows.
    500: Rule("retry", N_("sms.ru failed and asks to repeat"), maybe_sent=True),
    **dict.fromkeys((501, 502, 503, 504, 505, 506, 508), _ANTIFRAUD),
    507: _our_bug(N_("a wrong ip")),
    550: Rule("refuse", N_("the country is closed for messages")),
    901: Rule("refuse", N_("the address of a callback has to begin with http:// or https://")),
    902: Rule("refuse", N_("no such callback")),
}  # fmt: skip
"""`status_code` beside `"status": "ERROR"`, of a whole request or of one number."""


def accepted(part: Section) -> bool:
    """Whether a request or a number was taken. An id proves nothing: refusals may carry one too."""
    code = whole(part.get("status_code"))
    return text(part.get("status")) == "OK" and code is not None and 100 <= code < 200


def failure(part: Section, now: datetime, maybe_sent_at: datetime | None = None) -> Outcome:
    """What an answer that isn't `accepted` means: by its code's row, else by the code's class.

    `maybe_sent_at`: when an earlier try of the same command began whose fate nobody knows.
    """
    code = whole(part.get("status_code"))
    if code is None or text(part.get("status")) == "OK":
        return Unclear(code="unclear", message=N_("sms.ru's answer says neither yes nor no"))
    if code == TOO_SOON and maybe_sent_at is not None and now - maybe_sent_at < REPEATED:
        what = N_(
            "sms.ru refuses it as a repeat: an earlier try of ours, or another message of the same text, came first"
        )
        return Unknown(code=str(code), message=what)
    rule = FAILURES.get(code)
    return _by_rule(code, rule, now) if rule else _by_class(code, text(part.get("status_text")))


def _by_rule(code: int, rule: Rule, now: datetime) -> Outcome:
    name = str(code)
    if rule.do == "retry":
        after = seconds_to_new_day(now) if rule.tomorrow else rule.wait
        return Retry(code=name, message=rule.what, after=after, outage=rule.outage, maybe_sent=rule.maybe_sent)
    if rule.do == "block":
        return Blocked(code=name, message=rule.what, remedy=rule.remedy or "")
    return Refused(code=name, message=rule.what, opt_out=rule.opt_out, remedy=rule.remedy)


def _by_class(code: int, said: str | None) -> Outcome:
    """A code of no row: 1xx pending (unless it says undelivered), 5xx to be repeated, the rest permanent."""
    name = str(code)
    status = STATUSES.get(code)
    if status is not None and status.state is ReceiptState.UNDELIVERED:
        return Refused(code=name, message=status.what)
    if 100 <= code < 200:
        return Unclear(
            code=name, message=N_("sms.ru answers with an error and the code {code}, which is none").format(code=code)
        )
    if 500 <= code < 600:
        return Retry(
            code=name,
            message=N_("sms.ru fails with a code that we don't know: {code}").format(code=code),
            maybe_sent=True,
        )
    what = N_("sms.ru отказывает с неизвестным нам кодом {code}").format(code=code) + (f": {said}" if said else "")
    return Refused(code=name, message=what, remedy=N_("Что он значит, скажет поддержка sms.ru"))


def seconds_to_new_day(now: datetime) -> float:
    """Until the next day begins in Moscow, and a little more."""
    local = now.astimezone(MOSCOW)
    midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), MOSCOW)
    return (midnight + NEW_DAY_MARGIN - local).total_seconds()


def entry_of(answer: Section, key: str) -> Section:
    """One number's part of an answer. Keys are digits as sms.ru normalised them, not what was sent."""
    entries = section(answer.get("sms"))
    found = entries.get(key)
    if found is None and len(entries) == 1:
        (found,) = entries.values()
    return section(found)
