"""The next channel gets its turn after a final failure, an `undelivered` receipt or the deadline, and only then."""

from __future__ import annotations

from itertools import permutations

import pytest

from matrix.channels import CHANNELS, Channel, review_request
from matrix.conftest import Hub
from matrix.hub import Machine
from matrix.sources import AMOCRM_ASKED, IIKO, RKEEPER, YCLIENTS, Source

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCES = (IIKO, RKEEPER, YCLIENTS, AMOCRM_ASKED)
PAIRS = [
    pytest.param(source, first, second, id=f"{source.vendor}-{first.vendor}-{second.vendor}")
    for source in SOURCES
    for first, second in permutations(CHANNELS, 2)
    if first.address(source.person) and second.address(source.person)
]
EVERY = pytest.mark.parametrize(("source", "first", "second"), PAIRS)


async def comes_in(machine: Machine, source: Source) -> None:
    """What is done is told, and worked off."""
    await source.put(machine)
    answer = await machine.post(await machine.hook("source"), source.done.body, source.done.content_type)
    assert answer.status_code == 200
    await machine.work()


async def states(machine: Machine) -> list[str]:
    return [delivery.status for delivery in await machine.deliveries()]


@EVERY
async def test_a_refusal_for_good_brings_the_next_at_once(
    hub: Hub, source: Source, first: Channel, second: Channel
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second), first, second) as machine:
        await first.refuse(machine)
        await comes_in(machine, source)
        assert machine.sent() == [second.expected(source.person)]
        await machine.pass_time(25)
        assert (len(machine.sent()), await states(machine)) == (1, ["failed", "succeeded"])


@EVERY
async def test_an_undelivered_message_brings_the_next_a_delivered_one_none(
    hub: Hub, source: Source, first: Channel, second: Channel
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second), first, second) as machine:
        await comes_in(machine, source)
        assert machine.sent() == [first.expected(source.person)]
        (delivery,) = await machine.deliveries()
        assert delivery.external_id is not None
        await first.receipt(machine, delivery.external_id, False)
        await machine.work()
        assert sorted(machine.sent()) == sorted([first.expected(source.person), second.expected(source.person)])
        fallback = next(one for one in await machine.deliveries() if one.id != delivery.id)
        assert fallback.external_id is not None
        await second.receipt(machine, fallback.external_id, True)
        await machine.pass_time(25)
        assert len(machine.sent()) == 2
        assert sorted(one.receipt for one in await machine.deliveries()) == ["delivered", "undelivered"]


@EVERY
async def test_a_message_that_arrived_brings_no_other(
    hub: Hub, source: Source, first: Channel, second: Channel
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second), first, second) as machine:
        await comes_in(machine, source)
        (delivery,) = await machine.deliveries()
        assert delivery.external_id is not None
        await first.receipt(machine, delivery.external_id, True)
        await machine.pass_time(25)
        assert machine.sent() == [first.expected(source.person)]


@EVERY
async def test_a_channel_that_is_down_until_the_deadline_brings_the_next_and_is_not_made_up_for(
    hub: Hub, source: Source, first: Channel, second: Channel
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second, fallback_after="4h"), first, second) as machine:
        await first.down(machine, True)
        await comes_in(machine, source)
        await machine.pass_time(3.9)
        assert machine.sent() == []
        await machine.pass_time(0.3)
        assert machine.sent() == [second.expected(source.person)]
        await first.down(machine, False)
        await machine.pass_time(21)
        assert (len(machine.sent()), sorted(await states(machine))) == (1, ["cancelled", "succeeded"])


@EVERY
async def test_a_channel_that_recovers_before_the_deadline_sends_it_itself(
    hub: Hub, source: Source, first: Channel, second: Channel
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second, fallback_after="4h"), first, second) as machine:
        await first.down(machine, True)
        await comes_in(machine, source)
        await machine.pass_time(2)
        await first.down(machine, False)
        await machine.pass_time(1.5)
        assert machine.sent() == [first.expected(source.person)]


@EVERY
async def test_an_answer_lost_on_its_way_brings_no_second_message_by_any_channel(
    hub: Hub, source: Source, first: Channel, second: Channel
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second), first, second) as machine:
        machine.vendors.fault(first.vendor, kind="cut_after", path=first.sending)
        await comes_in(machine, source)
        await machine.pass_time(25)
        assert machine.sent() == [first.expected(source.person)]
