"""ЮKassa as a provider of payments.

Its key is ours for 24 hours: a repeat with it does nothing twice. Past that, and for whoever only knows our number, its
lists are looked through, for they can't be searched by what stands in `metadata`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from svyazka.catalogue import N_
from svyazka.connectors.yookassa import client
from svyazka.connectors.yookassa.receipts import amount_of, receipt
from svyazka.connectors.yookassa.schema import OUR_NUMBER, NotAnObject, listed, payment_seen, refund_seen
from svyazka.connectors.yookassa.settings import YookassaSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.payments import Can, Payments, SeenPage, Which
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.commands import Deadline, Repeat, Safety
from svyazka.model.outcomes import Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.paying import (
    CancelPayment,
    CapturePayment,
    ChargeSaved,
    MakeLink,
    MoneyCommand,
    RefundPayment,
    Split,
)
from svyazka.model.reasons import Reason
from svyazka.model.seen import PaymentSeen, RefundSeen, SeenState

KEY_LIFE = timedelta(hours=24)
LISTED_AFTER = timedelta(minutes=5)
"""How long a list may lag; no figure is published."""
CLOCKS_APART = timedelta(minutes=10)
LONG_AGO = timedelta(days=3)
PAGES = 50
"""More than these aren't looked through for one number."""

OVER = (SeenState.OVER, SeenState.PAID)


class YookassaPayments(Payments[YookassaSettings]):
    """Links (redirect), charges of saved methods, holds, refunds, receipts.

    An unpaid link can't be relied on to be cancelled there (`pending` only "for some"): it ends by itself, a card's in
    about an hour.
    """

    shop = "shop_id"
    can = frozenset(
        {
            Can.LINK, Can.CHARGE, Can.SAVE, Can.HOLD, Can.REFUND, Can.PART_REFUND, Can.SPLIT, Can.RECEIPT, Can.READ,
            Can.LIST, Can.SHOWS_RECEIPT,
        }
    )  # fmt: skip

    def ready(self, settings: YookassaSettings) -> bool:
        return settings.shop_id is not None and settings.secret_key is not None

    def testing(self, settings: YookassaSettings) -> bool | None:
        """By the key's first letters."""
        key = settings.secret_key or ""
        return True if key.startswith("test_") else False if key.startswith("live_") else None

    def safety(self, command: MoneyCommand) -> Safety:
        deadline = Deadline.CALL if isinstance(command, MakeLink) else Deadline.MONEY
        return Safety(repeat=Repeat.IDEMPOTENT, deadline=deadline, key_life=KEY_LIFE, ask_after=LISTED_AFTER)

    # Commands

    async def make_link(self, command: MakeLink, call: Call[YookassaSettings]) -> Outcome:
        back = command.return_url or call.settings.return_url
        if back is None:
            message = N_("ЮKassa хочет знать, куда вернётся плательщик: return_url не назван")
            remedy = N_("Впишите return_url у потока take_payment или у подключения")
            return Refused(code="no_return_url", message=message, remedy=remedy, reason=Reason.SETTING)
        body = {**_asked(command, call), "confirmation": {"type": "redirect", "return_url": back}}
        if command.save:
            body["save_payment_method"] = True
        return await _payment(call, "payments", body)

    async def charge(self, command: ChargeSaved, call: Call[YookassaSettings]) -> Outcome:
        return await _payment(call, "payments", {**_asked(command, call), "payment_method_id": command.token})

    async def capture(self, command: CapturePayment, call: Call[YookassaSettings]) -> Outcome:
        body: dict[str, Any] = {"amount": amount_of(command.amount)}
        if command.split:
            body["transfers"] = _shares(command.split)
        if command.receipt:
            body["receipt"] = receipt(command.amount, command.lines, "", command.person, None, call.settings)
        outcome = await _payment(call, f"payments/{command.external_id}/capture", body)
        return await _or_as_it_is(outcome, command.external_id, call)

    async def cancel(self, command: CancelPayment, call: Call[YookassaSettings]) -> Outcome:
        outcome = await _payment(call, f"payments/{command.external_id}/cancel", {})
        return await _or_as_it_is(outcome, command.external_id, call)

    async def refund(self, command: RefundPayment, call: Call[YookassaSettings]) -> Outcome:
        body: dict[str, Any] = {
            "payment_id": command.external_id, "amount": amount_of(command.amount),
            "metadata": {OUR_NUMBER: command.number},
        }  # fmt: skip
        if command.description:
            body["description"] = command.description[:250]
        if command.split:
            body["sources"] = _shares(command.split)
        if command.receipt:
            body["receipt"] = receipt(
                command.amount, command.lines, command.description, command.person, None, call.settings
            )
        try:
            seen = refund_seen(await client.write(call, "refunds", body))
        except VendorFailure as error:
            return error.outcome
        except NotAnObject:
            return _no_object()
        return Succeeded(external_id=seen.external_id, seen=seen)

    # Questions

    async def find(self, command: MoneyCommand, call: Call[YookassaSettings]) -> Outcome | None:
        if isinstance(command, RefundPayment):
            refunds = await _refunds_of(command.external_id, call)
            mine = next((one for one in refunds if one.number == command.number), None)
            return Succeeded(external_id=mine.external_id, seen=mine, already=True) if mine is not None else None
        if isinstance(command, CapturePayment | CancelPayment):
            there = await self.read(Which(external_id=command.external_id), call)
            done = there is not None and there.state in OVER
            return Succeeded(external_id=command.external_id, seen=there, already=True) if done else None
        found = await _numbered(command.number, call.doubt_since, call)
        return Succeeded(external_id=found.external_id, seen=found, already=True) if found is not None else None

    async def read(self, which: Which, call: Call[YookassaSettings]) -> PaymentSeen | None:
        if which.external_id is None:
            seen = await _numbered(which.number or "", which.since, call)
        else:
            told = await client.read(call, f"payments/{which.external_id}")
            seen = _seen(told) if told is not None else None
        if seen is None or seen.state is not SeenState.PAID:
            return seen
        return seen.model_copy(update={"refunds": tuple(await _refunds_of(seen.external_id, call, which.refund))})

    async def list(
        self, first: datetime, until: datetime, cursor: str | None, call: Call[YookassaSettings]
    ) -> SeenPage:
        """Payments by their capture, then refunds by when they were made."""
        kind, _, place = (cursor or "payments:").partition(":")
        field = "captured_at" if kind == "payments" else "created_at"
        within = {f"{field}__gte": _stamp(first, call), f"{field}__lt": _stamp(until, call), "cursor": place or None}
        items, following = _page(await client.page(call, kind, **within))
        if kind == "payments":
            after = f"payments:{following}" if following else "refunds:"
            return SeenPage(payments=tuple(map(_seen, items)), cursor=after)
        refunds = tuple((text(one.get("payment_id"), 64) or "", refund_seen(one)) for one in items)
        return SeenPage(refunds=refunds, cursor=f"refunds:{following}" if following else None)


def _asked(command: MakeLink | ChargeSaved, call: Call[YookassaSettings]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "amount": amount_of(command.amount), "capture": command.capture,
        "metadata": {OUR_NUMBER: command.number, "order": command.order[:512]},
    }  # fmt: skip
    if command.description:
        body["description"] = command.description[:128]
    if command.split:
        body["transfers"] = _shares(command.split)
    if command.receipt:
        body["receipt"] = receipt(
            command.amount, command.lines, command.description, command.person, command.inn, call.settings
        )
    return body


def _shares(split: Sequence[Split]) -> list[dict[str, Any]]:
    shares = []
    for one in split:
        share: dict[str, Any] = {"account_id": one.account, "amount": amount_of(one.amount)}
        if one.fee is not None:
            share["platform_fee_amount"] = amount_of(one.fee)
        if one.description:
            share["description"] = one.description[:128]
        shares.append(share)
    return shares


async def _payment(call: Call[YookassaSettings], path: str, body: dict[str, Any]) -> Outcome:
    try:
        seen = payment_seen(await client.write(call, path, body))
    except VendorFailure as error:
        return error.outcome
    except NotAnObject:
        return _no_object()
    return Succeeded(external_id=seen.external_id, seen=seen)


async def _or_as_it_is(outcome: Outcome, external_id: str, call: Call[YookassaSettings]) -> Outcome:
    """What is over can't be captured or cancelled: how it ended is the answer, and no refusal."""
    if not isinstance(outcome, Refused):
        return outcome
    told = await client.read(call, f"payments/{external_id}")
    seen = _seen(told) if told is not None else None
    over = seen is not None and seen.state in OVER
    return Succeeded(external_id=external_id, seen=seen, already=True) if over else outcome


async def _numbered(number: str, since: datetime | None, call: Call[YookassaSettings]) -> PaymentSeen | None:
    """The newest payment under a number of ours; None where none of those made `since` has it."""
    first = (since or call.now - LONG_AGO) - CLOCKS_APART
    async for one in _all(call, "payments", created_at__gte=_stamp(first, call)):
        seen = _seen(one)
        if seen.number == number:
            return seen
    return None


async def _refunds_of(payment: str, call: Call[YookassaSettings], told_of: str | None = None) -> list[RefundSeen]:
    """A payment's refunds, also the one that was told of, which the list needn't show yet."""
    found = [_refund(one) async for one in _all(call, "refunds", payment_id=payment)]
    if told_of is not None and all(one.external_id != told_of for one in found):
        one = await client.read(call, f"refunds/{told_of}")
        if one is not None and one.get("payment_id") == payment:
            found.append(_refund(one))
    return found


async def _all(call: Call[YookassaSettings], path: str, **wanted: str) -> AsyncIterator[Section]:
    """Every object of a list. Where it is too long, nothing is proved by it."""
    cursor: str | None = None
    for _ in range(PAGES):
        items, cursor = _page(await client.page(call, path, cursor=cursor, **wanted))
        for one in items:
            yield one
        if cursor is None:
            return
    message = N_("more than {count} of YooKassa's objects to look through").format(count=PAGES * client.PAGE)
    raise VendorFailure(Retry(code="too_many", message=message, outage=False))


def _page(answer: Section) -> tuple[list[Section], str | None]:
    try:
        return listed(answer)
    except NotAnObject:
        raise VendorFailure(_no_object()) from None


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
    message = N_("YooKassa's answer isn't the object that was asked for: what it did isn't known")
    return Unclear(code="no_object", message=message, reason=Reason.OUT_OF_SERVICE)


def _stamp(moment: datetime, call: Call[YookassaSettings]) -> str:
    there = call.vendor_time(moment).astimezone(UTC)
    return there.isoformat(timespec="milliseconds").replace("+00:00", "Z")
