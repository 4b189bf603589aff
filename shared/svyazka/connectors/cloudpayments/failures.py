"""What CloudPayments' refusals mean, in the order of its page: of requests (`FAILURES`), and of payers' money
(`DECLINES`). Pure.

A decline is answered with 200 and `Success: false`, too; that with a `Model` says what became of the payment.
"""

from __future__ import annotations

from collections.abc import Mapping

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule
from svyazka.model.reasons import Reason
from svyazka.model.seen import Decline

_KEYS = N_("Возьмите Public ID и пароль для API в кабинете my.cloudpayments.ru («Сайты»): svyazka secret set")

NOT_TAKEN = "not_taken"
"""`Success: false` with words and nothing else."""

FAILURES = FailureMap(
    codes={
        NOT_TAKEN: Rule("refuse", Reason.BAD_REQUEST, N_("CloudPayments doesn't take this request")),
        **dict.fromkeys((5761, 5762, 5763), Rule(
            "refuse", Reason.BAD_CONTENT, N_("CloudPayments wants a phone with this payment (code {code})")
        )),
        6025: Rule("refuse", Reason.SETTING, N_("карта сохранена на другом сайте CloudPayments (код {code})"), _KEYS),
    },
    statuses={
        401: Rule("block", Reason.NO_ACCESS, N_("CloudPayments не признаёт Public ID или пароль для API"), _KEYS),
        429: Rule("retry", Reason.TOO_MUCH, N_("too many requests are under way"), after=3.0),
    },
    classes={range(500, 600): Rule("unclear", Reason.OUT_OF_SERVICE, N_("CloudPayments answers with an error"))},
    other=Rule("refuse", Reason.OTHER, N_("CloudPayments refuses (code {code})")),
)  # fmt: skip

DUPLICATE_REFUND = "6013"

_D = Decline

_BY_NUMBER: Mapping[int, Decline] = {
    **dict.fromkeys((5005, 5057, 5003, 5017, 5033, 5034, 5001, 5012), _D.CARD_GONE),
    **dict.fromkeys((5055, 5063, 5014, 5030, 5013, 5054), _D.OTHER_CARD),
    5051: _D.NO_MONEY,
    **dict.fromkeys((5065, 5096), _D.LATER),
    **dict.fromkeys((5091, 5092), _D.LATER),
    **dict.fromkeys((5082, 5015), _D.OTHER_CARD),
    **dict.fromkeys((5206, 5207), _D.OTHER_CARD),
    **dict.fromkeys((5300, 5303, 5059), _D.RISK),
    **dict.fromkeys((6010, 6011), _D.CARD_GONE),
    **dict.fromkeys(range(3001, 3009), _D.SHOP),
}

DECLINES: Mapping[str, Decline] = {str(code): why for code, why in _BY_NUMBER.items()}
"""`ReasonCode` of a payment that wasn't made -> why. 3001 to 3008: it was our own answer to Check."""


def decline_of(code: str | None) -> Decline:
    """Why no money came."""
    return DECLINES.get(code or "", Decline.OTHER)
