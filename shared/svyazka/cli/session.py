"""What every command shares: the hub opened and closed, errors as one line, who did it."""

from __future__ import annotations

import asyncio
import difflib
import getpass
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from pydantic import JsonValue, ValidationError

from svyazka.app import build_hub, build_worker, open_backend, open_clock, settings_keyring
from svyazka.catalogue import N_, _
from svyazka.cli.options import data_folder as data_folder
from svyazka.cli.output import fail
from svyazka.engine.calling.oauth.authorise import CodeRefused
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.operator import Operator
from svyazka.engine.ports.store import Create, Document, Put, Store, Write
from svyazka.engine.support.logs import configure
from svyazka.engine.worker import Worker
from svyazka.model.complaints import in_words
from svyazka.model.deliveries import AuditLine
from svyazka.model.errors import ConfigError, SvyazkaError
from svyazka.model.tenants import CompiledConnection, Tenant
from svyazka.reading.masking import Masker
from svyazka.reading.tenants import tenants_in
from svyazka.settings import Settings

T = TypeVar("T")

APPLY_ADDS = N_("svyazka apply FILE adds one")
FILES_NAME = N_("the tenant files name them")


@dataclass
class Noting:
    """What came of a deed that is noted."""

    refused: bool = False
    """It ended without an error, and did nothing."""


@dataclass
class Session:
    """One command's view of the installation."""

    settings: Settings
    hub: Hub
    worker: Worker
    operator: Operator
    who: str
    _tenants: dict[str, Tenant] | None = field(default=None, repr=False)

    @property
    def store(self) -> Store:
        return self.hub.store

    async def tenants(self) -> dict[str, Tenant]:
        """Every tenant by id, read once."""
        if self._tenants is None:
            self._tenants = {tenant.id: tenant for tenant in await tenants_in(self.store)}
        return self._tenants

    async def tenant(self, tenant_id: str) -> Tenant:
        """A tenant. Raises ConfigError, with the nearest name, when there is none."""
        tenants = await self.tenants()
        if tenant_id not in tenants:
            raise ConfigError(
                _(
                    "no tenant {tenant!r}{hint}",
                    tenant=tenant_id,
                    hint=nearest(tenant_id, tenants, APPLY_ADDS),
                )
            )
        return tenants[tenant_id]

    async def compiled(self, tenant: Tenant, connection: str) -> CompiledConnection:
        """A connection as webhook functions see it. Raises ConfigError when the tenant has none of that name."""
        held = await journal.load(self.store, CompiledConnection, f"{tenant.id}.{connection}")
        if held is None or connection not in tenant.connections:
            hint = nearest(connection, tenant.connections, FILES_NAME)
            raise ConfigError(
                _("{tenant} has no connection {connection!r}{hint}", tenant=tenant.id, connection=connection, hint=hint)
            )
        return held.model

    async def connection_of(self, name: str, tenant_id: str | None) -> tuple[Tenant, str]:
        """`CONNECTION`, `TENANT/CONNECTION`, or a bare name that only one tenant has."""
        if "/" in name:
            tenant_id, _slash, name = name.partition("/")
        if tenant_id is not None:
            tenant = await self.tenant(tenant_id)
            await self.compiled(tenant, name)
            return tenant, name
        having = [tenant for tenant in (await self.tenants()).values() if name in tenant.connections]
        if len(having) == 1:
            return having[0], name
        if having:
            names = ", ".join(f"{tenant.id}/{name}" for tenant in having)
            raise ConfigError(
                _("several tenants have a connection {name!r}: say which: {names}", name=name, names=names)
            )
        known = {connection for tenant in (await self.tenants()).values() for connection in tenant.connections}
        raise ConfigError(
            _(
                "no tenant has a connection {name!r}{hint}",
                name=name,
                hint=nearest(name, known, APPLY_ADDS),
            )
        )

    async def zone(self, tenant_id: str | None) -> tzinfo:
        """The tenant's time zone; UTC for one that is gone."""
        tenant = (await self.tenants()).get(tenant_id or "")
        return ZoneInfo(tenant.timezone) if tenant else UTC

    async def own_zone(self) -> tzinfo:
        """The zone in which this installation's times are read: that of all its tenants, else UTC."""
        zones = {tenant.timezone for tenant in (await self.tenants()).values()}
        return ZoneInfo(zones.pop()) if len(zones) == 1 else UTC

    def _line(self, action: str, target: str, detail: Mapping[str, JsonValue]) -> AuditLine:
        return AuditLine(
            id=f"aud_{uuid4().hex}", at=self.hub.clock.now(), who=self.who, action=action, target=target,
            detail=dict(detail),
        )  # fmt: skip

    def audit_write(self, action: str, target: str, **detail: JsonValue) -> Write:
        """The line that says who did what; never a secret or an address in it."""
        return Create(journal.document(self._line(action, target, detail)))

    async def audit(self, action: str, target: str, **detail: JsonValue) -> None:
        """Leave the line."""
        await self.store.commit([self.audit_write(action, target, **detail)])

    @asynccontextmanager
    async def noting(self, action: str, target: str, **detail: JsonValue) -> AsyncIterator[Noting]:
        """For a deed of more than one commit. The line stands before it, for whoever dies on the way may have done it,
        and says at its end whether it was done or refused."""
        line, noting = self._line(action, target, detail), Noting()
        await self.store.commit([Create(journal.document(line.model_copy(update={"came": "begun"})))])
        try:
            yield noting
        except (ConfigError, CodeRefused):
            await self.store.commit([Put(journal.document(line.model_copy(update={"came": "refused"})))])
            raise
        came = "refused" if noting.refused else "done"
        await self.store.commit([Put(journal.document(line.model_copy(update={"came": came})))])

    async def masker(self, reveal: bool, what: str) -> Masker:
        """Masks people; to see them as they are leaves a line first."""
        if reveal:
            await self.audit("reveal", what)
        return Masker(reveal)


def nearest(name: str, known: object, otherwise: str) -> str:
    """`; did you mean 'till'?`, or what to do when nothing is near."""
    names = sorted(str(n) for n in known) if hasattr(known, "__iter__") else []
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return _("; did you mean {near!r}?", near=close[0])
    return _("; there are {names}", names=", ".join(names[:20])) if names else f"; {_(otherwise)}"


def operator_name() -> str:
    """`ivan@server`: who sits at this command line."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def settings() -> Settings:
    """The environment's settings, and the data folder of `--data`."""
    folder = data_folder.get()
    try:
        return Settings() if folder is None else Settings(data=folder)
    except ValidationError as error:
        first = error.errors()[0]
        name = "SVYAZKA_" + "_".join(str(part) for part in first["loc"]).upper()
        fail(
            _(
                "{name}: {expected}, got {got!r}",
                name=name,
                expected=in_words(first, Settings),
                got=str(first["input"])[:60],
            )
        )


def run(body: Callable[[Session], Awaitable[T]], *, creates: bool = False) -> T:
    """Open the hub, do a command, close the hub. Expected errors become one line and exit status 1.

    Only commands that may be the first of an installation (`creates`) make the data folder.
    """
    chosen = settings()
    if chosen.backend == "local" and not creates and not Path(chosen.data).is_dir():
        fail(
            _(
                "no data in {folder}: `svyazka apply FILE` begins, or name the folder with --data",
                folder=Path(chosen.data).absolute(),
            )
        )
    configure(sys.stderr, quiet=True)
    try:
        return asyncio.run(within(chosen, body))
    except SvyazkaError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail(_("interrupted; what was done before stays done"))
    finally:
        configure()


async def within(chosen: Settings, body: Callable[[Session], Awaitable[T]]) -> T:
    """The body, between the opening and the closing of the hub that the settings name."""
    store, queue = open_backend(chosen)
    try:
        chosen = await _as_served(chosen, store)
        clock = open_clock(chosen, store)
        hub = build_hub(chosen, store=store, queue=queue, clock=clock, keyring=settings_keyring(chosen))
        worker = build_worker(hub)
        who = operator_name()
        operator = Operator(hub, worker.webhook_of, who)
        try:
            return await body(Session(chosen, hub, worker, operator, who))
        finally:
            await hub.clients.close()
            await hub.blobs.close()
    finally:
        await store.close()


SERVED = "served"
"""The `meta` document that says under which address this machine's hub was last served."""


async def _as_served(chosen: Settings, store: Store) -> Settings:
    """The settings with the address of the last `svyazka run`, where nobody has set SVYAZKA_PUBLIC_URL."""
    if chosen.backend != "local" or "public_url" in chosen.model_fields_set:
        return chosen
    document = await store.get("meta", SERVED)
    return chosen.model_copy(update={"public_url": document.data.decode()}) if document else chosen


def served_write(url: str) -> Write:
    """Remember the address."""
    return Put(Document("meta", SERVED, {}, url.encode()))
