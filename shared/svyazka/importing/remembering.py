"""What was decided about files of one name, kept for the next of them."""

from __future__ import annotations

from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put, Store, Write
from svyazka.importing.decisions import Decisions
from svyazka.model.ids import stable_id
from svyazka.model.imports import FileDecisions


async def decided(store: Store, tenant: str, name: str) -> Decisions:
    """What was decided before; nothing at the first time."""
    held = await journal.load(store, FileDecisions, _id(tenant, name))
    if held is None:
        return Decisions()
    said = held.model
    return Decisions.model_validate({"columns": said.columns, "duplicates": said.duplicates, "clusters": said.clusters})


def remember(tenant: str, name: str, decisions: Decisions) -> Write:
    """Keep it."""
    said = decisions.model_dump(mode="json")
    return Put(journal.document(FileDecisions(id=_id(tenant, name), tenant=tenant, **said)))


def _id(tenant: str, name: str) -> str:
    return stable_id("dec", tenant, name)
