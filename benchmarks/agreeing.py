"""`svyazka diff --full` of two full systems that agree: every card of both lists against what was last agreed, over
SQLite. Vendors answer from memory, so that only our own time is counted."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from svyazka.backends.local.schema import rows_of
from svyazka.backends.local.store import FILE, LocalStore
from svyazka.backends.local.writer import connect
from svyazka.engine.agreeing.nightly import begin, job_id
from svyazka.engine.contracts.capabilities.records import Page
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.engine.in_step.prints import printer
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Document
from svyazka.model.bases import FieldBase
from svyazka.model.in_step import Link, Record, Side, link_id, record_id
from svyazka.model.jobs import Job
from svyazka.model.records import Object, RecordKind, Shown

TENANT, KIND, NAMES = "kofe", RecordKind.CONTACT, ("salon", "crm")
PAGE = 250


def agreeing(pairs: int) -> dict[str, float]:
    """Seconds of processor, and of clock, for so many pairs."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_compared(Path(folder), pairs))


async def _compared(data: Path, pairs: int) -> dict[str, float]:
    # The house with fakes of the tests: `make bench` has them on its path.
    store = LocalStore.open(data)
    house: Any = import_module("listed_side").Listed(store=import_module("beside").beside(store), mode="on")
    await house.settle_in()
    _fill(data, house, pairs)
    for name in NAMES:
        house.sides[name].page = _list_of([_card(name, number, house.clock.now()) for number in range(pairs)])
    begun, clock = time.process_time(), time.monotonic()
    for name in NAMES:
        job = await _night(house, name)
        assert (job.result["records"], job.result["agree"]) == (pairs, 4 * pairs), job.result
    spent = {"processor_seconds": time.process_time() - begun, "seconds": time.monotonic() - clock}
    await store.close()
    return {name: round(value, 1) for name, value in spent.items()}


async def _night(house: Any, name: str) -> Job:
    (flow,) = await in_step_flows(house.hub, house.tenant)
    await begin(house.hub, house.tenant, flow, name, "bench", full=True)
    id_ = job_id(TENANT, flow.id, name, "bench")
    while True:
        await house.worker.handle("/job", {"job": id_})
        held = await journal.load(house.store, Job, id_)
        assert held is not None
        if held.model.has_ended:
            return held.model


def _list_of(cards: list[Object]) -> Any:
    async def page(kind: RecordKind, after: str | None, call: object) -> Page:
        at = int(after or 0)
        return Page(tuple(cards[at : at + PAGE]), str(at + PAGE) if at + PAGE < len(cards) else None)

    return page


def _card(name: str, number: int, at: Any) -> Object:
    fields: dict[str, Shown] = {
        "name": f"Анна Петрова {number}", "phone": (f"+79{number * 7919 % 10**9:09}",),
        "email": (f"p{number}@kofe.example",), "birthday": f"19{number % 90 + 10}-0{number % 9 + 1}-1{number % 10}",
    }  # fmt: skip
    return Object(KIND, f"{name[0]}{number}", fields, version="1", changed_at=at)


def _fill(data: Path, house: Any, pairs: int) -> None:
    """Their records, as a look has left them that found both equal."""
    connection = connect(data / FILE)
    try:
        connection.execute("BEGIN IMMEDIATE")
        documents = sorted(_documents(house, pairs), key=lambda one: one.kind)
        for kind, some in itertools.groupby(documents, key=lambda one: one.kind):
            connection.executemany(rows_of(kind).insert, (rows_of(kind).values(one, 1) for one in some))
        connection.execute("COMMIT")
    finally:
        connection.close()


def _documents(house: Any, pairs: int) -> Iterator[Document]:
    prints, now = printer(house.hub, TENANT, KIND), house.clock.now()
    for number in range(pairs):
        cards = {name: _card(name, number, now) for name in NAMES}
        links = {name: link_id(TENANT, KIND, name, card.id) for name, card in cards.items()}
        sides = {
            name: Side(
                object=card.id, seen_at=now, version="1",
                bases={field: FieldBase(prints=prints.prints(field, shown)) for field, shown in card.fields.items()},
            )
            for name, card in cards.items()
        }  # fmt: skip
        record = Record(id=record_id(links[NAMES[0]]), tenant=TENANT, kind=KIND, sides=sides, created_at=now)
        yield journal.document(record)
        for name, card in cards.items():
            yield journal.document(
                Link(id=links[name], tenant=TENANT, kind=KIND, connection=name, object=card.id, record=record.id)
            )
