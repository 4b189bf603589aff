"""What a page asks of the store: three questions at most, beside whose call it is and which businesses there are.

Every page is in the list: one that is added to the console and not to the list fails.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from starlette.routing import Route

from console.visitor import HOST, Visitor, form_key
from fakes import order
from in_step_house import InStep, ivan
from svyazka.console.app import console
from svyazka.console.surroundings import Surroundings
from svyazka.engine.jobs import steering
from svyazka.engine.journal import documents as journal
from svyazka.engine.problems.cards import meet
from svyazka.engine.problems.kinds import BLOCKED, KINDS
from svyazka.engine.problems.sights import Sight
from svyazka.model.money import Money
from svyazka.model.payments import (
    Attempt,
    By,
    Payment,
    PaymentState,
    Transaction,
    TransactionKind,
    TransactionStatus,
    attempt_number,
)
from svyazka.model.receipts import ReceiptIntent, ReceiptKind
from svyazka.model.subscriptions import Agreed, Every, Period, Subscription
from svyazka.model.tenants import Addressee, AlertSettings, FlowSpec

PAGES = (
    "/", "/?tenant=kofe", "/systems", "/systems/kofe/sms", "/systems/kofe/sms/history", "/systems/kofe/sms/access",
    "/deliveries", "/deliveries?status=dead", "/deliveries?tenant=kofe&connection=sms", "/events",
    "/events?connection=till", "/jobs", "/jobs/{job}", "/again?tenant=kofe", "/secrets", "/audit", "/more", "/people",
    "/pictures", "/file", "/month", "/month/money", "/story/{event}", "/story/{delivery}", "/problems/{problem}",
    "/requests/{request}", "/sync", "/sync/kofe/sync_contacts", "/sync/kofe/sync_contacts/doubts",
    "/sync/kofe/sync_contacts/watched", "/sync/kofe/sync_contacts/cards/{record}", "/payments",
    "/payments?tenant=kofe&status=paid", "/payments/{payment}", "/payments/{payment}/refund?amount=10",
    "/subscriptions", "/subscriptions?tenant=kofe", "/subscriptions/{subscription}", "/receipts/{receipt}",
)  # fmt: skip
WAYS_IN = frozenset({"/enter/{token}", "/sign-in"})
"""Pages for whoever isn't in yet."""
SEARCHES = {"+79991234567": 4, "evt_": 3, "1042": 3}
"""What is looked up and how many questions that is: events, work, cards and payments of one person lie in lists of
their own."""
SYSTEMS = ("salon", "crm", "accounts", "shop", "desk")


@pytest.fixture
async def whole() -> tuple[InStep, Visitor, dict[str, str]]:
    """A business with something on each of its pages, and much on some: a person in five systems, a payment that was
    tried through three providers, a problem that holds up work in each state."""
    house = InStep(SYSTEMS, create="all")
    owner = Addressee(connection="sms", phone="+79990000001")
    pay = FlowSpec(id="pay", flow="take_payment", sources=("till",), via=("sms",))
    house.tenant = house.tenant.model_copy(
        update={"alerts": AlertSettings(to=(owner,)), "flows": (*house.tenant.flows, pay)}
    )
    await house.settle_in()
    house.salon.add(**ivan())
    await house.quiet(0.2)
    await house.post(order())
    await house.worker.handle("/sweep", {})
    await house.run()
    job = "job_00000001"
    await steering.start(house.hub, "kofe", "import", "clients.xlsx", job, total=10)
    sight = Sight(kind=BLOCKED, tenant=house.tenant, connection="sms", text="x", since=house.clock.now())
    await meet(house.hub, sight)
    assert any(one.flow == "alerts" for one in house.deliveries())
    visitor = await Visitor(house).come_in()
    request = (await visitor.press(await visitor.page("/systems?stands=fine"), "Пауза")).partition("?")[0]
    await house.run()
    (problem,) = house.cards("blocked")
    assert len(house.record().live) == len(SYSTEMS)
    now = house.clock.now()
    paid, receipt, agreed = a_payment(now), a_receipt(now), a_subscription(now)
    waiting = [one.model_copy(update={"id": f"dlv_{status}", "status": status, "connection": "sms"})
               for one in house.deliveries()[:1] for status in KINDS["blocked"].holds]  # fmt: skip
    periods = [Period(id=f"per_{n}", tenant="kofe", subscription=agreed.id, n=n, due_at=now, since=now) for n in (1, 2)]
    made = (paid, receipt, agreed, *periods, *waiting)
    await house.store.commit([journal.create(one) for one in made])
    ids = {
        "event": house.events()[0].event.id, "delivery": house.deliveries()[0].id, "job": job, "problem": problem.id,
        "request": request.rpartition("/")[2], "record": house.record().id, "payment": paid.id,
        "receipt": receipt.id, "subscription": agreed.id,
    }  # fmt: skip
    return house, visitor, ids


PAYMENT = "pay_" + "0" * 24
AMOUNT = Money.read("1049.30")


def a_payment(now: datetime) -> Payment:
    """Of somebody who was given three links, and has paid by the last."""
    links = tuple(
        Attempt(n=n, connection=name, vendor="sms", by=By.LINK, number=attempt_number(PAYMENT, n),
                external_id=f"p-{n}", delivery=f"dlv_{n}")
        for n, name in enumerate(("sms", "mail", "till"), 1)
    )  # fmt: skip
    came = Transaction(
        id="t1", kind=TransactionKind.PURCHASE, attempt=3, status=TransactionStatus.DONE, amount=AMOUNT, at=now
    )
    return Payment(
        id=PAYMENT, tenant="kofe", connection="till", flow="pay", event="evt_1", order="42", amount=AMOUNT,
        attempts=links, transactions=(came,), state=PaymentState.PAID, receipts=("rcp_1",), created_at=now,
        changed_at=now,
    )  # fmt: skip


def a_receipt(now: datetime) -> ReceiptIntent:
    return ReceiptIntent(
        id="rcp_1", tenant="kofe", payment=PAYMENT, transaction="t1", kind=ReceiptKind.SALE, connection="sms",
        vendor="sms", flow="pay", event="evt_1", order="42", amount=AMOUNT, owed_since=now, created_at=now,
        changed_at=now,
    )  # fmt: skip


def a_subscription(now: datetime) -> Subscription:
    return Subscription(
        id="sub_1", tenant="kofe", connection="till", flow="pay", event="evt_1", number="42", every=Every.MONTH,
        amount=AMOUNT, agreed=Agreed(text="Согласен", at=now, where="till", event="evt_1"), first=PAYMENT,
        zone="Europe/Moscow", anchor="2026-03-14", due_at=now, since=now, created_at=now, changed_at=now,
    )  # fmt: skip


def routes(house: InStep) -> Iterator[Route]:
    app: Any = console(Surroundings(house.store, house.clock, house.keyring), {HOST})._app
    for one in app.routes:
        if isinstance(one, Route) and "GET" in (one.methods or ()) and one.path not in WAYS_IN:
            yield one


async def test_a_page_costs_three_questions_at_most(whole: tuple[InStep, Visitor, dict[str, str]]) -> None:
    house, visitor, ids = whole
    asked: list[str] = []
    inside: list[str] = []
    for name in ("find", "get", "get_many", "ids", "tally", "total"):
        real = getattr(house.store, name)

        async def counted(*args: Any, real: Any = real, name: str = name, **kwargs: Any) -> Any:
            if args[0] != "signed_in" and not inside:  # the store of fakes asks itself
                asked.append(name)
            inside.append(name)
            try:
                return await real(*args, **kwargs)
            finally:
                inside.pop()

        setattr(house.store, name, counted)
    dear = {}
    for path in PAGES:
        visitor.around._tenants = (float("inf"), {"kofe": house.tenant})
        asked.clear()
        answer = await visitor.http.get(path.format(**ids))
        assert answer.status_code == (303 if path.startswith("/receipts") else 200), path
        if len(asked) > 3:
            dear[path] = list(asked)
    assert not dear
    key = form_key(await visitor.page("/"))
    for sought, most in SEARCHES.items():
        asked.clear()
        found = await visitor.http.post("/search", data={"form_key": key, "sought": sought})
        assert found.status_code == 200
        assert len(asked) <= most, (sought, asked)


async def test_every_page_is_counted(whole: tuple[InStep, Visitor, dict[str, str]]) -> None:
    house, _visitor, ids = whole
    walked = [path.format(**ids).partition("?")[0] for path in PAGES]
    left = [one.path for one in routes(house) if not any(one.path_regex.match(path) for path in walked)]
    assert not left


HEAVY = frozenset({
    "aiohttp", "httpx", "yaml", "svyazka.engine.worker", "svyazka.tenantfile.reader", "svyazka.connectors.registry",
})  # fmt: skip


def test_it_starts_without_what_only_the_worker_needs() -> None:
    """As a function it starts anew for whoever looks once a day: what calls out, reads tenant files or plans isn't
    loaded with it."""
    told = subprocess.run(
        [sys.executable, "-c", "import sys, svyazka.console.app; print(*sys.modules, sep='\\n')"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert HEAVY & set(told.stdout.split()) == set()
