"""The next channel gets its turn after a final failure, an `undelivered` receipt or the deadline, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import pytest
from _pytest.mark import ParameterSet

from matrix.channels import CHANNELS, LAST, RESEND, SMSRU, WHATSAPP, Channel, review_request
from matrix.conftest import Hub
from matrix.hub import Machine
from matrix.sources import AMOCRM_ASKED, IIKO, RKEEPER, YCLIENTS, Source

pytestmark = pytest.mark.asyncio(loop_scope="session")


def pairs() -> Iterator[ParameterSet]:
    """Each source with each of its channels as the first, and another after it."""
    for source in (IIKO, RKEEPER, YCLIENTS, AMOCRM_ASKED):
        last = cycle(channel for channel in LAST if channel.address(source.person))
        for first in (channel for channel in CHANNELS if channel.address(source.person)):
            second = next(channel for channel in last if channel is not first)
            yield pytest.param(source, first, second, id=f"{source.vendor}-{first.vendor}-{second.vendor}")


EVERY = pytest.mark.parametrize(("source", "first", "second"), list(pairs()))


async def comes_in(machine: Machine, source: Source) -> None:
    """What is done is told, and worked off."""
    await source.put(machine)
    answer = await machine.post(await machine.hook("source"), source.done.body, source.done.content_type)
    assert answer.status_code == 200
    await machine.work()


async def states(machine: Machine) -> dict[str, str]:
    """Of each channel's delivery."""
    return {delivery.connection: delivery.status for delivery in await machine.deliveries()}


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
        assert len(machine.sent()) == 1
        assert await states(machine) == {first.vendor: "failed", second.vendor: "succeeded"}


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
async def test_without_a_receipt_the_deadline_brings_the_next_only_where_being_taken_proves_little(
    hub: Hub, source: Source, first: Channel, second: Channel
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second, fallback_after="4h"), first, second) as machine:
        await comes_in(machine, source)
        await machine.pass_time(3.9)
        assert machine.sent() == [first.expected(source.person)]
        await machine.pass_time(21)
        late = [second.expected(source.person)] if first.proves_little else []
        assert sorted(machine.sent()) == sorted([first.expected(source.person), *late])


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
        assert len(machine.sent()) == 1
        assert await states(machine) == {first.vendor: "cancelled", second.vendor: "succeeded"}


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


async def test_three_channels_in_turn_each_once(hub: Hub) -> None:
    person = AMOCRM_ASKED.person
    assert person is not None
    via = (WHATSAPP, SMSRU, RESEND)
    async with hub(AMOCRM_ASKED, review_request(*via), *via) as machine:
        await WHATSAPP.refuse(machine)
        await comes_in(machine, AMOCRM_ASKED)
        assert machine.sent() == [SMSRU.expected(person)]
        taken = next(one for one in await machine.deliveries() if one.connection == "smsru")
        await SMSRU.receipt(machine, str(taken.external_id), False)
        await machine.pass_time(25)
        assert machine.sent() == [SMSRU.expected(person), RESEND.expected(person)]
