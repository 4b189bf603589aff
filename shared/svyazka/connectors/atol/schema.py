"""АТОЛ Онлайн's words: tables first. Pure.

Source: protocol v4 5.15 («Описание протокола»); v5 out of two published SDKs, for its document is not public.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from svyazka.connectors.atol.failures import NOT_READY, may_pass
from svyazka.engine.contracts.untrusted import Section, section, text, whole
from svyazka.model.money import Money
from svyazka.model.orders import Method, Subject
from svyazka.model.receipts import ReceiptKind
from svyazka.model.seen import Fiscal, ReceiptSeen, Shown
from svyazka.model.vat import Vat

OPERATIONS: Mapping[ReceiptKind, str] = {
    ReceiptKind.SALE: "sell", ReceiptKind.SETTLEMENT: "sell", ReceiptKind.REFUND: "sell_refund",
}  # fmt: skip

PAID_BY: Mapping[ReceiptKind, int] = {ReceiptKind.SALE: 1, ReceiptKind.SETTLEMENT: 2, ReceiptKind.REFUND: 1}
"""`payments[].type`: 1 cashless, 2 an advance that is offset."""

VATS: Mapping[Vat, str] = {
    Vat.NONE: "none", Vat.V0: "vat0", Vat.V5: "vat5", Vat.V7: "vat7", Vat.V10: "vat10", Vat.V20: "vat20",
    Vat.V22: "vat22", Vat.V5_105: "vat105", Vat.V7_107: "vat107", Vat.V10_110: "vat110", Vat.V20_120: "vat120",
    Vat.V22_122: "vat122",
}  # fmt: skip

SUBJECTS: Mapping[Subject, tuple[str, int]] = {
    Subject.COMMODITY: ("commodity", 1), Subject.EXCISE: ("excise", 2), Subject.JOB: ("job", 3),
    Subject.SERVICE: ("service", 4), Subject.PAYMENT: ("payment", 10), Subject.ANOTHER: ("another", 13),
}  # fmt: skip
"""`payment_object`: of v4, of v5."""

METHODS: Mapping[Method, str] = {one: one.value for one in Method}
"""`payment_method`: always said, for what is left out is `full_prepayment`."""

MEASURES: Mapping[str, tuple[str, int]] = {
    "piece": ("шт", 0), "g": ("г", 10), "kg": ("кг", 11), "t": ("т", 12), "cm": ("см", 20), "m": ("м", 22),
    "ml": ("мл", 40), "l": ("л", 41), "day": ("дн", 70), "h": ("ч", 71), "min": ("мин", 72),
}  # fmt: skip
"""`measurement_unit` of v4, `measure` of v5."""

OTHER_MEASURE = 255

STATES: Mapping[str, Shown] = {"done": Shown.DONE, "wait": Shown.WAITS, "fail": Shown.OVER}
"""`status` of a report."""


class NotAReport(ValueError):
    """An answer that isn't what it must be."""


def report_seen(told: Section, external_id: str, group: str, zone: str) -> ReceiptSeen:
    """A document's report. Raises NotAReport. Some answers leave out what they are of: then they are of what was
    asked. Not so a failure: after it another document may be begun."""
    error = section(told.get("error"))
    code, type_ = whole(error.get("code")), text(error.get("type"), 20)
    state = STATES.get(str(told.get("status")))
    if state is Shown.OVER and type_ == "system" and code == NOT_READY:
        state = Shown.WAITS
    uuid = text(told.get("uuid"), 128)
    if state is None or uuid not in (None, external_id) or (state is Shown.OVER and uuid is None):
        raise NotAReport
    if (text(told.get("group_code"), 128) or group).strip() != group:
        raise NotAReport
    number = text(told.get("external_id"), 128)
    if state is Shown.WAITS:
        return ReceiptSeen(external_id=external_id, number=number, state=state)
    if state is Shown.OVER:
        return ReceiptSeen(
            external_id=external_id, number=number, state=state, again=may_pass(type_, code),
            code=f"{type_ or 'unknown'}_{code if code is not None else '?'}", why=text(error.get("text"), 300),
        )  # fmt: skip
    payload = section(told.get("payload"))
    if not payload:
        raise NotAReport
    return ReceiptSeen(
        external_id=external_id, number=number, state=state, amount=_total(payload.get("total")),
        fiscal=_fiscal(payload, zone),
    )  # fmt: skip


def _total(told: object) -> Money | None:
    """A number, which may be whole, as its text."""
    try:
        return Money.read(str(told)) if isinstance(told, str | int) and not isinstance(told, bool) else None
    except ValueError:
        return None


def _fiscal(payload: Section, zone: str) -> Fiscal:
    def said(name: str) -> str | None:
        value = payload.get(name)
        return str(value)[:40] if isinstance(value, str | int) and not isinstance(value, bool) else None

    return Fiscal(
        storage=said("fn_number"), document=said("fiscal_document_number"), sign=said("fiscal_document_attribute"),
        till=said("ecr_registration_number"), at=_at(payload.get("receipt_datetime"), zone),
        url=text(payload.get("ofd_receipt_url"), 500),
    )  # fmt: skip


def _at(told: object, zone: str) -> datetime | None:
    """`20.11.2026 13:46:00`, by the till's own clock: taken for the business's."""
    try:
        return datetime.strptime(str(told), "%d.%m.%Y %H:%M:%S").replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        return None
