"""The kit of every provider of payments: what a link, a charge, a hold and a refund come to, how often, and what is
known after an answer that never came.

A vendor takes part by `provider` of its description (`tests/vendors/<vendor>.py`); one that takes payments and has none
fails. Money is counted at its stand-in's till. What it promises with the engine: `test_payments_house_kit.py`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from connectors.support import NOW, repeat_of
from kits.paying import (
    cancel,
    capture,
    charge,
    done,
    found,
    link,
    number_of,
    opened,
    payments_of,
    read,
    refund,
    refund_of,
    seen_of,
    settings_of,
    till_of,
    told,
)
from kits.rows import IN_PLACE_OF, PAGE, SAYING_NOTHING, not_as_their_rows
from simulators.serve import Running
from simulators.till import State
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.capabilities.payments import Can, Handed, Which
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.commands import Deadline, Repeat
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.money import Money
from svyazka.model.outcomes import Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.seen import PaymentSeen, RefundState, SeenState
from vendors import PROVIDERS
from vendors.parts.money import Provider

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = sorted(name for name in VENDORS if load_manifest(name).payments is not None)
EVERY = pytest.mark.parametrize("name", NAMES)


def able(*wanted: Can, where: Callable[[Provider], bool] = lambda _: True) -> Any:
    """Those that can do all that."""
    names = [name for name in NAMES if name in PROVIDERS and payments_of(name).can >= {*wanted}]
    return pytest.mark.parametrize("name", [name for name in names if where(PROVIDERS[name])])


@pytest.mark.parametrize("name", NAMES)
async def test_whoever_takes_payments_takes_part(name: str) -> None:
    assert name in PROVIDERS, f"tests/vendors/{name}.py: {name} takes payments: VENDOR wants `provider=Provider(...)`"
    described, can = PROVIDERS[name], payments_of(name).can
    wanted = {"link": Can.LINK, "charge": Can.CHARGE, "refund": Can.REFUND, "capture": Can.HOLD}
    assert {what for what, one in wanted.items() if one in can} <= set(described.writes)
    assert load_manifest(name).settings.model_validate({}), "a connection without credentials can be applied"
    assert not payments_of(name).ready(load_manifest(name).settings.model_validate({}))
    assert payments_of(name).ready(settings_of(name))


# A link


@able(Can.LINK)
@pytest.mark.parametrize("amount", ["1.00", "10.10", "1049.30", "99.99", "123456.01"])
async def test_a_link_stands_there_once_with_its_number_and_its_amount(
    name: str, amount: str, vendors: Running
) -> None:
    seen = seen_of(await done(name, vendors, link(amount=amount)))
    (there,) = till_of(name, vendors).payments.values()
    assert (there.number, there.amount, there.state) == (number_of(1), Money.read(amount).kopecks, State.WAITS)
    assert (seen.external_id, seen.state, seen.amount) == (there.id, SeenState.WAITS, Money.read(amount))
    assert seen.url
    assert seen.url.startswith("http")
    assert not there.hold
    assert not there.save


@able(Can.LINK)
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
async def test_after_an_answer_that_never_came_there_is_one_link(name: str, fault: str, vendors: Running) -> None:
    method, path = PROVIDERS[name].writes["link"]
    vendors.fault(name, kind=fault, path=path, method=method)
    with pytest.raises(MaybeSent):
        await done(name, vendors, link())
    assert repeat_of(load_manifest(name), link()) is PROVIDERS[name].repeat
    if Can.READ in payments_of(name).can:
        earlier = await found(name, vendors, link())
        assert (earlier is not None) == (fault == "cut_after" and PROVIDERS[name].shows_links)
        assert earlier is None or seen_of(earlier).number == number_of(1)
    again = not PROVIDERS[name].shows_links or PROVIDERS[name].repeat is Repeat.IDEMPOTENT
    if again or fault == "cut_before":
        seen = seen_of(await done(name, vendors, link(), doubt_since=NOW))
        assert seen.url
    waiting = [one for one in till_of(name, vendors).payments.values() if one.state is State.WAITS]
    assert len(waiting) == 1


@able(Can.LINK, Can.READ)
async def test_what_nobody_began_is_provably_not_there(name: str, vendors: Running) -> None:
    await done(name, vendors, link(7), "dlv_7.1")
    assert await found(name, vendors, link(1)) is None
    assert await read(name, vendors, number=number_of(1)) is None
    assert await read(name, vendors, external_id="404404404") is None


@able(Can.LINK, Can.READ)
async def test_a_payment_is_seen_as_it_stands(name: str, vendors: Running) -> None:
    till, id_ = till_of(name, vendors), seen_of(await done(name, vendors, link())).external_id
    for which in ({"external_id": id_}, {"number": number_of(1)}) if PROVIDERS[name].shows_unpaid else ():
        seen = await read(name, vendors, **which)
        assert seen is not None
        assert (seen.external_id, seen.number, seen.state) == (id_, number_of(1), SeenState.WAITS)
    till.pay(till.of(number_of(1)))
    seen = await read(name, vendors, external_id=id_, number=number_of(1))
    assert seen is not None
    assert (seen.state, seen.amount, seen.captured) == (SeenState.PAID, seen.captured, Money.read("1049.30"))
    assert seen.test in (None, payments_of(name).testing(settings_of(name)))
    if not PROVIDERS[name].shows_unpaid:
        return
    await done(name, vendors, link(2), "dlv_2.1")
    till.end(till.of(number_of(2)), next(iter(PROVIDERS[name].declines), None))
    seen = await read(name, vendors, number=number_of(2))
    assert seen is not None
    assert (seen.state, seen.url) == (SeenState.OVER, None)


@able(Can.LINK)
async def test_nobody_is_sent_anything_by_the_provider(name: str, vendors: Running) -> None:
    await done(name, vendors, link())
    assert [one for one in vendors.of(name).effects if one["kind"] in ("letter", "message", "sms")] == []


@able(Can.LINK)
async def test_a_link_somebody_waits_for_is_less_patient_than_a_bank(name: str) -> None:
    safety = payments_of(name).safety
    assert safety(link()).deadline is Deadline.CALL
    assert safety(charge("t")).deadline is Deadline.MONEY


@EVERY
async def test_play_money_is_told_from_money(name: str, vendors: Running) -> None:
    for testing, secrets in PROVIDERS[name].testing.items():
        assert payments_of(name).testing(settings_of(name, secrets)) is testing


# Saved methods


async def _saved(name: str, vendors: Running) -> str:
    """A method that its payer has let us keep."""
    await done(name, vendors, link(save=True), "dlv_s.1")
    till = till_of(name, vendors)
    till.pay(till.of(number_of(1)))
    seen = await read(name, vendors, number=number_of(1))
    assert seen is not None
    assert seen.saved is not None
    return seen.saved.token


@able(Can.CHARGE, Can.SAVE)
async def test_a_saved_method_is_charged_once(name: str, vendors: Running) -> None:
    token, till = await _saved(name, vendors), till_of(name, vendors)
    seen = seen_of(await done(name, vendors, charge(token)))
    assert (seen.state, seen.amount, seen.number) == (SeenState.PAID, Money.read("300.00"), number_of(2))
    method, path = PROVIDERS[name].writes["charge"]
    for n, fault in enumerate(("cut_before", "cut_after"), 3):
        vendors.fault(name, kind=fault, path=path, method=method)
        with pytest.raises(MaybeSent):
            await done(name, vendors, charge(token, n), f"dlv_{n}.1")
        earlier = await found(name, vendors, charge(token, n), f"dlv_{n}.1")
        assert (earlier is not None) == (fault == "cut_after")
        if earlier is None or PROVIDERS[name].repeat is Repeat.IDEMPOTENT:
            seen_of(await done(name, vendors, charge(token, n), f"dlv_{n}.1"))
        assert len([one for one in till.numbered(number_of(n)) if one.state is State.PAID]) == 1


@able(Can.CHARGE, Can.SAVE)
async def test_a_method_is_kept_only_where_it_was_asked_for(name: str, vendors: Running) -> None:
    await done(name, vendors, link())
    till = till_of(name, vendors)
    till.pay(till.of(number_of(1)))
    seen = await read(name, vendors, number=number_of(1))
    assert seen is not None
    assert seen.saved is None


@able(Can.CHARGE, Can.SAVE)
async def test_each_reason_of_a_declined_charge_is_told_by_its_kind(name: str, vendors: Running) -> None:
    token, till = await _saved(name, vendors), till_of(name, vendors)
    assert PROVIDERS[name].declines
    for n, (code, why) in enumerate({**PROVIDERS[name].declines, "something_new": None}.items(), 2):
        till.charges.append((State.OVER, code))
        seen = seen_of(await done(name, vendors, charge(token, n), f"dlv_{n}.1"))
        assert (seen.state, seen.code) == (SeenState.OVER, code)
        assert seen.why is why or (why is None and seen.why is not None)


# Holds


@able(Can.HOLD)
async def test_what_is_held_is_taken_in_part_or_let_go(name: str, vendors: Running) -> None:
    till = till_of(name, vendors)
    for n in (1, 2):
        await done(name, vendors, link(n, capture=False), f"dlv_{n}.1")
        till.pay(till.of(number_of(n)))
    held = [await read(name, vendors, number=number_of(n)) for n in (1, 2)]
    assert held[0] is not None
    assert held[1] is not None
    assert {one.state for one in held if one} == {SeenState.HELD}
    assert till.money() == 0
    method, path = PROVIDERS[name].writes["capture"]
    vendors.fault(name, kind="cut_after", path=path, method=method)
    with pytest.raises(MaybeSent):
        await done(name, vendors, capture(held[0], "700.00"), "dlv_3.1")
    assert isinstance(await found(name, vendors, capture(held[0], "700.00"), "dlv_3.1"), Succeeded)
    taken = seen_of(await done(name, vendors, capture(held[0], "700.00"), "dlv_3.1"))
    assert (taken.state, taken.captured, till.money()) == (SeenState.PAID, Money.read("700.00"), 70_000)
    for key in ("dlv_4.1", "dlv_4.1", "dlv_5.1"):
        assert seen_of(await done(name, vendors, cancel(held[1]), key)).state is SeenState.OVER
    late = seen_of(await done(name, vendors, cancel(held[0]), "dlv_6.1"))
    assert (late.state, till.money()) == (SeenState.PAID, 70_000)


@able(Can.LINK, Can.CALL_OFF)
async def test_a_link_is_called_off_and_again_that_is_no_failure(name: str, vendors: Running) -> None:
    seen = seen_of(await done(name, vendors, link()))
    for key in ("dlv_2.1", "dlv_2.1", "dlv_3.1"):
        assert seen_of(await done(name, vendors, cancel(seen), key)).state is SeenState.OVER


# Refunds


async def _paid(name: str, vendors: Running, amount: str = "1000.00") -> PaymentSeen:
    seen = seen_of(await done(name, vendors, link(amount=amount), "dlv_p.1"))
    till = till_of(name, vendors)
    till.pay(till.of(number_of(1)))
    return seen


@able(Can.REFUND)
async def test_money_goes_back_once_and_never_more_than_came(name: str, vendors: Running) -> None:
    paid, till = await _paid(name, vendors), till_of(name, vendors)
    assert repeat_of(load_manifest(name), refund(paid, "1000.00")) is PROVIDERS[name].repeat
    if Can.PART_REFUND in payments_of(name).can:
        back = refund_of(await done(name, vendors, refund(paid, "400.01"), "dlv_1.1"))
        assert (back.state, back.amount) == (RefundState.DONE, Money.read("400.01"))
        outcome = await done(name, vendors, refund(paid, "600.00", 2), "dlv_2.1")
        assert isinstance(outcome, Refused), outcome
        refund_of(await done(name, vendors, refund(paid, "599.99", 3), "dlv_3.1"))
    else:
        refund_of(await done(name, vendors, refund(paid, "1000.00"), "dlv_1.1"))
    assert till.money() == 0
    assert isinstance(await done(name, vendors, refund(paid, "1000.00", 4), "dlv_4.1"), Refused)
    if Can.READ in payments_of(name).can:
        seen = await read(name, vendors, external_id=paid.external_id, number=paid.number)
        assert seen is not None
        back_in_all = sum(one.amount.kopecks for one in seen.refunds or () if one.state is RefundState.DONE)
        shown = {back_in_all, seen.refunded.kopecks if seen.refunded else 0}
        assert shown & {59_999 if PROVIDERS[name].shows_last_refund else 100_000}


@able(Can.REFUND)
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
async def test_a_refund_whose_answer_never_came_is_given_once(name: str, fault: str, vendors: Running) -> None:
    paid, till = await _paid(name, vendors), till_of(name, vendors)
    method, path = PROVIDERS[name].writes["refund"]
    vendors.fault(name, kind=fault, path=path, method=method)
    with pytest.raises(MaybeSent):
        await done(name, vendors, refund(paid, "1000.00"), "dlv_1.1")
    if Can.READ in payments_of(name).can:
        earlier = await found(name, vendors, refund(paid, "1000.00"), "dlv_1.1")
        assert (earlier is not None) == (fault == "cut_after")
    if PROVIDERS[name].repeat is Repeat.IDEMPOTENT or fault == "cut_before":
        refund_of(await done(name, vendors, refund(paid, "1000.00"), "dlv_1.1"))
    assert till.money() == 0
    assert len(till.of(number_of(1)).refunds) == 1


@able(Can.REFUND, Can.READ)
@pytest.mark.parametrize("state", [State.WAITS, State.OVER])
async def test_a_refund_that_isnt_carried_out_is_no_done_one(name: str, state: State, vendors: Running) -> None:
    paid, till = await _paid(name, vendors), till_of(name, vendors)
    till.refunds.append((state, None))
    outcome = await done(name, vendors, refund(paid, "1000.00"), "dlv_1.1")
    back = None if isinstance(outcome, Refused) else refund_of(outcome)
    assert back is None or back.state is {State.WAITS: RefundState.WAITS, State.OVER: RefundState.OVER}[state]
    seen = await read(name, vendors, external_id=paid.external_id, number=paid.number)
    assert seen is not None
    assert RefundState.DONE not in [one.state for one in seen.refunds or ()]
    assert not seen.refunded
    assert till.money() == 100_000


# Lists


@able(Can.SHIP)
@pytest.mark.parametrize("back", ["0.00", "300.00"])
async def test_what_is_handed_over_is_told_without_what_went_back_and_found_again(
    name: str, back: str, vendors: Running
) -> None:
    till, payments = till_of(name, vendors), payments_of(name)
    seen = seen_of(await done(name, vendors, link()))
    till.pay(till.of(number_of(1)))
    if Money.read(back):
        await done(name, vendors, refund(seen, back), "dlv_2.1")
    left = Money.read("1049.30") - Money.read(back)
    async with opened(name, vendors) as call:
        assert await payments.shipment(seen.external_id, call) is None
        handed = Handed(external_id=seen.external_id, amount=left, day=NOW.date(), document="17")
        made = await payments.ship(handed, call)
        assert await payments.shipment(seen.external_id, call) == made
        with pytest.raises(VendorFailure):
            await payments.ship(handed.model_copy(update={"amount": Money.read("1049.31")}), call)
    (told_,) = [one for one in vendors.of(name).effects if one["kind"] == "shipment"]
    assert told_["kopecks"] == left.kopecks


@able(Can.LIST)
async def test_a_list_brings_all_that_moved_and_each_once(name: str, vendors: Running) -> None:
    till, now = till_of(name, vendors), vendors.of(name).now()
    for n in range(230):
        one = till.make(number_of(n), 10_000 + n, said={"metadata": {"svyazka": number_of(n)}})
        if n % 10:
            till.pay(one)
        if n % 7 == 0 and one.state is State.PAID:
            till.refund(one, None, 100)
    paid: dict[str, int] = {}
    back: dict[str, int] = {}
    async with opened(name, vendors) as call:
        cursor: str | None = None
        for _ in range(40):
            at = call.now.fromtimestamp(now, call.now.tzinfo)
            page = await payments_of(name).list(at - timedelta(hours=1), at + timedelta(hours=1), cursor, call)
            for one_seen in page.payments:
                if one_seen.state is SeenState.PAID:
                    assert one_seen.external_id not in paid
                    paid[one_seen.external_id] = one_seen.amount.kopecks
            refunds = [one for seen in page.payments for one in seen.refunds or ()]
            for one in (*refunds, *(refund for _, refund in page.refunds)):
                assert one.external_id not in back
                back[one.external_id] = one.amount.kopecks
            cursor = page.cursor
            if cursor is None:
                break
    assert cursor is None
    assert sum(paid.values()) - sum(back.values()) == till.money()


# Answers


async def answered(name: str, vendors: Running, status: int, content: object, **headers: str) -> Outcome | Exception:
    """What becomes of a link to which the vendor answers so."""
    method, path = PROVIDERS[name].writes["link"]
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    vendors.fault(name, kind="answer", path=path, method=method, status=status, body=content, headers=named)
    try:
        return await done(name, vendors, link())
    except (NotSent, MaybeSent) as error:
        return error


@EVERY
async def test_every_row_of_the_failure_map_is_what_it_becomes(name: str, vendors: Running) -> None:
    table, described = load_manifest(name).failures, PROVIDERS[name]
    answers = partial(answered, name, vendors)
    assert await not_as_their_rows(table, described.says, described.changed, answers) == {}
    assert not till_of(name, vendors).payments


@EVERY
async def test_a_page_in_place_of_the_api_is_tried_again_and_blames_no_key(name: str, vendors: Running) -> None:
    for status in IN_PLACE_OF:
        outcome = await answered(name, vendors, status, PAGE, content_type="text/html", location="/elsewhere")
        assert isinstance(outcome, Retry), (status, outcome)
        assert not outcome.maybe_sent, (status, outcome)


@EVERY
async def test_an_answer_that_says_neither_yes_nor_no_is_unclear(name: str, vendors: Running) -> None:
    for status in (200, 202):
        for content in SAYING_NOTHING:
            outcome = await answered(name, vendors, status, content, content_type="application/json")
            unclear = isinstance(outcome, Unclear) or (isinstance(outcome, Retry) and outcome.maybe_sent)
            assert unclear, (content, outcome)


@EVERY
async def test_a_vendor_that_fails_is_never_a_refusal(name: str, vendors: Running) -> None:
    for status in (408, 500, 502, 503, 504, 520):
        for content in (PAGE, "", {}):
            outcome = await answered(name, vendors, status, content)
            assert isinstance(outcome, Unclear | Retry), (content, outcome)
            assert not isinstance(outcome, Retry) or outcome.maybe_sent or status == 503, outcome


@able(Can.READ)
async def test_silence_of_a_read_proves_nothing(name: str, vendors: Running) -> None:
    method, path = PROVIDERS[name].reading
    seen = seen_of(await done(name, vendors, link()))
    for status, content in ((500, {}), (404, PAGE), (200, "{}"), (200, "[]"), (403, PAGE)):
        vendors.fault(name, kind="answer", path=path, method=method, status=status, body=content)
        with pytest.raises(VendorFailure):
            await read(name, vendors, external_id=seen.external_id, number=number_of(1))


@EVERY
async def test_whoever_isnt_reached_has_begun_nothing(name: str, vendors: Running) -> None:
    with pytest.raises(NotSent):
        await done(name, vendors, link(), base_url="http://127.0.0.1:1")


@EVERY
async def test_no_credential_stands_in_a_story_or_a_log(
    name: str, vendors: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stories = [await told(name, vendors, link())]
    for status in (200, 400, 401, 500):
        stories.append(repr(await answered(name, vendors, status, {})))
    async with opened(name, vendors) as call:
        await payments_of(name).read(Which(external_id="404404404"), call)
        stories.append(json.dumps([one.model_dump(mode="json") for one in call.http.log]))
    everything = "\n".join([*stories, caplog.text])
    for secret in PROVIDERS[name].secrets.values():
        assert [word for word in (secret, quote(secret, safe=""), quote_plus(secret)) if word in everything] == []
