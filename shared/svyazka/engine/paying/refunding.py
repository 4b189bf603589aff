"""Money goes back: never more than is free, decided on the payment's document before any provider is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.engine.rules.paying import free_of, free_to_refund, next_id, refunded_by, with_state
from svyazka.engine.rules.splitting import lines_back, refunded_parts, split_back
from svyazka.model.commands import Guards, Step
from svyazka.model.deliveries import Delivery
from svyazka.model.money import Money
from svyazka.model.paying import RefundPayment
from svyazka.model.payments import Attempt, By, Payment, RefundedToday, Transaction, TransactionKind, refund_number
from svyazka.model.tenants import Tenant

WHY_NOT = {
    "not_paid": N_("nothing of it was paid"),
    "too_much": N_("that is more than can still be given back"),
    "over_limit": N_("that is more than may be given back in a day by whoever asks"),
    "in_parts": N_("it was paid in several parts: ask for the refund of each"),
    "not_able": N_("this provider gives back the whole only"),
    "by_hand": N_("it was paid past the provider: give it back by hand"),
    "no_payment": N_("there is no such payment"),
    "no_provider": N_("the provider's connection isn't there any more"),
}
"""Why no money goes back: code -> words."""


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund that is about to be begun, and what is written for it."""

    payment: Payment
    amount: Money
    attempt: Attempt
    delivery: Delivery
    writes: tuple[Write, ...]
    tasks: tuple[Task, ...]


class Refunding:
    """Begins refunds."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def refund(
        self, held: Versioned[Payment], tenant: Tenant, amount: Money | None, *, by: str, event: str,
        limit: Money | None = None,
    ) -> Refund | str:  # fmt: skip
        """What begins a refund of `amount` (None: of all that is free), or the code of why not. Writes nothing: the
        payment's own write decides who comes first. `limit`: what `by` may give back in a day."""
        payment = held.model
        free = free_to_refund(payment)
        if not payment.captured:
            return "not_paid"
        amount = free if amount is None else amount
        if not amount or amount > free:
            return "too_much"
        attempt = refunded_by(payment, amount)
        if attempt is None:
            return "in_parts"
        going = await self.by_attempt(payment, tenant, attempt, amount, by=by, event=event)
        if isinstance(going, str):
            return going
        after, delivery = going
        counted = await self.counted(tenant, by, amount, limit)
        if isinstance(counted, str):
            return counted
        writes = (journal.replace(after, held.version), journal.create(delivery), *counted)
        return Refund(after, amount, attempt, delivery, writes, (perform_task(delivery),))

    async def by_attempt(
        self, payment: Payment, tenant: Tenant, attempt: Attempt, amount: Money, *, by: str, event: str
    ) -> tuple[Payment, Delivery] | str:
        """The payment with a refund of so much by that attempt's provider, and the delivery that asks for it; or the
        code of why not. Writes nothing, and counts nothing."""
        if not amount or amount > free_of(payment, attempt.n):
            return "too_much"
        if attempt.by is By.HAND or attempt.external_id is None:
            return "by_hand"
        parts = refunded_parts(payment, attempt.n, amount)
        step = await self._step(payment, attempt, amount, parts)
        if isinstance(step, str):
            return step
        now = self._hub.clock.now()
        command = step.command
        assert isinstance(command, RefundPayment)
        owed = Obligation(
            tenant=tenant.id, flow=payment.flow, subject=f"payment:{payment.id}:{command.number}", event=event,
            guards=Guards(), base_at=now, people=payment.people, blank_at=now + tenant.retention,
        )  # fmt: skip
        delivery = begun(owed, (step,), now)
        one = Transaction(
            id=next_id(payment), kind=TransactionKind.REFUND, attempt=attempt.n, amount=amount, at=now,
            number=command.number, delivery=delivery.id, by=by, shares=parts[0], lines=parts[1],
        )  # fmt: skip
        changes = {
            "transactions": (*payment.transactions, one), "looks": 0, "changed_at": now,
            "wake_at": now + timedelta(minutes=2), "expire_at": None,
        }  # fmt: skip
        return with_state(payment.model_copy(update=changes)), delivery

    async def _step(
        self, payment: Payment, attempt: Attempt, amount: Money, parts: tuple[Sequence[int], Sequence[int]]
    ) -> Step | str:
        account = await self._hub.directory.account(payment.tenant, attempt.connection)
        payments = account.manifest.payments if account is not None else None
        if account is None or payments is None:
            return "no_provider"
        captured = sum(
            one.amount.kopecks for one in payment.of_attempt(attempt.n)
            if one.status == "done" and one.kind in ("purchase", "capture")
        )  # fmt: skip
        whole = amount.kopecks == captured
        if Can.REFUND not in payments.can or (not whole and Can.PART_REFUND not in payments.can):
            return "not_able"
        count = sum(1 for one in payment.of_attempt(attempt.n) if one.kind is TransactionKind.REFUND) + 1
        lines = lines_back(payment, parts[1]) if payment.receipt and parts[1] else ()
        command = RefundPayment(
            payment=payment.id, number=refund_number(payment.id, attempt.n, count),
            external_id=attempt.external_id or "", amount=amount, whole=whole, description=payment.description,
            lines=lines, split=split_back(payment, attempt.n, attempt.connection, parts[0]), person=payment.person,
            receipt=payment.receipt,
        )  # fmt: skip
        name = f"{payment.flow}/{attempt.connection}/refund"
        return Step.through(name, attempt.connection, attempt.vendor, command,
                            carried(account.manifest, command).safety)  # fmt: skip

    async def limit_of_operators(self, tenant: Tenant, payment: Payment) -> Money:
        """What each person at work here may give back in a day of what this payment's flow takes."""
        for bound in await self._hub.directory.flows_of(tenant):
            limit = bound.flow.operator_gives_back(bound.settings) if bound.spec.id == payment.flow else None
            if limit is not None:
                return limit
        return Money(kopecks=0, currency=payment.amount.currency)

    async def counted(self, tenant: Tenant, by: str, amount: Money, limit: Money | None) -> list[Write] | str:
        """The day's count with this refund in it, written with it; days are the business's own."""
        if limit is None:
            return []
        now = self._hub.clock.now()
        key = f"{tenant.id}.{now.astimezone(ZoneInfo(tenant.timezone)):%Y-%m-%d}"
        held = await journal.load(self._hub.store, RefundedToday, key)
        before = held.model.kopecks if held is not None else {}
        kopecks = before.get(by, 0) + amount.kopecks
        if kopecks > limit.kopecks:
            return "over_limit"
        day = RefundedToday(
            id=key, tenant=tenant.id, kopecks={**before, by: kopecks}, expire_at=now + timedelta(days=3)
        )
        return [journal.replace(day, held.version) if held is not None else journal.create(day)]
