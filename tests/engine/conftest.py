import pytest

from fakes import House


@pytest.fixture
async def house() -> House:
    house = House()
    await house.settle_in()
    return house
