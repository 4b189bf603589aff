"""An id may be given by its beginning, as short as it is clear, like a commit's in git."""

from __future__ import annotations

import re

from svyazka.catalogue import _
from svyazka.engine.ports.store import Store
from svyazka.model.errors import ConfigError

KINDS = {"evt": "events", "dlv": "deliveries", "raw": "raws", "job": "jobs", "pay": "payments",
         "sub": "subscriptions", "rct": "receipts"}  # fmt: skip
"""Collections by the beginnings of their ids."""
RECORDS = {"rec": "records"}
"""Of these only where nothing else may be meant."""
CANDIDATES = 10

_SHOWN = re.compile(r"^((?:evt|sub)_[0-9a-f]+)-[0-9a-f]+$")
"""As the console shows ids that open something: behind the dash is nothing of the id."""


async def whole_id(store: Store, given: str, *, only: str | None = None) -> str:
    """The one id that begins so; what begins none stays as it is, for whoever looks it up to say so.

    `only`: the beginning of a kind (`dlv`), which may then be left out. Raises ConfigError with the candidates.
    """
    given = _SHOWN.sub(r"\1", given)
    found = await _beginning_with(store, given, only)
    if given in found or not found:
        return given
    if len(found) > 1:
        more = ", ..." if len(found) > CANDIDATES else ""
        candidates = ", ".join(found[:CANDIDATES]) + more
        raise ConfigError(_("several ids begin with {given!r}: {candidates}", given=given, candidates=candidates))
    return found[0]


async def _beginning_with(store: Store, given: str, only: str | None) -> list[str]:
    head, underscore, _rest = given.partition("_")
    named = KINDS | RECORDS if only in RECORDS else KINDS
    if underscore:
        kinds = [head] if head in named and only in (None, head) else []
    else:
        kinds = [only] if only else list(KINDS)
        given = f"_{given}"
    found: list[str] = []
    for kind in kinds:
        prefix = given if underscore else kind + given
        found += await store.ids(named[kind], prefix, CANDIDATES + 1)
    return found
