"""What only ЮKassa does: its addresses, what it says of the shop, a key that it has seen with something else."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from connectors.support import posted
from kits.paying import done, link, opened, seen_of, settings_of, till_of
from simulators.serve import Running
from simulators.till import State
from svyazka.connectors.registry import load_manifest, load_webhook
from svyazka.engine.contracts.webhook import Inbound
from svyazka.model.outcomes import Refused, Succeeded, Unclear, Unknown

NAME = "yookassa"


@pytest.fixture
def vendors(stand_in: Callable[[str], Running]) -> Running:
    return stand_in(NAME)


@pytest.mark.parametrize(
    ("forwarded", "theirs"),
    [
        ("185.71.76.1", True), ("10.0.0.1, 77.75.156.35", True), ("2a02:5180:0:1509::7", True),
        ("185.71.76.1, 203.0.113.7", False), ("77.75.156.36", False), ("", False), ("nobody", False),
    ],
)  # fmt: skip
def test_their_addresses_can_be_demanded_by_what_our_own_front_end_has_seen(forwarded: str, theirs: bool) -> None:
    webhook = load_webhook(NAME)
    assert webhook is not None
    request = posted(b"{}", ("x-forwarded-for", forwarded))
    assert (webhook.verify(request, Inbound({"only_their_addresses": True}, {})) is None) is theirs
    assert webhook.verify(request, Inbound({}, {})) is None


async def test_the_doctor_says_what_shop_it_is(vendors: Running) -> None:
    doctor = load_manifest(NAME).doctor
    assert doctor is not None
    for test, status, found in ((False, "enabled", {"ok"}), (True, "disabled", {"ok", "warn"})):
        vendors.of(NAME).test, vendors.of(NAME).shop_status = test, status
        async with opened(NAME, vendors) as call:
            findings = await doctor.check(call)
        assert {one.status for one in findings} == found
        assert [one.status for one in findings if one.check == "money"] == ["warn" if test else "ok"]


async def test_a_key_of_a_test_shop_makes_play_money_and_the_doctor_says_so(vendors: Running) -> None:
    simulator, doctor = vendors.of(NAME), load_manifest(NAME).doctor
    assert doctor is not None
    simulator.lets_anybody_in = True
    settings = settings_of(NAME).model_copy(update={"secret_key": "test_abcdefgh"})
    async with opened(NAME, vendors, settings=settings) as call:
        payments = load_manifest(NAME).payments
        assert payments is not None
        assert payments.testing(call.settings) is True
        assert seen_of(await payments.make_link(link(1), call)).test is True
        assert [one.message for one in await doctor.check(call) if one.check == "money"] == [
            "it is a test shop: no money moves"
        ]
    async with opened(NAME, vendors) as call:
        assert seen_of(await done(NAME, vendors, link(2), "dlv_2.1")).test is False


async def test_a_key_that_stands_for_something_else_is_looked_up_and_never_refused(vendors: Running) -> None:
    assert isinstance(await done(NAME, vendors, link(1)), Succeeded)
    assert isinstance(await done(NAME, vendors, link(1, amount="2.00")), Unknown)


async def test_what_is_still_worked_on_is_asked_for_by_the_same_key(vendors: Running) -> None:
    vendors.of(NAME).processing = 1
    outcome = await done(NAME, vendors, link(1))
    assert isinstance(outcome, Unclear)
    assert outcome.after == 1.8
    assert isinstance(await done(NAME, vendors, link(1)), Succeeded)
    assert len(vendors.of(NAME).till.payments) == 1


async def test_a_shop_that_may_not_keep_cards_refuses_that_and_nothing_else(vendors: Running) -> None:
    vendors.of(NAME).forbidden = ["save_payment_method"]
    outcome = await done(NAME, vendors, link(1, save=True))
    assert isinstance(outcome, Refused)
    assert outcome.remedy
    assert isinstance(await done(NAME, vendors, link(2), "dlv_2.1"), Succeeded)


async def test_whoever_tries_things_out_pays_on_the_stand_ins_own_page(vendors: Running) -> None:
    vendors.of(NAME).lets_anybody_in = True
    url = seen_of(await done(NAME, vendors, link(1))).url or ""
    assert url.startswith(f"{vendors.base_url(NAME)}/pay/")
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert "1049.30" in (await browser.get(url)).text
        await browser.post(url, data={"do": "pay"})
    (one,) = till_of(NAME, vendors).payments.values()
    assert one.state is State.PAID
