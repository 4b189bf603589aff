"""Payments by T-Bank: links, charges of saved cards, two steps, refunds.

Init knows no key of ours: after a lost answer our number is asked for (`CheckOrder`) before anything is begun anew. A
refund is known again by `ExternalRequestId`, but not one by the fast payment system (sheet): a doubtful one of these
is repeated only where the payment's status proves that nothing went back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.connectors.tbank import client
from svyazka.connectors.tbank.client import Refusal
from svyazka.connectors.tbank.failures import DECLINES, NOT_ALLOWED, decline_of
from svyazka.connectors.tbank.receipt import receipt
from svyazka.connectors.tbank.schema import REFUND_ON_ITS_WAY
from svyazka.connectors.tbank.settings import TbankSettings
from svyazka.connectors.tbank.shown import best_of, saved_of, seen_of
from svyazka.engine.contracts.capabilities.payments import Can, Payments, SeenPage, Which
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.commands import Repeat, Safety
from svyazka.model.deadline import Deadline
from svyazka.model.errors import MaybeSent, NotSent, NotShown
from svyazka.model.outcomes import Outcome, Succeeded, Unclear, Unknown
from svyazka.model.paying import CancelPayment, CapturePayment, ChargeSaved, MakeLink, MoneyCommand, RefundPayment
from svyazka.model.payments import numbered
from svyazka.model.reasons import Reason
from svyazka.model.seen import PaymentSeen, RefundSeen, RefundState, SavedMethod, SeenState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from svyazka.engine.contracts.calls import Call
    from svyazka.model.paying import Split

SHOWN_AFTER = timedelta(seconds=30)
"""How long what was begun may not be shown by CheckOrder. Unknown; nobody has seen a lag."""

TAKEN_BACK = "REVERSED"

BY_PAYER, BY_SHOP, BY_SCHEDULE, PLAIN, SAVING = "2", "R", "I", "0", "1"
"""`OperationInitiatorType`: a mismatch with what the payment is makes error 1126."""


class TbankPayments(Payments[TbankSettings]):
    """T-Bank."""

    shop = "terminal_key"
    can = frozenset(
        {
            Can.LINK, Can.CHARGE, Can.SAVE, Can.HOLD, Can.REFUND, Can.PART_REFUND, Can.CALL_OFF, Can.SPLIT,
            Can.RECEIPT, Can.READ,
        }
    )  # fmt: skip

    def ready(self, settings: TbankSettings) -> bool:
        return settings.terminal_key is not None and settings.password is not None

    def testing(self, settings: TbankSettings) -> bool | None:
        return (settings.terminal_key or "").endswith("DEMO")

    def safety(self, command: MoneyCommand) -> Safety:
        deadline = Deadline.CALL if isinstance(command, MakeLink) else Deadline.MONEY
        return Safety(repeat=Repeat.CHECKABLE, deadline=deadline, ask_after=SHOWN_AFTER)

    # Commands

    async def make_link(self, command: MakeLink, call: Call[TbankSettings]) -> Outcome:
        """One that was begun before, of which only T-Bank knows, is called off first: nobody has its address, which
        T-Bank doesn't show again."""
        try:
            if call.doubt_since is not None:
                await self._without(command.number, call)
            answer = await self._init(command, call, SAVING if command.save else PLAIN)
        except VendorFailure as failure:
            return failure.outcome
        url = text(answer.get("PaymentURL"), 1000)
        seen = seen_of(answer, command.number, amount=command.amount, url=url, ends_at=command.ends_at)
        if seen is None or url is None:
            return _strange("Init")
        return Succeeded(external_id=seen.external_id, seen=seen)

    async def charge(self, command: ChargeSaved, call: Call[TbankSettings]) -> Outcome:
        """Two calls, of which the first takes nothing. One that was begun before is gone on with: a charge of the same
        payment that is finished is refused (8), so that it can't be taken twice."""
        begun_by = BY_PAYER if command.by_payer else BY_SCHEDULE if command.by_schedule else BY_SHOP
        try:
            begun = (
                best_of(await client.payments_of(call, command.number), command.number) if call.doubt_since else None
            )
            if begun is not None and begun.state is not SeenState.WAITS:
                return Succeeded(external_id=begun.external_id, seen=begun, already=True)
            id_ = begun.external_id if begun is not None else client.id_of(await self._init(command, call, begun_by))
            if id_ is None:
                return _strange("Init")
            answer = await client.ask(call, "Charge", {"PaymentId": id_, "RebillId": command.token})
        except Refusal as no:
            return await self._charge_refused(no, command, call)
        except VendorFailure as failure:
            return failure.outcome
        return _paid(seen_of(answer, command.number, amount=command.amount), "Charge")

    async def capture(self, command: CapturePayment, call: Call[TbankSettings]) -> Outcome:
        fields = {
            "PaymentId": command.external_id, "Amount": command.amount.kopecks, "Shops": _shops(command.split),
            "Receipt": receipt(call.settings, command.person, command.lines, command.amount, command.number)
            if command.receipt else None,
        }  # fmt: skip
        try:
            answer = await client.ask(call, "Confirm", fields)
        except Refusal as no:
            return await self._as_it_is(no, command.external_id, call)
        except VendorFailure as failure:
            return failure.outcome
        return _paid(seen_of(answer, None, amount=command.amount), "Confirm")

    async def cancel(self, command: CancelPayment, call: Call[TbankSettings]) -> Outcome:
        """The same call gives back what was paid, so that the payment is looked at first: only what nobody has paid is
        called off."""
        try:
            seen = await self._seen(command.external_id, None, call)
            if seen is None or seen.state in (SeenState.PAID, SeenState.OVER):
                return _paid(seen, "GetState")
            answer = await client.ask(call, "Cancel", {"PaymentId": command.external_id})
        except Refusal as no:
            return await self._as_it_is(no, command.external_id, call)
        except VendorFailure as failure:
            return failure.outcome
        return _paid(seen_of(answer, None, amount=seen.amount), "Cancel")

    async def refund(self, command: RefundPayment, call: Call[TbankSettings]) -> Outcome:
        fields = {
            "PaymentId": command.external_id, "Amount": command.amount.kopecks, "ExternalRequestId": command.number,
            "Shops": _shops(command.split),
            "Receipt": receipt(call.settings, command.person, command.lines, command.amount, command.number)
            if command.receipt and not command.whole else None,
        }  # fmt: skip
        try:
            answer = await client.ask(call, "Cancel", fields)
        except Refusal as no:
            if no.error in DECLINES:
                seen = _refunded(command, RefundState.OVER)
                why = {"why": decline_of(no.error), "code": no.error}
                return Succeeded(external_id=seen.external_id, seen=seen.model_copy(update=why))
            return no.outcome
        except VendorFailure as failure:
            return failure.outcome
        state = RefundState.WAITS if answer.get("Status") in REFUND_ON_ITS_WAY else RefundState.DONE
        seen = _refunded(command, state)
        return Succeeded(external_id=seen.external_id, seen=seen)

    # Questions

    async def find(self, command: MoneyCommand, call: Call[TbankSettings]) -> Outcome | None:
        """A link of which only T-Bank knows is of no use, for it doesn't show its address again: another is made."""
        match command:
            case RefundPayment():
                return await self._find_refund(command, call)
            case CapturePayment() | CancelPayment():
                seen = await self._seen(command.external_id, None, call)
                undone = (SeenState.HELD, SeenState.WAITS)
                return None if seen is None or seen.state in undone else _paid(seen, "GetState")
        best = best_of(await client.payments_of(call, command.number), command.number)
        return None if best is None or best.state is SeenState.WAITS else _paid(best, "CheckOrder")

    async def read(self, which: Which, call: Call[TbankSettings]) -> PaymentSeen | None:
        """By its id, and where that comes to nothing by our number: a payer who was declined may have tried again. What
        was paid and taken back stays what it is, whatever else was paid under the number."""
        seen = await self._seen(which.external_id, which.number, call) if which.external_id is not None else None
        if which.number is not None and (seen is None or (seen.state is SeenState.OVER and seen.code != TAKEN_BACK)):
            other = best_of(await client.payments_of(call, which.number), which.number)
            seen = other if other is not None and (seen is None or other.state is not SeenState.OVER) else seen
        if seen is None or seen.state not in (SeenState.PAID, SeenState.HELD):
            return seen
        return seen.model_copy(update={"saved": await self._saved(seen.number, call)})

    async def list(self, first: datetime, until: datetime, cursor: str | None, call: Call[TbankSettings]) -> SeenPage:
        raise NotShown(N_("T-Bank lists no payments: compare with the register of its cabinet"))

    # What they share

    async def _without(self, number: str, call: Call[TbankSettings]) -> None:
        for one in await client.payments_of(call, number):
            seen = seen_of(one, number)
            if seen is not None and seen.state is SeenState.WAITS:
                await client.ask(call, "Cancel", {"PaymentId": seen.external_id})

    async def _init(self, command: MakeLink | ChargeSaved, call: Call[TbankSettings], begun_by: str) -> Section:
        link = command if isinstance(command, MakeLink) else None
        saves = link is not None and link.save
        ends = link.ends_at if link is not None else None
        hook = call.hook_url if (call.hook_url or "").startswith("https://") else None
        fields: dict[str, object] = {
            "Amount": command.amount.kopecks, "OrderId": command.number, "Description": command.description[:140],
            "PayType": "O" if command.capture else "T", "NotificationURL": hook,
            "CustomerKey": command.payment if saves else None, "Recurrent": "Y" if saves else None,
            "SuccessURL": link.return_url if link else None, "FailURL": link.return_url if link else None,
            "RedirectDueDate": ends.isoformat(timespec="seconds") if ends else None,
            "DATA": {"order": command.order[:100], "OperationInitiatorType": begun_by},
            "Shops": _shops(command.split),
            "Receipt": receipt(call.settings, command.person, command.lines, command.amount, command.order)
            if command.receipt else None,
        }  # fmt: skip
        return await client.ask(call, "Init", fields)

    async def _charge_refused(self, no: Refusal, command: ChargeSaved, call: Call[TbankSettings]) -> Outcome:
        """A declined charge shows its payment; where it doesn't, the payment says what became of it."""
        seen = seen_of(no.answer, command.number, amount=command.amount)
        if seen is not None and text(no.answer.get("Status")) is not None:
            return _paid(seen, "Charge")
        if no.error not in NOT_ALLOWED and no.error not in DECLINES:
            return no.outcome
        best = best_of(await client.payments_of(call, command.number), command.number)
        if best is None:
            return no.outcome
        if best.state is SeenState.WAITS and no.error in DECLINES:
            # Nobody holds its page, so that no money can come by it any more.
            best = best.model_copy(
                update={"state": SeenState.OVER, "why": decline_of(no.error), "code": no.error, "url": None}
            )
        return _paid(best, "Charge")

    async def _as_it_is(self, no: Refusal, id_: str, call: Call[TbankSettings]) -> Outcome:
        """The payment's status doesn't allow what was asked for, as a rule because it was done already."""
        if no.error not in NOT_ALLOWED:
            return no.outcome
        seen = await self._seen(id_, None, call)
        return no.outcome if seen is None else _paid(seen, "GetState")

    async def _seen(self, id_: str, number: str | None, call: Call[TbankSettings]) -> PaymentSeen | None:
        found = await client.payment(call, id_)
        if found is None:
            return None
        seen = seen_of({**found, "PaymentId": id_}, number or text(found.get("OrderId"), 40))
        if seen is None:
            raise VendorFailure(_strange("GetState"))
        return seen

    async def _saved(self, number: str | None, call: Call[TbankSettings]) -> SavedMethod | None:
        """The card that was kept: under the payment's own name, so that nobody else's can be taken for it."""
        named = numbered(number)
        if named is None:
            return None
        try:
            return saved_of(await client.saved_cards(call, named[0]))
        except (VendorFailure, NotSent, MaybeSent):
            return None  # what was paid matters more; the next look asks again

    async def _find_refund(self, command: RefundPayment, call: Call[TbankSettings]) -> Outcome | None:
        found = await client.payment(call, command.external_id)
        seen = seen_of({**found, "PaymentId": command.external_id}, None) if found else None
        status = text(found.get("Status"), 40) if found else None
        if status in REFUND_ON_ITS_WAY or status == "REFUNDED":
            state = RefundState.DONE if status == "REFUNDED" else RefundState.WAITS
            return Succeeded(external_id=command.number, seen=_refunded(command, state), already=True)
        if status == "PARTIAL_REFUNDED" and (seen is None or seen.method != "bank_card"):
            why = N_("a part went back by the fast payment system, and T-Bank doesn't say which: look in its cabinet")
            return Unknown(code="part_of_it", message=why, reason=Reason.CONFLICT, outage=False)
        return None


def _refunded(command: RefundPayment, state: RefundState) -> RefundSeen:
    """T-Bank gives refunds no id: ours is what it is known by."""
    return RefundSeen(external_id=command.number, number=command.number, state=state, amount=command.amount)


def _paid(seen: PaymentSeen | None, method: str) -> Outcome:
    return Succeeded(external_id=seen.external_id, seen=seen) if seen is not None else _strange(method)


def _strange(method: str) -> Unclear:
    message = N_("T-Bank's answer to {method} lacks what it should hold").format(method=method)
    return Unclear(code="not_understood", message=message, reason=Reason.OUT_OF_SERVICE)


def _shops(split: Sequence[Split]) -> list[dict[str, object]] | None:
    return [
        {
            "ShopCode": one.account, "Amount": one.amount.kopecks, "Name": one.description,
            **({"Fee": str(one.fee.kopecks)} if one.fee is not None else {}),
        }
        for one in split
    ] or None  # fmt: skip
