"""How long a database of the first release takes to be brought up to date, the copy made first, and how long webhooks
wait for their turn meanwhile."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.filled import as_the_first_release, fill
from svyazka.backends.local.opening import copies, prepare
from svyazka.backends.local.store import FILE, LocalStore
from svyazka.engine.ports.store import Document, NewEvent


def upgrade(events: int) -> dict[str, object]:
    """Seconds of the upgrade, and of the longest commit of an accepting process beside it."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        fill(data, events, 1000)
        as_the_first_release(data)
        store = LocalStore.open(data)
        took: list[float] = []

        def bring_up() -> None:
            begun = time.perf_counter()
            prepare(data / FILE, upgrade=True)
            took.append(time.perf_counter() - begun)

        upgrading = threading.Thread(target=bring_up)
        upgrading.start()
        waited = asyncio.run(_accept_meanwhile(store, upgrading))
        upgrading.join()
        (copy,) = copies(data / FILE)
        return {
            "events": events, "megabytes": copy.stat().st_size >> 20, "seconds": round(took[0], 2),
            "accepted_meanwhile": len(waited), "longest_accept_seconds": round(max(waited), 3),
        }  # fmt: skip


async def _accept_meanwhile(store: LocalStore, upgrading: threading.Thread) -> list[float]:
    waited: list[float] = []
    while upgrading.is_alive() or not waited:
        begun = time.perf_counter()
        arrival = NewEvent(Document("events", f"evt_meanwhile_{len(waited)}", {"tenant": "meanwhile"}, b"{}"))
        await store.accept([arrival], None, None)
        waited.append(time.perf_counter() - begun)
        await asyncio.sleep(0.01)
    await store.close()
    return waited
