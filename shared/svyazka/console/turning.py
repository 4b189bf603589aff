"""Lists, page by page. What leads on to the next page names the document that was found last, which may be of a
business that whoever looks knows nothing of: it is sealed, for this list and whoever sees the same businesses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from svyazka.console.surroundings import Visit
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Document
from svyazka.model.errors import ConfigError

LONG = 1000
"""Letters of what leads on, at most."""


@dataclass(frozen=True, slots=True)
class Turned:
    """One page of a list."""

    documents: Sequence[Document]
    more: str | None
    """What leads on to the next (`?after=`); None at the end."""
    is_first: bool


async def turned(visit: Visit, query: Query, equal: Mapping[str, str] | None = None, limit: int = 50) -> Turned:
    """The page that is asked for. What leads nowhere here (cut off, of another list, of somebody else) is as if nothing
    was asked: the first page."""
    place = json.dumps([visit.request.url.path, query.name, sorted((equal or {}).items()), sorted(visit.tenants)])
    cursor = _opened(visit, place)
    try:
        page = await visit.store.find(query, equal=equal, limit=limit, cursor=cursor)
    except ValueError:  # of a release that had other ones
        cursor = None
        page = await visit.store.find(query, equal=equal, limit=limit)
    more = visit.around.keyring.seal("mint", page.cursor, place) if page.cursor is not None else None
    return Turned(page.documents, more, cursor is None)


def _opened(visit: Visit, place: str) -> str | None:
    sealed = visit.request.query_params.get("after", "")[:LONG]
    try:
        return visit.around.keyring.unseal("mint", sealed, place) if sealed else None
    except ConfigError:
        return None
