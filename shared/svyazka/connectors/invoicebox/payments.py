"""Invoicebox as a provider of payments: a bill is an order there, which has a page to pay it on.

Nothing makes a repeat harmless there, and it doesn't even insist that our number is its only one: what is in doubt is
looked up by that number before it is tried again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from svyazka.catalogue import N_
from svyazka.connectors.invoicebox import client, shipping
from svyazka.connectors.invoicebox.basket import Item, basket_of, returned, roubles
from svyazka.connectors.invoicebox.failures import DUPLICATE, WRONG_STATUS
from svyazka.connectors.invoicebox.schema import NotAnObject, payment_seen, refund_seen
from svyazka.connectors.invoicebox.settings import InvoiceboxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.payments import Can, Handed, Payments, SeenPage, Which
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.commands import Deadline, Repeat, Safety
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.money import Money
from svyazka.model.outcomes import Outcome, Refused, Succeeded, Unclear, Unknown
from svyazka.model.paying import CancelPayment, CapturePayment, ChargeSaved, MakeLink, MoneyCommand, RefundPayment
from svyazka.model.reasons import Reason
from svyazka.model.seen import PaymentSeen, RefundSeen, SeenState

SHOWN_AFTER = timedelta(minutes=1)
"""How long a list may lag; no figure is published."""
OPEN_FOR = timedelta(days=5)
"""How long a bill can be paid where the order doesn't say: a bank transfer of a Friday's bill comes on Tuesday."""
ROUNDING = "none"
"""Sums are reckoned here; what is the default there is described in two ways."""


class InvoiceboxPayments(Payments[InvoiceboxSettings]):
    """Links to bills, cancelling them, refunds in part or whole. No saved methods, no holds."""

    shop = "merchant_id"
    can = frozenset({Can.LINK, Can.CALL_OFF, Can.REFUND, Can.PART_REFUND, Can.SHIP, Can.READ, Can.LIST})

    ours_alone = True

    def ready(self, settings: InvoiceboxSettings) -> bool:
        return settings.merchant_id is not None and settings.token is not None

    def till(self, settings: InvoiceboxSettings) -> str | None:
        return settings.till

    def testing(self, settings: InvoiceboxSettings) -> bool | None:
        """A shop in test mode has the same address and the same kind of token."""
        return None

    def safety(self, command: MoneyCommand) -> Safety:
        deadline = Deadline.CALL if isinstance(command, MakeLink) else Deadline.MONEY
        return Safety(repeat=Repeat.CHECKABLE, deadline=deadline, ask_after=SHOWN_AFTER)

    # Commands

    async def make_link(self, command: MakeLink, call: Call[InvoiceboxSettings]) -> Outcome:
        try:
            seen = _seen(await client.written(call, "POST", "billing/api/order/order", _bill(command, call)))
        except VendorFailure as error:
            if error.code != DUPLICATE:
                return error.outcome
            earlier = await _numbered(command.number, call)
            return _earlier(earlier, command.amount) if earlier is not None else error.outcome
        return Succeeded(external_id=seen.external_id, seen=seen)

    async def charge(self, command: ChargeSaved, call: Call[InvoiceboxSettings]) -> Outcome:
        return _not_there()

    async def capture(self, command: CapturePayment, call: Call[InvoiceboxSettings]) -> Outcome:
        return _not_there()

    async def cancel(self, command: CancelPayment, call: Call[InvoiceboxSettings]) -> Outcome:
        """What is paid isn't touched: of a bill paid by guarantee the same call gives the money back."""
        call.only_read = True
        there = await self.read(Which(external_id=command.external_id), call)
        if there is not None and there.state is not SeenState.WAITS and there.code != "not_processable":
            return Succeeded(external_id=command.external_id, seen=there, already=True)
        call.only_read = False
        try:
            seen = _seen(await client.written(call, "DELETE", f"billing/api/order/order/{command.external_id}", None))
        except VendorFailure as error:
            if error.code != WRONG_STATUS:
                return error.outcome
            over = await self.read(Which(external_id=command.external_id), call)
            ended = over is not None and over.state is not SeenState.WAITS
            return Succeeded(external_id=command.external_id, seen=over, already=True) if ended else error.outcome
        return Succeeded(external_id=seen.external_id, seen=seen)

    async def refund(self, command: RefundPayment, call: Call[InvoiceboxSettings]) -> Outcome:
        """Of the lines that are left of the bill; which, an earlier try may have changed."""
        call.only_read = True
        try:
            left = await client.several(call, f"billing/api/order/order/{command.external_id}/refund-basket-item")
            items, vat = _going_back(left, command.amount)
        except VendorFailure as error:
            return error.outcome
        except ValueError:
            mine = await _refund_numbered(command, call)
            return _earlier(mine, command.amount) if mine is not None else _too_much()
        call.only_read = False
        body = {
            "parentId": command.external_id, "merchantOrderId": command.number, "amount": roubles(command.amount),
            "vatAmount": roubles(vat), "basketItems": items, "description": command.description[:1000] or "—",
            "status": "created",
        }  # fmt: skip
        try:
            seen = _refund(await client.written(call, "POST", "billing/api/order/refund-order", body))
        except VendorFailure as error:
            if error.code != DUPLICATE:
                return error.outcome
            mine = await _refund_numbered(command, call)
            return _earlier(mine, command.amount) if mine is not None else error.outcome
        return Succeeded(external_id=seen.external_id, seen=seen)

    # Questions

    async def find(self, command: MoneyCommand, call: Call[InvoiceboxSettings]) -> Outcome | None:
        if isinstance(command, RefundPayment):
            mine = await _refund_numbered(command, call)
            return _earlier(mine, command.amount) if mine is not None else None
        if isinstance(command, CancelPayment):
            there = await self.read(Which(external_id=command.external_id), call)
            over = there is not None and there.state is not SeenState.WAITS
            return Succeeded(external_id=command.external_id, seen=there, already=True) if over else None
        found = await _numbered(command.number, call)
        return _earlier(found, command.amount) if found is not None else None

    async def read(self, which: Which, call: Call[InvoiceboxSettings]) -> PaymentSeen | None:
        if which.external_id is None:
            seen = await _numbered(which.number or "", call)
        else:
            told = await client.one(call, f"billing/api/order/order/{which.external_id}")
            seen = _seen(told) if told is not None else None
        if seen is None or (seen.captured_at is None and seen.state is not SeenState.PAID):
            return seen
        return seen.model_copy(update={"refunds": tuple(await _refunds_of(seen.external_id, call))})

    async def shipment(self, external_id: str, call: Call[InvoiceboxSettings]) -> str | None:
        return await shipping.found(external_id, call)

    async def ship(self, what: Handed, call: Call[InvoiceboxSettings]) -> str:
        """The lines of the bill as they stand there: without what went back of them."""
        left = await client.several(call, f"billing/api/order/order/{what.external_id}/refund-basket-item")
        try:
            items, _vat = _going_back(left, what.amount)
        except ValueError:
            raise VendorFailure(_too_much()) from None
        return await shipping.told(what, items, call)

    async def list(
        self, first: datetime, until: datetime, cursor: str | None, call: Call[InvoiceboxSettings]
    ) -> SeenPage:
        """Orders by when they were paid, then refunds by when they were made; within the bounds by our own reckoning
        too, for a filter that isn't known there is passed over."""
        kind, _, place = (cursor or "orders:1").partition(":")
        orders, number = kind == "orders", int(place)
        field, path = ("paidAt", client.ORDERS) if orders else ("createdAt", client.REFUNDS)
        wanted = {f"{field}[_ge]": _stamp(first), f"{field}[_lt]": _stamp(until), f"_order[{field}]": "asc"}
        rows, more = await client.page(call, path, wanted, number)
        following = f"{kind}:{number + 1}" if more else "refunds:1" if orders else None
        if orders:
            seen = [one for one in map(_seen, rows) if one.captured_at is None or first <= one.captured_at < until]
            return SeenPage(payments=tuple(seen), cursor=following)
        refunds = ((text(one.get("parentId"), 64) or "", _refund(one)) for one in rows)
        within = tuple(pair for pair in refunds if pair[1].at is None or first <= pair[1].at < until)
        return SeenPage(refunds=within, cursor=following)


def _bill(command: MakeLink, call: Call[InvoiceboxSettings]) -> dict[str, Any]:
    """What the bill says. Whoever pays may fill in the company there, so that nothing of it is locked."""
    items, vat = basket_of(command.amount, command.lines, command.description or command.order, call.settings)
    back, end = command.return_url or call.settings.return_url, command.ends_at or call.now + OPEN_FOR
    body: dict[str, Any] = {
        "merchantId": call.settings.merchant_id, "merchantOrderId": command.number,
        "merchantOrderIdVisible": command.order[:36], "description": (command.description or command.order)[:1000],
        "amount": roubles(command.amount), "vatAmount": roubles(vat), "currencyId": command.amount.currency,
        "languageId": "ru", "expirationDate": _stamp(call.vendor_time(end)), "basketItems": items,
        "customer": _customer(command.person or Contact(), command.inn), "orderSetting": {"roundPolicy": ROUNDING},
    }  # fmt: skip
    if command.container is not None:
        body["orderContainerId"] = command.container
    if back is not None:
        body |= {"successUrl": back, "failUrl": back, "returnUrl": back}
    if call.hook_url is not None:
        call.http.hide(call.hook_url)
        body["notificationUrl"] = call.hook_url
    return body


def _customer(person: Contact, inn: str | None) -> dict[str, str]:
    phone, email = normalize_phone(person.phone), normalize_email(person.email)
    said = {
        "type": "legal" if inn else None, "name": person.name, "phone": (phone or "").lstrip("+"), "email": email,
        "vatNumber": inn,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}


def _going_back(left: list[Section], amount: Money) -> tuple[list[Item], Money]:
    """Raises ValueError where less is left, VendorFailure for lines that say nothing."""
    try:
        return returned([dict(one) for one in left], amount)
    except KeyError:
        raise VendorFailure(_no_object()) from None


async def _numbered(number: str, call: Call[InvoiceboxSettings]) -> PaymentSeen | None:
    """The order under a number of ours: where it has several, the one that was paid, else the newest that can be."""
    wanted = {"merchantOrderId": number}
    found = [_seen(one) async for one in client.every(call, client.ORDERS, wanted) if _is(one, wanted)]
    best = {SeenState.PAID: 2, SeenState.WAITS: 1}
    return max(found, key=lambda one: (best.get(one.state, 0), one.created_at or call.now), default=None)


async def _refunds_of(order: str, call: Call[InvoiceboxSettings]) -> list[RefundSeen]:
    wanted = {"parentId": order}
    return [_refund(one) async for one in client.every(call, client.REFUNDS, wanted) if _is(one, wanted)]


async def _refund_numbered(command: RefundPayment, call: Call[InvoiceboxSettings]) -> RefundSeen | None:
    refunds = await _refunds_of(command.external_id, call)
    return next((one for one in refunds if one.number == command.number), None)


def _is(one: Section, wanted: Mapping[str, str]) -> bool:
    """A filter that isn't known there is passed over: each row is looked at."""
    return all(text(one.get(name), 256) == value for name, value in wanted.items())


def _earlier(seen: PaymentSeen | RefundSeen, amount: Money) -> Outcome:
    """An earlier try under this number."""
    if seen.amount != amount:
        message = N_("Invoicebox has something else under this number: look it up in its cabinet")
        return Unknown(code="number_taken", message=message, reason=Reason.DUPLICATE, outage=False)
    return Succeeded(external_id=seen.external_id, seen=seen, already=True)


def _not_there() -> Outcome:
    message = N_("Invoicebox keeps no payer's method and holds no money")
    return Refused(code="not_supported", message=message, reason=Reason.SETTING)


def _too_much() -> Outcome:
    message = N_("less than that is left of the bill to give back")
    return Refused(code="too_much", message=message, reason=Reason.BAD_REQUEST)


def _seen(told: Section) -> PaymentSeen:
    try:
        return payment_seen(told)
    except NotAnObject:
        raise VendorFailure(_no_object()) from None


def _refund(told: Section) -> RefundSeen:
    try:
        return refund_seen(told)
    except NotAnObject:
        raise VendorFailure(_no_object()) from None


def _no_object() -> Unclear:
    message = N_("Invoicebox's answer isn't the object that was asked for: what it did isn't known")
    return Unclear(code="no_object", message=message, reason=Reason.OUT_OF_SERVICE)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
