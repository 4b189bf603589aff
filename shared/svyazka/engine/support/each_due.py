"""Going through all that a query finds to be due, one document at a time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Document, Store
from svyazka.engine.support.logs import log, where
from svyazka.model.errors import Unavailable, WrittenByNewer

BATCH = 200


@dataclass
class Through:
    """How far it went."""

    done: int = 0
    finished: bool = False
    """Nothing was left when its time was over."""
    oldest: datetime | None = None
    """When what was due first had been due."""


async def each_due(
    store: Store, query: Query, now: datetime, limit: float, work: Callable[[Document], Awaitable[bool]]
) -> Through:
    """Do `work` on everything due, oldest first, for so many real seconds (one page in any case).

    A document that can't be dealt with is logged and keeps no other waiting. Raises Unavailable.
    """
    through, cursor, until = Through(), None, time.monotonic() + limit
    while True:
        page = await store.find(query, at_most=now, limit=BATCH, cursor=cursor)
        for document in page.documents:
            first = document.fields.get(query.at_most or "")
            through.oldest = through.oldest or (first if isinstance(first, datetime) else None)
            try:
                through.done += await work(document)
            except Unavailable:
                raise
            except WrittenByNewer:
                log("NOTICE", "left for a newer version", kind=document.kind)
            except Exception as error:
                log("ERROR", "can't be dealt with", kind=document.kind, error=type(error).__name__, where=where(error))
        cursor, through.finished = page.cursor, page.cursor is None
        if through.finished or time.monotonic() >= until:
            return through
