"""Through which connections somebody who is to be told can be reached, the best first.

An alert about a connection must not wait behind that very connection. A person keeps his address; what differs is the
connection that carries it: a phone is reached by every SMS gateway and WhatsApp of his tenant, an e-mail address by
every mailer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.hub import Hub
from svyazka.model.commands import SendMessage, Step
from svyazka.model.contacts import Contact
from svyazka.model.errors import ConfigError
from svyazka.model.ids import connection_id
from svyazka.model.tenants import Addressee, Tenant


def person(hub: Hub, tenant: Tenant, addressee: Addressee) -> Contact | None:
    """The addressee as a contact; None when the connection that the file names for him is gone."""
    manifest = _manifest(hub, tenant, addressee.connection)
    if manifest is None:
        return None
    chats = {manifest.reaches: addressee.chat} if addressee.chat and manifest.reaches else {}
    return Contact(phone=addressee.phone, email=addressee.email, chats=chats)


def ways(hub: Hub, tenant: Tenant, addressee: Addressee) -> list[str]:
    """Connections of the tenant that reach this person: the one that the file names, then the others."""
    to = person(hub, tenant, addressee)
    if to is None:
        return []
    others = [name for name in tenant.connections if name != addressee.connection]
    return [addressee.connection, *(name for name in others if reaches(_manifest(hub, tenant, name), to))]


def reaches(manifest: Manifest[Any] | None, to: Contact) -> bool:
    """Whether a connection that the file doesn't name for this person would carry an alert to him all the same.

    A chat belongs to the bot that it was begun with; what often never arrives (WhatsApp's plain text) is no way out.
    """
    if manifest is None or manifest.reaches not in ("phone", "email") or manifest.needs_receipt:
        return False
    return manifest.address(to) is not None


async def steps(
    hub: Hub, tenant: Tenant, addressee: Addressee, command: SendMessage, name: str, well: str | None
) -> list[Step]:
    """The ways to tell somebody, in order: those that work, then those in trouble, for they may come back.

    `well` is a connection that has just recovered, though its outage isn't closed yet.
    """
    known = ways(hub, tenant, addressee)
    troubled = await in_trouble(hub, tenant, [one for one in known if one != well])
    known.sort(key=lambda one: one in troubled)  # stable: the file's own choice first among equals
    made = []
    for place, connection in enumerate(known):
        step = step_through(hub, tenant, connection, command, name if place == 0 else f"{name}/{connection}")
        if step is not None:
            made.append(step)
    return made


def step_through(hub: Hub, tenant: Tenant, connection: str, command: SendMessage, name: str) -> Step | None:
    """The message on its way through one connection."""
    manifest = _manifest(hub, tenant, connection)
    if manifest is None:
        return None
    safety = carried(manifest, command).safety
    return Step.through(name, connection, manifest.vendor, command, safety, needs_receipt=manifest.needs_receipt)


async def in_trouble(hub: Hub, tenant: Tenant, connections: Sequence[str]) -> set[str]:
    """Those that an outage or an operator keeps from sending now."""
    found = await hub.store.get_many([("outages", connection_id(tenant.id, one)) for one in connections])
    down = {one for one, doc in zip(connections, found, strict=True) if doc and doc.fields.get("status") == "open"}
    return down | (set(tenant.paused_connections) & set(connections))


async def only_vendor(hub: Hub, tenant: Tenant) -> tuple[bool, str | None]:
    """Whether anybody is told of this tenant's troubles, and the vendor that all of it hangs on, if it is one.

    The outage of that vendor would be told to nobody until it is over.
    """
    vendors = set(_vendors(hub, tenant, tenant.alerts.to))
    for owner_id, addressee in hub.operators:
        owner = await hub.directory.tenant(owner_id)
        if owner is not None:
            vendors |= set(_vendors(hub, owner, [addressee]))
    return bool(vendors), vendors.pop() if len(vendors) == 1 else None


def _vendors(hub: Hub, tenant: Tenant, addressees: Iterable[Addressee]) -> Iterable[str]:
    for addressee in addressees:
        yield from (tenant.connections[name].vendor for name in ways(hub, tenant, addressee))


def _manifest(hub: Hub, tenant: Tenant, connection: str) -> Manifest[Any] | None:
    spec = tenant.connections.get(connection)
    try:
        return hub.directory.manifests(spec.vendor) if spec else None
    except ConfigError:  # a vendor of another version of ours
        return None
