"""What Bitrix24's refusals mean: its codes as a table in the order of its pages, and the reading by it. Pure.

A refusal is known by the key `error`, whatever the status (batches answer 200), and by its code in capitals, for one
and the same comes in both spellings. The code may be empty, 0 or 100: then only its words say more, and those are in
the portal's language.
"""

from __future__ import annotations

import html
import re

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.model.reasons import Reason

HOOK = N_("Создайте новый входящий вебхук и сохраните его адрес: svyazka secret set")
AGAIN = N_("Выдайте доступ заново: svyazka auth; с входящим вебхуком — создайте новый и сохраните его адрес")
RIGHTS = N_("Дайте сотруднику, от имени которого работает Связка, права на эти элементы CRM")
SCOPES = N_("Отметьте для вебхука или приложения права CRM (crm), Задачи (task), Пользователи (user_brief)")
PLAN = N_("Нужен платный тариф Битрикс24 с REST API: после оплаты работа продолжится сама")
FIELDS = N_("Проверьте обязательные поля CRM и коды в fields, sources, stage, responsible: svyazka doctor --live")
SUPPORT = N_("Напишите в поддержку Битрикс24: блокировку снимает только она")
PORTAL = N_("Проверьте адрес портала и открыт ли он для посетителей")
ADDRESS = N_("Впишите новый адрес портала: в webhook_url или domain")

TOO_FAST, METHOD_BUSY, OVERLOAD = "QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", "OVERLOAD_LIMIT"
EXPIRED, NO_AUTH, DENIED, NOT_FOUND = "EXPIRED_TOKEN", "NO_AUTH_FOUND", "ACCESS_DENIED", "NOT_FOUND"

FIELD_REFUSED = "CRM_FIELD_ERROR_VALUE_NOT_VALID"

_NOT_FOUND = Rule("refuse", Reason.NOT_FOUND, N_("there is no such thing"), code=NOT_FOUND)
_OURS = Rule("refuse", Reason.BAD_REQUEST, N_("Bitrix24 doesn't take the request"))
_FIELD = Rule("refuse", Reason.BAD_REQUEST, N_("Битрикс24 не принимает значение поля"), FIELDS)
_REMOVED = Rule("block", Reason.NO_ACCESS, N_("приложение удалили с портала Битрикс24"), AGAIN)
_NO_RIGHT = Rule("block", Reason.NO_ACCESS, N_("прав вебхука или приложения не хватает"), SCOPES)
_USER = Rule("block", Reason.NO_ACCESS, N_("этому пользователю Битрикс24 работа по API не разрешена"), RIGHTS)
_PLAN = Rule("block", Reason.NO_MONEY, N_("тариф Битрикс24 этого не позволяет"), PLAN)
_FAILED = Rule("unclear", Reason.OUT_OF_SERVICE, N_("Bitrix24 failed, and may have done it before"))

NO_PLAN = N_("ACCESS_DENIED that names commercial plans")
ONE_CARDS = N_("ACCESS_DENIED to a call about one card")
MOVED = N_("a redirect to another portal address that isn't Bitrix24's own")
OF_ONE_CARD = frozenset({"crm.item.get", "crm.item.update", "crm.timeline.comment.add", "crm.timeline.comment.list"})
SPECIAL = {
    NO_PLAN: Rule("block", Reason.NO_MONEY, N_("REST API на тарифе этого портала нет"), PLAN, code="no_plan"),
    ONE_CARDS: Rule("refuse", Reason.NO_ACCESS, N_("сотруднику не хватает прав на этот элемент CRM"), RIGHTS),
    MOVED: Rule("block", Reason.SETTING, N_("портал переехал на другой адрес"), ADDRESS, code="moved"),
}

FAILURES = FailureMap(
    codes={
        NOT_FOUND: _NOT_FOUND,
        "ERROR_NOT_FOUND": _NOT_FOUND,
        "OWNER_NOT_FOUND": _NOT_FOUND,
        FIELD_REFUSED: _FIELD,
        "CRM_FIELD_ERROR_REQUIRED": Rule(
            "refuse", Reason.BAD_REQUEST, N_("в Битрикс24 не заполнено обязательное поле"), FIELDS
        ),
        "INVALID_ARG_VALUE": _OURS,
        "ERROR_CORE": _FIELD,
        "100": _OURS,
        "0": _OURS,
        DENIED: Rule("block", Reason.NO_ACCESS, N_("сотруднику нельзя создавать такие элементы CRM"), RIGHTS),
        "CREATE_DYNAMIC_ITEM_RESTRICTED": _PLAN,
        "UPDATE_DYNAMIC_ITEM_RESTRICTED": _PLAN,
        "CRM_FEATURE_RESTRICTION_ERROR": _PLAN,
        "INVALID_REQUEST": _OURS,
        "ERROR_BATCH_LENGTH_EXCEEDED": _OURS,
        "ERROR_BATCH_METHOD_NOT_ALLOWED": _OURS,
        EXPIRED: Rule("block", Reason.NO_ACCESS, N_("Битрикс24 не принимает ни этот токен, ни новый"), AGAIN),
        NO_AUTH: Rule("block", Reason.NO_ACCESS, N_("Битрикс24 больше не принимает этот вебхук или токен"), AGAIN),
        "INVALID_TOKEN": _REMOVED,
        "ERROR_OAUTH": _REMOVED,
        "APPLICATION_NOT_FOUND": _REMOVED,
        "NOT_INSTALLED": _REMOVED,
        "AUTHORIZATION_ERROR": Rule(
            "block", Reason.NO_ACCESS, N_("сотрудник, от имени которого работает Связка, уволен или заблокирован"), HOOK
        ),
        "PAYMENT_REQUIRED": Rule("block", Reason.NO_MONEY, N_("портал или приложение не оплачены"), PLAN),
        "METHOD_CONFIRM_WAITING": Rule(
            "block", Reason.SETTING, N_("администратор портала ещё не разрешил этот метод"),
            N_("Администратор портала должен подтвердить запрос: он пришёл ему уведомлением"),
        ),
        "METHOD_CONFIRM_DENIED": Rule(
            "block", Reason.SETTING, N_("администратор портала запретил этот метод"),
            N_("Администратор портала должен разрешить его приложению"),
        ),
        "INSUFFICIENT_SCOPE": _NO_RIGHT,
        "INVALID_CREDENTIALS": _NO_RIGHT,
        "USER_ACCESS_ERROR": _USER,
        "ALLOWED_ONLY_INTRANET_USER": _USER,
        "WRONG_AUTH_TYPE": _USER,
        "ERROR_METHOD_NOT_FOUND": Rule(
            "block", Reason.SETTING, N_("на этом портале нет нужного метода REST"),
            N_("Обновите модули коробочного Битрикс24 (crm, rest, tasks)"),
        ),
        "PORTAL_DELETED": Rule("block", Reason.ACCOUNT, N_("портал удалён или закрыт"), PORTAL),
        METHOD_BUSY: Rule(
            "retry", Reason.TOO_MUCH, N_("this method has worked too long within ten minutes"), after=60, outage=False
        ),
        "INTERNAL_SERVER_ERROR": _FAILED,
        "ERROR_UNEXPECTED_ANSWER": _FAILED,
        TOO_FAST: Rule("retry", Reason.TOO_MUCH, N_("too many requests to this portal from this address"), after=2),
        OVERLOAD: Rule("block", Reason.TOO_MUCH, N_("Битрикс24 вручную заблокировал REST API портала"), SUPPORT),
    },
    phrases={
        (400, "not found"): _NOT_FOUND,
        (400, "не найден"): _NOT_FOUND,
    },
    statuses={
        400: _OURS,
        401: Rule("block", Reason.NO_ACCESS, N_("401: Битрикс24 не впускает с этим доступом"), AGAIN),
        403: Rule("block", Reason.NO_ACCESS, N_("403: сотруднику или вебхуку не хватает прав"), RIGHTS),
        410: Rule("block", Reason.ACCOUNT, N_("портал удалён или закрыт"), PORTAL),
        429: Rule("retry", Reason.TOO_MUCH, N_("too many requests to this portal"), after=60),
    },
    classes={range(500, 600): _FAILED},
    special=SPECIAL,
    other=Rule("refuse", Reason.OTHER, N_("Bitrix24 refuses the request")),
)  # fmt: skip


def code_of(answer: Section) -> str | None:
    """The code of a refusal, in capitals, perhaps empty; None where the answer is none.

    The newer API wraps it: `{"error": {"code", "message"}}`.
    """
    if "error" not in answer:
        return None
    error = answer["error"]
    given = section(error).get("code") if isinstance(error, dict) else error
    return (text(given) or "").upper()


def words_of(answer: Section) -> str:
    """What a refusal says, without markup: `error_description` comes with `<br>` at places."""
    error = answer.get("error")
    said = section(error).get("message") if isinstance(error, dict) else answer.get("error_description")
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", " ", text(said) or "")).split())


def rule_of(status: int, code: str, words: str, method: str = "") -> Rule:
    """The row for a refusal."""
    if code == DENIED and "commercial plan" in words.casefold():
        return SPECIAL[NO_PLAN]
    if code == DENIED and method in OF_ONE_CARD:
        return SPECIAL[ONE_CARDS]
    return FAILURES.rule_of(status, code, words)
