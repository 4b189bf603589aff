"""`python -m benchmarks.bare plain|grouped PORT DATA`: does the accept path's store operations, and nothing else.

No key, no signature, no parsing: one event document of the same size and fields, under a hash for an id as all of them
are, with its task, created in the same file by the same server. What the accept path's rate is measured against:
`plain` makes a transaction of each request, as any handler would; `grouped` borrows our commits of many at once.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from svyazka.backends.local.schema import microseconds
from svyazka.backends.local.store import LocalStore, _arrive
from svyazka.backends.local.writer import connect
from svyazka.engine.ports.store import Document, NewEvent, Task, Value

Message = MutableMapping[str, Any]
ANSWER = b'{"status":"accepted","events":[{"id":"evt_0","type":"order.completed","status":"accepted","reason":null}]}'
PEOPLE = tuple(f"{number:024x}" for number in range(4))


def arrivals() -> Iterator[Callable[[bytes], NewEvent]]:
    """One after the other, each of another event: what a body becomes."""
    for number in itertools.count():
        key = f"evt_{hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()}"

        def arrival(body: bytes, key: str = key) -> NewEvent:
            now = datetime.now(UTC)
            fields: dict[str, Value] = {
                "tenant": "bench", "connection": "till", "type": "order.completed", "subject": f"order:{key}",
                "status": "accepted", "received_at": now, "wake_at": now, "blank_at": now, "people": PEOPLE,
            }  # fmt: skip
            document = Document("events", key, fields, body + b" " * 900)
            return NewEvent(document, Task("plan", "/plan", {"event": key}))

        yield arrival


class PlainStore:
    """A transaction a request, on a connection of its own."""

    def __init__(self, data: Path) -> None:
        self._store = LocalStore.open(data)
        self._connection = connect(self._store.path)

    async def accept(self, arrivals: Sequence[NewEvent], raw: None, salvage: None) -> list[Document | None]:
        """As the store itself does it, but for its writer."""
        now = microseconds(self._store.clock.now())
        self._connection.execute("BEGIN IMMEDIATE")
        present = [_arrive(self._connection, arrival, now) for arrival in arrivals]
        self._connection.execute("COMMIT")
        return present


STORES: dict[str, Callable[[Path], PlainStore | LocalStore]] = {"plain": PlainStore, "grouped": LocalStore.open}


def application(store: PlainStore | LocalStore) -> Callable[..., Awaitable[None]]:
    """The handler."""
    coming = arrivals()

    async def serve(scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        if scope["type"] != "http":
            return
        body = (await receive()).get("body", b"")
        await store.accept([next(coming)(body)], None, None)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})

    return serve


if __name__ == "__main__":
    uvicorn.run(
        application(STORES[sys.argv[1]](Path(sys.argv[3]))), host="127.0.0.1", port=int(sys.argv[2]),
        log_level="error", access_log=False, proxy_headers=False, server_header=False, date_header=False,
        lifespan="off", backlog=2048,
    )  # fmt: skip
