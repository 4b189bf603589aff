"""`urls` and `rotate`: where vendors call us, and new keys for them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from svyazka.app import Hook, hook_for, hook_of, server_key_of
from svyazka.catalogue import N_, _
from svyazka.cli.options import AsJson, OfTenant
from svyazka.cli.output import lines, note, say, table
from svyazka.cli.session import Session, run
from svyazka.cli.together import together
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.transition import commit_in_parts
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.ids import connection_id
from svyazka.model.tenants import CompiledConnection, Tenant


def urls(
    tenant: Annotated[str | None, typer.Argument(metavar="TENANT", help=N_("Only this one's."))] = None,
    as_json: AsJson = False,
) -> None:
    """The webhook address of each connection, key included: what goes into the vendors' cabinets."""

    async def body(session: Session) -> None:
        owners = [await session.tenant(tenant)] if tenant else list((await session.tenants()).values())
        found = [row for rows in await together([partial(hook_rows, session, one) for one in owners]) for row in rows]
        lines_left = [session.audit_write("urls", owner.id) for owner in owners]
        await commit_in_parts(session.store, (), lines_left)
        if as_json:
            lines(found)
        else:
            tell_urls(found)

    run(body)


async def hook_rows(session: Session, tenant: Tenant) -> list[dict[str, str]]:
    """`urls --json`: one row a connection whose vendor calls us; for this its settings needn't be usable."""
    rows = []
    for name, spec in tenant.connections.items():
        hook = await _hook(session, tenant, name, spec.vendor)
        if hook is not None:
            rows.append({
                "tenant": tenant.id, "connection": name, "vendor": spec.vendor,
                "function": hook.function, "url": hook.url, "key": hook.key,
            })  # fmt: skip
            secret = await _server_key(session, tenant, name, spec.vendor)
            if secret is not None:
                rows.append({**rows[-1], "url": hook.url.rpartition("/")[0], "key": secret})
    return rows


async def _hook(session: Session, tenant: Tenant, name: str, vendor: str) -> Hook | None:
    """As the vendor wants it; the whole address where the connection's settings can't be read just now."""
    held = await journal.load(session.store, CompiledConnection, connection_id(tenant.id, name))
    generation = held.model.generation if held else 1
    try:
        account = await session.hub.directory.account(tenant.id, name)
    except ConfigError:
        account = None
    if account is not None:
        return hook_of(session.settings, session.hub.keyring, replace(account, generation=generation))
    return hook_for(session.settings, session.hub.keyring, vendor, tenant.id, name, generation)


async def _server_key(session: Session, tenant: Tenant, name: str, vendor: str) -> str | None:
    held = await journal.load(session.store, CompiledConnection, connection_id(tenant.id, name))
    generation = held.model.generation if held else 1
    return server_key_of(session.hub.keyring, vendor, tenant.id, name, generation)


def _address(row: dict[str, str]) -> str:
    """What goes into a vendor's cabinet; a key that stands in no address is told beside it."""
    return row["url"] if row["key"] in row["url"] else f"{row['url']}  X-Site-Secret: {row['key']}"


def tell_urls(rows: list[dict[str, str]]) -> None:
    """For people: the key is part of the URL."""
    table(
        (N_("Connection"), N_("Vendor"), N_("URL")),
        ((f"{row['tenant']}/{row['connection']}", row["vendor"], _address(row)) for row in rows),
        _("none of its vendors calls us"),
    )


def rotate(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help=N_("NAME or TENANT/NAME."))],
    tenant: OfTenant = None,
    finish: Annotated[
        bool, typer.Option("--finish", help=N_("End the rotation: the key before stops working."))
    ] = False,
) -> None:
    """Give a connection's webhook a new key; the one before works on until --finish."""

    async def body(session: Session) -> None:
        owner, name = await session.connection_of(connection, tenant)
        key = connection_id(owner.id, name)
        held = await journal.load(session.store, CompiledConnection, key)
        assert held is not None  # connection_of has looked
        before = held.model
        if finish and not before.previous_valid:
            raise ConfigError(
                _(
                    "{owner}/{name}: no rotation is going on: `svyazka rotate {owner}/{name}` begins one",
                    owner=owner.id,
                    name=name,
                )
            )
        if not finish and before.previous_valid:
            raise ConfigError(
                _(
                    "{owner}/{name}: a rotation is going on; once its vendor has the new address: "
                    "svyazka rotate {owner}/{name} --finish",
                    owner=owner.id,
                    name=name,
                )
            )
        generation = before.generation if finish else before.generation + 1
        after = before.model_copy(update={"generation": generation, "previous_valid": not finish})
        audit = session.audit_write("rotate", f"{owner.id}/{name}", generation=generation, finished=finish)
        try:
            await session.store.commit([journal.replace(after, held.version), audit])
        except Conflict:
            raise ConfigError(
                _("{owner}/{name} was changed meanwhile: run it again", owner=owner.id, name=name)
            ) from None
        session.hub.directory.forget()
        if finish:
            say(
                _(
                    "{owner}/{name}: only the key of generation {generation} works now",
                    owner=owner.id,
                    name=name,
                    generation=generation,
                )
            )
            return
        tell_urls([row for row in await hook_rows(session, owner) if row["connection"] == name])
        note(
            _(
                "both keys work; put this address into the vendor's cabinet (or svyazka doctor {owner} --fix does), "
                "then: svyazka rotate {owner}/{name} --finish",
                owner=owner.id,
                name=name,
            )
        )

    run(body)
