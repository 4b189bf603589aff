"""Payments by CloudPayments: links (orders), charges of saved cards, two steps, refunds.

Its X-Request-ID replays what was done for an hour; it says nothing of a request that is still at work, which may take
five minutes. So a link is simply asked for again, and what moves money is asked about after that time.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.connectors.cloudpayments import client
from svyazka.connectors.cloudpayments.client import Refusal
from svyazka.connectors.cloudpayments.failures import DUPLICATE_REFUND
from svyazka.connectors.cloudpayments.receipt import number, receipt
from svyazka.connectors.cloudpayments.schema import BY_LINK, MARK, its_time
from svyazka.connectors.cloudpayments.settings import CloudpaymentsSettings
from svyazka.connectors.cloudpayments.shown import TOKEN_AT, is_refund, refund_of, seen_of
from svyazka.engine.contracts.capabilities.payments import Can, Payments, SeenPage, Which
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.commands import Repeat, Safety
from svyazka.model.contacts import normalize_email
from svyazka.model.deadline import Deadline
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Outcome, Refused, Succeeded, Unclear, Unknown
from svyazka.model.paying import CancelPayment, CapturePayment, ChargeSaved, MakeLink, MoneyCommand, RefundPayment
from svyazka.model.reasons import Reason
from svyazka.model.seen import Decline, PaymentSeen, RefundSeen, RefundState, SeenState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from svyazka.engine.contracts.calls import Call

SOON = timedelta(seconds=5)
"""A second link does no harm: nobody holds the first."""
AT_WORK = timedelta(minutes=6)
"""A request may be at work there for five minutes; after that, what isn't shown wasn't done."""

CLOCKS_APART = timedelta(minutes=10)
A_DAY = timedelta(days=1)


class CloudpaymentsPayments(Payments[CloudpaymentsSettings]):
    """CloudPayments."""

    shop = "public_id"
    can = frozenset(
        {
            Can.LINK, Can.CHARGE, Can.SAVE, Can.HOLD, Can.REFUND, Can.PART_REFUND, Can.CALL_OFF, Can.RECEIPT, Can.READ,
            Can.LIST,
        }
    )  # fmt: skip

    def ready(self, settings: CloudpaymentsSettings) -> bool:
        return settings.public_id is not None and settings.api_secret is not None

    def testing(self, settings: CloudpaymentsSettings) -> bool | None:
        return settings.test

    def safety(self, command: MoneyCommand) -> Safety:
        if isinstance(command, MakeLink):
            return Safety(repeat=Repeat.CHECKABLE, deadline=Deadline.CALL, ask_after=SOON)
        return Safety(repeat=Repeat.CHECKABLE, deadline=Deadline.MONEY, ask_after=AT_WORK)

    # Commands

    async def make_link(self, command: MakeLink, call: Call[CloudpaymentsSettings]) -> Outcome:
        """Nobody is sent anything: whether anybody sees the link is decided here."""
        order = {
            **_asking(command, call.settings, BY_LINK), "RequireConfirmation": not command.capture, "SendEmail": False,
            "SendSms": False, "SendViber": False, "SuccessRedirectUrl": command.return_url,
            "FailRedirectUrl": command.return_url, "AccountId": command.payment if command.save else None,
        }  # fmt: skip
        try:
            model = section((await client.do(call, "orders/create", order)).get("Model"))
        except VendorFailure as failure:
            return failure.outcome
        id_, url = text(model.get("Id"), 60), text(model.get("Url"), 1000)
        if id_ is None or url is None:
            return _strange("orders/create")
        seen = PaymentSeen(
            external_id=id_, number=command.number, state=SeenState.WAITS, amount=command.amount, url=url
        )
        return Succeeded(external_id=id_, seen=seen)

    async def charge(self, command: ChargeSaved, call: Call[CloudpaymentsSettings]) -> Outcome:
        account, _, token = command.token.partition(TOKEN_AT)
        what = {
            **_asking(command, call.settings, "charge"), "AccountId": account, "Token": token,
            "TrInitiatorCode": 1 if command.by_payer else 0,
            "PaymentScheduled": None if command.by_payer else int(command.by_schedule),
        }  # fmt: skip
        path = "payments/tokens/charge" if command.capture else "payments/tokens/auth"
        try:
            model = section((await client.do(call, path, what)).get("Model"))
        except VendorFailure as failure:
            return failure.outcome
        if text(model.get("AcsUrl"), 10) is not None:
            message = N_("the bank asks for 3-D Secure, which only the payer can pass")
            return Refused(code="need_3ds", message=message, reason=Reason.CONFLICT)
        seen = seen_of(model)
        return Succeeded(external_id=seen.external_id, seen=seen) if seen is not None else _strange(path)

    async def capture(self, command: CapturePayment, call: Call[CloudpaymentsSettings]) -> Outcome:
        given = None
        if command.receipt:
            made = receipt(call.settings, command.person, command.lines, command.amount, command.number)
            given = _given({"CloudPayments": {"CustomerReceipt": made}})
        what = {"TransactionId": int(command.external_id), "Amount": number(command.amount), "JsonData": given}
        return await self._moved(call, "payments/confirm", what, command.external_id)

    async def cancel(self, command: CancelPayment, call: Call[CloudpaymentsSettings]) -> Outcome:
        """A hold is let go; a link that nobody has paid is called off. What was paid is left alone by either call."""
        if command.external_id.isdecimal():
            what = {"TransactionId": int(command.external_id)}
            return await self._moved(call, "payments/void", what, command.external_id)
        try:
            await client.do(call, "orders/cancel", {"Id": command.external_id})
        except VendorFailure as failure:
            return failure.outcome
        # Its yes is the same where somebody was quicker and has paid.
        last = await client.last_payment(call, command.number)
        paid = seen_of(last, command.external_id) if last is not None else None
        if paid is not None and paid.state in (SeenState.PAID, SeenState.HELD):
            return Succeeded(external_id=paid.external_id, seen=paid)
        if command.amount is None:
            return Succeeded(external_id=command.external_id)
        # A link isn't shown, so that this answer is all that says it.
        over = PaymentSeen(
            external_id=command.external_id, number=command.number, state=SeenState.OVER, amount=command.amount,
            why=Decline.SHOP, code="Cancelled",
        )  # fmt: skip
        return Succeeded(external_id=command.external_id, seen=over)

    async def refund(self, command: RefundPayment, call: Call[CloudpaymentsSettings]) -> Outcome:
        given: dict[str, object] = {MARK: command.number}
        if command.receipt:
            made = receipt(call.settings, command.person, command.lines, command.amount, command.number)
            given["CloudPayments"] = {"CustomerReceipt": made}
        try:
            payment = await self._paid(command, call)
            if payment is None:
                message = N_("CloudPayments has no payment under this number")
                return Refused(code="not_found", message=message, reason=Reason.NOT_FOUND)
            what = {"TransactionId": int(payment), "Amount": number(command.amount), "JsonData": _given(given)}
            model = section((await client.do(call, "payments/refund", what)).get("Model"))
        except VendorFailure as failure:
            return failure.outcome
        if text(model.get("ReasonCode"), 20) == DUPLICATE_REFUND:
            return await self.find(command, call) or _strange("payments/refund")
        id_ = text(model.get("TransactionId"), 40)
        if id_ is None:
            return _strange("payments/refund")
        return Succeeded(external_id=id_, seen=await self._refund_now(id_, command, call))

    # Questions

    async def find(self, command: MoneyCommand, call: Call[CloudpaymentsSettings]) -> Outcome | None:
        match command:
            case RefundPayment():
                return await self._find_refund(command, call)
            case CapturePayment() | CancelPayment():
                if not command.external_id.isdecimal():
                    return None
                found = await client.transaction(call, command.external_id)
                seen = seen_of(found) if found is not None else None
                undone = seen is None or seen.state in (SeenState.HELD, SeenState.WAITS)
                return None if undone or seen is None else Succeeded(external_id=seen.external_id, seen=seen)
        found = await client.last_payment(call, command.number)
        seen = seen_of(found) if found is not None else None
        if seen is None or (isinstance(command, MakeLink) and seen.state in (SeenState.WAITS, SeenState.OVER)):
            return None
        return Succeeded(external_id=seen.external_id, seen=seen, already=True)

    async def read(self, which: Which, call: Call[CloudpaymentsSettings]) -> PaymentSeen | None:
        """A link that nobody has tried to pay isn't shown at all. Who was declined may have paid by the same link
        since, by another transaction."""
        link = which.external_id if which.external_id is None or not which.external_id.isdecimal() else None
        found = await client.transaction(call, which.external_id) if which.external_id and link is None else None
        seen = seen_of(found) if found is not None else None
        taken_back = seen is not None and seen.why is Decline.SHOP
        if which.number is not None and not taken_back and (seen is None or seen.state is not SeenState.PAID):
            last = await client.last_payment(call, which.number)
            other = seen_of(last, link) if last is not None else None
            came = other is not None and other.state in (SeenState.PAID, SeenState.HELD)
            seen = other if seen is None or came else seen
        if seen is None or seen.number is None or seen.state is not SeenState.PAID:
            return seen
        operations = [await client.last_operation(call, seen.number)]
        if which.refund is not None and which.refund.isdecimal():
            operations.append(await client.transaction(call, which.refund))
        mine = [one for one in operations if one is not None and _is_of(one, seen.external_id)]
        refunds = {back.external_id: back for one in mine if (back := refund_of(one)) is not None}
        return seen.model_copy(update={"refunds": tuple(refunds.values())})

    async def list(
        self, first: datetime, until: datetime, cursor: str | None, call: Call[CloudpaymentsSettings]
    ) -> SeenPage:
        """A day after the other."""
        day = date.fromisoformat(cursor) if cursor else first.astimezone(UTC).date()
        found = await client.of_day(call, day.isoformat())
        within = [one for one in found if first <= (its_time(one.get("CreatedDateIso")) or first) < until]
        payments = [seen for one in within if not is_refund(one) and (seen := seen_of(one)) is not None]
        refunds = [
            (str(one.get("OriginalTransactionId")), back) for one in within if (back := refund_of(one)) is not None
        ]
        following = day + timedelta(days=1)
        more = datetime(following.year, following.month, following.day, tzinfo=UTC) < until
        return SeenPage(tuple(payments), tuple(refunds), following.isoformat() if more else None)

    # What they share

    async def _moved(
        self, call: Call[CloudpaymentsSettings], path: str, what: Mapping[str, object], id_: str
    ) -> Outcome:
        """What was done has no answer of its own: the payment shows it, also where it had been done before."""
        try:
            await client.do(call, path, what)
        except Refusal as no:
            found = await client.transaction(call, id_)
            seen = seen_of(found) if found is not None else None
            undone = seen is None or seen.state in (SeenState.HELD, SeenState.WAITS)
            return no.outcome if undone or seen is None else Succeeded(external_id=id_, seen=seen)
        except VendorFailure as failure:
            return failure.outcome
        found = await client.transaction(call, id_)
        seen = seen_of(found) if found is not None else None
        return Succeeded(external_id=id_, seen=seen) if seen is not None else _strange(path)

    async def _paid(self, command: RefundPayment, call: Call[CloudpaymentsSettings]) -> str | None:
        """The transaction that took the money, where only the link is known."""
        if command.external_id.isdecimal():
            return command.external_id
        found = await client.last_payment(call, command.number.rpartition("-")[0])
        return text(found.get("TransactionId"), 40) if found is not None else None

    async def _refund_now(self, id_: str, command: RefundPayment, call: Call[CloudpaymentsSettings]) -> RefundSeen:
        """A card's is done at once; by the fast payment system the bank says so later."""
        waits = RefundSeen(external_id=id_, number=command.number, state=RefundState.WAITS, amount=command.amount)
        try:
            found = await client.transaction(call, id_)
        except (VendorFailure, NotSent, MaybeSent):
            return waits
        seen = refund_of(found) if found is not None else None
        return seen.model_copy(update={"number": command.number}) if seen is not None else waits

    async def _find_refund(self, command: RefundPayment, call: Call[CloudpaymentsSettings]) -> Outcome | None:
        """The last operation under the payment's number is it, or shows by its time that nothing came after; else those
        of the days since it was asked for. Where another refund came since and ours isn't shown, nobody can tell."""
        last = await client.last_operation(call, command.number.rpartition("-")[0])
        if last is None:
            return None
        asked_at = call.vendor_time(call.doubt_since or call.now)
        found, at = _refund_among([last], command.number), its_time(last.get("CreatedDateIso"))
        if found is None and call.doubt_since is not None and at is not None and at < asked_at - CLOCKS_APART:
            return None
        day = asked_at.astimezone(UTC).date()
        while found is None and day <= call.vendor_time(call.now).astimezone(UTC).date():
            found, day = _refund_among(await client.of_day(call, day.isoformat()), command.number), day + A_DAY
        if found is not None:
            return Succeeded(external_id=found.external_id, seen=found, already=True)
        if not is_refund(last):
            return None
        message = N_("another refund is there already, and CloudPayments shows only the last: look in its cabinet")
        return Unknown(code="another_refund", message=message, reason=Reason.CONFLICT, outage=False)


def _asking(command: MakeLink | ChargeSaved, settings: CloudpaymentsSettings, begun_by: str) -> dict[str, object]:
    given: dict[str, object] = {MARK: command.number, "by": begun_by, "order": command.order}
    if command.receipt:
        made = receipt(settings, command.person, command.lines, command.amount, command.order)
        given["CloudPayments"] = {"CustomerReceipt": made}
    return {
        "Amount": number(command.amount), "Currency": command.amount.currency, "InvoiceId": command.number,
        "Description": command.description, "JsonData": _given(given),
        "Email": normalize_email(command.person.email) if command.person is not None else None,
    }  # fmt: skip


def _given(what: dict[str, object]) -> str:
    """`JsonData` as text: both forms of a request take that."""
    return json.dumps(what, ensure_ascii=False, separators=(",", ":"))


def _refund_among(operations: Sequence[Section], number: str) -> RefundSeen | None:
    """The refund under a number of ours."""
    refunds = [refund_of(one) for one in operations]
    return next((one for one in refunds if one is not None and one.number == number), None)


def _is_of(operation: Section, payment: str) -> bool:
    """Whether an operation gives back this very payment."""
    of = text(operation.get("OriginalTransactionId"), 40)
    return is_refund(operation) and of in (None, payment)


def _strange(path: str) -> Unclear:
    message = N_("CloudPayments' answer to {path} lacks what it should hold").format(path=path)
    return Unclear(code="not_understood", message=message, reason=Reason.OUT_OF_SERVICE)
