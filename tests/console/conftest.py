import pytest

from console.visitor import Visitor
from fakes import House


@pytest.fixture
async def house() -> House:
    house = House()
    await house.settle_in()
    return house


@pytest.fixture
async def visitor(house: House) -> Visitor:
    return await Visitor(house).come_in()
