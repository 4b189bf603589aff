"""The way in from CloudPayments. Pure, and light to import.

The body doesn't say what it tells: each type has an address of its own, ours with the type as the last part (`/check`,
`/pay`). Check is a question: whoever isn't answered `{"code":0}` in time isn't let pay. All else is told until it is
answered so, in any order, and says no more than "look at this payment".
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from urllib.parse import parse_qsl, unquote_to_bytes

from svyazka.catalogue import N_
from svyazka.connectors.cloudpayments.schema import CHECK, RECURRENT, REFUND, TYPES, its_time
from svyazka.engine.contracts.deciding import Asked, Book, Decision, Verdict, judged
from svyazka.engine.contracts.forms import urlencoded
from svyazka.engine.contracts.untrusted import Section, decoded, section, text
from svyazka.engine.contracts.webhook import FORM, MULTIPART, Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import Entity, EventType, Fact, Unreadable
from svyazka.model.money import Money, amounts_as_text

JSON = "application/json"

CODES = {
    Verdict.ACCEPT: 0, Verdict.REPEATED: 0, Verdict.UNKNOWN_ORDER: 10, Verdict.OTHER_AMOUNT: 12,
    Verdict.PAID_ALREADY: 13, Verdict.CANCELLED: 13,
}  # fmt: skip
"""What is found -> what Check is answered, by its table: 10 wrong order, 12 wrong sum, 13 can't be taken."""

CLOSED = 13


def answered(code: int) -> Answer:
    """What it reads; a space would do no harm, a status other than 200 would."""
    return Answer(200, b'{"code":%d}' % code)


class CloudpaymentsWebhook(Webhook):
    """Notifications of one site."""

    vendor = "cloudpayments"
    content_types = (FORM, JSON, MULTIPART)
    secret_settings = ("api_secret",)
    salvage = False
    decides = True
    budget = 8.0  # it waits for 30 s, and its payer with it

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """`Content-HMAC` over the very bytes, or `X-Content-HMAC` over what they stand for: a proxy that writes them
        anew breaks the first."""
        secret = inbound.secrets.get("api_secret")
        if not secret:
            return N_("this connection has no api_secret yet, and nothing else can prove a notification")
        plain = unquote_to_bytes(request.body.replace(b"+", b" ")) if _is_form(request) else request.body
        signed = {"content-hmac": request.body, "x-content-hmac": plain}
        for header, message in signed.items():
            given = request.header(header)
            if given and hmac.compare_digest(given.encode("latin-1"), signature(message, secret)):
                return None
        return N_("neither Content-HMAC nor X-Content-HMAC is of this site's secret")

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one item of a request."""
        told, type_ = _told(request), type_of(request)
        if type_ is None:
            return [
                Unreadable(reason=N_("expected an address that ends in the type: /check, /pay, /fail, /refund ..."))
            ]
        if type_ == RECURRENT:
            return [_subscription(told)]
        return [_operation(type_, told)]

    def asks(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Asked:
        if type_of(request) != CHECK:
            return Asked(None)
        told = _told(request)
        return Asked(text(told.get("InvoiceId"), 60), (_named(told),))

    def decide(self, request: RawRequest, facts: Sequence[Fact | Unreadable], book: Book) -> Decision:
        """Only Check is a question. One of a subscription that lives at CloudPayments has no order of ours."""
        told = _told(request)
        if type_of(request) != CHECK:
            return Decision(answered(0))
        if text(told.get("SubscriptionId"), 60) is not None and text(told.get("InvoiceId"), 60) is None:
            return Decision(answered(0))
        name, whose = _named(told), text(told.get("TransactionId"), 40) or ""
        verdict = judged(book, name, whose, _kopecks(told), text(told.get("Currency"), 10) or "RUB")
        accepts = {name: whose} if verdict in (Verdict.ACCEPT, Verdict.REPEATED) and whose else {}
        return Decision(answered(CODES[verdict] if whose else CLOSED), accepts)

    def out_of_service(self, request: RawRequest) -> Answer | None:
        """Who can't look anything up takes no money; all else is told again."""
        return answered(CLOSED) if type_of(request) == CHECK else None


def signature(message: bytes, secret: str) -> bytes:
    """What stands in its headers."""
    return base64.b64encode(hmac.digest(secret.encode(), message, "sha256"))


def type_of(request: RawRequest) -> str | None:
    """By the last part of the address."""
    last = request.path.rstrip("/").rpartition("/")[2].lower()
    return last if last in TYPES else None


def _is_form(request: RawRequest) -> bool:
    return not (request.header("content-type") or FORM).strip().lower().startswith(JSON)


def _told(request: RawRequest) -> Section:
    kind = request.header("content-type")
    if not _is_form(request):
        try:
            content = amounts_as_text(decoded(request.body, kind))
        except RecursionError:
            raise NotTheFormat(N_("expected JSON, got JSON nested too deep")) from None
        except ValueError as error:
            if isinstance(error, NotTheFormat):
                raise
            raise NotTheFormat(N_("expected JSON, got something else{where}").format(where="")) from None
        if not isinstance(content, dict):
            raise NotTheFormat(N_("expected an object, got {found}").format(found=type(content).__name__))
        return section(content)
    try:
        return dict(parse_qsl(decoded(urlencoded(request.body, kind), None), keep_blank_values=True))
    except ValueError as error:
        if isinstance(error, NotTheFormat):
            raise
        raise NotTheFormat(N_("expected a form, got something else")) from None


def _operation(type_: str, told: Section) -> Fact | Unreadable:
    id_ = text(told.get("TransactionId"), 40)
    payment = text(told.get("PaymentTransactionId"), 40) if type_ == REFUND else id_
    if id_ is None or payment is None:
        return Unreadable(reason=N_("expected `TransactionId`"))
    at, status = its_time(told.get("DateTime")), text(told.get("Status"), 40) or ""
    if type_ == CHECK:
        return Fact(
            type=EventType.OTHER, key=(type_, id_), subject=f"payment:{payment}", occurred_at=at,
            ignored=N_("CloudPayments asks whether it may take this payment: it was answered"),
        )  # fmt: skip
    return Fact(
        type=EventType.PAYMENT_CHANGED, key=(type_, id_, status), subject=f"payment:{payment}", occurred_at=at,
        entity=Entity(kind="payment", id=payment),
        data={
            "number": text(told.get("InvoiceId"), 60), "told": type_, **({"refund": id_} if type_ == REFUND else {}),
        },
    )  # fmt: skip


def _subscription(told: Section) -> Fact | Unreadable:
    id_, status = text(told.get("Id"), 60), text(told.get("Status"), 40)
    if id_ is None or status is None:
        return Unreadable(reason=N_("expected `Id` and `Status`"))
    counts = [text(told.get(f"{kind}TransactionsNumber"), 20) or "" for kind in ("Successful", "Failed")]
    return Fact(
        type=EventType.OTHER, key=(RECURRENT, id_, status, *counts), subject=f"subscription:{id_}",
        data={"subscription": id_, "status": status},
        ignored=N_("a subscription that lives at CloudPayments is {status}: nothing here acts on it").format(
            status=status
        ),
    )  # fmt: skip


def _named(told: Section) -> str:
    """The provider's own attempt: another by the same order is a question of its own."""
    return f"cloudpayments:{CHECK}:{text(told.get('TransactionId'), 40) or ''}"


def _kopecks(told: Section) -> int | None:
    said = text(told.get("Amount"), 20)
    try:
        return Money.read(said).kopecks if said is not None else None
    except ValueError:
        return None


WEBHOOK = CloudpaymentsWebhook()
