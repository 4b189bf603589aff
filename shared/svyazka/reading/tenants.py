"""Which tenants there are, and which secrets their files name: for whoever only looks."""

from __future__ import annotations

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import ALL_TENANTS
from svyazka.engine.ports.store import Store
from svyazka.engine.tenants.directory import is_secret
from svyazka.model.tenants import Tenant


async def tenants_in(store: Store) -> list[Tenant]:
    """Every tenant."""
    found: list[Tenant] = []
    cursor: str | None = None
    while True:
        page = await store.find(ALL_TENANTS, limit=200, cursor=cursor)
        found += [journal.read(Tenant, document).model for document in page.documents]
        cursor = page.cursor
        if cursor is None:
            return sorted(found, key=lambda tenant: tenant.id)


def secret_names(tenant: Tenant) -> set[str]:
    """The secrets that a tenant's file refers to."""
    values = [value for spec in tenant.connections.values() for value in spec.settings.values()]
    return {str(value["secret"]) for value in values if is_secret(value)}
