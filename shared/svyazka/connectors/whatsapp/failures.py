"""What Meta's error codes mean: a table, and the reading of a refusal by it. Pure.

The code decides: HTTP statuses are unreliable (throttling comes as 400 or 429), and most failures come later, as a
`failed` status, with the same codes.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of, words_of
from svyazka.model.outcomes import Outcome
from svyazka.model.reasons import Reason

MINUTE, HOUR = 60.0, 3600.0

_TOKEN = N_(
    "Выпустите в Meta Business Suite постоянный ключ системного пользователя с правами "
    "whatsapp_business_messaging и whatsapp_business_management и сохраните его: svyazka secret set. "
    "Отправка продолжится сама"
)
_ACCOUNT = N_("Разберитесь в Meta Business Suite (WhatsApp Manager): отправка продолжится сама")
_TEMPLATE = N_("Сверьте шаблон сценария (name, language, parameters) с одобренным в WhatsApp Manager")
_SUPPORT = N_("Что он значит, скажет поддержка Meta")

_TEMPORARY = Rule("retry", Reason.OUT_OF_SERVICE, N_("Meta failed for the moment"))
_NO_RIGHTS = Rule("block", Reason.NO_ACCESS, N_("у ключа WhatsApp нет нужных прав, или их отозвали"), _TOKEN)
_OUT_OF_WINDOW = Rule(
    "refuse",
    Reason.BAD_CONTENT,
    N_("прошло больше 24 часов с последнего сообщения клиента: обычный текст WhatsApp не доставит"),
    N_("Задайте сценарию шаблон (template), одобренный Meta"),
)
_BAD_PARAMETER = Rule("refuse", Reason.BAD_CONTENT, N_("Meta не принимает параметр сообщения WhatsApp"), _TEMPLATE)
_NO_NUMBER = Rule(
    "refuse",
    Reason.SETTING,
    N_("Meta не принимает вызов: неверный параметр, или ключ не видит номер WhatsApp"),
    N_("Проверьте phone_number_id и права ключа. {TEMPLATE}").format(TEMPLATE=_TEMPLATE),
)
_TEMPLATE_DIFFERS = Rule("refuse", Reason.BAD_CONTENT, N_("параметры не подходят к шаблону WhatsApp"), _TEMPLATE)
_REGISTRATION = Rule("block", Reason.SENDER, N_("номер WhatsApp не зарегистрирован или не подтверждён"), _ACCOUNT)
_MEDIA = Rule("refuse", Reason.BAD_CONTENT, N_("a file or a message type that WhatsApp doesn't take"))
_NOT_POSSIBLE = Rule("refuse", Reason.BAD_ADDRESS, N_("Meta не принимает такое сообщение этому получателю"), _ACCOUNT)

FAILURES = FailureMap(
    codes={
        0: Rule("block", Reason.NO_ACCESS, N_("Meta не признаёт ключ WhatsApp"), _TOKEN),
        1: _TEMPORARY,
        2: _TEMPORARY,
        3: _NO_RIGHTS,
        4: Rule("retry", Reason.TOO_MUCH, N_("the application's limit of calls"), after=5 * MINUTE),
        10: _NO_RIGHTS,
        33: _NO_NUMBER,
        100: _NO_NUMBER,
        190: Rule("block", Reason.NO_ACCESS, N_("ключ WhatsApp истёк или отозван"), _TOKEN),
        368: Rule("block", Reason.ACCOUNT, N_("Meta временно заблокировала аккаунт за нарушение правил"), _ACCOUNT),
        470: _OUT_OF_WINDOW,
        80007: Rule("retry", Reason.TOO_MUCH, N_("the account's limit of calls"), after=5 * MINUTE),
        130429: Rule("retry", Reason.TOO_MUCH, N_("too many messages at once"), after=10.0),
        130472: Rule(
            "refuse", Reason.BAD_ADDRESS, N_("the recipient is in an experiment of Meta's: no marketing messages")
        ),
        130497: Rule("refuse", Reason.BAD_ADDRESS, N_("messages to this country aren't allowed")),
        131000: _TEMPORARY,
        131005: _NO_RIGHTS,
        131008: _BAD_PARAMETER,
        131009: _BAD_PARAMETER,
        131016: _TEMPORARY,
        131021: Rule("refuse", Reason.BAD_ADDRESS, N_("the recipient is the sender")),
        131026: Rule(
            "refuse", Reason.BAD_ADDRESS, N_("not on WhatsApp, or the application there is too old, or we are blocked")
        ),
        131030: Rule(
            "refuse",
            Reason.SETTING,
            N_("тестовый номер WhatsApp пишет только на номера из своего списка"),
            N_("Подключите настоящий номер или добавьте получателя в список в кабинете Meta"),
        ),
        131031: Rule("block", Reason.ACCOUNT, N_("аккаунт WhatsApp заблокирован"), _ACCOUNT),
        131037: Rule("block", Reason.SENDER, N_("отображаемое имя номера WhatsApp не одобрено"), _ACCOUNT),
        131042: Rule("block", Reason.NO_MONEY, N_("Meta не может списать оплату за сообщения WhatsApp"), _ACCOUNT),
        131045: _REGISTRATION,
        131047: _OUT_OF_WINDOW,
        131048: Rule("block", Reason.SENDER, N_("Meta ограничила номер WhatsApp: на сообщения жаловались"), _ACCOUNT),
        131049: Rule(
            "refuse", Reason.TOO_MUCH, N_("Meta chose not to deliver it, to spare this person: not again for a day")
        ),
        131050: Rule("refuse", Reason.OPT_OUT, N_("the recipient stopped marketing messages")),
        131051: _MEDIA,
        131052: _MEDIA,
        131053: _MEDIA,
        131056: Rule("retry", Reason.TOO_MUCH, N_("too many messages to this person at once"), after=6.0, outage=False),
        131057: Rule("retry", Reason.OUT_OF_SERVICE, N_("the account is in maintenance"), after=5 * MINUTE),
        131062: _NOT_POSSIBLE,
        131063: _NOT_POSSIBLE,
        131064: _NOT_POSSIBLE,
        132000: _TEMPLATE_DIFFERS,
        132001: Rule(
            "refuse",
            Reason.BAD_CONTENT,
            N_("шаблона WhatsApp с таким именем и языком нет, или он не одобрен"),
            _TEMPLATE,
        ),
        132005: Rule(
            "refuse", Reason.BAD_CONTENT, N_("текст шаблона WhatsApp с параметрами слишком длинный"), _TEMPLATE
        ),
        132007: Rule("refuse", Reason.BAD_CONTENT, N_("текст шаблона WhatsApp нарушает правила Meta"), _TEMPLATE),
        132008: _TEMPLATE_DIFFERS,
        132012: _TEMPLATE_DIFFERS,
        132015: Rule(
            "retry", Reason.BAD_CONTENT, N_("the template is paused: people complained"), after=3 * HOUR, outage=False
        ),
        132016: Rule("refuse", Reason.BAD_CONTENT, N_("шаблон WhatsApp отключён Meta насовсем"), _TEMPLATE),
        132018: _TEMPLATE_DIFFERS,
        132068: Rule("refuse", Reason.BAD_CONTENT, N_("a flow of WhatsApp's that is blocked")),
        132069: Rule(
            "retry", Reason.BAD_CONTENT, N_("a flow of WhatsApp's that is throttled"), after=HOUR, outage=False
        ),
        133004: Rule("retry", Reason.OUT_OF_SERVICE, N_("Meta's server is unavailable"), after=5 * MINUTE),
        133015: Rule("retry", Reason.CONFLICT, N_("the number was just deleted or registered"), after=5 * MINUTE),
        135000: Rule("refuse", Reason.BAD_REQUEST, N_("Meta doesn't take our parameters")),
        137000: Rule("refuse", Reason.BAD_ADDRESS, N_("the recipient's identity key has changed")),
    },
    classes={range(200, 300): _NO_RIGHTS, range(133000, 133017): _REGISTRATION},
    special={N_("a code that isn't known, which Meta calls transient"): _TEMPORARY},
    other=Rule("refuse", Reason.OTHER, N_("Meta отказывает с неизвестным нам кодом {code}"), _SUPPORT),
)
"""By `error.code` of a refusal, and `errors[].code` of a failed message."""


def rule_of(code: int, transient: bool = False) -> Rule:
    """The row of a code; one that is permanent, or of no row, may be called transient by Meta itself."""
    rule = FAILURES.rule_of(code=code)
    return _TEMPORARY if transient and rule.do == "refuse" else rule


def failure(code: int, details: str | None, transient: bool = False) -> Outcome:
    """What a refusal means. `details` is Meta's own explanation; it names nobody."""
    rule = rule_of(code, transient)
    words = words_of(rule, str(code))
    # An alert is short; the story keeps Meta's own words.
    return outcome_of(rule, str(code), message=f"{words} ({details})" if details and not rule.remedy else words)
