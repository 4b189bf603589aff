"""The console's pages over a large journal: seconds each, the store's questions, and the bytes of a first load."""

from __future__ import annotations

import asyncio
import gzip
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.filled import fill, tenant_of
from svyazka.app import settings_keyring
from svyazka.backends.local.clock import load_clock
from svyazka.backends.local.store import LocalStore
from svyazka.console.app import console
from svyazka.console.rendering import warmed
from svyazka.console.surroundings import Surroundings
from svyazka.model.requests import Role
from svyazka.settings import Settings
from svyazka.signing_in import Invitation, invite

HOST = "127.0.0.1:8082"
TIMES = 5
FIRST_LOAD = ("/", "/static/console.css", "/static/live.js", "/static/icon.svg")


def pages(tenant: str) -> tuple[str, ...]:
    """Those that ask the store for more than one document."""
    return (
        "/", f"/?tenant={tenant}", "/systems", f"/systems?tenant={tenant}", f"/systems/{tenant}/sms",
        f"/systems/{tenant}/sms/history", "/deliveries", f"/deliveries?tenant={tenant}", "/deliveries?status=dead",
        f"/deliveries?tenant={tenant}&status=succeeded", "/events", f"/events?tenant={tenant}",
        "/events?status=quarantined", f"/again?tenant={tenant}", "/jobs", "/audit", "/pictures",
        f"/pictures?tenant={tenant}", "/more", f"/file?tenant={tenant}", f"/month?tenant={tenant}",
        f"/secrets?tenant={tenant}", f"/people?tenant={tenant}", "/sync",
    )  # fmt: skip


def console_pages(events: int, tenants: int) -> dict[str, object]:
    """Median seconds of each page, the first look (nothing kept yet) and the questions that it asked of the store."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        fill(data, events, tenants)
        return {"events": events, "tenants": tenants, **asyncio.run(_measured(data))}


async def _measured(data: Path) -> dict[str, object]:
    store = LocalStore.open(data)
    clock, settings = load_clock(store, 1.0), Settings(data=data)
    around = Surroundings(store, clock, settings_keyring(settings))
    asked: list[str] = []
    for name in ("find", "get", "get_many", "tally", "total"):
        _count(store, name, asked)
    token = await invite(store, clock, Invitation("bench", Role.OWNER))
    moments = iter(range(10**9))
    transport = httpx.ASGITransport(console(around, {HOST}, now=lambda: float(next(moments))))
    warmed()
    found: dict[str, dict[str, float]] = {}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        await client.post(f"/enter/{token}", headers={"content-length": "0"})
        for path in pages(tenant_of(7)):
            took = []
            for _ in range(TIMES):
                around.samples.clear()
                asked.clear()
                begun = time.perf_counter()
                answer = await client.get(path)
                took.append(time.perf_counter() - begun)
                assert answer.status_code == 200, (path, answer.status_code)
            found[path] = {
                "median": round(statistics.median(took), 4), "worst": round(max(took), 4), "questions": len(asked)
            }  # fmt: skip
        load = [len(gzip.compress((await client.get(path)).content)) for path in FIRST_LOAD]
    await store.close()
    return {"pages": found, "first_load_bytes_gzipped": sum(load)}


def _count(store: LocalStore, name: str, asked: list[str]) -> None:
    real = getattr(store, name)

    def counted(*args: object, **options: object) -> object:
        asked.append(name)
        return real(*args, **options)

    setattr(store, name, counted)
