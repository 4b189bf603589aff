"""`apply`: a tenant file becomes the store's truth; what follows for open deliveries is shown first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue, ValidationError

from svyazka.catalogue import N_, _
from svyazka.claiming import claims
from svyazka.connectors.registry import FRONT_DOOR, load_webhook
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import (
    DELIVERIES_BY_STATUS,
    DELIVERIES_OF_FLOW,
    LINKS_OF_CONNECTION,
    SECRETS_OF_TENANT,
)
from svyazka.engine.journal.tasks import resume_task
from svyazka.engine.journal.transition import commit_in_parts
from svyazka.engine.operating.deeds import FileChange, FilePlan
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Create, Delete, Document, Put, Replace, Store, Task, Write
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.tenants.directory import Directory, is_secret, misfits, secret_id
from svyazka.model.deliveries import OPEN
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.events import EventType
from svyazka.model.ids import connection_id
from svyazka.model.roles import Role
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, FlowSpec, Person, Tenant
from svyazka.reading.tenants import secret_names
from svyazka.tenantfile.reader import read_tenant_text
from svyazka.tenanttext import text_of


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the plan."""

    sign: str
    """`+` added, `~` changed, `-` removed."""
    what: str
    open_deliveries: int = 0
    note: str = ""


@dataclass
class ApplyPlan:
    """What applying a tenant would do."""

    tenant: Tenant
    changes: list[Change] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    missing_secrets: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What is no mistake, and will hardly be meant."""
    misfits: list[str] = field(default_factory=list)
    """`sms: api_id (secret smsru-api-id): expected ...`: what can't be used with the secrets that are set."""


async def plan_apply(
    store: Store, directory: Directory, keyring: Keyring, tenant: Tenant,
    secrets_changed: Mapping[str, str | None] | None = None, *, abroad: bool = False,
) -> ApplyPlan:  # fmt: skip
    """Compare a tenant with what is stored and compile it. Writes nothing.

    `secrets_changed`: secrets that are set (None: removed) in the same commit. `abroad`: the store is there; what
    may not be written down first abroad is then refused. Raises ConfigError.
    """
    if abroad:
        _check_may_be_abroad(tenant)
    held = await journal.load(store, Tenant, tenant.id)
    before = held.model if held else None
    tenant = _with_pauses(tenant, before)
    plan = ApplyPlan(tenant)
    if before is None:
        plan.changes.append(Change("+", N_("tenant {id}").format(id=tenant.id)))
    await _compare(store, directory, plan, before, tenant)
    secrets = await _secrets(store, keyring, tenant.id)
    for name, value in (secrets_changed or {}).items():
        secrets.pop(name, None)
        if value is not None:
            secrets[name] = value
    plan.missing_secrets = sorted(name for name in secret_names(tenant) if secrets.get(name) is None)
    plan.warnings += _never_started(directory, tenant)
    plan.misfits = _misfits(directory, tenant, secrets)
    await _compile(store, directory, keyring, plan, held, secrets)
    for name in sorted(set(before.connections if before else ()) - set(tenant.connections)):
        plan.writes += await _removal(store, connection_id(tenant.id, name))
    told, written = await claims(store, directory, before, tenant)
    plan.warnings += told
    plan.writes += written
    return plan


def _check_may_be_abroad(tenant: Tenant) -> None:
    """Russians' data are written down first in Russia (152-FZ, article 18, part 5), and a front door is where they are
    written down first. Raises ConfigError."""
    sites = [name for name, spec in tenant.connections.items() if spec.vendor == FRONT_DOOR]
    if tenant.country == "ru" and sites and tenant.personal_data.abroad_accepted is None:
        raise ConfigError(
            _(
                "{tenant}/{site}: country: ru, and this installation's journal lies abroad: Russian law (152-FZ) wants "
                "people's data written down in Russia first. Run the front door on a machine in Russia (`svyazka "
                "run`), or say who takes it upon them: personal_data: {{abroad_accepted: {{by: NAME, on: DATE}}}}",
                tenant=tenant.id,
                site=sites[0],
            )
        )


def check_may_import_abroad(tenant: Tenant) -> None:
    """The same of a client base that is brought in. Raises ConfigError."""
    if tenant.country == "ru" and tenant.personal_data.abroad_accepted is None:
        raise ConfigError(
            _(
                "{tenant}: country: ru, and this installation's journal lies abroad: bring a client base in on a "
                "machine in Russia (`svyazka run`), or say who takes it upon them: personal_data: {{abroad_accepted: "
                "{{by: NAME, on: DATE}}}}",
                tenant=tenant.id,
            )
        )


def _never_started(directory: Directory, tenant: Tenant) -> Iterator[str]:
    """Flows that wait for what a source of theirs can never tell of."""
    for spec in tenant.flows:
        bound = directory.bind(spec)
        wanted = bound.flow.wants(bound.settings)
        for name in spec.sources:
            vendor = tenant.connections[name].vendor if name in tenant.connections else None
            tells = directory.manifests(vendor).tells if vendor else None
            if tells is not None and not tells & wanted:
                kinds = ", ".join(sorted(each.value for each in wanted))
                yield N_(
                    "{flow}: from {name}: {vendor} never tells of {kinds}, so this flow can't start from it; "
                    "name the connection of a till, a calendar or a CRM"
                ).format(flow=spec.id, name=name, vendor=vendor, kinds=kinds)


def _misfits(directory: Directory, tenant: Tenant, secrets: Mapping[str, str | None]) -> list[str]:
    """A secret's form can be judged only where the file meets the store; what is missing is another matter."""
    found = []
    for name, spec in tenant.connections.items():
        manifest = directory.manifests(spec.vendor)
        values = {key: _value(value, secrets) for key, value in spec.settings.items()}
        given = {key: value for key, value in values.items() if value is not None}
        try:
            manifest.settings.model_validate(given)
        except ValidationError as error:
            found += [f"{name}: {wrong}" for wrong in misfits(manifest, spec, given, error)]
    return found


def _value(value: object, secrets: Mapping[str, str | None]) -> object:
    return secrets.get(str(value["secret"])) if is_secret(value) else value


async def _removal(store: Store, key: str) -> list[Write]:
    """A connection goes with what was granted to it. Its webhook keys end for good: one that comes back by this name
    begins with a generation that nobody has seen."""
    held = await journal.load(store, CompiledConnection, key)
    writes: list[Write] = [Delete(kind, key) for kind in ("connections", "grants")]
    if held is not None:
        writes.append(Put(Document("meta", _grave(key), {}, str(held.model.generation).encode())))
    return writes


def _grave(key: str) -> str:
    """Document id of the last generation of a removed connection's keys."""
    return f"generation.{key}"


def _with_pauses(tenant: Tenant, before: Tenant | None) -> Tenant:
    """What operators paused stays paused: a file doesn't say."""
    if before is None:
        return tenant
    paused = {flow.id for flow in before.flows if flow.paused}
    flows = tuple(f.model_copy(update={"paused": f.id in paused}) for f in tenant.flows)
    return tenant.model_copy(
        update={"flows": flows, "paused": before.paused, "paused_connections": before.paused_connections}
    )


async def _compile(
    store: Store, directory: Directory, keyring: Keyring, plan: ApplyPlan, held: Versioned[Tenant] | None,
    secrets: Mapping[str, str | None],
) -> None:  # fmt: skip
    """Over the very versions that were read: a plan that was shown is the one that is carried out, or none."""
    tenant = plan.tenant
    document = journal.document(tenant, held.version if held else None)
    plan.writes.append(Replace(document) if held else Create(document))
    for name, spec in tenant.connections.items():
        key = connection_id(tenant.id, name)
        old = await journal.load(store, CompiledConnection, key)
        compiled = compile_connection(directory, keyring, tenant, name, spec, secrets, old.model if old else None)
        grave = await store.get("meta", _grave(key)) if old is None else None
        if grave is not None:
            compiled = compiled.model_copy(update={"generation": int(grave.data) + 1})
        document = journal.document(compiled, old.version if old else None)
        plan.writes.append(Replace(document) if old else Create(document))
        plan.tasks.append(resume_task(tenant.id, name))


async def plan_pause(
    store: Store, directory: Directory, keyring: Keyring, held: Versioned[Tenant], *,
    connection: str | None = None, flow: str | None = None, paused: bool,
) -> ApplyPlan:  # fmt: skip
    """Pause or resume a tenant, or one of its connections or flows. Writes nothing."""
    tenant = held.model
    if connection is not None:
        others = tuple(name for name in tenant.paused_connections if name != connection)
        update: dict[str, object] = {"paused_connections": (*others, connection) if paused else others}
    elif flow is not None:
        flows = tuple(f.model_copy(update={"paused": paused if f.id == flow else f.paused}) for f in tenant.flows)
        update = {"flows": flows}
    else:
        update = {"paused": paused}
    plan = ApplyPlan(tenant.model_copy(update=update))
    await _compile(store, directory, keyring, plan, held, await _secrets(store, keyring, tenant.id))
    return plan


def _connection(name: str, spec: ConnectionSpec) -> str:
    return N_("connection {name} ({vendor})").format(name=name, vendor=spec.vendor)


async def _compare(
    store: Store, directory: Directory, plan: ApplyPlan, before: Tenant | None, after: Tenant
) -> None:  # fmt: skip
    old_connections = before.connections if before else {}
    for name, spec in after.connections.items():
        if name not in old_connections:
            plan.changes.append(Change("+", _connection(name, spec)))
        elif old_connections[name] != spec:
            plan.changes.append(Change("~", _connection(name, spec)))
    for name, spec in old_connections.items():
        if name not in after.connections:
            open_now = await _open_through(store, after.id, name)
            note = N_("its webhook key stops working; open deliveries wait, blocked")
            plan.changes.append(Change("-", _connection(name, spec), open_now, note))
    old_flows = {flow.id: flow for flow in before.flows} if before else {}
    new_flows = {flow.id: flow for flow in after.flows}
    for flow_id, flow in new_flows.items():
        if flow_id not in old_flows:
            plan.changes.append(Change("+", N_("flow {id}").format(id=flow_id)))
        elif old_flows[flow_id] != flow:
            open_now = await _open_of_flow(store, after.id, flow_id)
            note = await _links_kept(store, directory, after.id, old_flows[flow_id], flow)
            note = note or N_("open deliveries keep their text and times")
            plan.changes.append(Change("~", N_("flow {id}").format(id=flow_id), open_now, note))
    for flow_id, flow in old_flows.items():
        if flow_id not in new_flows:
            open_now = await _open_of_flow(store, after.id, flow_id)
            note = await _links_kept(store, directory, after.id, flow)
            note = note or N_("waiting deliveries end as cancelled")
            plan.changes.append(Change("-", N_("flow {id}").format(id=flow_id), open_now, note))
    if before is not None:
        for name in ("name", "timezone", "alerts", "retention", "dedupe_window"):
            if getattr(before, name) != getattr(after, name):
                plan.changes.append(Change("~", name))
    plan.changes += _people_changed(before.people if before else (), after.people)


async def _links_kept(
    store: Store, directory: Directory, tenant: str, before: FlowSpec, after: FlowSpec | None = None
) -> str:  # fmt: skip
    """How many links a flow concerns that keeps systems in step: a file never drops any. Empty where there are none."""
    if not directory.flows(before.flow).in_step:
        return ""
    linked = await store.tally(LINKS_OF_CONNECTION, sorted(before.sources), equal={"tenant": tenant})
    counted = ", ".join(f"{name} {count}" for name, count in sorted(linked.items()))
    if not counted:
        return ""
    if after is None:
        return N_("waiting deliveries end as cancelled; linked objects: {counted}; their links stay").format(
            counted=counted
        )
    if left := ", ".join(sorted(set(linked) - set(after.sources))):
        return N_("linked objects: {counted}; their links stay; not kept in step any more: {left}").format(
            counted=counted, left=left
        )
    return N_("linked objects: {counted}; their links stay").format(counted=counted)


def _has_owner(tenant: Tenant) -> bool:
    return any(one.role is Role.OWNER for one in tenant.people)


def _people_changed(before: Sequence[Person], after: Sequence[Person]) -> Iterator[Change]:
    """Who may come into the console from now on, and who may not any more."""
    had, have = {one.name: one for one in before}, {one.name: one for one in after}
    for name in [*have, *(name for name in had if name not in have)]:
        old, new = had.get(name), have.get(name)
        if old != new:
            sign = "+" if old is None else "-" if new is None else "~"
            role = (new or old or after[0]).role
            yield Change(sign, N_("person {name} ({role})").format(name=name, role=role.value))


async def _open_of_flow(store: Store, tenant: str, flow: str) -> int:
    return await _open(store, DELIVERIES_OF_FLOW, {"tenant": tenant, "flow": flow})


async def _open_through(store: Store, tenant: str, connection: str) -> int:
    return await _open(store, DELIVERIES_BY_STATUS, {"tenant": tenant, "connection": connection})


async def _open(store: Store, query: Query, where: Mapping[str, str]) -> int:
    """How many deliveries are open."""
    return sum((await store.tally(query, sorted(OPEN), equal=where)).values())


async def _secrets(store: Store, keyring: Keyring, tenant: str) -> dict[str, str | None]:
    """By name; None for one that can't be opened (its key was lost): as good as missing, until it is set again."""
    page = await store.find(SECRETS_OF_TENANT, equal={"tenant": tenant}, limit=1000)
    found: dict[str, str | None] = {}
    for document in page.documents:
        name = document.id.removeprefix(f"{tenant}.")
        try:
            found[name] = keyring.unseal("vault", document.data.decode(), document.id)
        except ConfigError:
            found[name] = None
    return found


def compile_connection(
    directory: Directory,
    keyring: Keyring,
    tenant: Tenant,
    name: str,
    spec: ConnectionSpec,
    secrets: Mapping[str, str | None],
    before: CompiledConnection | None,
) -> CompiledConnection:
    """All that a webhook function needs of a connection, in one document."""
    webhook = load_webhook(spec.vendor)
    wants: set[str] = set()
    for flow in tenant.flows:
        if name in flow.sources:
            bound = directory.bind(flow)
            wants |= {event_type.value for event_type in bound.flow.wants(bound.settings)}
    if directory.manifests(spec.vendor).payments is not None:
        wants.add(EventType.PAYMENT_CHANGED.value)  # the engine's own: no flow acts on it
    if directory.manifests(spec.vendor).receipts is not None:
        wants.add(EventType.RECEIPT_CHANGED.value)
    wants |= {heard.value for heard in (webhook.heard if webhook is not None else ())}
    sealed: dict[str, str] = {}
    public: dict[str, JsonValue] = {}
    for setting in webhook.secret_settings if webhook else ():
        plain = _plain_value(spec.settings.get(setting), secrets)
        if plain is not None:
            sealed[setting] = keyring.seal("verify", plain, f"{tenant.id}.{name}.{setting}")
        elif before and setting in before.sealed and _is_lost(spec.settings.get(setting), secrets):
            sealed[setting] = before.sealed[setting]  # without it whoever calls would be believed
    for setting in webhook.public_settings if webhook else ():
        value: Any = spec.settings.get(setting)
        if value is not None and not is_secret(value):
            public[setting] = value
    return CompiledConnection(
        tenant=tenant.id, connection=name, vendor=spec.vendor, wants=tuple(sorted(wants)), public=public,
        sealed=sealed, dedupe_window=tenant.dedupe_window, retention=tenant.retention,
        generation=before.generation if before else 1, previous_valid=before.previous_valid if before else False,
        paused=name in tenant.paused_connections or tenant.paused,
    )  # fmt: skip


def _plain_value(value: object, secrets: Mapping[str, str | None]) -> str | None:
    if is_secret(value):
        return secrets.get(str(value["secret"]))
    return str(value) if value is not None else None


def _is_lost(value: object, secrets: Mapping[str, str | None]) -> bool:
    named = str(value["secret"]) if is_secret(value) else ""
    return named in secrets and secrets[named] is None


async def commit_apply(store: Store, directory: Directory, plan: ApplyPlan, also: Sequence[Write] = ()) -> None:
    """Make the plan true; connections that were blocked try again. Raises Conflict when it is out of date."""
    ends = [write for write in plan.writes if isinstance(write, Replace | Create) and write.document.kind == "tenants"]
    await commit_in_parts(store, [*ends, *also], [write for write in plan.writes if write not in ends], plan.tasks)
    directory.forget()


async def set_secret(
    store: Store, directory: Directory, keyring: Keyring, tenant: str, name: str, value: str | None,
    also: Sequence[Write] = (),
) -> None:  # fmt: skip
    """Seal and keep one secret (None: remove it) and recompile the tenant that may need it, in one commit.

    Raises ConfigError for a value that no connection which names it could use.
    """
    key = secret_id(tenant, name)
    write: Write = Delete("secrets", key)
    if value is not None:
        write = Put(Document("secrets", key, {"tenant": tenant}, keyring.seal("vault", value, key).encode()))
    held = await journal.load(store, Tenant, tenant)
    if held is None:
        await store.commit([write, *also])
        return
    plan = await plan_apply(store, directory, keyring, held.model, {name: value})
    wrong = [misfit for misfit in plan.misfits if f" (secret {name}): " in misfit]
    if wrong and value is not None:
        raise ConfigError(_("{tenant}: this value can't be used; {wrong}", tenant=tenant, wrong="; ".join(wrong)))
    await commit_apply(store, directory, plan, [write, *also])


@dataclass(frozen=True, slots=True)
class Applying:
    """What the console asks for of a tenant's file and its secrets (`engine/operating/deeds.py:Hands`)."""

    abroad: bool = False
    """Whether the store is there."""

    async def set_paused(self, hub: Hub, tenant: Tenant, part: str, paused: bool, also: Sequence[Write] = ()) -> None:
        """Pause a tenant, or its connection or flow of that name, or let it go on, with these writes where that changes
        anything. Raises ConfigError and Conflict."""
        held = await journal.load(hub.store, Tenant, tenant.id)
        if held is None:
            raise ConfigError(N_("{tenant} is gone").format(tenant=tenant.id))
        connection = part if part in held.model.connections else None
        flow = part if connection is None and any(one.id == part for one in held.model.flows) else None
        if connection is None and flow is None and part != tenant.id:
            raise ConfigError(N_("{tenant} has no connection or flow {part!r}").format(tenant=tenant.id, part=part))
        plan = await plan_pause(
            hub.store, hub.directory, hub.keyring, held, connection=connection, flow=flow, paused=paused
        )
        if plan.tenant != held.model:
            await commit_apply(hub.store, hub.directory, plan, also)

    async def set_secret(self, hub: Hub, tenant: Tenant, name: str, value: str, also: Sequence[Write] = ()) -> None:
        """Keep a secret that the tenant's file names, with these writes. Raises ConfigError and Conflict."""
        if name not in secret_names(tenant):
            raise ConfigError(N_("{tenant}: no connection names a secret {name!r}").format(tenant=tenant.id, name=name))
        await set_secret(hub.store, hub.directory, hub.keyring, tenant.id, name, value, also)

    async def plan_file(self, hub: Hub, tenant: Tenant, text: str) -> FilePlan:
        """What a tenant's file with this text would change. Raises ConfigError."""
        held = await journal.load(hub.store, Tenant, tenant.id)
        if held is None:
            raise ConfigError(N_("{tenant} is gone").format(tenant=tenant.id))
        plan = await self._plan(hub, held.model, text)
        changes = tuple(
            FileChange(sign=one.sign, what=one.what, open=one.open_deliveries, note=one.note) for one in plan.changes
        )
        return FilePlan(
            before=text_of(held.model), text=text, revision=held.version or "", changes=changes,
            warnings=tuple(plan.warnings), missing=tuple(plan.missing_secrets),
        )  # fmt: skip

    async def apply_file(self, hub: Hub, tenant: Tenant, text: str, revision: str, also: Sequence[Write] = ()) -> None:
        """Make it so. Raises ConfigError, and Conflict where the tenant isn't at that revision any more."""
        plan = await self._plan(hub, tenant, text)
        seen = [
            one.document.version for one in plan.writes if isinstance(one, Replace) and one.document.kind == "tenants"
        ]
        if seen != [revision]:
            raise Conflict([("tenants", tenant.id)])
        await commit_apply(hub.store, hub.directory, plan, also)

    async def _plan(self, hub: Hub, tenant: Tenant, text: str) -> ApplyPlan:
        read = read_tenant_text(text, f"{tenant.id}.yaml")
        if read.id != tenant.id:
            raise ConfigError(N_("expected id: {tenant}").format(tenant=tenant.id))
        if _has_owner(tenant) and not _has_owner(read):
            raise ConfigError(N_("the last owner isn't removed at the console: `svyazka apply` on the machine does it"))
        plan = await plan_apply(hub.store, hub.directory, hub.keyring, read, abroad=self.abroad)
        if plan.misfits:
            raise ConfigError("; ".join(plan.misfits))
        return plan
