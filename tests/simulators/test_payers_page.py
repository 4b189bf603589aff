"""A payer's page at the stand-ins of all providers: what is pressed there happens, is told to the shop whose money it
is, and leads back to that shop."""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Iterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from simulators.registry import load_simulator
from simulators.serve import Running, serve
from simulators.till import Payment, State

PATIENCE = 60.0

BACK = {
    "yookassa": {"confirmation": {"return_url": "https://shop.test/back"}},
    "tbank": {"SuccessURL": "https://shop.test/back", "FailURL": "https://shop.test/back"},
    "cloudpayments": {"SuccessRedirectUrl": "https://shop.test/back", "FailRedirectUrl": "https://shop.test/back"},
    "invoicebox": {"successUrl": "https://shop.test/back", "returnUrl": "https://shop.test/back"},
}
"""Vendor -> how a shop says where its payer returns to."""
TOLD = {
    ("yookassa", "pay"): b"payment.succeeded", ("yookassa", "decline"): b"payment.canceled",
    ("tbank", "pay"): b"AUTHORIZED", ("tbank", "decline"): b"REJECTED",
    ("cloudpayments", "pay"): b"check", ("cloudpayments", "decline"): b"check",
    ("invoicebox", "pay"): b"completed", ("invoicebox", "decline"): b"canceled",
}  # fmt: skip
"""What a shop hears of first."""


class Desks:
    """All providers' stand-ins, and shops that they call."""

    def __init__(self) -> None:
        self.told: defaultdict[str, queue.Queue[bytes]] = defaultdict(queue.Queue)
        self.client = httpx.Client(trust_env=False, timeout=PATIENCE)

    async def hear(self, request: Request) -> Response:
        self.told[request.path_params["shop"]].put(request.url.path.encode() + b" " + await request.body())
        return PlainTextResponse('{"code":0,"status":"success"}')

    def asked(self, running: Running, vendor: str, shop: str) -> Payment:
        """A link of a shop's, which has told the cabinet where to call."""
        said = {"description": "Кофе <b>& булка</b>", "merchantOrderId": "n", **BACK[vendor]}
        told = {"shop": shop, "url": f"{running.url}/shop/{shop}"}
        self.client.post(f"{running.url}/_sim/{vendor}/cabinet", json=told).raise_for_status()
        made: Payment = running.of(vendor).till.make("n", 150000, shop=shop, said=said)
        return made

    def press(self, running: Running, vendor: str, one: Payment, button: str) -> httpx.Response:
        return self.client.post(f"{running.base_url(vendor)}/pay/{one.id}", data={"do": button})


@pytest.fixture(scope="module")
def desks() -> Desks:
    return Desks()


@pytest.fixture(scope="module")
def running(desks: Desks) -> Iterator[Running]:
    routes = [Route(path, desks.hear, methods=["POST"]) for path in ("/shop/{shop}", "/shop/{shop}/{type}")]
    with serve([load_simulator(vendor) for vendor in BACK], beside=routes) as found:
        yield found


@pytest.mark.parametrize("vendor", BACK)
@pytest.mark.parametrize(("button", "state"), [("pay", State.PAID), ("decline", State.OVER), ("leave", State.WAITS)])
def test_what_a_payer_presses_happens_once_and_leads_back_to_the_shop(
    desks: Desks, running: Running, vendor: str, button: str, state: State
) -> None:
    shop = f"{vendor}-{button}"
    one = desks.asked(running, vendor, shop)
    page = desks.client.get(f"{running.base_url(vendor)}/pay/{one.id}")
    assert "1500.00 ₽" in page.text
    assert "Кофе &lt;b&gt;" in page.text
    answer = desks.press(running, vendor, one, button)
    assert (answer.status_code, answer.headers["location"]) == (303, "https://shop.test/back")
    assert one.state is state
    if (vendor, button) in TOLD:
        assert TOLD[vendor, button] in desks.told[shop].get(timeout=PATIENCE)
    other = "decline" if button == "pay" else "pay"
    desks.press(running, vendor, one, other)
    assert one.state is (State.PAID if button == "leave" else state), "what is decided isn't decided anew"
    if button != "leave":
        assert "Вернуться в магазин" in desks.client.get(f"{running.base_url(vendor)}/pay/{one.id}").text


def test_cloudpayments_takes_no_money_that_the_shop_refuses(desks: Desks, running: Running) -> None:
    one = desks.asked(running, "cloudpayments", "refusing")
    running.of("cloudpayments").cabinets["refusing"] = f"{running.url}/nobody"
    desks.press(running, "cloudpayments", one, "pay")
    assert one.state is State.WAITS


def test_cloudpayments_calls_what_was_registered_by_its_api(desks: Desks, running: Running) -> None:
    stand_in = running.of("cloudpayments")
    stand_in.notifications["by_api", "pay"] = {"Address": f"{running.url}/shop/by_api/registered"}
    desks.press(running, "cloudpayments", stand_in.till.make("n", 150000, shop="by_api"), "pay")
    assert b"/registered" in desks.told["by_api"].get(timeout=PATIENCE)


def test_a_cabinet_that_is_told_something_else_says_what_it_expects(desks: Desks, running: Running) -> None:
    answer = desks.client.post(f"{running.url}/_sim/tbank/cabinet", json={"shop": "1"})
    assert (answer.status_code, answer.json()["error"]) == (400, "expected a JSON object with shop and url")
