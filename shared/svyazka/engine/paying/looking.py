"""One look at a payment: what its deliveries came to and what its providers show, merged, with what follows from it.

Level-triggered: a notification, a delivery's end, the clock and a question all come to the same look. It may be done
twice, at once, and die anywhere: everything that it changes is one commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.contracts.capabilities.payments import Can, Which
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import Route, perform_task, receipt_task, subscription_task
from svyazka.engine.journal.transition import ended
from svyazka.engine.outages.learning import Outages
from svyazka.engine.paying.asking_providers import CAME, Asked, Providers
from svyazka.engine.paying.oddities import tell
from svyazka.engine.paying.subscribing import begun as begun_by
from svyazka.engine.paying.taking_in import awaited, with_deliveries
from svyazka.engine.paying.telling import events_of
from svyazka.engine.ports.store import Put, Task, Write
from svyazka.engine.problems.cards import Sight, meet
from svyazka.engine.problems.kinds import NO_ORDER
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.engine.rules.paid_seen import with_found, with_seen
from svyazka.engine.rules.paying import Found, hold_told_at, is_held, is_past, looks_again, with_patience_over
from svyazka.engine.rules.receipts_due import owed
from svyazka.engine.rules.transitions import receipt_settles, stopped
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log
from svyazka.engine.tenants.directory import Account
from svyazka.model.base import SKELETON
from svyazka.model.commands import Guards, Step
from svyazka.model.deliveries import FINAL, Delivery, Status
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.events import Event, ReceiptState
from svyazka.model.paying import CancelPayment
from svyazka.model.payments import (
    IN_FLIGHT,
    Attempt,
    By,
    PaidThere,
    Payment,
    TransactionStatus,
    numbered,
    paid_there_id,
)
from svyazka.model.seen import PaymentSeen

LOOK_TRIES = 8

SOON = timedelta(minutes=1)

AGAIN_AFTER = timedelta(hours=23)
"""Since a hold wasn't let go of; it is looked at once a day."""

ONCE_MORE = timedelta(minutes=5)
"""What a provider has told of, its own books may show a little later."""

NOT_OURS = N_("a payment that was not begun here")
MONEY_WITHOUT_ORDER = N_("money came, and there is no order for it here: a card asks")


class Looking:
    """Looks at payments."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self.providers = hub, Providers(hub, outages)

    async def look(
        self,
        payment_id: str,
        *,
        ask: bool = True,
        told: bool = False,
        signed: dict[int, PaymentSeen] | None = None,
        named: tuple[int, str] | None = None,
        refund: str | None = None,
        went_back: bool = False,
    ) -> Payment | None:
        """The payment as it is after the look; None: there is no such payment. `ask`: providers too. `told`: somebody
        said that something has changed. `signed`: by attempt, what a provider that can't be asked has told. `named`:
        the attempt, and the provider's own id of what somebody has told of. `refund`: that of a refund, where one was
        told of. `went_back`: it was told that money went back; where its provider doesn't show that yet, it is asked
        once more.

        Raises SourceUnavailable where somebody `told` of a change and the provider can't be asked now, and Unavailable.
        """
        asked: Asked | None = None
        for _ in range(LOOK_TRIES):
            held = await journal.load(self._hub.store, Payment, payment_id)
            if held is None:
                return None
            before, now = held.model, self._hub.clock.now()
            held_deliveries = await self._deliveries(before)
            deliveries = {key: one.model for key, one in held_deliveries.items()}
            testing = await self.providers.testing(before)
            after = with_deliveries(before, deliveries, testing, now)
            if asked is None:
                whatever = told or before.look_at_all
                asked = await self.providers.asked(after, deliveries, told=whatever, refund=refund) if ask else Asked()
                asked.seen |= signed or {}
                if named is not None:
                    await self.providers.beside(after, *named, asked, refund)
            after = self._with_asked(after, asked, testing, now)
            after, subscribed = await begun_by(self._hub, after, now)
            after, receipts = owed(after, now)
            moved = after != before
            after = self._again_at(before, after, now, asked=ask)
            if ask:
                unheard = before.look_at_all and asked.silent is not None
                after = _once_more(after, now, unheard or bool(asked.former) or (went_back and not moved))
            known, ends = await self._found_out(after, held_deliveries)
            after, again = await self._let_go_again(after, deliveries)
            if after == before and not known:
                await tell(self._hub, before, after)
                return self._or_silent(after, asked, told)
            after, off = await self._called_off(before, after)
            off += again
            events, tasks = await events_of(self._hub, before, after, now)
            writes: list[Write] = [journal.replace(after, held.version), *self._named(before, after), *events]
            writes += [journal.create(one) for one in off]
            writes, tasks = [*writes, *known, *subscribed], [*tasks, *ends]
            if after.subscription is not None:  # what came of it is taken in there
                tasks.append(subscription_task(after.subscription))
            writes += [journal.create(one) for one in receipts]
            tasks += [receipt_task(one.id, one.vendor) for one in receipts]
            if not moved:  # told before the next look is put off, which may be for good
                await tell(self._hub, before, after)
            reach("pay.before_commit")
            try:
                await self._hub.store.commit(writes, [*tasks, *(perform_task(one) for one in off)])
            except Conflict:
                continue
            reach("pay.after_commit")
            self._log(before, after)
            if moved:
                await tell(self._hub, before, after)
            return self._or_silent(after, asked, told)
        raise Unavailable(N_("others move this payment all the time"))

    async def told(self, event: Event) -> str | None:
        """A provider's notification: the payment that it is about is looked at. Why nothing followed, where nothing
        did. Raises SourceUnavailable, Unavailable."""
        shown = event.data.get("seen")
        signed = PaymentSeen.model_validate(shown) if isinstance(shown, dict) else None
        named = await self._named_by(event, signed)
        if named is None:
            return await self._unplaced(event, signed, ours=False)
        payment, n = named
        evidence = {n: signed} if signed is not None and not await self._can_read(event) else None
        there = (n, event.entity.id) if event.entity is not None else None
        refund = event.data.get("refund")
        refund = refund if isinstance(refund, str) else None
        went_back = refund is not None or event.data.get("went_back") is True
        looked = await self.look(payment, told=True, signed=evidence, named=there, refund=refund, went_back=went_back)
        return None if looked is not None else await self._unplaced(event, signed, ours=True)

    async def _unplaced(self, event: Event, signed: PaymentSeen | None, *, ours: bool) -> str:
        """Why nothing follows from what was told of a payment that isn't known here. Where money came by it that should
        be known (it bears a number of `ours`, or nobody else is told of it), that is a card: one for each payment,
        however often it is told of. Raises SourceUnavailable."""
        account = await self._hub.directory.account(event.tenant, event.connection)
        payments = account.manifest.payments if account is not None else None
        id_ = event.entity.id if event.entity is not None else None
        if account is None or payments is None or id_ is None or not (ours or payments.ours_alone):
            return NOT_OURS
        seen = signed
        if Can.READ in payments.can:
            seen = await self.providers.read(account, payments, Which(external_id=id_))
        if seen is None or seen.state not in CAME:
            return NOT_OURS
        words = N_("{tenant}: через «{connection}» пришло {amount}, а заказа на них у нас нет. Найдите {id} в кабинете")
        text = words.format(tenant=account.tenant.name, connection=account.name, amount=seen.amount.text, id=id_)
        sight = Sight(
            kind=NO_ORDER, tenant=account.tenant, connection=account.name, vendor=account.vendor, text=text, cause=id_,
            about=id_, since=self._hub.clock.now(),
        )  # fmt: skip
        await meet(self._hub, sight)
        return MONEY_WITHOUT_ORDER

    # What is known

    async def _deliveries(self, payment: Payment) -> dict[str, Versioned[Delivery]]:
        documents = await self._hub.store.get_many([("deliveries", key) for key in awaited(payment)])
        return {one.id: journal.read(Delivery, one) for one in documents if one is not None}

    async def _found_out(
        self, payment: Payment, deliveries: Mapping[str, Versioned[Delivery]]
    ) -> tuple[list[Write], list[Task]]:
        """Ends of deliveries of which nobody knew what became, now that their provider has said it."""
        now, writes, tasks = self._hub.clock.now(), list[Write](), list[Task]()
        for one in payment.transactions:
            held = deliveries.get(one.delivery or "")
            if held is None or held.model.status is not Status.UNKNOWN or one.status is TransactionStatus.UNKNOWN:
                continue
            if one.status is TransactionStatus.NEVER_SENT:
                why = N_("its provider was asked and has nothing of it")
                ended_as = stopped(held.model, Status.FAILED, "never_sent", why, now)
            else:
                ended_as = receipt_settles(held.model, ReceiptState.DELIVERED, now)
            end = await ended(self._hub.store, ended_as, now)
            writes += end.over(held.version)
            tasks += [task for task in end.tasks if task.path != Route.PAY]
        return writes, tasks

    async def _can_read(self, event: Event) -> bool:
        account = await self._hub.directory.account(event.tenant, event.connection)
        payments = account.manifest.payments if account is not None else None
        return payments is not None and Can.READ in payments.can

    async def _named_by(self, event: Event, signed: PaymentSeen | None) -> tuple[str, int] | None:
        """Which payment and attempt a notification means: by our number, by the provider's own id, or by asking."""
        number = event.data.get("number")
        named = numbered(number if isinstance(number, str) else None) or numbered(signed.number if signed else None)
        external_id = event.entity.id if event.entity is not None else signed.external_id if signed else None
        if named is not None or external_id is None:
            return named
        known = await journal.load(
            self._hub.store, PaidThere, paid_there_id(event.tenant, event.connection, external_id)
        )
        if known is not None:
            return known.model.payment, known.model.attempt
        account = await self._hub.directory.account(event.tenant, event.connection)
        payments = account.manifest.payments if account is not None else None
        if account is None or payments is None or Can.READ not in payments.can:
            return None
        seen = await self.providers.read(account, payments, Which(external_id=external_id))
        return numbered(seen.number) if seen is not None else None

    # What is made of it

    def _with_asked(self, payment: Payment, asked: Asked, testing: dict[str, bool | None], now: datetime) -> Payment:
        known = {one.n: one for one in payment.attempts}
        for n, seen in asked.seen.items():
            if n in known and payment.of_attempt(n):
                payment = with_seen(payment, n, seen, now, testing.get(known[n].connection))
        payment = _with_former(payment, asked.former)
        for n, seen in asked.beside:
            payment = with_seen(payment, n, seen, now, testing.get(known[n].connection))
        for n in asked.absent:
            for one in payment.of_attempt(n):
                if one.status is TransactionStatus.UNKNOWN:
                    payment = with_found(payment, one.id, Found.NOT_SENT, now)
        return with_patience_over(payment, now)

    def _again_at(self, before: Payment, after: Payment, now: datetime, *, asked: bool) -> Payment:
        """With the time of the next look: soon after anything has changed, ever later where nothing does. Who looks
        before that time, as a payer's page does every few seconds, puts nothing off."""
        changed = after != before
        early = before.wake_step == 0 and before.wake_at is not None and before.wake_at > now
        if not changed and (early or not asked):
            return after
        looks = 0 if changed else before.looks + 1
        pause = looks_again(after.model_copy(update={"looks": looks}))
        tells_at = hold_told_at(after, now)
        if tells_at is not None:
            pause = min(pause, tells_at - now) if pause else tells_at - now
        soon = SOON if changed and after.oddities else None
        if soon is not None:  # somebody is told of it, also where whoever does that now dies
            pause = min(pause, soon) if pause else soon
        changes: dict[str, object] = {"looks": looks, "wake_step": 0, "wake_at": now + pause if pause else None}
        if changed:
            changes["changed_at"] = now
        # What may still change has no end.
        changes["expire_at"] = None if pause else after.expire_at or now + SKELETON
        return after.model_copy(update=changes)

    def _named(self, before: Payment, after: Payment) -> list[Write]:
        """Whose the provider's ids are that were learnt just now."""
        known = {one.external_id for one in before.attempts}
        return [
            Put(
                journal.document(
                    PaidThere(
                        id=paid_there_id(after.tenant, one.connection, one.external_id), tenant=after.tenant,
                        connection=one.connection, external_id=one.external_id, payment=after.id, attempt=one.n,
                        expire_at=after.created_at + SKELETON,
                    )
                )
            )
            for one in after.attempts
            if one.external_id is not None and one.external_id not in known
        ]  # fmt: skip

    async def _called_off(self, before: Payment, payment: Payment) -> tuple[Payment, list[Delivery]]:
        """Without the links that shall not be: others than the one that was paid, or by which money is held; all of a
        cancelled order; those that were found late beside the one that somebody holds. And without what is held in
        vain. Each is called off where its provider can do that."""
        off: dict[int, Delivery | None] = {}
        in_vain = _held_in_vain(before, payment)
        for attempt in [*self._unwanted(payment), *in_vain]:
            account = await self.providers.account(payment, attempt.connection)
            payments = account.manifest.payments if account is not None else None
            needed, again = (Can.HOLD, ":held") if attempt in in_vain else (Can.CALL_OFF, "")
            able = account is not None and payments is not None and needed in payments.can
            off[attempt.n] = self._calling_off(payment, attempt, account, again) if account and able else None
        attempts = tuple(
            one.model_copy(update={"called_off": True, "off": delivery.id if (delivery := off[one.n]) else None})
            if one.n in off
            else one
            for one in payment.attempts
        )
        if off:
            payment = payment.model_copy(update={"attempts": attempts})
        return payment, [one for one in off.values() if one is not None]

    async def let_go(self, payment: Payment) -> tuple[Payment, list[Delivery]]:
        """Without what is only held, where its provider can let go of it. Writes nothing."""
        off: dict[int, Delivery] = {}
        for attempt in payment.attempts:
            account = await self.providers.account(payment, attempt.connection)
            payments = account.manifest.payments if account is not None else None
            able = payments is not None and Can.HOLD in payments.can
            if account is not None and able and is_held(payment, attempt.n) and not attempt.called_off:
                off[attempt.n] = self._calling_off(payment, attempt, account)
        attempts = tuple(
            one.model_copy(update={"called_off": True, "off": off[one.n].id}) if one.n in off else one
            for one in payment.attempts
        )
        changes = {"attempts": attempts, "looks": 0, "wake_at": self._hub.clock.now() + SOON, "wake_step": 0}
        return payment.model_copy(update=changes) if off else payment, [*off.values()]

    async def _let_go_again(
        self, payment: Payment, deliveries: Mapping[str, Delivery]
    ) -> tuple[Payment, list[Delivery]]:
        """What its provider wouldn't let go of is asked for once more, a day after each refusal. Writes nothing."""
        now, off = self._hub.clock.now(), dict[int, Delivery]()
        for attempt in payment.attempts:
            before = deliveries.get(attempt.off or "")
            if before is None or before.status not in FINAL or not is_held(payment, attempt.n):
                continue
            account = await self.providers.account(payment, attempt.connection)
            if account is not None and now - (before.settled_at or now) >= AGAIN_AFTER:
                off[attempt.n] = self._calling_off(payment, attempt, account, f":{now:%Y-%m-%d}")
        attempts = tuple(
            one.model_copy(update={"off": off[one.n].id}) if one.n in off else one for one in payment.attempts
        )
        return payment.model_copy(update={"attempts": attempts}) if off else payment, [*off.values()]

    def _unwanted(self, payment: Payment) -> list[Attempt]:
        """Links that are alive and known by their provider's id. What has none yet is asked for by its number first.
        One that nobody has paid for weeks is called off too: it ends by its provider's word, not by time."""
        alive = [one for one in payment.attempts if _is_alive(payment, one)]
        if payment.paid_by is not None or payment.closed or any(is_held(payment, one.n) for one in payment.attempts):
            return alive
        held, now = any(one.shown_at is not None for one in alive), self._hub.clock.now()
        anew = any(one.shown_at is not None and not one.elsewhere for one in alive)
        return [
            one for one in alive
            if (held and one.shown_at is None) or (anew and one.elsewhere) or is_past(one, now)
        ]  # fmt: skip

    def _calling_off(self, payment: Payment, attempt: Attempt, account: Account, again: str = "") -> Delivery:
        command = CancelPayment(
            payment=payment.id, number=attempt.number, external_id=attempt.external_id or "", amount=payment.amount
        )
        name, safety = f"{payment.flow}/{attempt.connection}/off", carried(account.manifest, command).safety
        step = Step.through(name, attempt.connection, attempt.vendor, command, safety)
        now = self._hub.clock.now()
        owed = Obligation(
            tenant=payment.tenant, flow=payment.flow, subject=f"payment:{payment.id}:{attempt.n}{again}",
            event=payment.event, guards=Guards(), base_at=now,
        )  # fmt: skip
        return begun(owed, (step,), now)

    def _or_silent(self, payment: Payment, asked: Asked, told: bool) -> Payment:
        if told and asked.silent is not None:
            raise asked.silent
        return payment

    def _log(self, before: Payment, after: Payment) -> None:
        if after.state is not before.state:
            log("INFO", "payment moved", tenant=after.tenant, connection=after.connection, status=after.state.value,
                flow=after.flow)  # fmt: skip


def _with_former(payment: Payment, former: Mapping[int, str]) -> Payment:
    attempts = tuple(
        one.model_copy(update={"former": former[one.n]}) if one.n in former else one for one in payment.attempts
    )
    return payment.model_copy(update={"attempts": attempts}) if former else payment


def _once_more(payment: Payment, now: datetime, wanted: bool) -> Payment:
    """With a look soon at whatever is settled, or without it."""
    if not wanted:
        return payment.model_copy(update={"look_at_all": False}) if payment.look_at_all else payment
    at = now + ONCE_MORE
    wake_at = min(payment.wake_at, at) if payment.wake_at is not None else at
    return payment.model_copy(update={"look_at_all": True, "wake_at": wake_at, "wake_step": 0, "expire_at": None})


def _held_in_vain(before: Payment, payment: Payment) -> list[Attempt]:
    """Attempts whose payers' money is held though nobody wants it: it came after the order was cancelled, or beside
    other money of the same order. What was held before the order was cancelled waits for the business's own word."""
    paid, found, wanted = payment.paid_by is not None, list[Attempt](), False
    for attempt in payment.attempts:
        if not is_held(payment, attempt.n):
            continue
        is_new = not any(one.n == attempt.n and is_held(before, one.n) for one in before.attempts)
        if (paid or wanted or (before.closed and is_new)) and (is_new or not attempt.called_off):
            found.append(attempt)
        else:
            wanted = True
    return found


def _is_alive(payment: Payment, attempt: Attempt) -> bool:
    if attempt.called_off or attempt.by is not By.LINK or attempt.external_id is None:
        return False
    first = next(iter(payment.of_attempt(attempt.n)), None)
    return first is not None and first.status in IN_FLIGHT
