"""A shop's weeks of payments over three providers that time out, lie, answer late, are paid twice, repeat and reorder
what they tell, while workers die and freeze. Some of its sites have money held first, some give back by themselves what
was paid for a cancelled order. Then it is quiet, and the books of all are compared (`storm_books.py`).

Everything is in one process and in memory: hub, accepting app and the vendors' stand-ins, whose APIs, lists and
notifications are those that the connectors meet elsewhere too. Time is stepped.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml

from dying import Killed, dying
from fakes import START, SteppedClock, keyring
from on_the_wire import Wire, asgi
from quick_store import QuickStore
from simulators.registry import load_simulator
from simulators.serve import Running
from simulators.till import Payment as There
from simulators.till import State, Till
from svyazka.app import build_hub, build_worker, hook_of
from svyazka.apply import commit_apply, plan_apply, set_secret
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.journal import documents as journal
from svyazka.engine.outbound.pacing import Limiter
from svyazka.engine.ports.store import Task
from svyazka.engine.worker import Worker
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact
from svyazka.model.payments import (
    Payment,
    TransactionStatus,
)
from svyazka.model.tenants import CompiledConnection
from svyazka.server.accept import AcceptApp
from svyazka.settings import Settings
from svyazka.tenantfile.reader import read_tenant_file
from vendors import MESSENGERS, PROVIDERS
from vendors.parts.base import Webhook

TENANT = "kofe"
VENDORS = ("yookassa", "tbank", "cloudpayments")
TELLER = MESSENGERS["resend"]
"""It keeps our keys: whoever was told was told once, whatever befell the call."""

POINTS = (
    "receive.before_parse", "accept.before", "accept.after", "plan.before", "plan.before_commit", "plan.after_commit",
    "claim.before", "claim.after", "perform.before_call", "perform.after_call", "settle.before", "settle.after",
    "pay.before_commit", "pay.after_commit", "fallback.before", "sweep.before",
)  # fmt: skip
DEATHS = 0.004
"""Of all passages of a place at which a process may die."""

READS = {"tbank": ("/GetState", "/CheckOrder", "/GetCardList"),
         "cloudpayments": ("/payments/get", "/payments/find", "/v2/payments/find", "/payments/list")}  # fmt: skip
LATE_BY = {"yookassa": 600.0, "tbank": 12.0, "cloudpayments": 280.0, "resend": 600.0}
"""Seconds for which each may be at work on a request that nobody waits for: longer than that, and it may be asked what
became of it."""
LAG = {"yookassa": 200.0, "tbank": 12.0, "cloudpayments": 60.0}
"""Seconds for which each one's lists may lag."""

LET_GO = {"yookassa": "canceled_by_merchant", "tbank": "REVERSED", "cloudpayments": "void"}
"""How each calls what was held, and isn't any more."""

QUIET = timedelta(days=6)
ROUNDS = 400
SAMPLED = 12
"""Payments that are looked through for one of the wanted kind."""


@dataclass(frozen=True)
class Back:
    """How a site gives back what was paid for an order that is cancelled."""

    within: timedelta | None
    percent: int
    a_day: int
    """Kopecks."""


@dataclass(frozen=True)
class Site:
    """What its business has chosen."""

    hold: bool
    """Money is held first; it is taken, or let go, in the provider's cabinet."""
    back: Back | None
    """None: people give back."""

    @classmethod
    def drawn(cls, chance: Random) -> Site:
        """One of many."""
        within = chance.choice((None, timedelta(hours=1), timedelta(hours=12)))
        back = Back(within, chance.choice((100, 100, 70)), chance.choice((300_00, 100_000_00)))
        return cls(chance.random() < 0.4, back if chance.random() < 0.6 else None)


@dataclass
class Bill:
    """What one payer has to pay, and what happened to it."""

    number: int
    site: str
    paid: int = 0
    """How many times somebody did pay."""
    wild: set[str] = field(default_factory=set)
    """What the provider did that no honest one does: a sum changed, money gone again without a refund."""
    cancelled: list[datetime] = field(default_factory=list)
    """When its business said so."""

    @property
    def order(self) -> str:
        return f"A-{self.number}"

    @property
    def kopecks(self) -> int:
        return 100_00 + self.number


class PaymentStorm:
    """One, by its seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder, self.chance = seed, folder, Random(seed)
        self.clock, self.store = SteppedClock(START), QuickStore()
        simulators = {name: load_simulator(name) for name in (*VENDORS, TELLER.vendor)}
        for one in simulators.values():
            one.now = lambda: self.clock.real().timestamp()  # type: ignore[method-assign]
            one.reset()
        self.vendors = Running("http://127.0.0.1:9", simulators, asyncio.get_running_loop())
        self.wire = Wire(simulators, self.clock.now, Random(seed + 1), LATE_BY, _is_read)
        self.keyring = keyring()
        self.settings = Settings(data=folder, public_url="http://127.0.0.1:8", allowed_networks="127.0.0.0/8")
        drawn = Random(seed + 2)
        self.sites = {f"site{n}": Site.drawn(drawn) for n in range(len(VENDORS))}
        self.bills: dict[str, Bill] = {}
        self.done: Counter[str] = Counter()
        self.told: list[tuple[str, Webhook]] = []
        """Notifications that may come once more: connection, and what it tells."""
        self.asked = 0
        self._read: dict[str, tuple[str | None, Payment]] = {}
        self.workers = [self._worker(), self._worker()]
        self.accept = AcceptApp(self.store, self.keyring, self.clock)
        self.hooks: dict[str, str] = {}
        self.compiled: dict[str, CompiledConnection] = {}

    def _worker(self) -> Worker:
        hub = build_hub(self.settings, store=self.store, queue=self.store, clock=self.clock, keyring=self.keyring,
                        chance=lambda: 0.5)  # fmt: skip
        hub.clients = self.wire  # type: ignore[assignment]
        hub.directory.ttl = 1e9
        hub.limiter = Limiter(lambda: self.clock.real().timestamp(), self._rest)
        return build_worker(hub)

    async def _rest(self, seconds: float) -> None:
        """Whoever waits for a turn lets time go by for all."""
        await asyncio.sleep(0)
        self.clock.step(seconds)

    def till(self, vendor: str) -> Till:
        till: Till = self.vendors.of(vendor).till
        return till

    # The shop

    async def open(self) -> None:
        hub = self.workers[0].hub
        connections: dict[str, Any] = {f"site{n}": {"vendor": "site"} for n in range(len(VENDORS))}
        for part in (*(PROVIDERS[name] for name in VENDORS), TELLER):
            url, rate = self.vendors.base_url(part.vendor), {"limit": {"per_second": 1e9}}
            connections[part.vendor] = {"vendor": part.vendor, "base_url": url, **rate, **part.written()}
            for name, value in part.vault().items():
                await set_secret(self.store, hub.directory, self.keyring, TENANT, name, value)
        flows: list[dict[str, Any]] = [
            {"flow": "take_payment", "id": f"pay{n}", "from": [f"site{n}"], "via": [*VENDORS[n:], *VENDORS[:n]],
             "return_url": "https://example.org/thanks", "refunds_a_day": "100000000.00", "give_up_after": "6h",
             "hold": self.sites[f"site{n}"].hold}
            for n in range(len(VENDORS))
        ]  # fmt: skip
        flows += [_giving_back(name, one.back) for name, one in self.sites.items() if one.back is not None]
        flows.append({"flow": "paid_order", "id": "paid", "from": list(VENDORS), "via": [TELLER.vendor],
                      "subject": "Оплата", "text": "Оплачено: {number}, {sum}", "expires_after": "30d",
                      "refunded": "Вернули: {number}, {sum}"})  # fmt: skip
        said = {"id": TENANT, "name": "Кофейня", "timezone": "Europe/Moscow", "connections": connections,
                "flows": flows}  # fmt: skip
        file = self.folder / f"{TENANT}.yaml"
        file.write_text(yaml.safe_dump(said, allow_unicode=True), "utf-8")
        plan = await plan_apply(self.store, hub.directory, self.keyring, read_tenant_file(file))
        assert not plan.missing_secrets
        await commit_apply(self.store, hub.directory, plan)
        for name in connections:
            document = await self.store.get("connections", f"{TENANT}.{name}")
            assert document is not None
            self.compiled[name] = journal.read(CompiledConnection, document).model
        for name in VENDORS:
            account = await hub.directory.account(TENANT, name)
            assert account is not None
            hook = hook_of(self.settings, self.keyring, account)
            assert hook is not None
            self.hooks[name] = hook.url.removeprefix(self.settings.public_url)

    # What goes on

    async def rage(self, bills: int) -> None:
        """Until so many were begun."""
        await self.open()
        self.wire.calm = False
        acts: list[tuple[int, str, Callable[[], Any]]] = [
            (20, "begin", self.begin), (3, "again", self.ask_again), (22, "pays", self.pays),
            (2, "declined", self.declined), (8, "tells", self.tells_again), (1, "forged", self.forged),
            (7, "refunds", self.refunds), (2, "cabinet", self.cabinet), (6, "cancels", self.cancels),
            (6, "takes", self.takes), (3, "lets go", self.lets_go),
            (1, "once more", self.pays_once_more), (1, "wild", self.goes_wild), (2, "dies", self.dies),
            (3, "thaws", self.wire.thaw), (14, "work", self.work), (12, "time", self.time),
        ]  # fmt: skip
        with dying(self.chance, DEATHS, POINTS):
            while len(self.bills) < bills:
                _, name, act = self.chance.choices(acts, [one[0] for one in acts])[0]
                self.done[name] += 1
                try:
                    found = act()
                    if asyncio.iscoroutine(found):
                        await found
                except Killed:
                    self.done["killed"] += 1
                    self.dies()

    async def quiet(self) -> None:
        """Nothing befalls anybody any more; long enough for everything to be asked about."""
        self.wire.well_again()
        self._banks_decide(1.0)
        await self.wire.thaw()
        until = self.clock.now() + QUIET
        for _ in range(100_000):
            await self.work()
            await self.wire.late_ones()
            coming = self.store.next_at()
            if self.clock.now() >= until:
                return
            latest = min(until, max(coming or until, self.clock.now() + timedelta(seconds=20)))
            await self._step((latest - self.clock.now()).total_seconds())
        raise AssertionError("it never comes to rest")

    async def work(self) -> None:
        """All that is due, several things at a time."""
        for _ in range(ROUNDS):
            tasks = self.store.due(self.clock.now(), self.chance.choice((1, 3, 6)))
            if not tasks:
                return
            await self._handled(tasks)
        raise AssertionError("the queue never runs dry")

    async def _handled(self, tasks: list[Task]) -> None:
        works: dict[asyncio.Task[Any], Task] = {}
        for task in tasks:
            worker = self.chance.choice(self.workers)
            works[asyncio.create_task(worker.handle(task.path, task.body))] = task
        going = list(works)
        while going:
            frozen = asyncio.create_task(self.wire.froze.wait())
            await asyncio.wait({*going, frozen}, return_when=asyncio.FIRST_COMPLETED)
            frozen.cancel()
            self.wire.froze.clear()
            for work in [one for one in going if one.done() or one in self.wire.frozen]:
                going.remove(work)
                self._ended(work, works[work])

    def _ended(self, work: asyncio.Task[Any], task: Task) -> None:
        """Done, put off, or its process is gone: then the queue gives the task to another."""
        self.done["path:" + task.path] += 1
        if work.done() and work.exception() is None and work.result() < 300:
            return
        self.done["again:" + task.path] += 1
        if not work.done() or isinstance(work.exception(), Killed):
            self.done["frozen" if not work.done() else "killed"] += 1
            self.workers[self.chance.randrange(2)] = self._worker()
        elif (error := work.exception()) is not None:
            raise error
        self.store.put_off(task, self.clock.now() + timedelta(seconds=10))

    async def time(self) -> None:
        self._banks_decide(0.3)
        await self._step(self.chance.choice((5, 20, 60, 300, 900, 3600)))

    async def _step(self, seconds: float) -> None:
        self.clock.step(seconds)
        await self.wire.late_ones()
        for vendor in VENDORS:
            self.till(vendor).lag = 0.0 if self.wire.calm else self.chance.choice((0.0, LAG[vendor]))
        try:
            await self.chance.choice(self.workers).handle("/sweep", {})
        except Killed:
            self.dies()

    def _banks_decide(self, share: float) -> None:
        """Refunds that wait come through, or don't (T-Bank doesn't tell of those)."""
        for vendor in VENDORS:
            for there, refund in self.till(vendor).all_refunds():
                if refund.state is State.WAITS and self.chance.random() < share:
                    through = vendor == "tbank" or self.chance.random() < 0.7
                    refund.state = State.DONE if through else State.OVER
                    self.told.append((vendor, PROVIDERS[vendor].told(self.vendors, there.number or "")))

    def dies(self) -> None:
        self.workers[self.chance.randrange(2)] = self._worker()

    # Who asks

    async def begin(self) -> None:
        bill = Bill(len(self.bills), f"site{self.chance.randrange(len(VENDORS))}")
        self.bills[bill.order] = bill
        await self._asks(bill)

    async def ask_again(self) -> None:
        if self.bills:
            await self._asks(self.chance.choice(list(self.bills.values())))

    async def _asks(self, bill: Bill) -> None:
        data = {"order": bill.order, "amount": f"{bill.kopecks // 100}.{bill.kopecks % 100:02d}", "by": "server"}
        event = await self._told(bill.site, EventType.PAYMENT_REQUESTED, data)
        if self.chance.random() < 0.7:  # somebody waits in front of the page
            await self._at_once(event)

    async def _at_once(self, event: str) -> None:
        work = asyncio.create_task(self.chance.choice(self.workers).at_once.carry_out(event))
        frozen = asyncio.create_task(self.wire.froze.wait())
        await asyncio.wait({work, frozen}, return_when=asyncio.FIRST_COMPLETED)
        frozen.cancel()
        self.wire.froze.clear()
        if work.done():
            work.result()
        else:
            self.done["frozen"] += 1
            self.dies()

    async def _told(self, connection: str, type_: EventType, data: Mapping[str, Any]) -> str:
        self.asked += 1
        email = self.chance.choice(("anna@example.org", "anna@example.org", "ana@example.org"))  # mistyped
        person = Contact(name="Анна", phone="+79990000007", email=email)
        fact = Fact(type=type_, key=("asked", str(self.asked)), contact=person, data=dict(data))
        create, tasks = found_event(self.workers[0].hub, self.compiled[connection], fact, self.clock.now(), "webhook")
        await self.store.commit([create], tasks)
        return create.document.id

    async def cancels(self) -> None:
        """Its business gives an order up, paid or not."""
        if not self.bills:
            return
        called_off = [one for one in self.bills.values() if one.cancelled]
        again = bool(called_off) and self.chance.random() < 0.3  # it is said more than once
        bill = self.chance.choice(called_off if again else list(self.bills.values()))
        bill.cancelled.append(self.clock.now())
        await self._told(bill.site, EventType.ORDER_CANCELLED, {"number": bill.order, "by": "server"})

    async def refunds(self) -> None:
        paid = [one for one in self.payments() if one.captured > one.refunded]
        if not paid:
            return
        one, ends = self.chance.choice(paid), [(State.DONE, None)] * 7 + [(State.WAITS, None), (State.OVER, None)]
        self.till(one.paid_by.vendor if one.paid_by else VENDORS[0]).refunds.append(self.chance.choice(ends))
        amount = self.chance.choice(("10.00", "60.00", None))
        data = {"payment": one.id, "by": "server", **({"amount": amount} if amount else {})}
        await self._told(one.connection, EventType.REFUND_REQUESTED, data)

    # Who pays, and what providers do

    def payments(self) -> list[Payment]:
        found = []
        for one in self.store.by_kind["payments"].values():
            known = self._read.get(one.id)
            if known is None or known[0] != one.version:
                known = self._read[one.id] = (one.version, journal.read(Payment, one).model)
            found.append(known[1])
        return found

    def _shown(self, wanted: Callable[[Bill, There], object]) -> tuple[Bill, str, There] | None:
        """A link that somebody holds and of which this is true: bill, provider, the payment there."""
        payments = self.payments()
        for payment in self.chance.sample(payments, min(len(payments), SAMPLED)):
            for attempt in payment.attempts:
                if attempt.shown_at is None:
                    continue
                for one in self.till(attempt.vendor).numbered(attempt.number):
                    own = one.id in (attempt.external_id, *link_of(attempt.external_id))
                    if own and wanted(self.bills[payment.order], one):
                        return self.bills[payment.order], attempt.vendor, one
        return None

    async def pays(self) -> None:
        shown = self._shown(lambda bill, there: there.state is State.WAITS and not bill.paid)
        if shown is None:
            return
        bill, vendor, there = shown
        if await self._may(vendor, there):
            bill.paid += 1
            self.till(vendor).pay(there)
            await self._tells(vendor, there)

    async def _may(self, vendor: str, there: There) -> bool:
        """CloudPayments asks the shop first."""
        if vendor != "cloudpayments":
            return True
        from simulators.cloudpayments import SECRET, headers_of

        body = self.vendors.of(vendor).notification("check", there)
        said = await self._post(vendor, Webhook(body, headers_of(body, {"api_secret": SECRET}), path="/check"))
        return said == (200, b'{"code":0}')

    async def declined(self) -> None:
        """By the bank. Who pays by card tries again, by another payment under the same number where the page allows."""
        shown = self._shown(lambda bill, there: there.state is State.WAITS and not bill.paid)
        if shown is None:
            return
        bill, vendor, there = shown
        till = self.till(vendor)
        till.end(there, {"yookassa": "insufficient_funds", "tbank": "1051", "cloudpayments": "5051"}[vendor])
        await self._tells(vendor, there)
        if vendor != "yookassa" and self.chance.random() < 0.5:
            again = till.make(there.number, there.amount, hold=there.hold, said=there.said)
            bill.paid += 1
            till.pay(again)
            await self._tells(vendor, again)

    async def pays_once_more(self) -> None:
        """By the link that was paid already: money that nobody wanted."""
        came = (State.PAID, State.HELD)
        shown = self._shown(lambda bill, there: there.state in came and bill.paid == 1)
        if shown is None:
            return
        bill, vendor, there = shown
        if vendor == "yookassa":
            return  # its payments are paid once
        if (
            vendor == "cloudpayments"
        ):  # asked by a number it shows the last payment only: it must have told of the first
            await self._tells(vendor, there, always=True)
        till = self.till(vendor)
        again = till.make(there.number, there.amount, hold=there.hold, said=there.said)
        bill.paid += 1
        till.pay(again)
        await self._tells(vendor, again, always=True)

    async def takes(self) -> None:
        """In the provider's cabinet: what was held, or a part of it."""
        shown = self._shown(lambda bill, there: there.state is State.HELD)
        if shown is not None:
            _, vendor, there = shown
            part = there.amount - 30_00 if self.chance.random() < 0.3 else None
            self.till(vendor).capture(there, part)
            await self._moved_there(vendor, there)

    async def lets_go(self) -> None:
        """There too; or the hold has come to its end."""
        shown = self._shown(lambda bill, there: there.state is State.HELD)
        if shown is not None:
            _, vendor, there = shown
            self.till(vendor).end(there, LET_GO[vendor])
            await self._moved_there(vendor, there)

    async def _moved_there(self, vendor: str, there: There) -> None:
        """What is told is told of the newest under a number: of another one it is found out by a look."""
        if self.till(vendor).of(there.number or "") is there:
            await self._tells(vendor, there)

    async def cabinet(self) -> None:
        """The owner gives all of it back in the provider's cabinet."""
        shown = self._shown(lambda bill, there: there.state is State.PAID and there.free and not there.refunds)
        if shown is None:
            return
        _, vendor, there = shown
        if self.till(vendor).of(there.number or "") is not there:
            return  # what is told below is told of the newest under a number
        self.till(vendor).refunds.clear()
        self.till(vendor).refund(there, None, there.free)
        await self._tells(vendor, there, always=True)

    async def goes_wild(self) -> None:
        """Another sum than was asked for, or what was paid isn't any more."""
        shown = self._shown(lambda bill, there: not bill.wild)
        if shown is None:
            return
        bill, vendor, there = shown
        if there.state is State.WAITS and not bill.paid:
            there.amount += self.chance.choice((-500, 500))
            bill.wild.add("sum")
            bill.paid += 1
            self.till(vendor).pay(there)
            await self._tells(vendor, there)
        elif there.state is State.PAID and not there.refunds and self.chance.random() < 0.3:
            if self.till(vendor).of(there.number or "") is not there:
                return  # what is told below is told of the newest under a number
            bill.wild.add("gone")
            self.till(vendor).end(there, {"yookassa": None, "tbank": "REVERSED", "cloudpayments": "void"}[vendor])
            await self._tells(vendor, there, always=True)

    async def _tells(self, vendor: str, there: There, always: bool = False) -> None:
        """Now, twice, later, or never."""
        hook = PROVIDERS[vendor].told(self.vendors, there.number or "")
        self.told.append((vendor, hook))
        for _ in range(self.chance.choice((1, 2) if always else (0, 1, 1, 2))):
            await self._post(vendor, hook)

    async def tells_again(self) -> None:
        """Something that it has told before."""
        if self.told:
            await self._post(*self.chance.choice(self.told[-200:]))

    async def forged(self) -> None:
        shown = self._shown(lambda bill, there: there.state is State.WAITS)
        if shown is not None:
            _, vendor, there = shown
            for hook in PROVIDERS[vendor].forged(self.vendors, there.number or ""):
                await self._post(vendor, hook)

    async def _post(self, vendor: str, hook: Webhook) -> tuple[int, bytes]:
        """Again until it is taken, whoever dies of it."""
        path, _, query = self.hooks[vendor].partition("?")
        for _ in range(5):
            try:
                status, _, body = await asgi(
                    self.accept, "POST", path + hook.path, f"?{query}", dict(hook.headers), hook.body
                )
            except Killed:
                self.done["killed"] += 1
                continue
            return status, body
        return 0, b""

    def states(self) -> Counter[str]:
        """How payments ended, and what was odd."""
        found: Counter[str] = Counter()
        for payment in self.payments():
            found[payment.state.value] += 1
            found.update(one.kind.value for one in payment.oddities)
            done = [one for one in payment.transactions if one.status is TransactionStatus.DONE]
            found.update(f"{one.kind.value} done" for one in done)
            found["given back by itself"] += sum((one.by or "").startswith("flow:") for one in done)
        return found


def back_by(site: str) -> str:
    """The flow that gives back what was paid at a site."""
    return f"back-{site}"


def _giving_back(site: str, back: Back) -> dict[str, Any]:
    said = {"flow": "refund_on_cancel", "id": back_by(site), "from": [site], "percent": back.percent,
            "refunds_a_day": f"{back.a_day // 100}.00"}  # fmt: skip
    return said if back.within is None else {**said, "within": f"{back.within.total_seconds():.0f}s"}


def _is_read(vendor: str, method: str, path: str) -> bool:
    return method == "GET" or path in READS.get(vendor, ())


def link_of(external_id: str | None) -> tuple[str, ...]:
    """CloudPayments' link, once its payment is known by the transaction."""
    return (f"gAS{external_id}",) if external_id is not None else ()


async def payment_storm(seed: int, bills: int, folder: Path) -> PaymentStorm:
    """One storm and the quiet after it."""
    one = PaymentStorm(seed, folder)
    await one.rage(bills)
    await one.quiet()
    return one
