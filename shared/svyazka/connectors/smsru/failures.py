"""What sms.ru's refusals mean: its codes as a table, and the reading of an answer by it. Pure.

Codes decide, never texts: those differ between versions of sms.ru's own documentation.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from svyazka.catalogue import N_
from svyazka.connectors.smsru.schema import STATUSES, whole
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of, words_of
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.model.events import ReceiptState
from svyazka.model.outcomes import Outcome, Refused, Unclear, Unknown
from svyazka.model.reasons import Reason

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
    return Rule("refuse", Reason.BAD_REQUEST, N_("{what}: a mistake of ours").format(what=what))


_ANTIFRAUD = Rule("retry", Reason.TOO_MUCH, N_("a limit of sms.ru's protection against fraud"), after=15 * MINUTE)

FAILURES = FailureMap(
    # `status_code` beside `"status": "ERROR"`, of a whole request or of one number
    codes={
        -1: Rule("refuse", Reason.NOT_FOUND, N_("sms.ru knows no such message, or it is another account's")),
        200: Rule("block", Reason.NO_ACCESS, N_("sms.ru не признаёт api_id"), _KEY),
        201: Rule(
            "block",
            Reason.NO_MONEY,
            N_("на счёте sms.ru не хватает денег"),
            N_("Пополните баланс: отправка продолжится сама"),
        ),
        202: Rule("refuse", Reason.BAD_ADDRESS, N_("not a phone number, or no route to it")),
        203: _our_bug(N_("an empty text")),
        204: Rule(
            "refuse",
            Reason.SENDER,
            N_("имя отправителя не зарегистрировано у оператора получателя"),
            N_("Проверьте имя и его регистрацию у операторов в кабинете sms.ru («Отправители»)"),
        ),
        205: Rule("refuse", Reason.BAD_CONTENT, N_("текст длиннее 8 частей СМС"), _TEXT),
        206: Rule("retry", Reason.TOO_MUCH, N_("the account's daily limit is reached")),
        207: Rule("refuse", Reason.BAD_ADDRESS, N_("no route to the number, or messages to it aren't allowed")),
        208: _our_bug(N_("a wrong time")),
        209: Rule("refuse", Reason.OPT_OUT, N_("the number is in this account's own stop list")),
        210: _our_bug(N_("GET instead of POST")),
        211: _our_bug(N_("an unknown method")),
        212: _our_bug(N_("a text that isn't UTF-8")),
        213: _our_bug(N_("more than 5000 numbers")),
        214: Rule("refuse", Reason.BAD_ADDRESS, N_("a number abroad, and the account sends within Russia only")),
        215: Rule("refuse", Reason.OPT_OUT, N_("the number is in sms.ru's stop list: its owner complained")),
        216: Rule("refuse", Reason.BAD_CONTENT, N_("в тексте есть слово, запрещённое sms.ru"), _TEXT),
        217: Rule("refuse", Reason.BAD_CONTENT, N_("в рекламе кредита нет обязательной фразы"), _TEXT),
        220: Rule("retry", Reason.OUT_OF_SERVICE, N_("sms.ru is unavailable for the moment")),
        221: Rule(
            "block",
            Reason.SENDER,
            N_("у аккаунта sms.ru нет одобренного буквенного отправителя"),
            N_("Создайте имя отправителя в кабинете (sms.ru/?panel=senders) и дождитесь одобрения"),
        ),
        230: Rule("retry", Reason.TOO_MUCH, N_("too many messages to this number today"), outage=False),
        TOO_SOON: Rule(
            "retry",
            Reason.DUPLICATE,
            N_("the same text to this number within a minute"),
            after=MINUTE + 5,
            outage=False,
        ),
        232: Rule("refuse", Reason.DUPLICATE, N_("the same text to this number too often today")),
        233: Rule(
            "retry",
            Reason.TOO_MUCH,
            N_("too many codes to this number in a short time"),
            after=10 * MINUTE,
            outage=False,
        ),
        300: Rule("block", Reason.NO_ACCESS, N_("sms.ru не признаёт токен: он истёк или изменился адрес"), _KEY),
        301: Rule("block", Reason.NO_ACCESS, N_("sms.ru не признаёт api_id"), _KEY),
        302: Rule(
            "block", Reason.ACCOUNT, N_("аккаунт sms.ru не подтверждён"), N_("Подтвердите аккаунт в кабинете sms.ru")
        ),
        303: Rule("refuse", Reason.BAD_CONTENT, N_("a wrong confirmation code")),
        304: Rule("retry", Reason.TOO_MUCH, N_("too many confirmation codes asked for"), after=15 * MINUTE),
        305: Rule("retry", Reason.TOO_MUCH, N_("too many wrong confirmation codes"), after=15 * MINUTE),
        # sms.ru's own word is to repeat the request; whether this one had its effect nobody knows.
        500: Rule("retry", Reason.OUT_OF_SERVICE, N_("sms.ru failed and asks to repeat"), maybe_sent=True),
        **dict.fromkeys((501, 502, 503, 504, 505, 506, 508), _ANTIFRAUD),
        507: _our_bug(N_("a wrong ip")),
        550: Rule("refuse", Reason.BAD_ADDRESS, N_("the country is closed for messages")),
        901: Rule("refuse", Reason.BAD_REQUEST, N_("the address of a callback has to begin with http:// or https://")),
        902: Rule("refuse", Reason.NOT_FOUND, N_("no such callback")),
    },
    # 1xx pending (unless it says undelivered), 5xx to be repeated, the rest permanent
    classes={
        range(100, 200): Rule(
            "unclear",
            Reason.OTHER,
            N_("sms.ru answers with an error and the code {code}, which is none"),
        ),
        range(500, 600): Rule(
            "retry",
            Reason.OUT_OF_SERVICE,
            N_("sms.ru fails with a code that we don't know: {code}"),
            maybe_sent=True,
        ),
    },
    other=Rule(
        "refuse",
        Reason.OTHER,
        N_("sms.ru отказывает с неизвестным нам кодом {code}"),
        N_("Что он значит, скажет поддержка sms.ru"),
    ),
)

UNTIL_TOMORROW = frozenset({206, 230})
"""Limits of a day: to wait for the next one in Moscow."""


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
    status = STATUSES.get(code)
    if status is not None and status.state is ReceiptState.UNDELIVERED:
        return Refused(code=str(code), message=status.what)
    rule, said = FAILURES.rule_of(code=code), text(part.get("status_text"))
    words = words_of(rule, str(code))
    if rule is FAILURES.other and said:
        words = f"{words}: {said}"
    after = seconds_to_new_day(now) if code in UNTIL_TOMORROW else None
    return outcome_of(rule, str(code), message=words, after=after)


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
