"""What Invoicebox's refusals mean: its error codes as a table, and the reading of an answer by it. Pure.

Source: the vendor's documentation (dictionary of errors, limits) and its own newer client. The code decides, then the
HTTP status. Nothing there makes a repeat harmless: whatever may have happened is looked up by our number before it is
tried again.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.model.outcomes import Outcome
from svyazka.model.reasons import Reason

DUPLICATE, WRONG_STATUS = "merchant_order_id_duplicate", "wrong_order_status"

_TOKEN = N_("Возьмите токен в кабинете Инвойсбокса (магазин → «Интеграция»): svyazka secret set")
_RIGHTS = N_("Проверьте merchant_id и то, что токен от этого же магазина; права магазина меняет поддержка Инвойсбокса")

_SUMS = Rule("refuse", Reason.BAD_REQUEST, N_("Invoicebox doesn't take the bill's sums"))
_DATA = Rule("refuse", Reason.BAD_REQUEST, N_("Invoicebox doesn't take the request"))
_MAYBE = Rule("unclear", Reason.OUT_OF_SERVICE, N_("Invoicebox failed, and may have acted before"), code="http_5xx")

FAILURES = FailureMap(
    codes={
        "unauthorized": Rule("block", Reason.NO_ACCESS, N_("Инвойсбокс не признаёт токен"), _TOKEN),
        "forbidden": Rule("block", Reason.ACCOUNT, N_("Инвойсбокс не пускает в этот магазин"), _RIGHTS),
        "wrong_total_amount": _SUMS,
        "wrong_total_vat_amount": _SUMS,
        "wrong_basket_item_total_amount": _SUMS,
        "wrong_basket_item_total_vat_amount": _SUMS,
        "wrong_basket_item_amount_wo_vat": _SUMS,
        "wrong_expiration_date": _DATA,
        "wrong_currency": _DATA,
        "language_not_found": _DATA,
        WRONG_STATUS: Rule("refuse", Reason.BAD_REQUEST, N_("it is paid, cancelled or over there already")),
        # An earlier try of ours, that the list may not show yet.
        DUPLICATE: Rule("unclear", Reason.DUPLICATE, N_("Invoicebox has something of that number already")),
    },
    statuses={
        # Most likely it wasn't carried out, which is no proof: 100 calls in 30 s are let in.
        429: Rule(
            "retry", Reason.TOO_MUCH, N_("too many requests at once"), after=5.0, maybe_sent=True, code="too_much"
        ),
        401: Rule("block", Reason.NO_ACCESS, N_("Инвойсбокс не признаёт токен"), _TOKEN, code="unauthorized"),
        403: Rule("block", Reason.ACCOUNT, N_("Инвойсбокс не пускает в этот магазин"), _RIGHTS, code="forbidden"),
        404: Rule("refuse", Reason.NOT_FOUND, N_("Invoicebox has no such object in this shop"), code="not_found"),
        408: _MAYBE,
        425: _MAYBE,
    },
    classes={range(400, 500): Rule("refuse", Reason.BAD_REQUEST, N_("Invoicebox doesn't take the request"))},
    other=_MAYBE,
)


def error_of(answer: Section) -> Section:
    """The error of an answer, within `error` or at the root: its documentation and its newer client differ."""
    inner = section(answer.get("error"))
    return inner if inner or "data" in answer or text(answer.get("code")) is None else answer


def failure(status: int, error: Section, after: float | None) -> Outcome:
    """What Invoicebox's own refusal means. Its words name fields, never a person."""
    code = text(error.get("code"), 60)
    rule = FAILURES.rule_of(status, code)
    fields = ", ".join(
        dict.fromkeys(filter(None, (text(one.get("name"), 60) for one in sections(error.get("fields")))))
    )
    name = code or f"http_{status}"
    words = rule.what.format(code=name) if "{code}" in rule.what else rule.what
    return outcome_of(
        rule, name, message=f"{words} ({fields})" if fields and rule.remedy is None else words, after=after
    )
