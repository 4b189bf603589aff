"""What АТОЛ Онлайн's refusals mean. Pure.

Two tables, for two places: what the service says of a call (protocol v4, document 5.15, «Коды ошибок»), and what a
document's report says of how it failed. They are told apart by where they stand and by `error.type`, never by the code
alone: codes of a till's driver are small numbers too.
"""

from __future__ import annotations

from collections.abc import Mapping

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule
from svyazka.model.reasons import Reason

_ACCESS = N_("Возьмите login и pass из файла настроек для CMS в кабинете АТОЛ Онлайн: svyazka secret set")
_GROUP = N_("Сверьте group_code и version у подключения с файлом настроек для CMS: v5 для ФФД 1.2, v4 для ФФД 1.05")

FAILURES = FailureMap(
    codes={
        0: Rule("unclear", Reason.OUT_OF_SERVICE, N_("ATOL could not work on the document, and doesn't say why")),
        1: Rule("unclear", Reason.OUT_OF_SERVICE, N_("ATOL could not work on the document")),
        # Renewed once and repeated before this counts.
        10: Rule("block", Reason.NO_ACCESS, N_("АТОЛ не признаёт и новый токен"), _ACCESS),
        11: Rule("block", Reason.NO_ACCESS, N_("АТОЛ считает и новый токен просроченным"), _ACCESS),
        12: Rule("block", Reason.NO_ACCESS, N_("АТОЛ не признаёт логин или пароль"), _ACCESS),
        13: Rule("refuse", Reason.BAD_REQUEST, N_("ATOL doesn't take the request")),
        14: Rule(
            "block", Reason.ACCOUNT, N_("пользователь АТОЛ заблокирован"), N_("Напишите в поддержку АТОЛ Онлайн")
        ),
        20: Rule("block", Reason.SETTING, N_("группа онлайн-касс не принадлежит этому логину"), _GROUP),
        21: Rule("block", Reason.SETTING, N_("группа онлайн-касс не работает по этой версии протокола"), _GROUP),
        30: Rule("refuse", Reason.NOT_FOUND, N_("ATOL knows no such document")),
        31: Rule("refuse", Reason.BAD_REQUEST, N_("ATOL knows no such operation")),
        32: Rule("refuse", Reason.BAD_REQUEST, N_("the receipt isn't filled in as ATOL wants it")),
        33: Rule("done", Reason.DUPLICATE, N_("ATOL has a document under this number already")),
        34: Rule("retry", Reason.OUT_OF_SERVICE, N_("the till hasn't printed it yet"), outage=False),
        40: Rule("refuse", Reason.BAD_REQUEST, N_("ATOL can't read the request")),
        41: Rule("refuse", Reason.BAD_REQUEST, N_("ATOL wants another kind of content")),
        50: Rule("unclear", Reason.OUT_OF_SERVICE, N_("ATOL failed, and may have taken the document before")),
    },
    statuses={429: Rule("retry", Reason.TOO_MUCH, N_("too many requests at once"), after=1.0)},
    other=Rule("unclear", Reason.OUT_OF_SERVICE, N_("ATOL failed, and may have taken the document before"),
               code="http_5xx"),
)  # fmt: skip

TOKEN_CODES = (10, 11)
TAKEN_BEFORE, NOT_READY, NO_SUCH_DOCUMENT = 33, 34, 30

_CONTENT = frozenset(
    {
        13, 16, 17, 23, 24, 27, 41, 48, 52, 53, 60, 66, 98, 110, 128, 143, 144, 145, 147, 161, 163, 193, 215, 216, 217,
        228, 231, 243, 244, 261, 265, 405, 408, 409, 412,
    }
)  # fmt: skip
"""Codes of the till's driver that say that the receipt itself is wrong."""

AGAIN_OF_AGENT: Mapping[int, bool] = {2003: False, 2004: True, 2005: True, 2006: False, 2007: False, 2009: False}


def may_pass(type_: str | None, code: int | None) -> bool:
    """Whether a document that failed so may pass under a new number: the till was overloaded, off, or out of order.
    False: what it says has to be mended first, or somebody has to look."""
    match type_:
        case "timeout":
            return True
        case "agent":
            return AGAIN_OF_AGENT.get(code or 0, False)
        case "driver":
            return code not in _CONTENT
    # `system` (its formatting) and `unknown` are a person's to look at.
    return False
