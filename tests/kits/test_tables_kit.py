"""What a till of tables promises together with the engine: the table's QR code leads to what is owed there, a bill for
that is paid at Invoicebox's stand-in, and the check is closed in the till once, whatever is repeated, cut or killed.

A hub whole: the front door, the worker, the till's and the provider's stand-ins over HTTP. Opening it as a phone does.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import zxingcpp
from PIL import Image

from dying import Killed, dies_once
from kits.paying_shop import POINTS
from matrix.hub import Connection, Front, Machine, machine
from simulators.serve import Running
from simulators.till import Till
from svyazka.cli.tents import drawn
from svyazka.door import bringing
from svyazka.engine.asking import tables
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import PAYMENTS_OF_TENANT
from svyazka.engine.ports.asking import NoReply, Reply
from svyazka.model.payments import Payment, PaymentState
from svyazka.server.accept import AcceptApp
from vendors import HOOKS, MESSENGERS, PROVIDERS, TILLS
from vendors.parts.money import CheckThere, Dish

pytestmark = pytest.mark.asyncio(loop_scope="session")

START = datetime(2026, 3, 14, 16, 0, tzinfo=UTC)
EVERY = pytest.mark.parametrize("name", sorted(TILLS))
DINNER = (Dish("Стейк рибай", 1950), Dish("Лимонад", 200, 2), Dish("Сыр, 100 г", 333.33, 0.35))
OWED = "2466.67"
WAITER = "+79990000001"
PROVIDER_SAMPLES = HOOKS["invoicebox"].folder


def scanned(address: str) -> str:
    """What a phone reads off the code that `svyazka qr` draws of an address."""
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(drawn(address, ".png"))))
    return str(code.text)


class InPlace:
    """The front door's way to the worker, without a socket."""

    def __init__(self, hub: Machine) -> None:
        self._hub = hub

    async def ask(self, path: str, body: Mapping[str, Any], seconds: float) -> Reply:
        try:
            reply = await self._hub.worker.answer(path, body)
        except Killed as error:
            raise NoReply("died") from error
        return Reply(reply.status, json.loads(json.dumps(reply.content)))


class Restaurant:
    """A tenant whose tables are paid for by bill."""

    def __init__(self, name: str, hub: Machine) -> None:
        self.name, self.hub, self.described = name, hub, TILLS[name]
        hub.front.app = AcceptApp(hub.store, hub.hub.keyring, hub.clock, InPlace(hub))

    @property
    def vendors(self) -> Running:
        return self.hub.vendors

    @property
    def till(self) -> Till:
        found: Till = self.vendors.of("invoicebox").till
        return found

    def opens(self, table: str = "5", dishes: tuple[Dish, ...] = DINNER) -> str:
        return self.described.opens(self.vendors, table, dishes)

    def there(self, check: str) -> CheckThere:
        return self.described.there(self.vendors, check)

    async def phone(self, method: str = "GET", table: str = "5", **form: str) -> httpx.Response:
        """A guest's phone opens the table's address, or presses the button of its page: a while after the last one."""
        self.hub.clock.step(10)
        self.hub.keep_time()
        key = self.hub.hub.keyring.mint("site", "kofe", "site")
        url = scanned(f"{self.hub.front.url}/ingest/table/{quote(table)}?key={key}")
        headers = {"accept": "text/html", **({"origin": self.hub.front.url} if method == "POST" else {})}
        return await self.hub.front.client.request(method, url, headers=headers, data=form or None)

    async def presses(self, table: str = "5") -> httpx.Response:
        page = await self.phone(table=table)
        assert page.status_code == 200, page.text
        (amount,) = re.findall(r'name="amount" value="([\d.]+)"', page.text)
        return await self.phone("POST", table, amount=amount)

    async def linked(self, table: str = "5") -> str:
        """The bill's id at the provider."""
        sent = await self.presses(table)
        assert sent.status_code == 303, sent.text
        return sent.headers["location"].rpartition("/")[2]

    async def pays(self, bill: str) -> None:
        """The guest pays there, and the provider tells of it."""
        one = self.till.payments[bill]
        self.till.pay(one)
        await self.tells(bill)

    async def tells(self, bill: str) -> httpx.Response:
        body, headers = self.vendors.of("invoicebox").notification(self.till.payments[bill])
        return await self.hub.front.client.post(await self.hub.hook("scheta"), content=body, headers=headers)

    async def payments(self) -> list[Payment]:
        page = await self.hub.store.find(PAYMENTS_OF_TENANT, equal={"tenant": "kofe"}, limit=100)
        return [journal.read(Payment, one).model for one in page.documents]

    def waiter_was_told(self) -> list[str]:
        return [one.text for one in self.hub.sent() if one.to in WAITER]


Opened = Callable[..., Any]


@pytest.fixture
def restaurant(tmp_path: Path, empty: Path, front: Front, vendors: Running, monkeypatch: pytest.MonkeyPatch) -> Opened:
    monkeypatch.setattr(tables, "CALLS_A_MINUTE", 10**6)  # the share is counted on a clock that nobody steps

    @asynccontextmanager
    async def opened(name: str, **of_the_site: Any) -> AsyncIterator[Restaurant]:
        described, provider, sms = TILLS[name], PROVIDERS["invoicebox"], MESSENGERS["smsru"]
        connections = {
            "site": Connection("site", of_the_site),
            "kassa": Connection(name, described.settings, described.secrets),
            "scheta": Connection("invoicebox", {**provider.settings, "till": "kassa"}, provider.secrets),
            "sms": Connection("smsru", sms.settings, sms.secrets),
        }  # fmt: skip
        takes = {"id": "pay", "flow": "take_payment", "from": ["site"], "via": ["scheta"], "receipt": False}
        closes = {
            "id": "stol", "flow": "close_table", "from": ["scheta"], "via": ["kassa", "sms"],
            "staff": {"phone": WAITER}, "text": "Стол {table}: оплачено {sum}",
        }  # fmt: skip
        data = shutil.copytree(empty, tmp_path / "data")
        async with machine(data, front, vendors, START, connections, [takes, closes]) as hub:
            yield Restaurant(name, hub)

    return opened


@EVERY
async def test_from_the_tables_code_to_a_bill_to_paid_to_a_closed_table(name: str, restaurant: Opened) -> None:
    async with restaurant(name) as it:
        check = it.opens()
        page = await it.phone()
        assert [page.status_code, "Стейк рибай" in page.text, "2\u00a0466,67\u00a0₽" in page.text] == [200, True, True]
        assert "<script" not in page.text
        bill = await it.linked()
        said = it.till.payments[bill].said
        assert (it.till.payments[bill].amount, len(said["basketItems"])) == (246_667, 3)
        await it.pays(bill)
        await it.hub.work()
        assert it.there(check) == CheckThere([float(OWED)], 1)
        (payment,) = await it.payments()
        assert (payment.state, payment.check.table, payment.oddities) == (PaymentState.PAID, "5", ())
        assert it.waiter_was_told() == []
        assert "Стейк" not in (await it.phone()).text


@EVERY
async def test_however_often_it_is_pressed_and_told_there_is_one_bill_and_one_closing(
    name: str, restaurant: Opened
) -> None:
    async with restaurant(name) as it:
        check = it.opens()
        bills = {await it.linked() for _ in range(3)}
        assert len(bills) == 1
        (bill,) = bills
        await it.pays(bill)
        for _ in range(10):
            answer = await it.tells(bill)
            assert (answer.status_code, answer.json()) == (200, {"status": "success"})
            await it.hub.work()
        await it.hub.pass_time(25)
        assert (await it.tells(bill)).json() == {"status": "success"}
        await it.hub.work()
        assert it.there(check) == CheckThere([float(OWED)], 1)
        assert len(await it.payments()) == 1


@EVERY
async def test_a_check_that_grew_between_the_page_and_the_button_is_shown_again(name: str, restaurant: Opened) -> None:
    async with restaurant(name) as it:
        check = it.opens()
        page = await it.phone()
        (shown,) = re.findall(r'name="amount" value="([\d.]+)"', page.text)
        it.described.orders(it.vendors, check, (*DINNER, Dish("Вино", 700)), 0)
        again = await it.phone("POST", amount=shown)
        assert (again.status_code, "Счёт изменился" in again.text, "Вино" in again.text) == (409, True, True)
        assert it.till.payments == {}
        await it.pays(await it.linked())
        await it.hub.work()
        assert it.there(check) == CheckThere([float(OWED) + 700], 1)


@EVERY
async def test_a_link_for_an_older_sum_is_called_off_before_another_is_shown(name: str, restaurant: Opened) -> None:
    async with restaurant(name) as it:
        check = it.opens()
        old = await it.linked()
        it.described.orders(it.vendors, check, (*DINNER, Dish("Вино", 700)), 0)
        new = await it.linked()
        await it.hub.work()
        assert (new != old, str(it.till.payments[old].state)) == (True, "over")
        await it.pays(new)
        await it.hub.pass_time(1)
        assert it.there(check) == CheckThere([float(OWED) + 700], 1)


@EVERY
@pytest.mark.parametrize(("dishes", "off"), [((*DINNER, Dish("Вино", 700)), 0), (DINNER[:1], 0), (DINNER, 100)])
async def test_what_was_paid_and_what_is_owed_by_then_differ_and_the_waiter_is_told(
    name: str, dishes: tuple[Dish, ...], off: float, restaurant: Opened
) -> None:
    async with restaurant(name) as it:
        check = it.opens()
        bill = await it.linked()
        it.described.orders(it.vendors, check, dishes, off)
        await it.pays(bill)
        await it.hub.work()
        assert it.there(check) == CheckThere([], 0)
        assert it.waiter_was_told() == ["Стол 5: оплачено 2466.67"]
        settling = next(one for one in await it.hub.deliveries() if one.command.kind == "SettleCheck")
        why = "check_costs_more" if len(dishes) > 3 else "check_costs_less"
        assert settling.last_error is not None
        assert settling.last_error.code == why
        (payment,) = await it.payments()
        assert [one.kind.value for one in payment.oddities] == [why]


@EVERY
async def test_a_discount_is_spread_and_a_service_charge_is_a_line(name: str, restaurant: Opened) -> None:
    async with restaurant(name) as it:
        check = it.opens(dishes=(Dish("Ужин", 100, 3),))
        it.described.orders(it.vendors, check, (Dish("Ужин", 100, 3),), 200)
        items = it.till.payments[await it.linked()].said["basketItems"]
        assert [(int(one["quantity"]), str(one["amount"])) for one in items] == [(2, "33.33"), (1, "33.34")]
        other = it.opens("6", (Dish("Ужин", 100, 3),))
        it.described.orders(it.vendors, other, (Dish("Ужин", 100, 3),), -30)
        items = it.till.payments[await it.linked("6")].said["basketItems"]
        assert [(one["name"], str(one["totalAmount"])) for one in items] == [("Ужин", "300"), ("Обслуживание", "30")]


@EVERY
async def test_a_table_with_nothing_to_pay_says_so(name: str, restaurant: Opened) -> None:
    async with restaurant(name) as it:
        empty = await it.phone(table="7")
        assert (empty.status_code, "нет открытого счёта" in empty.text) == (404, True)
        for table in ("99", "стол у окна", "x" * 50, "../../5", "5%2f6"):
            assert (await it.phone(table=table)).status_code == 404
        it.opens("8")
        it.opens("8")
        several = await it.phone(table="8")
        assert (several.status_code, "несколько счетов" in several.text) == (409, True)


@EVERY
@pytest.mark.parametrize("what", ["paying", "closing"])
@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "answer"])
async def test_after_a_cut_answer_the_payment_is_noted_once_and_the_table_closed(
    name: str, what: str, kind: str, restaurant: Opened
) -> None:
    async with restaurant(name) as it:
        check = it.opens()
        bill = await it.linked()
        it.vendors.fault(name, kind=kind, **getattr(it.described, what))
        await it.pays(bill)
        await it.hub.pass_time(1)
        assert it.there(check) == CheckThere([float(OWED)], 1)
        assert it.waiter_was_told() == []


@EVERY
async def test_a_waiter_who_has_the_table_open_is_waited_for_and_then_told(name: str, restaurant: Opened) -> None:
    async with restaurant(name) as it:
        check, other = it.opens("5"), it.opens("6")
        bills = [await it.linked("5"), await it.linked("6")]
        it.described.busy(it.vendors, check, True)
        await it.pays(bills[0])
        await it.hub.work()
        it.described.busy(it.vendors, check, False)
        await it.hub.pass_time(0.04)
        tried_again = (CheckThere([float(OWED)], 1), [])
        left_alone = (CheckThere([], 0), ["Стол 5: оплачено 2466.67"])
        assert (it.there(check), it.waiter_was_told()) == (tried_again if it.described.says_busy else left_alone)
        it.described.busy(it.vendors, other, True)
        await it.pays(bills[1])
        await it.hub.pass_time(0.5)
        it.described.busy(it.vendors, other, False)
        await it.hub.pass_time(5)
        assert it.waiter_was_told()[-1:] == ["Стол 6: оплачено 2466.67"]
        assert it.there(other) == CheckThere([], 0)


@EVERY
async def test_a_check_that_the_waiter_has_closed_himself_is_left_alone(name: str, restaurant: Opened) -> None:
    async with restaurant(name) as it:
        check = it.opens()
        bill = await it.linked()
        it.described.closes(it.vendors, check)
        await it.pays(bill)
        await it.hub.work()
        assert it.there(check) == CheckThere([], 0)
        assert it.waiter_was_told() == ["Стол 5: оплачено 2466.67"]
        (payment,) = await it.payments()
        assert [one.kind.value for one in payment.oddities] == ["table_left_open"]


@EVERY
async def test_wherever_a_process_dies_the_table_is_closed_once(name: str, restaurant: Opened) -> None:
    async with restaurant(name) as it:
        checks, bills = {}, {}
        for number, point in enumerate(POINTS, 1):
            checks[number] = it.opens(str(number))
            with dies_once(point):
                try:
                    await it.presses(str(number))
                    await it.hub.work()
                except Killed:
                    it.hub.restart()
            await it.hub.pass_time(0.2)
            bills[number] = await it.linked(str(number))
        assert len({*bills.values()}) == len(POINTS)
        for number, point in enumerate(POINTS, 1):
            with dies_once(point):
                try:
                    await it.pays(bills[number])
                    await it.hub.work()
                except Killed:
                    it.hub.restart()
            await it.hub.pass_time(0.2)
        await it.hub.pass_time(2)
        assert [it.there(check) for check in checks.values()] == [CheckThere([float(OWED)], 1)] * len(POINTS)
        assert it.waiter_was_told() == []


async def test_a_bill_that_is_over_gives_way_to_a_new_one_also_in_a_flood(
    restaurant: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bringing, "FLOOD_LEAST", 0)
    async with restaurant("iiko") as it:
        check = it.opens()
        first = await it.linked()
        it.till.end(it.till.payments[first], None)
        await it.tells(first)
        await it.hub.work()
        second, again = await it.linked(), await it.linked()
        assert (second != first, again) == (True, second)
        await it.pays(second)
        await it.hub.work()
        assert it.there(check) == CheckThere([float(OWED)], 1)


async def test_a_dish_that_was_entered_by_mistake_and_taken_back_leaves_the_check_payable(restaurant: Opened) -> None:
    async with restaurant("iiko") as it:
        check = it.opens()
        bills = [await it.linked()]
        for dishes in ((*DINNER, Dish("Вино", 700)), DINNER):
            it.described.orders(it.vendors, check, dishes, 0)
            bills.append(await it.linked())
            await it.hub.work()
        assert [str(it.till.payments[one].state) for one in bills] == ["over", "over", "waits"]
        await it.pays(bills[-1])
        await it.hub.work()
        assert it.there(check) == CheckThere([float(OWED)], 1)


async def test_what_is_paid_is_not_asked_for_again_where_the_till_does_not_know_yet(restaurant: Opened) -> None:
    async with restaurant("iiko") as it:
        check = it.opens()
        bill = await it.linked()
        it.described.busy(it.vendors, check, True)
        await it.pays(bill)
        await it.hub.work()
        page = await it.phone()
        assert (page.status_code, "уже оплачен" in page.text, "<button" in page.text) == (409, True, False)
        it.described.orders(it.vendors, check, (*DINNER, Dish("Вино", 700)), 0)
        for page in (await it.phone(), await it.phone("POST", amount="3166.67")):
            assert (page.status_code, "примет официант" in page.text) == (409, True)


async def test_in_a_marketplaces_frame_a_bill_joins_the_one_that_is_there(restaurant: Opened) -> None:
    async with restaurant("iiko", frames=["https://*.invoicebox.ru"]) as it:
        it.opens()
        asks = await it.phone(table="")
        assert (asks.status_code, 'name="table"' in asks.text) == (200, True)
        page = await it.phone()
        policy = page.headers["content-security-policy"]
        assert policy.endswith("frame-ancestors 'self' https://*.invoicebox.ru")
        assert "x-frame-options" not in page.headers
        (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.S)
        assert f"script-src 'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
        given = json.loads((PROVIDER_SAMPLES / "miniapp-initial-data-suborder.json").read_text())
        key = it.hub.hub.keyring.mint("site", "kofe", "site")
        url = f"{it.hub.front.url}/ingest/table/5?key={key}&id=7"
        wanted = {"amount": OWED, "container": given["orderContainerId"]}
        told = (await it.hub.front.client.post(url, json=wanted)).json()
        bill = it.till.payments[told["url"].rpartition("/")[2]]
        assert bill.said["orderContainerId"] == given["orderContainerId"]
        assert "79991234567" not in json.dumps(bill.said, default=str), "its initial data is nobody's word"


async def test_without_leave_nobody_shows_a_table_in_a_frame(restaurant: Opened) -> None:
    async with restaurant("iiko") as it:
        it.opens()
        page = await it.phone()
        assert page.headers["content-security-policy"].endswith("frame-ancestors 'none'")
        assert "<script" not in page.text
