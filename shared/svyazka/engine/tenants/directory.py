"""Tenants and their connections as the worker sees them: cached for moments, secrets unsealed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from pydantic import ValidationError

from svyazka.catalogue import N_, _, told
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.contracts.flow import Channel, Flow, FlowSettings
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Store
from svyazka.engine.security.keyring import Keyring
from svyazka.model.complaints import in_words
from svyazka.model.errors import ConfigError
from svyazka.model.ids import connection_id
from svyazka.model.tenants import CompiledConnection, ConnectionSettings, ConnectionSpec, FlowSpec, Tenant


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """One connection ready for use: its manifest, and its settings with secrets in place. Each reading is another."""

    tenant: Tenant
    name: str
    vendor: str
    manifest: Manifest[Any]
    settings: ConnectionSettings
    secrets: tuple[str, ...]
    """Values that no story and no log line may show."""
    missing: tuple[str, ...]
    """Credentials that aren't there: `api_id (secret smsru-api-id)`."""
    generation: int = 1
    """Of its webhook key, for the URL that its vendor is to call."""

    @property
    def base_url(self) -> str:
        return self.settings.base_url or self.manifest.base_url

    @property
    def timezone(self) -> str:
        """Of the place whose clock its vendor shows."""
        return self.settings.timezone or self.tenant.timezone

    @property
    def records(self) -> Records[Any] | None:
        """The way to its objects."""
        spec = self.tenant.connections.get(self.name)
        return self.manifest.records_under(spec.settings if spec is not None else {})

    def channel(self) -> Channel:
        """This connection as flows see it."""
        return Channel(
            connection=self.name,
            vendor=self.vendor,
            reaches=self.manifest.reaches,
            address=self.manifest.address,
            carries=self.manifest.carries,
            safety=lambda command: carried(self.manifest, command).safety,
            timezone=self.timezone,
            needs_receipt=self.manifest.needs_receipt,
            shows_buttons=self.manifest.messenger is not None and self.manifest.messenger.shows_buttons,
            moves_visits=self.manifest.calendar is None or self.manifest.calendar.moves,
        )


@dataclass(frozen=True, slots=True)
class BoundFlow:
    """A flow of a tenant with its settings read."""

    spec: FlowSpec
    flow: Flow[Any]
    settings: FlowSettings


def secret_id(tenant: str, name: str) -> str:
    """Document id of a tenant's secret, and the context that its sealing is bound to."""
    return f"{tenant}.{name}"


def misfits(
    manifest: Manifest[Any], spec: ConnectionSpec, values: Mapping[str, object], error: ValidationError
) -> list[str]:
    """`bot_token (secret telegram-bot): expected ...`: what is wrong with a connection's settings. No value is shown:
    it may be a credential, in its own place or in another's."""
    said = []
    for complaint in error.errors():
        field = str(complaint["loc"][0]) if complaint["loc"] else "settings"
        given = spec.settings.get(field)
        where = (
            N_("{field} (secret {secret})").format(field=field, secret=given["secret"]) if is_secret(given) else field
        )
        words, value = in_words(complaint, manifest.settings), values.get(field)
        shown = isinstance(value, str) and value in words
        said.append(f"{where}: {_('expected a value of another form') if shown else words}")
    return said


def is_secret(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a setting's value lies in a secret."""
    return isinstance(value, dict) and set(value) == {"secret"}


class Directory:
    """Who the tenants are. `ttl` seconds pass before a change made elsewhere is seen."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        manifests: Callable[[str], Manifest[Any]],
        flows: Callable[[str], Flow[Any]],
        ttl: float = 15.0,
    ) -> None:
        self._store = store
        self._keyring = keyring
        self.manifests = manifests
        self.flows = flows
        self.ttl = ttl
        self._tenants: dict[str, tuple[float, Tenant | None]] = {}
        self._accounts: dict[tuple[str, str], tuple[float, Account | None]] = {}
        self._flows: dict[str, tuple[Tenant, list[BoundFlow]]] = {}
        """With the reading of the tenant that they were bound for."""

    def called(self, vendor: str | None) -> str:
        """A vendor as people know it: in texts for the business, which are Russian."""
        try:
            return told(self.manifests(vendor).title, "ru") or vendor if vendor else ""
        except (ConfigError, KeyError):
            return vendor or ""

    def forget(self) -> None:
        """Drop what is cached: something was just changed here."""
        self._tenants.clear()
        self._accounts.clear()
        self._flows.clear()

    async def tenant(self, tenant_id: str) -> Tenant | None:
        """A tenant, or None when there is none of that id."""
        known = self._tenants.get(tenant_id)
        if known and known[0] > time.monotonic():
            return known[1]
        held = await journal.load(self._store, Tenant, tenant_id)
        tenant = held.model if held else None
        self._tenants[tenant_id] = (time.monotonic() + self.ttl, tenant)
        return tenant

    async def account(self, tenant_id: str, connection: str) -> Account | None:
        """A connection with its secrets unsealed, or None when the tenant file has none of that name."""
        key = (tenant_id, connection)
        known = self._accounts.get(key)
        if known and known[0] > time.monotonic():
            return known[1]
        tenant = await self.tenant(tenant_id)
        account = await self._resolve(tenant, connection) if tenant else None
        self._accounts[key] = (time.monotonic() + self.ttl, account)
        return account

    async def _resolve(self, tenant: Tenant, name: str) -> Account | None:
        spec = tenant.connections.get(name)
        if spec is None:
            return None
        manifest = self.manifests(spec.vendor)
        values: dict[str, Any] = {}
        secrets: list[str] = []
        lacking: dict[str, str] = {}
        for field, value in spec.settings.items():
            if is_secret(value):
                wanted = str(value["secret"])
                document = await self._store.get("secrets", secret_id(tenant.id, wanted))
                if document is None:
                    lacking[field] = N_("{field} (secret {wanted})").format(field=field, wanted=wanted)
                    continue
                plain = self._keyring.unseal("vault", document.data.decode(), document.id)
                values[field] = plain
                secrets.append(plain)
            else:
                values[field] = value
        try:
            settings = manifest.settings.model_validate(values)
        except ValidationError as error:
            wrong = "; ".join(misfits(manifest, spec, values, error))
            raise ConfigError(
                N_("{tenant}/{name}: can't be used as it is set: {wrong}").format(
                    tenant=tenant.id, name=name, wrong=wrong
                )
            ) from None
        there = {field for field in manifest.settings.model_fields if getattr(settings, field) is not None}
        needed = manifest.credentials.needed(there)
        if not there.issuperset(needed):  # a secret that isn't there yet tells which kind of access was meant
            needed = manifest.credentials.needed({*there, *lacking})
        missing = [lacking.get(field, field) for field in needed if getattr(settings, field) is None]
        missing += [lacking[field] for field in manifest.credentials.if_named if field in lacking]
        compiled = await journal.load(self._store, CompiledConnection, connection_id(tenant.id, name))
        generation = compiled.model.generation if compiled else 1
        return Account(tenant, name, spec.vendor, manifest, settings, tuple(secrets), tuple(missing), generation)

    async def flows_of(self, tenant: Tenant) -> list[BoundFlow]:
        """The tenant's flows, ready to plan."""
        known = self._flows.get(tenant.id)
        if known is None or known[0] is not tenant:
            known = self._flows[tenant.id] = (tenant, [self.bind(spec) for spec in tenant.flows])
        return known[1]

    def bind(self, spec: FlowSpec) -> BoundFlow:
        """One flow with its settings as its own model."""
        flow = self.flows(spec.flow)
        return BoundFlow(spec, flow, flow.settings_model().model_validate(spec.settings))

    async def channels(self, tenant: Tenant, names: tuple[str, ...]) -> list[Channel]:
        """The connections that a flow may act through, in its order of preference."""
        accounts = [await self.account(tenant.id, name) for name in names]
        return [account.channel() for account in accounts if account is not None]
