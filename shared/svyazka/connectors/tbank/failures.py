"""What T-Bank's refusals mean, in the order of its page: of requests (`FAILURES`), and of payers' money (`DECLINES`).
Pure.

Everything is answered with 200; `ErrorCode` decides ("0": fine). Codes of both kinds come in the same field: one of a
decline says what became of the payment, and the command was carried out.
"""

from __future__ import annotations

from collections.abc import Mapping

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule
from svyazka.model.reasons import Reason
from svyazka.model.seen import Decline

_CABINET = N_("Проверьте TerminalKey и пароль терминала в кабинете Т-Бизнеса и сохраните пароль: svyazka secret set")
_BANK = N_("Разберитесь с поддержкой эквайринга: acq_help@tbank.ru")
_RECEIPT = N_("Проверьте `taxation` и ставки НДС: сумма строк чека должна равняться сумме платежа")

_OURS = Rule("refuse", Reason.BAD_REQUEST, N_("T-Bank doesn't take this request (code {code})"))
_RECEIPTS = Rule("refuse", Reason.BAD_CONTENT, N_("Т-Банк не принимает чек (код {code})"), _RECEIPT)
_INSIDE = Rule("unclear", Reason.OUT_OF_SERVICE, N_("T-Bank failed (code {code})"))
_NOT_ALLOWED = Rule("refuse", Reason.CONFLICT, N_("the payment's status doesn't allow it (code {code})"))
_NOT_ON = Rule("refuse", Reason.SETTING, N_("на терминале Т-Банка не включены списания по сохранённой карте"), _BANK)
_CLOSED = Rule("block", Reason.ACCOUNT, N_("терминал Т-Банка закрыт или договор не действует (код {code})"), _BANK)
_NO_ACCESS = Rule("block", Reason.NO_ACCESS, N_("Т-Банк не признаёт терминал или его пароль (код {code})"), _CABINET)
NOT_THERE = Rule("refuse", Reason.NOT_FOUND, N_("T-Bank has no such payment (code {code})"))

NOT_ALLOWED = frozenset({"4", "8", "324"})
"""What was asked for doesn't fit the payment's status: it may be there already."""
NOT_FOUND = frozenset({"255", "335", "914"})

FAILURES = FailureMap(
    codes={
        **dict.fromkeys((1, 2, 201), _OURS),
        **dict.fromkeys((3, 401, 402, 903, 999, 9999, 1096, 7999, 3040, 8002, 8004), _INSIDE),
        **dict.fromkeys((4, 8, 324), _NOT_ALLOWED),
        **dict.fromkeys((10, 3013), _NOT_ON),
        20: Rule("refuse", Reason.DUPLICATE, N_("T-Bank has had this number of ours before, and makes no second link")),
        **dict.fromkeys((191, 202, 501, 648), _CLOSED),
        **dict.fromkeys((204, 205), _NO_ACCESS),
        251: Rule("refuse", Reason.BAD_REQUEST, N_("the amount is too small for T-Bank")),
        262: Rule("refuse", Reason.NOT_FOUND, N_("the payment by which the card was saved is too old")),
        **dict.fromkeys((3029, 3032, 3042), Rule(
            "retry", Reason.TOO_MUCH, N_("too many attempts at the fast payment system in this hour"), after=3600.0,
            outage=False,
        )),
        **dict.fromkeys((3030, 3033, 3041), Rule(
            "retry", Reason.TOO_MUCH, N_("too many attempts at the fast payment system today"), after=6 * 3600.0,
            outage=False,
        )),
        3002: Rule(
            "retry", Reason.NO_MONEY, N_("not enough on the business's account for this refund"), after=3600.0,
            outage=False,
        ),
    },
    statuses={429: Rule("retry", Reason.TOO_MUCH, N_("too many requests at once"), after=1.0)},
    classes={
        range(308, 337): _RECEIPTS, range(206, 262): _OURS, range(383, 387): _OURS,
        range(500, 600): Rule("unclear", Reason.OUT_OF_SERVICE, N_("T-Bank answers with an error of its own")),
    },
    # Asked for what may not be there, it is an answer and no refusal.
    special={N_("no such payment"): NOT_THERE},
    other=Rule("refuse", Reason.OTHER, N_("T-Bank refuses (code {code})")),
)  # fmt: skip

_D = Decline

_BY_NUMBER: Mapping[int, Decline] = {
    **dict.fromkeys((99, 120, 123, 125, 1089, 9001, 1030, 1034), _D.LATER),
    **dict.fromkeys((101, 106, 108, 511, 2014), _D.OTHER_CARD),
    **dict.fromkeys((102, 600, 603, 604, 650, *range(1201, 1208)), _D.RISK),
    **dict.fromkeys((103, 116, 1051, 5060), _D.NO_MONEY),
    **dict.fromkeys((119, 2200, 1075, 1061, 1065, 5061, 5062), _D.LATER),
    104: _D.OTHER_CARD,
    **dict.fromkeys((107, 231, 252, 1014, 1015, 1033, 1041, 1043, 1054, 1071), _D.CARD_GONE),
    262: _D.CARD_GONE,
    **dict.fromkeys((3012, 3014, 3015, 5031), _D.CARD_GONE),
    **dict.fromkeys((3028, 3031, *range(5036, 5060), *range(5063, 5068)), _D.OTHER_CARD),
}

DECLINES: Mapping[str, Decline] = {str(code): why for code, why in _BY_NUMBER.items()}
"""`ErrorCode` of a payment that wasn't made -> why."""


def decline_of(code: str | None) -> Decline:
    """Why no money came."""
    return DECLINES.get(code or "", Decline.OTHER)
