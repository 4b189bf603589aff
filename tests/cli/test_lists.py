"""Lists read what they show, however large the journal is: counted in documents, never in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.filled import fill, tenant_of

from cli.conftest import NAME, SURNAME, Installation, order
from svyazka.backends.local.store import LocalStore
from svyazka.cli.checks.tenants import tenant_checks
from svyazka.cli.commands.replay import _chosen
from svyazka.cli.commands.stats import Sums, _count
from svyazka.cli.session import Session, within
from svyazka.engine.ports.clock import SystemClock
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Document, Page
from svyazka.reading import lists
from svyazka.reading.lists import Filter
from svyazka.settings import Settings

EVENTS, TENANTS = 4000, 20


class Counting(LocalStore):
    """Counts the documents that it hands over."""

    read_documents = 0
    questions = 0

    def peek(self, kind: str, key: str) -> Document | None:
        found = super().peek(kind, key)
        self.read_documents += found is not None
        return found

    async def find(self, query: Query, **asked: Any) -> Page:
        page = await super().find(query, **asked)
        self.read_documents += len(page.documents)
        self.questions += 1
        return page

    async def tally(self, query: Query, *among: Any, **asked: Any) -> dict[str, int]:
        self.questions += 1
        return await super().tally(query, *among, **asked)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("filled")
    fill(data, EVENTS, TENANTS)
    return data


def read_for(data: Path, body: Callable[[Session], Awaitable[object]]) -> Counting:
    """Do it over the filled journal; the store then knows what was read for it, the list of tenants aside."""

    async def counted(session: Session) -> Counting:
        await session.tenants()
        store = Counting.open(data, SystemClock())
        assert isinstance(store, Counting)
        session.hub.store = store
        await body(session)
        await store.close()
        return store

    return asyncio.run(within(Settings(data=data), counted))


async def first(found: AsyncIterator[object], many: int) -> int:
    shown = 0
    async for _ in found:
        shown += 1
        if shown == many:
            break
    return shown


def named(wanted: Filter) -> str:
    parts = (wanted.tenant, wanted.connection, *sorted(wanted.statuses), wanted.type, wanted.flow, wanted.event)
    return " ".join(part for part in parts if part) or "everything"


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(statuses=frozenset({"quarantined"})),
        Filter(statuses=frozenset({"quarantined", "ignored"})),
        Filter(tenant_of(3), statuses=frozenset({"planned"})),
        Filter(tenant_of(3), "till", frozenset({"ignored"})),
        Filter(tenant_of(3), "till"),
        Filter(type="order.completed"),
        Filter(type="stock.changed"),
        Filter(statuses=frozenset({"accepted"})),
    ],
    ids=named,
)
def test_events_read_no_more_than_a_page_of_each_state_asked_for(filled: Path, wanted: Filter) -> None:
    shown = 0

    async def body(session: Session) -> None:
        nonlocal shown
        shown = await first(lists.events(session.store, wanted, 20), 20)

    read = read_for(filled, body).read_documents
    assert read <= 20 * max(1, len(wanted.statuses))
    assert (shown == 20) is (wanted.type != "stock.changed" and "accepted" not in wanted.statuses)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(statuses=frozenset({"dead"})),
        Filter(tenant_of(3), statuses=frozenset({"succeeded"})),
        Filter(tenant_of(3), "sms", frozenset({"cancelled", "succeeded"})),
        Filter(tenant_of(3), "sms"),
        Filter(tenant_of(3), flow="review_request"),
        Filter(event=f"evt_{3:032x}"),
        Filter(statuses=frozenset({"unknown"})),
    ],
    ids=named,
)
def test_deliveries_read_no_more_than_a_page_of_each_state_asked_for(filled: Path, wanted: Filter) -> None:
    async def body(session: Session) -> None:
        await first(lists.deliveries(session.store, wanted, 20), 20)

    assert read_for(filled, body).read_documents <= 20 * max(1, len(wanted.statuses))


def test_a_replay_reads_what_is_in_the_state_that_is_named(filled: Path) -> None:
    chosen: list[str] = []

    async def body(session: Session) -> None:
        chosen.extend(await _chosen(session, Filter(statuses=frozenset({"dead", "failed"}))))

    store = read_for(filled, body)
    assert 0 < len(chosen) == len(set(chosen)) == store.read_documents < EVENTS / 50


def test_statistics_read_no_document_that_they_count(filled: Path) -> None:
    books: list[dict[tuple[str, str], Sums]] = []

    async def body(session: Session) -> None:
        owners = (await session.tenants()).values()
        books.append({(owner.id, name): Sums() for owner in owners for name in owner.connections})
        await _count(session, None, books[0])

    store = read_for(filled, body)
    assert store.read_documents <= 2 * TENANTS, "the first wake-up of each connection"
    (book,) = books
    assert sum(sums.events.total() for sums in book.values()) == EVENTS
    planned = sum(sums.events["planned"] for sums in book.values())
    assert sum(sums.deliveries.total() for sums in book.values()) == planned == EVENTS * 12 / 20
    paid = sum(sums.deliveries["succeeded"] for sums in book.values())
    assert sum(sums.cost or 0.0 for sums in book.values()) == 2.5 * paid


def test_the_doctor_reads_a_bounded_part_of_each_connections_events(filled: Path) -> None:
    async def body(session: Session) -> None:
        for tenant in (await session.tenants()).values():
            async for _ in tenant_checks(session, tenant, live=False, fix=False):
                pass

    read = read_for(filled, body).read_documents
    ignored = EVENTS * 7 / 20
    assert read <= ignored + TENANTS * 40, "the words that nobody explained are among what was ignored"


def test_the_numbers_are_those_of_the_journal_whatever_died(hub: Installation) -> None:
    """Nothing keeps them beside the documents that they count: there is nothing to come out of step."""
    hub.done(order(1), order(2), order(3, status="Cancelled"))
    (till, sms) = sorted(hub.rows("stats"), key=lambda row: row["connection"], reverse=True)
    assert sum(till["events"].values()) == len(hub.rows("events"))
    assert sum(sms["deliveries"].values()) == len(hub.rows("deliveries"))
    assert hub.rows("stats", "--since", "2020-01-01") == hub.rows("stats")
    assert not any(row["events"] or row["deliveries"] for row in hub.rows("stats", "--since", "2035-01-01"))


def test_events_say_whom_and_which_order_and_mask_the_person(hub: Installation) -> None:
    hub.done(order(7))
    said = hub.svyazka("events").stdout
    assert "№ 7" in said, "the number that the till prints, not its own long id"
    assert "+7999•••4567" in said
    assert NAME not in said
    assert SURNAME not in said
