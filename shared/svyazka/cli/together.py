"""Much of one kind to ask for: several at once, for each answer of a distant store takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 16
"""What is out at once; the store's own limits lie above."""


async def together(bodies: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """What each gives, in their order."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(body: Callable[[], Awaitable[T]]) -> T:
        async with room:
            return await body()

    return await asyncio.gather(*(one(body) for body in bodies))
