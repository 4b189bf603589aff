"""A table's check for a guest who has opened its QR code: read from the till just now, and known from then on as
an order with its amount, so that it may be paid for from a page.

The order stands under the check's own id: however often a table is looked at, one check is one order. What the check
costs by now goes into the order; a link that was made for another sum, and that nobody has paid, is called off: whoever
pays it all the same, before its provider knows, pays after a cancellation, which is a card.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from svyazka.engine.asking.asker import Asker
from svyazka.engine.contracts.capabilities.tills import Tills
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import pay_task
from svyazka.engine.ports.asking import ACT_SECONDS, Reply
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.paying import with_state
from svyazka.engine.tenants.directory import Account
from svyazka.model.base import SKELETON
from svyazka.model.checks import TableCheck
from svyazka.model.errors import Conflict, NotAnswered
from svyazka.model.orders import CheckOf, KnownBy, Order, order_id
from svyazka.model.payments import Payment, PaymentState
from svyazka.model.standing import CheckLine, CheckShown
from svyazka.model.tenants import Tenant

CALLS_A_MINUTE = 60
"""Calls to a till that one site's tables may cause: a look at a table is three or four of them."""

LOOKED_JUST_NOW = timedelta(seconds=5)
"""A page that is opened again so soon shows the same; who presses the button has the till read anew."""

MOST = 500
"""Tables that are remembered of one till: what a stranger can make us remember."""

TRIES = 4
"""So often an order is written anew where somebody else came first."""

WHOLE = frozenset({PaymentState.PAID, PaymentState.HELD})
OVER = frozenset({PaymentState.FAILED, PaymentState.CANCELLED})


class Tables:
    """Looks at tables. Raises NotAnswered, ConfigError, Unavailable."""

    def __init__(self, hub: Hub, asker: Asker) -> None:
        self._hub, self._asker = hub, asker

    async def check(self, tenant: Tenant, site: str, table: str, anew: bool) -> Reply:
        """What is owed at a table, and the number by which it is paid for; or why not: `no_till`, `no_table`,
        `no_check`, `several_checks`, `paid_in_part`, `nothing_owed`. `anew`: somebody is about to pay that."""
        account = await self._till(tenant, site)
        tills = account.manifest.tills if account is not None else None
        if account is None or tills is None:
            return _why_not("no_till")
        seen: dict[str, tuple[datetime, Reply]] = self._hub.memo(account).setdefault("tables", {})
        known = seen.get(table)
        if known is not None and not anew and self._hub.clock.real() - known[0] < LOOKED_JUST_NOW:
            return known[1]
        told = await self._looked(tenant, site, account, tills, table)
        seen[table] = self._hub.clock.real(), told
        while len(seen) > MOST:
            del seen[next(iter(seen))]
        return told

    async def _looked(self, tenant: Tenant, site: str, account: Account, tills: Tills[Any], table: str) -> Reply:
        try:
            found = await self._asker.read(
                account, tills.ready(account.settings), "table", lambda call: tills.open_checks(table, call),
                f"{site}.tables", ACT_SECONDS - 1, CALLS_A_MINUTE,
            )  # fmt: skip
        except NotAnswered as error:
            if error.code == "refused":
                return _why_not("no_table" if error.why == "no_table" else "no_till")
            raise
        owed = [check for check in found if check.left]
        if len(owed) != 1:
            return _why_not("several_checks" if owed else "no_check" if not found else "nothing_owed")
        check = owed[0]
        if check.paid:
            # Its till takes the rest: what was paid already may be anybody's.
            return _why_not("paid_in_part")
        order = await self._known(tenant, site, account, check)
        begun = [
            held.model for id_ in order.payments.values()
            if (held := await journal.load(self._hub.store, Payment, id_)) is not None
        ]  # fmt: skip
        taken = [one for one in begun if one.captured or one.state is PaymentState.HELD]
        if taken:
            # The till doesn't hold it yet, or the staff was told why it won't.
            whole = any(one.state in WHOLE and one.amount >= order.amount for one in taken)
            return _why_not("nothing_owed" if whole else "paid_in_part")
        return Reply(200, _told(order, check, begun).model_dump(mode="json"))

    # Which till

    async def _till(self, tenant: Tenant, site: str) -> Account | None:
        """The till that the providers of this site's payments name; else the tenant's only one."""
        directory = self._hub.directory
        named = []
        for bound in await directory.flows_of(tenant):
            if site in bound.spec.sources and bound.flow.gives_back(bound.settings) is not None:
                named += [await self._named_by(tenant, one) for one in bound.spec.via]
        name = next((one for one in named if one is not None), None) or self._only_one(tenant)
        return await directory.account(tenant.id, name) if name is not None else None

    async def _named_by(self, tenant: Tenant, connection: str) -> str | None:
        account = await self._hub.directory.account(tenant.id, connection)
        payments = account.manifest.payments if account is not None else None
        return payments.till(account.settings) if account is not None and payments is not None else None

    def _only_one(self, tenant: Tenant) -> str | None:
        names = [
            name for name, spec in tenant.connections.items()
            if self._hub.directory.manifests(spec.vendor).tills is not None
        ]  # fmt: skip
        return names[0] if len(names) == 1 else None

    # The order

    async def _known(self, tenant: Tenant, site: str, till: Account, check: TableCheck) -> Order:
        """The check's order as it costs now, in the journal."""
        number = number_of(till.name, check)
        key = order_id(tenant.id, site, number)
        for _ in range(TRIES):
            held = await journal.load(self._hub.store, Order, key)
            order = self._order(tenant, site, till, check, number, held.model if held else None)
            if held is not None and order == held.model:
                return order
            order, writes, tasks = await self._without_old_links(order, held)
            writes.append(journal.replace(order, held.version) if held is not None else journal.create(order))
            with suppress(Conflict):
                await self._hub.store.commit(writes, tasks)
                return order
        raise NotAnswered("busy", "the same table is looked at by others just now", 1.0)

    def _order(
        self, tenant: Tenant, site: str, till: Account, check: TableCheck, number: str, known: Order | None
    ) -> Order:
        now, of = self._hub.clock.now(), CheckOf(connection=till.name, check=check.id, table=check.table)
        if known is not None and (known.amount, known.lines, known.check) == (check.total, check.lines, of):
            return known
        if known is not None:
            said = {"amount": check.total, "lines": check.lines, "check": of, "changed_at": now}
            return known.model_copy(update=said)
        return Order(
            id=order_id(tenant.id, site, number), tenant=tenant.id, connection=site, number=number, amount=check.total,
            lines=check.lines, known_by=KnownBy.SYSTEM, created_at=now, changed_at=now, expire_at=now + SKELETON,
            check=of,
        )  # fmt: skip

    async def _without_old_links(
        self, order: Order, held: Versioned[Order] | None
    ) -> tuple[Order, list[Write], list[Task]]:
        """The order without a payment that was begun for another sum: nobody has paid it, and nobody shall."""
        writes: list[Write] = []
        tasks: list[Task] = []
        kept = dict(order.payments)
        for part, id_ in order.payments.items():
            begun = await journal.load(self._hub.store, Payment, id_)
            if begun is None or begun.model.amount == order.amount or not _can_be_dropped(begun.model):
                continue
            del kept[part]
            closed = with_state(begun.model.model_copy(update={"closed": True, "wake_at": self._hub.clock.now()}))
            writes.append(journal.replace(closed, begun.version))
            if closed.attempts:
                tasks.append(pay_task(closed.id, closed.attempts[-1].vendor))
        return order.model_copy(update={"payments": kept}), writes, tasks


def number_of(till: str, check: TableCheck) -> str:
    """The check's number as people read it, told from that of another day."""
    mark = hashlib.sha256(f"{till}\n{check.id}".encode()).hexdigest()[:8]
    return f"{check.number[:40]}-{mark}"


def _can_be_dropped(payment: Payment) -> bool:
    """Whether no money has come by it, as far as anybody knows."""
    return payment.state in (PaymentState.CREATED, PaymentState.WAITING, PaymentState.FAILED, PaymentState.CANCELLED)


def _told(order: Order, check: TableCheck, begun: Sequence[Payment]) -> CheckShown:
    over = [f"{one.id}/{len(one.attempts)}" for one in begun if one.state in OVER]
    return CheckShown(
        order=order.number, check=check.number, table=check.table, amount=order.amount.text,
        currency=order.amount.currency, turn=" ".join((order.changed_at.isoformat(), *over)),
        items=tuple(CheckLine(name=one.name, quantity=one.quantity, sum=one.amount.text) for one in order.lines),
    )  # fmt: skip


def _why_not(code: str) -> Reply:
    return Reply.why_not(404 if code in ("no_till", "no_table", "no_check") else 409, code)
