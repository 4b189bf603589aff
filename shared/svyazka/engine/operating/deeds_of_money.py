"""Buttons about payments: give money back, note what was paid past the provider, ask the provider, have seen to it.

Money moves once: what decides about it, the payment's own write, and the end of the request are one commit.
"""

from __future__ import annotations

from collections.abc import Sequence

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import pay_task
from svyazka.engine.operating.deeds import DONE_BEFORE, Deeds, Refused, end_of, role_of
from svyazka.engine.outages.learning import Outages
from svyazka.engine.paying import receipts_by_hand
from svyazka.engine.paying.by_hand import WHY_NOT_PAID, given_back_by_hand, paid_by_hand, seen_to, why_not_paid
from svyazka.engine.paying.looking import Looking
from svyazka.engine.paying.oddities import tell
from svyazka.engine.paying.refunding import WHY_NOT, Refunding
from svyazka.engine.paying.subscription_words import WHY_NOT as NO_SUBSCRIPTION
from svyazka.engine.paying.subscription_words import wanted
from svyazka.engine.paying.telling import events_of
from svyazka.engine.paying.turning import held_of
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.paying import as_it_stands, free_to_refund, refunded_by
from svyazka.engine.rules.subscriptions import Happening
from svyazka.model.errors import SourceUnavailable
from svyazka.model.money import Money
from svyazka.model.payments import By, OddityKind, Payment
from svyazka.model.receipts import ReceiptIntent
from svyazka.model.requests import Request, Wish
from svyazka.model.roles import Role
from svyazka.model.subscriptions import Why
from svyazka.model.tenants import Tenant

CHANGED = N_("it has changed since this page was shown: look at it again")

SAID = {
    "go_on": (Happening.GO_ON, N_("it is charged now")),
    "skip": (Happening.SKIP, N_("nobody is charged for this period")),
    "cancel": (Happening.CANCEL, N_("it is over: nobody is charged any more")),
}  # fmt: skip
"""What the business may want of a subscription, and how it is told."""


class DeedsOfMoney:
    """Carries them out."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._looking, self._refunding = hub, Looking(hub, outages), Refunding(hub)
        self.deeds: Deeds = {
            Wish.REFUND: self._refunded, Wish.NOTE_PAID: self._paid, Wish.ASK_PROVIDER: self._asked,
            Wish.SEEN_TO: self._seen_to, Wish.SUBSCRIPTION: self._subscription,
            Wish.RECEIPT: self._receipt,
        }  # fmt: skip

    async def _held(self, request: Request, as_shown: bool = True) -> Versioned[Payment]:
        """Raises Refused for a payment that isn't this tenant's, and for one that isn't `as_shown` any more."""
        held = await journal.load(self._hub.store, Payment, request.about)
        if held is None or held.model.tenant != request.tenant:
            raise Refused(WHY_NOT["no_payment"])
        if as_shown and request.arguments.get("shown") != as_it_stands(held.model):
            raise Refused(CHANGED)
        return held

    async def _refunded(self, request: Request, tenant: Tenant) -> None:
        """Twice of it is one refund: the request ends in the commit that begins it."""
        held = await self._held(request)
        try:
            amount = Money.read(request.arguments.get("amount", ""))
        except ValueError:
            raise Refused(N_("expected an amount such as 1049.30")) from None
        free = free_to_refund(held.model)
        if not amount or amount > free:
            raise Refused(N_("no more than {free} ₽ can still be given back").format(free=free.text))
        limit, attempt = await self._limit(request, tenant, held.model), refunded_by(held.model, amount)
        if attempt is not None and attempt.by is By.HAND:
            counted = await self._refunding.counted(tenant, request.who, amount, limit)
            if isinstance(counted, str):
                raise Refused(WHY_NOT[counted])
            after = given_back_by_hand(held.model, attempt, amount, request.who, self._hub.clock.now())
            said = N_("{amount} ₽ is noted as given back").format(amount=amount.text)
            await self._moved(held, after, request, said, counted)
            return
        begun = await self._refunding.refund(
            held, tenant, amount, by=request.who, event=held.model.event, limit=limit
        )  # fmt: skip
        if isinstance(begun, str):
            raise Refused(WHY_NOT[begun])
        said = N_("{amount} ₽ is on its way back").format(amount=amount.text)
        await self._hub.store.commit([*begun.writes, *await end_of(self._hub, request, said)], begun.tasks)

    async def _paid(self, request: Request, tenant: Tenant) -> None:
        held = await self._held(request)
        why = why_not_paid(held.model)
        if why is not None:
            raise Refused(WHY_NOT_PAID[why])
        after = paid_by_hand(held.model, request.who, self._hub.clock.now())
        await self._moved(held, after, request, N_("it is noted as paid by hand"))

    async def _asked(self, request: Request, tenant: Tenant) -> str:
        await self._held(request, as_shown=False)
        try:
            await self._looking.look(request.about, told=True)
        except SourceUnavailable as error:
            raise Refused(str(error)) from None
        return N_("its providers were asked")

    async def _seen_to(self, request: Request, tenant: Tenant) -> str | None:
        held = await self._held(request, as_shown=False)
        try:
            kind = OddityKind(request.arguments.get("what", ""))
        except ValueError:
            raise Refused(N_("there is nothing of the kind about this payment")) from None
        after = seen_to(held.model, kind, request.who)
        if after == held.model:
            return DONE_BEFORE
        await self._moved(held, after, request, N_("it is noted"))
        return None

    async def _subscription(self, request: Request, tenant: Tenant) -> None:
        """Twice of it is one: the request ends in the commit that does it."""
        held = await held_of(self._hub, request.about)
        if held is None or held.subscription.model.tenant != tenant.id:
            raise Refused(NO_SUBSCRIPTION["no_subscription"])
        one, what = held.subscription.model, request.arguments.get("what", "")
        if what not in SAID:
            raise Refused(N_("expected go_on, skip or cancel"))
        if request.arguments.get("shown") != f"{one.n} {one.state}":
            raise Refused(CHANGED)
        happening, said = SAID[what]
        move = await wanted(self._hub, held, tenant, happening, Why.BY_OWNER if what == "cancel" else None)
        if isinstance(move, str):
            raise Refused(NO_SUBSCRIPTION[move])
        await self._hub.store.commit([*move.writes, *await end_of(self._hub, request, said)], move.tasks)

    async def _receipt(self, request: Request, tenant: Tenant) -> None:
        now, what = self._hub.clock.now(), request.arguments.get("what", "")
        if what not in ("settle", "again", "done"):
            raise Refused(N_("expected settle, again or done"))
        if what == "settle":
            deed = receipts_by_hand.settle(await self._held(request, as_shown=False), now)
        else:
            held = await journal.load(self._hub.store, ReceiptIntent, request.about)
            if held is None or held.model.tenant != tenant.id:
                raise Refused(N_("there is no such receipt"))
            words = request.arguments.get("said", "").strip()
            if what == "done" and not words:
                raise Refused(N_("expected how it was registered"))
            if what == "again":
                deed = receipts_by_hand.again(held, now)
            else:
                deed = await receipts_by_hand.registered(self._hub.store, held, request.who, words, now)
        if isinstance(deed, str):
            raise Refused(receipts_by_hand.WHY_NOT[deed])
        await self._hub.store.commit([*deed.writes, *await end_of(self._hub, request, N_("it is noted"))], deed.tasks)

    async def _moved(
        self, held: Versioned[Payment], after: Payment, request: Request, said: str, counted: Sequence[Write] = ()
    ) -> None:
        """The payment after it, with whatever follows from money that has moved, and the end of the request."""
        now = self._hub.clock.now()
        events, tasks = await events_of(self._hub, held.model, after, now)
        writes: Sequence[Write] = [
            journal.replace(after, held.version),
            *counted,
            *events,
            *await end_of(self._hub, request, said),
        ]
        look: Task = pay_task(after.id, after.attempts[-1].vendor)
        await self._hub.store.commit(writes, [*tasks, look])
        await tell(self._hub, held.model, after)

    async def _limit(self, request: Request, tenant: Tenant, payment: Payment) -> Money | None:
        """What he may give back in a day; None for an owner."""
        if await role_of(self._hub, request, tenant) is Role.OWNER:
            return None
        return await self._refunding.limit_of_operators(tenant, payment)
