"""What Meta's error codes mean: a table, and the reading of a refusal by it. Pure.

The code decides: HTTP statuses are unreliable (throttling comes as 400 or 429), and most failures come later, as a
`failed` status, with the same codes. What a row with a remedy says is told to the business in an alert, so it is in
Russian; the others stay in the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from svyazka.catalogue import N_
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry


@dataclass(frozen=True, slots=True)
class Rule:
    """What a code of Meta's means for us."""

    do: Literal["retry", "refuse", "block"]
    what: str
    remedy: str | None = None
    wait: float | None = None
    """Seconds to wait at least."""
    outage: bool = True
    """The trouble is the number's or the account's, not this one message's."""
    opt_out: bool = False


MINUTE, HOUR = 60.0, 3600.0

_TOKEN = N_(
    "Выпустите в Meta Business Suite постоянный ключ системного пользователя с правами "
    "whatsapp_business_messaging и whatsapp_business_management и сохраните его: svyazka secret set. "
    "Отправка продолжится сама"
)
_ACCOUNT = N_("Разберитесь в Meta Business Suite (WhatsApp Manager): отправка продолжится сама")
_TEMPLATE = N_("Сверьте шаблон сценария (name, language, parameters) с одобренным в WhatsApp Manager")
_SUPPORT = N_("Что он значит, скажет поддержка Meta")

_TEMPORARY = Rule("retry", N_("Meta failed for the moment"))
_NO_RIGHTS = Rule("block", N_("у ключа WhatsApp нет нужных прав, или их отозвали"), _TOKEN)
_OUT_OF_WINDOW = Rule(
    "refuse", N_(
"прошло больше 24 часов с последнего сообщения клиента: обычный текст WhatsApp не доставит"
),
    N_("Задайте сценарию шаблон (template), одобренный Meta"),
)  # fmt: skip
_BAD_PARAMETER = Rule("refuse", N_("Meta не принимает параметр сообщения WhatsApp"), _TEMPLATE)
_NO_NUMBER = Rule(
    "refuse", N_("Meta не принимает вызов: неверный параметр, или ключ не видит номер WhatsApp"),
    N_("Проверьте phone_number_id и права ключа. {TEMPLATE}").format(TEMPLATE=_TEMPLATE),
)  # fmt: skip
_TEMPLATE_DIFFERS = Rule("refuse", N_("параметры не подходят к шаблону WhatsApp"), _TEMPLATE)
_REGISTRATION = Rule("block", N_("номер WhatsApp не зарегистрирован или не подтверждён"), _ACCOUNT)
_MEDIA = Rule("refuse", N_("a file or a message type that WhatsApp doesn't take"))
_NOT_POSSIBLE = Rule("refuse", N_("Meta не принимает такое сообщение этому получателю"), _ACCOUNT)

FAILURES: dict[int, Rule] = {
    0: Rule("block", N_("Meta не признаёт ключ WhatsApp"), _TOKEN),
    1: _TEMPORARY,
    2: _TEMPORARY,
    3: _NO_RIGHTS,
    4: Rule("retry", N_("the application's limit of calls"), wait=5 * MINUTE),
    10: _NO_RIGHTS,
    33: _NO_NUMBER,
    100: _NO_NUMBER,
    190: Rule("block", N_("ключ WhatsApp истёк или отозван"), _TOKEN),
    368: Rule("block", N_("Meta временно заблокировала аккаунт за нарушение правил"), _ACCOUNT),
    470: _OUT_OF_WINDOW,
    80007: Rule("retry", N_("the account's limit of calls"), wait=5 * MINUTE),
    130429: Rule("retry", N_("too many messages at once"), wait=10.0),
    130472: Rule("refuse", N_("the recipient is in an experiment of Meta's: no marketing messages")),
    130497: Rule("refuse", N_("messages to this country aren't allowed")),
    131000: _TEMPORARY,
    131005: _NO_RIGHTS,
    131008: _BAD_PARAMETER,
    131009: _BAD_PARAMETER,
    131016: _TEMPORARY,
    131021: Rule("refuse", N_("the recipient is the sender")),
    131026: Rule("refuse", N_("not on WhatsApp, or the application there is too old, or we are blocked")),
    131030: Rule(
        "refuse", N_("тестовый номер WhatsApp пишет только на номера из своего списка"),
        N_("Подключите настоящий номер или добавьте получателя в список в кабинете Meta"),
    ),
    131031: Rule("block", N_("аккаунт WhatsApp заблокирован"), _ACCOUNT),
    131037: Rule("block", N_("отображаемое имя номера WhatsApp не одобрено"), _ACCOUNT),
    131042: Rule("block", N_("Meta не может списать оплату за сообщения WhatsApp"), _ACCOUNT),
    131045: _REGISTRATION,
    131047: _OUT_OF_WINDOW,
    131048: Rule("block", N_("Meta ограничила номер WhatsApp: на сообщения жаловались"), _ACCOUNT),
    131049: Rule("refuse", N_("Meta chose not to deliver it, to spare this person: not again for a day")),
    131050: Rule("refuse", N_("the recipient stopped marketing messages"), opt_out=True),
    131051: _MEDIA,
    131052: _MEDIA,
    131053: _MEDIA,
    131056: Rule("retry", N_("too many messages to this person at once"), wait=6.0, outage=False),
    131057: Rule("retry", N_("the account is in maintenance"), wait=5 * MINUTE),
    131062: _NOT_POSSIBLE,
    131063: _NOT_POSSIBLE,
    131064: _NOT_POSSIBLE,
    132000: _TEMPLATE_DIFFERS,
    132001: Rule("refuse", N_("шаблона WhatsApp с таким именем и языком нет, или он не одобрен"), _TEMPLATE),
    132005: Rule("refuse", N_("текст шаблона WhatsApp с параметрами слишком длинный"), _TEMPLATE),
    132007: Rule("refuse", N_("текст шаблона WhatsApp нарушает правила Meta"), _TEMPLATE),
    132008: _TEMPLATE_DIFFERS,
    132012: _TEMPLATE_DIFFERS,
    132015: Rule("retry", N_("the template is paused: people complained"), wait=3 * HOUR, outage=False),
    132016: Rule("refuse", N_("шаблон WhatsApp отключён Meta насовсем"), _TEMPLATE),
    132018: _TEMPLATE_DIFFERS,
    132068: Rule("refuse", N_("a flow of WhatsApp's that is blocked")),
    132069: Rule("retry", N_("a flow of WhatsApp's that is throttled"), wait=HOUR, outage=False),
    133004: Rule("retry", N_("Meta's server is unavailable"), wait=5 * MINUTE),
    133015: Rule("retry", N_("the number was just deleted or registered"), wait=5 * MINUTE),
    135000: Rule("refuse", N_("Meta doesn't take our parameters")),
    137000: Rule("refuse", N_("the recipient's identity key has changed")),
}  # fmt: skip
"""`error.code` of a refusal, and `errors[].code` of a failed message."""

CLASSES: tuple[tuple[range, Rule], ...] = (
    (range(200, 300), _NO_RIGHTS),
    (range(133000, 133017), _REGISTRATION),
)
"""Codes of no row of their own."""


def rule_of(code: int, transient: bool = False) -> Rule:
    """The row of a code; a code of none is permanent, and somebody is told, unless Meta calls it transient."""
    known = FAILURES.get(code) or next((rule for codes, rule in CLASSES if code in codes), None)
    if known is not None and not (transient and known.do == "refuse"):
        return known
    if transient:
        return _TEMPORARY
    return Rule("refuse", N_("Meta отказывает с неизвестным нам кодом {code}").format(code=code), _SUPPORT)


def failure(code: int, details: str | None, transient: bool = False) -> Outcome:
    """What a refusal means. `details` is Meta's own explanation; it names nobody."""
    rule = rule_of(code, transient)
    name, words = str(code), f"{rule.what} ({details})" if details else rule.what
    if rule.do == "retry":
        return Retry(code=name, message=words, after=rule.wait, outage=rule.outage)
    if rule.do == "block":
        return Blocked(code=name, message=rule.what, remedy=rule.remedy or "")
    # An alert is short; the story keeps Meta's own words.
    message = rule.what if rule.remedy else words
    return Refused(code=name, message=message, opt_out=rule.opt_out, remedy=rule.remedy)
