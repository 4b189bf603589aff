"""The next channel gets its turn after a final failure, an `undelivered` receipt or the deadline, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, groupby, product

import pytest
from _pytest.mark import ParameterSet

from matrix.channels import CHANNELS, LAST, address, expected, review_request
from matrix.conftest import Hub
from matrix.hub import Machine
from matrix.sources import BY_NAME
from vendors.parts.done import Done
from vendors.parts.messengers import Messenger

pytestmark = pytest.mark.asyncio(loop_scope="session")


SOURCES = tuple(BY_NAME[name] for name in ("iiko", "rkeeper", "yclients", "amocrm+api"))


def pairs() -> Iterator[ParameterSet]:
    """Each channel with each that may come after it, told of by the sources in turn."""
    turn = cycle(SOURCES)
    for first, second in product(CHANNELS.values(), LAST):
        if first is not second:
            source = next(one for one in turn if address(first, one.person) and address(second, one.person))
            yield pytest.param(source, first, second, id=f"{source.vendor}-{first.vendor}-{second.vendor}")


EVERY = pytest.mark.parametrize(("source", "first", "second"), list(pairs()))
RING = pytest.mark.parametrize(
    ("source", "first", "second"), [next(group) for _, group in groupby(pairs(), key=lambda pair: pair.values[1])]
)
"""Each channel once as the first: how it fails is its own; which comes next has been seen in the pairs."""


async def comes_in(machine: Machine, source: Done) -> None:
    """What is done is told, and worked off."""
    await source.put(machine)
    answer = await machine.post(await machine.hook("source"), source.done.content, source.done.content_type)
    assert answer.status_code == 200
    await machine.work()


async def said_by(channel: Messenger, machine: Machine, id_: str, arrived: bool) -> None:
    """The channel says what became of a message."""
    assert channel.receipt is not None
    await channel.receipt(machine, id_, arrived)


async def states(machine: Machine) -> dict[str, str]:
    """Of each channel's delivery."""
    return {delivery.connection: delivery.status for delivery in await machine.deliveries()}


@EVERY
async def test_a_refusal_for_good_brings_the_next_at_once(
    hub: Hub, source: Done, first: Messenger, second: Messenger
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second), first, second) as machine:
        await first.refuse(machine)
        await comes_in(machine, source)
        assert machine.sent() == [expected(second, source.person)]
        await machine.pass_time(25)
        assert len(machine.sent()) == 1
        assert await states(machine) == {first.vendor: "failed", second.vendor: "succeeded"}


@RING
async def test_an_undelivered_message_brings_the_next_a_delivered_one_none(
    hub: Hub, source: Done, first: Messenger, second: Messenger
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second), first, second) as machine:
        await comes_in(machine, source)
        assert machine.sent() == [expected(first, source.person)]
        (delivery,) = await machine.deliveries()
        assert delivery.external_id is not None
        await said_by(first, machine, delivery.external_id, False)
        await machine.work()
        assert sorted(machine.sent()) == sorted([expected(first, source.person), expected(second, source.person)])
        fallback = next(one for one in await machine.deliveries() if one.id != delivery.id)
        assert fallback.external_id is not None
        await said_by(second, machine, fallback.external_id, True)
        await machine.pass_time(25)
        assert len(machine.sent()) == 2
        assert sorted(one.receipt for one in await machine.deliveries()) == ["delivered", "undelivered"]


@RING
async def test_without_a_receipt_the_deadline_brings_the_next_only_where_being_taken_proves_little(
    hub: Hub, source: Done, first: Messenger, second: Messenger
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second, fallback_after="4h"), first, second) as machine:
        await comes_in(machine, source)
        await machine.pass_time(3.9)
        assert machine.sent() == [expected(first, source.person)]
        await machine.pass_time(21)
        late = [expected(second, source.person)] if first.proves_little else []
        assert sorted(machine.sent()) == sorted([expected(first, source.person), *late])


@RING
async def test_a_message_that_arrived_brings_no_other(
    hub: Hub, source: Done, first: Messenger, second: Messenger
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second), first, second) as machine:
        await comes_in(machine, source)
        (delivery,) = await machine.deliveries()
        assert delivery.external_id is not None
        await said_by(first, machine, delivery.external_id, True)
        await machine.pass_time(25)
        assert machine.sent() == [expected(first, source.person)]


@RING
async def test_a_channel_that_is_down_until_the_deadline_brings_the_next_and_is_not_made_up_for(
    hub: Hub, source: Done, first: Messenger, second: Messenger
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second, fallback_after="4h"), first, second) as machine:
        await first.down(machine, True)
        await comes_in(machine, source)
        await machine.pass_time(3.9)
        assert machine.sent() == []
        await machine.pass_time(0.3)
        assert machine.sent() == [expected(second, source.person)]
        await first.down(machine, False)
        await machine.pass_time(21)
        assert len(machine.sent()) == 1
        assert await states(machine) == {first.vendor: "cancelled", second.vendor: "succeeded"}


@RING
async def test_a_channel_that_recovers_before_the_deadline_sends_it_itself(
    hub: Hub, source: Done, first: Messenger, second: Messenger
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second, fallback_after="4h"), first, second) as machine:
        await first.down(machine, True)
        await comes_in(machine, source)
        await machine.pass_time(2)
        await first.down(machine, False)
        await machine.pass_time(1.5)
        assert machine.sent() == [expected(first, source.person)]


@RING
async def test_an_answer_lost_on_its_way_brings_no_second_message_by_any_channel(
    hub: Hub, source: Done, first: Messenger, second: Messenger
) -> None:
    assert source.person is not None
    async with hub(source, review_request(first, second), first, second) as machine:
        machine.vendors.fault(first.vendor, kind="cut_after", path=first.sending)
        await comes_in(machine, source)
        await machine.pass_time(25)
        assert machine.sent() == [expected(first, source.person)]


async def test_three_channels_in_turn_each_once(hub: Hub) -> None:
    source = BY_NAME["amocrm+api"]
    person = source.person
    assert person is not None
    via = (CHANNELS["whatsapp"], CHANNELS["smsru"], CHANNELS["resend"])
    async with hub(source, review_request(*via), *via) as machine:
        await CHANNELS["whatsapp"].refuse(machine)
        await comes_in(machine, source)
        assert machine.sent() == [expected(CHANNELS["smsru"], person)]
        taken = next(one for one in await machine.deliveries() if one.connection == "smsru")
        await said_by(CHANNELS["smsru"], machine, str(taken.external_id), False)
        await machine.pass_time(25)
        assert sorted(machine.sent()) == sorted(expected(CHANNELS[name], person) for name in ("smsru", "resend"))
