"""One look at a fiscal receipt: what its deliveries came to and what its report shows, merged, with what follows.

Level-triggered as payments are: a callback, a delivery's end, the clock and a command all come to the same look. It may
be done twice, at once, and die anywhere: everything that it changes is one commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.contracts.capabilities.payments import Can, Which
from svyazka.engine.contracts.capabilities.receipts import Receipts
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task, receipt_task
from svyazka.engine.outages.learning import Outages
from svyazka.engine.paying.asking_providers import Asking
from svyazka.engine.paying.receipt_cards import tell
from svyazka.engine.ports.store import Create, Task, Write
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.engine.rules.receipts import (
    OF_SHOWN,
    Evidence,
    Next,
    anew_at,
    begun_anew,
    looks_again,
    next_of,
    with_evidence,
    with_state,
)
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log
from svyazka.engine.tenants.directory import Account
from svyazka.model.base import SKELETON
from svyazka.model.commands import Guards, Step
from svyazka.model.deliveries import AT_REST, FINAL, Delivery, Status
from svyazka.model.errors import ConfigError, Conflict, SourceUnavailable, Unavailable
from svyazka.model.events import Event, EventType, Fact
from svyazka.model.ids import connection_id
from svyazka.model.payments import Payment
from svyazka.model.receipts import (
    IntentState,
    ReceiptIntent,
    ReceiptKind,
    ReceiptTry,
    RegisterReceipt,
    TryState,
    receipt_numbered,
)
from svyazka.model.seen import ReceiptSeen, RefundState, Shown
from svyazka.model.tenants import CompiledConnection

LOOK_TRIES = 8
NOT_SHOWN = "not_shown"
_OF_PROVIDER = {
    RefundState.WAITS: Shown.WAITS, RefundState.DONE: Shown.DONE, RefundState.OVER: Shown.OVER
}  # fmt: skip
SOON = timedelta(minutes=1)
BEHIND = timedelta(minutes=2)
"""A look after a delivery has begun: whatever becomes of whoever is to say how it ended."""

NOT_OURS = N_("a receipt that was not asked for here")


class Fiscalising:
    """Looks at receipts."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._asking = hub, Asking(hub, outages)

    async def look(self, receipt_id: str, *, told: bool = False) -> ReceiptIntent | None:
        """The receipt as it is after the look; None: there is no such receipt. `told`: somebody said that something
        has changed.

        Raises SourceUnavailable where somebody `told` of a change and the fiscaliser can't be asked now, and
        Unavailable.
        """
        seen: ReceiptSeen | None = None
        asked, silent = False, None
        for _ in range(LOOK_TRIES):
            held = await journal.load(self._hub.store, ReceiptIntent, receipt_id)
            if held is None:
                return None
            before, now = held.model, self._hub.clock.now()
            deliveries = await self._deliveries(before)
            after = with_deliveries(before, deliveries, now)
            last = after.last
            due = told or before.wake_step > 0 or before.wake_at is None or now >= before.wake_at
            if last is not None and last.external_id is not None and due and not asked and _is_open(last, told):
                asked = True
                try:
                    seen = await self.shown(after, last.external_id)
                except SourceUnavailable as error:
                    silent = error
            if last is not None and seen is not None and seen.external_id == last.external_id:
                after = with_evidence(after, last.n, OF_SHOWN[seen.state], now, seen)
            after, delivery = await self._gone_on(after, deliveries, now)
            after = _again_at(before, after, now)
            if after == before:
                await tell(self._hub, before, after, now)
                return _or_silent(after, told, silent)
            writes, tasks = await self._follows(before, after, delivery, now)
            reach("receipt.before_commit")
            try:
                await self._hub.store.commit([journal.replace(after, held.version), *writes], tasks)
            except Conflict:
                continue
            reach("receipt.after_commit")
            if after.state is not before.state:
                log("INFO", "receipt moved", tenant=after.tenant, connection=after.connection,
                    status=after.state.value, flow=after.flow)  # fmt: skip
            await tell(self._hub, before, after, now)
            return _or_silent(after, told, silent)
        raise Unavailable(N_("others move this receipt all the time"))

    async def told(self, event: Event) -> str | None:
        """A fiscaliser's callback: its receipt is looked at. Why nothing followed, where nothing did. Raises
        SourceUnavailable, Unavailable."""
        number = event.data.get("number")
        named = receipt_numbered(number if isinstance(number, str) else None)
        held = await journal.load(self._hub.store, ReceiptIntent, named) if named else None
        if held is None or (held.model.tenant, held.model.connection) != (event.tenant, event.connection):
            return NOT_OURS
        await self.look(held.model.id, told=True)
        return None

    # What is known

    async def shown(self, intent: ReceiptIntent, external_id: str) -> ReceiptSeen | None:
        """What stands there under an id, as its fiscaliser shows it now. Raises SourceUnavailable."""
        return await (self._along_with_it if intent.by_provider else self._report)(intent, external_id)

    async def can_ask(self, intent: ReceiptIntent) -> bool:
        """Whether whoever registers it is there, with what it takes to ask."""
        account = await self._account(intent)
        if account is None:
            return False
        keeper = account.manifest.payments if intent.by_provider else account.manifest.receipts
        return keeper is not None and keeper.ready(account.settings)

    async def kept_days(self, intent: ReceiptIntent) -> int | None:
        """For how many days that can be read: None: always; 0: never. Raises ConfigError."""
        account = await self._hub.directory.account(intent.tenant, intent.connection)
        if account is None:
            return 0
        receipts, payments = account.manifest.receipts, account.manifest.payments
        if not intent.by_provider:
            return receipts.kept_days if receipts is not None else 0
        return None if payments is not None and Can.SHOWS_RECEIPT in payments.can else 0

    async def _deliveries(self, intent: ReceiptIntent) -> dict[str, Delivery]:
        """The newest of each try."""
        keys = [("deliveries", one.deliveries[-1]) for one in intent.tries if one.deliveries]
        documents = await self._hub.store.get_many(keys) if keys else []
        return {one.id: journal.read(Delivery, one).model for one in documents if one is not None}

    async def _account(self, intent: ReceiptIntent) -> Account | None:
        """Whoever registers it, where that is still there and can be worked with."""
        try:
            return await self._hub.directory.account(intent.tenant, intent.connection)
        except ConfigError:
            return None

    async def _report(self, intent: ReceiptIntent, external_id: str) -> ReceiptSeen | None:
        account = await self._account(intent)
        receipts: Receipts[object] | None = account.manifest.receipts if account is not None else None  # type: ignore[type-var]
        if account is None or receipts is None or not receipts.ready(account.settings):
            return None
        return await self._asking.asked(account, external_id, lambda call: receipts.read(external_id, call))

    async def _along_with_it(self, intent: ReceiptIntent, external_id: str) -> ReceiptSeen | None:
        """What is shown of a receipt by the provider that has taken the money. Where it shows none, the cabinet alone
        knows: it counts as registered with the money."""
        account = await self._account(intent)
        payments = account.manifest.payments if account is not None else None
        if account is None or payments is None or not payments.ready(account.settings):
            return None
        if Can.SHOWS_RECEIPT not in payments.can:
            return ReceiptSeen(external_id=external_id, state=Shown.DONE, code=NOT_SHOWN)
        which = Which(external_id=next(iter(intent.of), None))
        payment = await self._asking.asked(account, external_id, lambda call: payments.read(which, call))
        if payment is None:
            return None
        state = payment.receipt
        if intent.kind is ReceiptKind.REFUND:
            refunds = [one for one in payment.refunds or () if one.external_id == external_id]
            state = refunds[0].receipt if refunds else None
            if refunds and state is None:
                return ReceiptSeen(external_id=external_id, state=Shown.DONE, code=NOT_SHOWN)
        return ReceiptSeen(external_id=external_id, state=_OF_PROVIDER[state]) if state is not None else None

    # What is done

    async def _gone_on(
        self, intent: ReceiptIntent, deliveries: Mapping[str, Delivery], now: datetime
    ) -> tuple[ReceiptIntent, Delivery | None]:
        """The receipt with what is begun now: its first number, the same once more, or a new one."""
        what = next_of(intent, ready=await self._is_ready(intent))
        last = intent.last
        if what is Next.REPEAT:
            newest = deliveries.get(last.deliveries[-1]) if last is not None and last.deliveries else None
            if newest is not None and (newest.status not in AT_REST or now < _rested(newest)):
                return intent, None
        elif what is Next.ANEW:
            assert last is not None
            if now < anew_at(last):
                return intent, None
        elif what is not Next.BEGIN:
            return intent, None
        account = await self._account(intent)
        if account is None or account.manifest.receipts is None:
            return intent, None
        if what is not Next.REPEAT:
            intent = begun_anew(intent, now)
        return self._begun(intent, account, now)

    async def _is_ready(self, intent: ReceiptIntent) -> bool:
        """Whether those before it are registered."""
        if not intent.after or intent.tries:
            return True
        documents = await self._hub.store.get_many([("receipts", key) for key in intent.after])
        return all(
            one is not None and journal.read(ReceiptIntent, one).model.state is IntentState.DONE for one in documents
        )

    def _begun(self, intent: ReceiptIntent, account: Account, now: datetime) -> tuple[ReceiptIntent, Delivery]:
        one = intent.last
        assert one is not None
        command = RegisterReceipt(
            receipt=intent.id, number=one.number, of=intent.kind, order=intent.order, description=intent.description,
            amount=intent.amount, lines=intent.lines, person=intent.person, inn=intent.inn, at=one.at,
            payment=next(iter(intent.of), None), refund=next(iter(intent.of[1:]), None),
        )  # fmt: skip
        name, safety = f"{intent.flow}/{intent.connection}/receipt", carried(account.manifest, command).safety
        step = Step.through(name, intent.connection, intent.vendor, command, safety)
        owed = Obligation(
            tenant=intent.tenant, flow=intent.flow, subject=f"receipt:{one.number}:{len(one.deliveries) + 1}",
            event=intent.event, guards=Guards(), base_at=now, people=intent.people, blank_at=intent.blank_at,
        )  # fmt: skip
        delivery = begun(owed, (step,), now)
        state = TryState.PENDING if one.state is TryState.NEVER_SENT else one.state
        asking = one.model_copy(update={"deliveries": (*one.deliveries, delivery.id), "state": state})
        return with_state(intent.model_copy(update={"tries": (*intent.tries[:-1], asking)})), delivery

    async def _follows(
        self, before: ReceiptIntent, after: ReceiptIntent, delivery: Delivery | None, now: datetime
    ) -> tuple[list[Write], list[Task]]:
        writes: list[Write] = []
        tasks: list[Task] = []
        if delivery is not None:
            writes.append(journal.create(delivery))
            tasks.append(perform_task(delivery))
        if after.state is IntentState.DONE and before.state is not IntentState.DONE:
            tasks += await self._those_after(after)
        if after.state is IntentState.DONE and before.state is not IntentState.DONE and after.by_hand is None:
            created, planned = await self._event(after, now)
            writes += created
            tasks += planned
        return writes, tasks

    async def _those_after(self, intent: ReceiptIntent) -> list[Task]:
        """The payment's other receipts: one of them may have waited for this."""
        held = await journal.load(self._hub.store, Payment, intent.payment)
        others = [key for key in held.model.receipts if key != intent.id] if held is not None else []
        return [receipt_task(key, intent.vendor) for key in others]

    async def _event(self, intent: ReceiptIntent, now: datetime) -> tuple[list[Create], list[Task]]:
        """That it is registered, as an ordinary event of the fiscaliser's connection, on which flows may act."""
        document = await self._hub.store.get("connections", connection_id(intent.tenant, intent.connection))
        if document is None:
            return [], []
        fiscal = intent.fiscal
        said = {
            "receipt": intent.id, "kind": intent.kind.value, "payment": intent.payment, "order": intent.order,
            "number": intent.order, "sum": intent.amount.text.removesuffix(".00"),
            "url": fiscal.url if fiscal else None, "fn": fiscal.storage if fiscal else None,
            "fd": fiscal.document if fiscal else None, "fpd": fiscal.sign if fiscal else None,
        }  # fmt: skip
        fact = Fact(
            type=EventType.RECEIPT_REGISTERED, key=("receipt", intent.id), subject=f"receipt:{intent.id}",
            occurred_at=fiscal.at if fiscal else None, contact=intent.person,
            data={name: value for name, value in said.items() if value is not None},
        )  # fmt: skip
        create, due = found_event(self._hub, journal.read(CompiledConnection, document).model, fact, now, "engine")
        return ([create], due) if await self._hub.store.get(*create.document.key) is None else ([], [])


def with_deliveries(intent: ReceiptIntent, deliveries: Mapping[str, Delivery], now: datetime) -> ReceiptIntent:
    """The receipt after what became of its deliveries. Pure."""
    for one in intent.tries:
        delivery = deliveries.get(one.deliveries[-1]) if one.deliveries else None
        if delivery is None:
            continue
        if isinstance(delivery.seen, ReceiptSeen) and delivery.status is Status.SUCCEEDED:
            if one.external_id is None:
                intent = with_evidence(intent, one.n, OF_SHOWN[delivery.seen.state], now, delivery.seen)
            continue
        found = evidence_of(delivery)
        if found is None:
            continue
        intent = with_evidence(intent, one.n, found, now)
        error = delivery.last_error
        said = {"code": error.code, "why": error.message} if error is not None and found is Evidence.REFUSED else {}
        tries = tuple(it.model_copy(update=said) if it.n == one.n and said else it for it in intent.tries)
        intent = intent.model_copy(update={"tries": tries})
    return with_state(intent)


def evidence_of(delivery: Delivery) -> Evidence | None:
    """What a delivery without an answer of its fiscaliser's says of its number; None: nothing yet. Pure."""
    if delivery.status is Status.SUCCEEDED:  # an operator has said so
        return Evidence.DONE
    if delivery.status is Status.UNKNOWN:
        return Evidence.MAYBE_SENT
    if delivery.status in FINAL:
        if any(it.maybe_sent or it.outcome is None for it in delivery.attempts):
            return Evidence.MAYBE_SENT
        return Evidence.REFUSED if delivery.status is Status.FAILED else Evidence.NOT_SENT
    return None


def _is_open(one: ReceiptTry, told: bool) -> bool:
    return one.state in (TryState.WAITS, TryState.UNKNOWN, TryState.PENDING) or (told and one.state is TryState.FAILED)


def _rested(delivery: Delivery) -> datetime:
    """From when on a number is asked about by a new delivery: not at once, or it would go round and round."""
    last = delivery.attempts[-1] if delivery.attempts else None
    return (last.ended_at or last.started_at if last else delivery.created_at) + timedelta(minutes=10)


def _again_at(before: ReceiptIntent, after: ReceiptIntent, now: datetime) -> ReceiptIntent:
    """With the time of the next look: soon after anything has changed, ever later where nothing does. A look that came
    before its time, and changed nothing, leaves the time as it is."""
    changed = after != before
    if not changed and before.wake_at is not None and now < before.wake_at - SOON and before.wake_step == 0:
        return after
    looks = 0 if changed else before.looks + 1
    after = after.model_copy(update={"looks": looks})
    pause = looks_again(after, now)
    if changed and after.state is IntentState.REFUSED:  # somebody is told, also where whoever does that now dies
        pause = SOON
    if after.last is not None and after.last.state is TryState.PENDING:
        pause = max(pause or BEHIND, BEHIND)
    changes: dict[str, object] = {"wake_step": 0, "wake_at": now + pause if pause else None}
    if changed:
        changes["changed_at"] = now
    changes["expire_at"] = None if pause else after.expire_at or now + SKELETON
    return after.model_copy(update=changes)


def _or_silent(intent: ReceiptIntent, told: bool, silent: SourceUnavailable | None) -> ReceiptIntent:
    if told and silent is not None:
        raise silent
    return intent
