"""The working process: the queue's tasks, and the ticks that a scheduler gives in the cloud."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable

from svyazka.app import build_hub, build_worker
from svyazka.backends.local.clock import ClockKeeper, load_clock
from svyazka.backends.local.queue import Dispatcher, LocalQueue
from svyazka.backends.local.store import LocalStore
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.hub import Printer
from svyazka.engine.journal.tasks import PLANNING, SALVAGING, Route
from svyazka.engine.support.logs import log, say, where
from svyazka.engine.worker import Worker
from svyazka.model.contacts import Contact, mask_email, mask_phone
from svyazka.model.terminal import plain
from svyazka.server.asked import answering, socket_of
from svyazka.settings import Settings

SWEEP_EVERY, RETAIN_EVERY, POLL_EVERY, KEEP_EVERY = 2.0, 600.0, 60.0, 20.0
"""Real seconds between ticks; a faster clock makes them as much shorter."""


def queue_limits() -> dict[str, tuple[float, int]]:
    """Dispatches a second and at once for each queue: one queue a vendor, by its connector's table."""
    limits = {PLANNING: (10_000.0, 64), SALVAGING: (50.0, 8)}
    for vendor in VENDORS:
        own = load_manifest(vendor).limits
        # Accounts are paced one by one in the worker; a queue only bounds what is out at once.
        limits[vendor] = (10_000.0, max(own.concurrency * 4, 16))
    return limits


async def serve(settings: Settings, stop: asyncio.Event, printer: Printer | None = None) -> None:
    """Work until `stop`."""
    store = LocalStore.open(settings.data, upgrade=True)
    clock = load_clock(store, settings.speed)
    hub = build_hub(settings, store=store, queue=LocalQueue(store), clock=clock, printer=printer)
    worker = build_worker(hub)

    asked = await answering(socket_of(settings.data), worker.answer)
    dispatcher = Dispatcher(store, clock, worker.handle, queue_limits())
    ticks = [
        asyncio.create_task(_every(SWEEP_EVERY, clock.speed, stop, lambda: worker.handle(Route.SWEEP, {}))),
        asyncio.create_task(_every(RETAIN_EVERY, clock.speed, stop, lambda: _retain(worker, store))),
        asyncio.create_task(_every(POLL_EVERY, clock.speed, stop, lambda: worker.handle(Route.POLL, {}))),
        asyncio.create_task(_every(KEEP_EVERY, 1.0, stop, lambda: ClockKeeper(store, clock).keep())),
    ]
    try:
        await dispatcher.run(stop)
    finally:
        asked.close()
        for tick in ticks:
            tick.cancel()
        await asyncio.gather(*ticks, return_exceptions=True)
        await ClockKeeper(store, clock).keep()
        await hub.clients.close()
        await hub.blobs.close()
        await store.close()


async def _retain(worker: Worker, store: LocalStore) -> None:
    await worker.handle(Route.RETAIN, {})
    await store.delete_expired(worker.hub.clock.now())
    await store.scrub()


async def _every(seconds: float, speed: float, stop: asyncio.Event, work: Callable[[], Awaitable[object]]) -> None:
    """Call `work` again and again; its troubles are logged, and the next tick comes all the same."""
    pause = max(seconds / speed, 0.05)
    while not stop.is_set():
        try:
            await work()
        except Exception as error:
            log("ERROR", "tick failed", error=type(error).__name__, where=where(error))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()


def console_printer(connection: str, to: Contact, text: str) -> None:
    """`--print-messages`: what would have gone out, on the console (the address masked, the text whole)."""
    address = mask_phone(to.phone) or mask_email(to.email) or "•••"
    say(plain(f"[{connection} → {address}] {text}"))


def main(settings: Settings) -> None:
    """Work until SIGTERM or Ctrl-C."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await serve(settings, stop, console_printer if settings.print_messages else None)

    import uvloop

    uvloop.run(run())
