"""What becomes of what was answered with 200 while the whole hub is killed again and again.

Vendors repeat a webhook until it is answered, so the driver does. Each hub is killed five seconds after it takes
webhooks (again), all its processes at once, and started anew; in the end it gets the time that it needs to settle.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.driver import persist
from benchmarks.local import webhook
from benchmarks.peers.hubs import HUBS, Failed, Hub
from benchmarks.processes import free_port, running

LIFE = 5.0
"""Seconds between taking webhooks and the next kill."""

VENDOR_TAKES = 0.1
"""Seconds that the vendor takes for a message, as vendors do."""

KILLS = 6
CALLERS = 4
EVENTS_MOST = 1_000_000


def kills(scale: float) -> dict[str, object]:
    """Of each: what was taken, and what became of it; None for whoever isn't there."""
    count = max(int(KILLS * scale), 1)
    found: dict[str, object] = {}
    for hub in HUBS:
        try:
            found[hub.name] = _killed(hub, count) if hub.version() else None
        except Failed as error:
            found[hub.name] = {"failed": str(error)}
        print(f"  {hub.name}: {found[hub.name]}", file=sys.stderr, flush=True)
    return found


def _killed(kind: type[Hub], count: int) -> dict[str, object]:
    sink = free_port()
    with tempfile.TemporaryDirectory() as folder, _vendor(sink):
        hub = kind(Path(folder), f"http://127.0.0.1:{sink}")
        hub.prepare()
        hub.begin()
        over = threading.Event()
        trouble: list[Failed] = []
        killing = threading.Thread(target=_kill_again_and_again, args=(hub, count, over, trouble))
        try:
            killing.start()
            taken = asyncio.run(persist(hub.url, webhook, EVENTS_MOST, CALLERS, over.is_set))
            killing.join()
            if trouble:
                raise trouble[0]
            _settle(hub, sink)
        finally:
            over.set()
            killing.join()
            hub.end()
        seen, told = _seen(sink), hub.told()
    calls = [seen.get(f"7999{number:07d}", 0) for number in taken]
    missing = calls.count(0)
    return {
        "taken": len(calls),
        "kills": count,
        "lost": max(missing - told.unknown - told.unfinished, 0),
        "twice": sum(times > 1 for times in calls),
        "unknown": told.unknown,
        "stuck": told.unfinished,
    }


def _vendor(port: int) -> AbstractContextManager[object]:
    return running(["-m", "benchmarks.sink", str(port), str(VENDOR_TAKES)], port)


def _kill_again_and_again(hub: Hub, count: int, over: threading.Event, trouble: list[Failed]) -> None:
    try:
        for _ in range(count):
            time.sleep(LIFE)
            hub.kill()
            hub.begin()
        time.sleep(LIFE)
    except Failed as error:
        trouble.append(error)
    finally:
        over.set()


def _settle(hub: Hub, sink: int) -> None:
    """Until all is done by the hub's own word, or nothing has moved for as long as it may take."""
    last, moved = (-1, -1), time.monotonic()
    while time.monotonic() - moved < hub.slow_to_settle:
        now = (sum(_seen(sink).values()), hub.told().unfinished)
        if now != last:
            last, moved = now, time.monotonic()
        elif now[1] == 0 and time.monotonic() - moved > 5.0:
            return
        time.sleep(0.5)


def _seen(sink: int) -> dict[str, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{sink}/seen") as answer:
        found: dict[str, int] = json.loads(answer.read())
        return found
