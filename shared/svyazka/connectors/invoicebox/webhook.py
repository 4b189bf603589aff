"""The way in from Invoicebox: its notifications, and the answer by which it knows whether we took the money. Pure, and
light to import.

Signed by HMAC-SHA1 over the bytes. The answer is always 200 within 20 s, and says success or one of its codes: anything
else, and `out_of_service`, brings the notification again, ten times in a day.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.deciding import Asked, Book, Decision, Verdict, judged
from svyazka.engine.contracts.untrusted import Section, json_of, section, text, zoned_time
from svyazka.engine.contracts.webhook import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import Entity, EventType, Fact, Unreadable

PROBE = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""The order of its monitoring: proved, answered, and nothing else."""

PROBED = f"probe:{PROBE}"

PAID = "completed"
KNOWN = frozenset({"draft", "created", "hold", PAID, "expired", "canceled"})

WORDS: Mapping[str, str] = {
    "out_of_service": "Внутренняя ошибка, повторите позже",
    "order_wrong_amount": "Сумма заказа не соответствует сумме оплаты",
    "order_already_paid": "Заказ уже оплачен",
    "order_not_found": "Заказ не найден",
    "shipping_unavailable": "Заказ отменён",
    "signature_error": "Ошибка проверки подписи запроса",
}
"""Its codes, and what a person reads beside them."""

CODES: Mapping[Verdict, str | None] = {
    Verdict.ACCEPT: None,
    Verdict.REPEATED: None,
    Verdict.UNKNOWN_ORDER: "order_not_found",
    Verdict.OTHER_AMOUNT: "order_wrong_amount",
    Verdict.PAID_ALREADY: "order_already_paid",
    # It gives nothing back by itself: the payment's card does.
    Verdict.CANCELLED: "shipping_unavailable",
}

_OUR_NUMBER = re.compile(r"p[0-9a-f]{24}-\d{1,3}", re.ASCII)
_SUM = re.compile(r"(\d{1,12})(?:\.(\d{1,2})0*)?", re.ASCII)


class InvoiceboxWebhook(Webhook):
    """What Invoicebox tells of its orders, and asks by telling it."""

    vendor = "invoicebox"
    secret_settings = ("notification_key",)
    public_settings = ("merchant_id",)
    tolerates_400 = False
    decides = True
    # What is answered rests on what is written down.
    salvage = False
    budget = 12.0

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        key = inbound.secrets.get("notification_key")
        if not key:
            return N_("this connection has no notification_key yet, and nothing else can prove a notification")
        wanted = hmac.new(key.encode(), request.body, hashlib.sha1).hexdigest()
        given = (request.header("x-signature") or "").strip().lower()
        if hmac.compare_digest(wanted.encode(), given.encode()):
            return None
        return N_("X-Signature isn't that of the body by notification_key")

    def refusal(self, request: RawRequest, reason: str) -> Answer:
        """Without any signature it is as if we were away; a wrong one is said to be wrong."""
        return _said("signature_error" if request.header("x-signature") else "out_of_service")

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """One order, as it is now."""
        told = json_of(request.body, request.header("content-type"))
        if not isinstance(told, dict):
            raise NotTheFormat(N_("expected an order, got {found}").format(found=type(told).__name__))
        return [_item(told, text(inbound.public.get("merchant_id"), 64))]

    def asks(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Asked:
        number = _number(_order(request))
        return Asked(number, (_name(number),) if number is not None else ())

    def decide(self, request: RawRequest, facts: Sequence[Fact | Unreadable], book: Book) -> Decision:
        told = _order(request)
        id_, status, number = text(told.get("id"), 64), text(told.get("status"), 40), _number(told)
        (fact,) = facts or (None,)
        if not isinstance(fact, Fact) or id_ is None:
            return Decision(_said("out_of_service"))
        if fact.ignored is not None:
            return Decision(_said(None if fact.subject == PROBED else "order_not_found"))
        if number is None or book.payment is None:
            return Decision(_said("order_not_found"))
        if status not in KNOWN:
            # What nobody has said to mean money is asked about before it is agreed to: until then it comes again.
            paid = book.payment.paid and book.payment.paid_by == id_
            return Decision(_said(None if paid else "out_of_service"))
        if status != PAID:
            return Decision(_said(None))
        name = _name(number)
        verdict = judged(book, name, id_, _kopecks(told.get("amount")), text(told.get("currencyId"), 10) or "RUB")
        return Decision(_said(CODES[verdict]), {name: id_} if verdict is Verdict.ACCEPT else {})

    def out_of_service(self, request: RawRequest) -> Answer:
        return _said("out_of_service")


def _item(told: Section, ours: str | None) -> Fact | Unreadable:
    id_, status = text(told.get("id"), 64), text(told.get("status"), 40)
    if id_ is None or status is None:
        return Unreadable(reason=N_("expected `id` and `status` of an order"))
    about, merchant = Entity(kind="payment", id=id_), text(told.get("merchantId"), 64)
    if ours is not None and (merchant or "").lower() != ours.lower():
        why, subject = N_("it is about another shop's order"), f"payment:{id_}"
        return Fact(type=EventType.OTHER, key=(id_, status), subject=subject, entity=about, ignored=why)
    if id_ == PROBE:
        why = N_("Invoicebox looks whether we answer")
        return Fact(type=EventType.OTHER, key=(id_, status), subject=PROBED, ignored=why)
    number = _number(told)
    return Fact(
        type=EventType.PAYMENT_CHANGED, key=(id_, status), subject=f"payment:{id_}", occurred_at=_at(told),
        entity=about, data={"told": status, **({"number": number} if number is not None else {})},
    )  # fmt: skip


def _at(told: Section) -> datetime | None:
    """When it was paid; of other changes no time is told."""
    return zoned_time(told.get("paidAt"))


def _order(request: RawRequest) -> Section:
    """The order once more, sums as they were written."""
    try:
        return section(json.loads(request.body, parse_float=str))
    except (ValueError, RecursionError):
        return section(None)


def _number(told: Section) -> str | None:
    number = text(told.get("merchantOrderId"), 256)
    return number if number is not None and _OUR_NUMBER.fullmatch(number) else None


def _name(number: str) -> str:
    """Of the payment: its money is taken once, by whichever provider."""
    return "paid." + number.partition("-")[0]


def _kopecks(told: object) -> int | None:
    """Of a sum in roubles, which loses its zeros on the way."""
    found = _SUM.fullmatch(str(told)) if isinstance(told, int | str) and not isinstance(told, bool) else None
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else None


def _said(code: str | None) -> Answer:
    """Success, or one of its codes: always with 200."""
    told = {"status": "success"} if code is None else {"status": "error", "code": code, "message": WORDS[code]}
    return Answer(200, json.dumps(told, ensure_ascii=False).encode())


WEBHOOK = InvoiceboxWebhook()
