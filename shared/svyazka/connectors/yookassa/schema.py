"""ЮKassa's objects in our words: tables first. Pure.

Source: yookassa.ru/developers (payments, refunds, declined payments), the official Python package 3.13.0.
"""

from __future__ import annotations

from collections.abc import Mapping

from svyazka.engine.contracts.untrusted import Section, section, sections, text, zoned_time
from svyazka.model.money import RUB, Money
from svyazka.model.orders import Method, Subject
from svyazka.model.seen import Decline, PaymentSeen, RefundSeen, RefundState, SavedMethod, SeenState
from svyazka.model.vat import Vat

OUR_NUMBER = "svyazka"
"""The key of `metadata` under which our number travels."""

STATES: Mapping[str, SeenState] = {
    "pending": SeenState.WAITS,
    "waiting_for_capture": SeenState.HELD,
    "succeeded": SeenState.PAID,
    "canceled": SeenState.OVER,
}

REFUND_STATES: Mapping[str, RefundState] = {
    "pending": RefundState.WAITS,
    "succeeded": RefundState.DONE,
    "canceled": RefundState.OVER,
}
"""Of receipts too (`receipt_registration`)."""

DECLINES: Mapping[str, Decline] = {
    # May pass later with the same method.
    "insufficient_funds": Decline.NO_MONEY,
    "issuer_unavailable": Decline.LATER,
    "internal_timeout": Decline.LATER,
    "payment_method_limit_exceeded": Decline.LATER,
    "general_decline": Decline.OTHER,
    # Another method may do.
    "3d_secure_failed": Decline.OTHER_CARD,
    "call_issuer": Decline.OTHER_CARD,
    "country_forbidden": Decline.OTHER_CARD,
    "fraud_suspected": Decline.RISK,
    "identification_required": Decline.OTHER_CARD,
    "invalid_csc": Decline.OTHER_CARD,
    "loan_declined": Decline.OTHER_CARD,
    "unsupported_mobile_operator": Decline.OTHER_CARD,
    "expired_on_confirmation": Decline.PAYER_LEFT,
    # A saved method is of no use any more.
    "permission_revoked": Decline.CARD_GONE,
    "card_expired": Decline.CARD_GONE,
    "invalid_card_number": Decline.CARD_GONE,
    "payment_method_restricted": Decline.CARD_GONE,
    # The shop's.
    "canceled_by_merchant": Decline.SHOP,
    "expired_on_capture": Decline.SHOP,
    "deal_expired": Decline.SHOP,
    # Of refunds.
    "rejected_by_timeout": Decline.LATER,
    "rejected_by_payee": Decline.OTHER,
    "yoo_money_account_closed": Decline.OTHER,
    "payment_expired": Decline.OTHER,
}
"""`cancellation_details.reason`."""

VAT_CODES: Mapping[Vat, int] = {
    Vat.NONE: 1, Vat.V0: 2, Vat.V10: 3, Vat.V20: 4, Vat.V10_110: 5, Vat.V20_120: 6, Vat.V5: 7, Vat.V7: 8,
    Vat.V5_105: 9, Vat.V7_107: 10, Vat.V22: 11, Vat.V22_122: 12,
}  # fmt: skip
"""`vat_code`. 11 and 12 since 2026."""

SUBJECTS: Mapping[Subject, str] = {
    Subject.COMMODITY: "commodity", Subject.EXCISE: "excise", Subject.JOB: "job", Subject.SERVICE: "service",
    Subject.PAYMENT: "payment", Subject.ANOTHER: "another",
}  # fmt: skip
"""`payment_subject`."""

MODES: Mapping[Method, str] = {
    Method.FULL_PREPAYMENT: "full_prepayment", Method.PREPAYMENT: "partial_prepayment", Method.ADVANCE: "advance",
    Method.FULL_PAYMENT: "full_payment",
}  # fmt: skip
"""`payment_mode`."""

MEASURES: Mapping[str, str] = {
    "piece": "piece", "kg": "kilogram", "g": "gram", "l": "liter", "m": "meter", "h": "hour", "day": "day",
}  # fmt: skip
"""`measure`; what isn't here is `another`."""


class NotAnObject(ValueError):
    """An answer without what its object must have."""


def payment_seen(told: Section) -> PaymentSeen:
    """A payment object. Raises NotAnObject."""
    id_, state, amount = text(told.get("id"), 64), STATES.get(str(told.get("status"))), money(told.get("amount"))
    if id_ is None or state is None or amount is None:
        raise NotAnObject
    net, method = money(told.get("income_amount")), section(told.get("payment_method"))
    code = text(section(told.get("cancellation_details")).get("reason"), 60) if state is SeenState.OVER else None
    test = told.get("test")
    return PaymentSeen(
        external_id=id_, number=_number(told), state=state, amount=amount,
        captured=amount if state is SeenState.PAID else None,
        refunded=money(told.get("refunded_amount")),
        url=text(section(told.get("confirmation")).get("confirmation_url"), 2000),
        ends_at=zoned_time(told.get("expires_at")),
        method=text(method.get("type"), 40), saved=_saved(method),
        why=DECLINES.get(code, Decline.OTHER) if code else None, code=code,
        test=test if isinstance(test, bool) else None,
        fee=amount - net if net is not None and net.currency == amount.currency and net <= amount else None,
        created_at=zoned_time(told.get("created_at")), captured_at=zoned_time(told.get("captured_at")),
        receipt=REFUND_STATES.get(str(told.get("receipt_registration"))),
    )  # fmt: skip


def refund_seen(told: Section) -> RefundSeen:
    """A refund object. Raises NotAnObject."""
    id_, state, amount = text(told.get("id"), 64), REFUND_STATES.get(str(told.get("status"))), money(told.get("amount"))
    if id_ is None or state is None or amount is None:
        raise NotAnObject
    code = text(section(told.get("cancellation_details")).get("reason"), 60) if state is RefundState.OVER else None
    return RefundSeen(
        external_id=id_, number=_number(told), state=state, amount=amount, at=zoned_time(told.get("created_at")),
        why=DECLINES.get(code, Decline.OTHER) if code else None, code=code,
        receipt=REFUND_STATES.get(str(told.get("receipt_registration"))),
    )  # fmt: skip


def listed(answer: Section) -> tuple[list[Section], str | None]:
    """The objects of a page, and the cursor of the next. Raises NotAnObject for what is no list."""
    if answer.get("type") != "list" or not isinstance(answer.get("items"), list):
        raise NotAnObject
    return sections(answer["items"]), text(answer.get("next_cursor"), 200)


def money(told: object) -> Money | None:
    """`{"value": "1000.00", "currency": "RUB"}`; of another currency too, which the engine refuses by its name."""
    value, currency = section(told).get("value"), text(section(told).get("currency"), 10)
    try:
        found = Money.read(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except ValueError:
        return None
    return found if found is None or currency in (None, RUB) else found.model_copy(update={"currency": currency})


def _number(told: Section) -> str | None:
    return text(section(told.get("metadata")).get(OUR_NUMBER), 64)


def _saved(method: Section) -> SavedMethod | None:
    """Only with `saved` may a method be charged again."""
    token = text(method.get("id"), 64)
    if method.get("saved") is not True or token is None:
        return None
    return SavedMethod(token=token, title=text(method.get("title"), 60), kind=text(method.get("type"), 40) or "unknown")
