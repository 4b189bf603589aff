"""Keys and tokens: which there are and who uses them, never what they are; and one connection with its access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.engine.journal.kinds import SECRETS_OF_TENANT
from svyazka.engine.tenants.directory import is_secret, secret_id
from svyazka.model.requests import VAULT_LOCK, Role
from svyazka.model.tenants import Tenant
from svyazka.reading.tenants import secret_names


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret that a tenant's file names."""

    name: str
    is_set: bool
    used_by: Sequence[str]


def users_of(tenant: Tenant, name: str) -> list[str]:
    """Connections whose settings name it."""
    return [
        connection for connection, spec in tenant.connections.items()
        if any(is_secret(value) and value["secret"] == name for value in spec.settings.values())
    ]  # fmt: skip


async def of_tenant(visit: Visit, tenant: Tenant, only: str | None = None) -> list[Secret]:
    """Those of a tenant, or of one connection. One query."""
    prefix = len(secret_id(tenant.id, ""))
    found = await visit.store.find(SECRETS_OF_TENANT, equal={"tenant": tenant.id}, limit=1000)
    there = {document.id[prefix:] for document in found.documents}
    secrets = [Secret(name, name in there, users_of(tenant, name)) for name in sorted(secret_names(tenant))]
    return [one for one in secrets if only is None or only in one.used_by]


async def can_be_typed(visit: Visit) -> bool:
    """Whether the worker has laid out the lock to which they are sealed."""
    return await visit.store.get("meta", VAULT_LOCK) is not None


async def secrets(visit: Visit) -> Response:
    """`/secrets`."""
    tenant = visit.tenant()
    if tenant is None:
        return page("choose.html", visit, {"tenant": None, "path": "/secrets"})
    if not visit.may(tenant, Role.OWNER):
        raise HTTPException(403)
    owner = visit.tenants[tenant]
    return page(
        "secrets.html", visit,
        {"tenant": tenant, "secrets": await of_tenant(visit, owner), "ready": await can_be_typed(visit),
         "named": visit.asked("name")},
    )  # fmt: skip


def agrees_by_page(tenant: Tenant, connection: str) -> bool:
    """Whether the account's owner gives us access at the vendor's own page."""
    spec = tenant.connections[connection]
    if "client_id" not in spec.settings:
        return False
    from svyazka.connectors.registry import load_manifest  # many of a vendor's modules come with it

    return load_manifest(spec.vendor).access is not None
