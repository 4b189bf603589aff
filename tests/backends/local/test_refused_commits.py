"""What a refused commit leaves behind: nothing. The collector looks rarely in a process that is busy."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from svyazka.backends.local.store import LocalStore
from svyazka.engine.ports.store import Create, Document
from svyazka.model.errors import Conflict


class Held:
    """Something large that a caller has in its hands."""

    there = 0

    def __init__(self) -> None:
        Held.there += 1

    def __del__(self) -> None:
        Held.there -= 1


async def test_whoever_is_refused_is_let_go_of_at_once(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path)
    taken = Create(Document("meta", "same", {}, b"{}"))
    await store.commit([taken])

    async def refused() -> bool:
        held = Held()
        try:
            await store.commit([taken])
        except Conflict:
            return held is None
        return True

    gc.collect()
    gc.disable()
    try:
        for _ in range(4):
            assert not any(await asyncio.gather(*(refused() for _ in range(25))))
        await store.commit([Create(Document("meta", "other", {}, b"{}"))])  # the last batch is let go of with the next
        await asyncio.sleep(0)
        assert Held.there <= 1
    finally:
        gc.enable()
        await store.close()
