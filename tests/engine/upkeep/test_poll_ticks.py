"""The scheduler's poll tick comes every minute: it must cost next to nothing while it is nobody's turn."""

from fakes import House


class PatientHouse(House):
    """As in the cloud: what was read is believed for a while."""

    ttl = 15.0


async def test_a_tick_at_which_nobody_has_a_turn_reads_nothing() -> None:
    house = PatientHouse()
    await house.settle_in()
    await house.worker.handle("/poll", {})
    before = house.store.reads
    house.clock.step(60)
    await house.worker.handle("/poll", {})
    assert house.store.reads == before
