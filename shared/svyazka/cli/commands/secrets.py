"""`secret`: credentials, sealed in the store. A value comes from a prompt or stdin, never from the command line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from svyazka.apply import set_secret
from svyazka.catalogue import N_, _
from svyazka.cli.group import Command, Family
from svyazka.cli.options import AsJson, Yes
from svyazka.cli.output import confirm, fail, lines, say, table
from svyazka.cli.session import Session, run
from svyazka.engine.journal.kinds import SECRETS_OF_TENANT
from svyazka.engine.tenants.directory import secret_id
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.tenants import Tenant
from svyazka.reading import lists
from svyazka.reading.tenants import secret_names

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,100}$")

OfOwner = Annotated[str, typer.Argument(metavar="TENANT")]
Name = Annotated[str, typer.Argument(metavar="NAME", help=N_("As in the tenant file: {secret: NAME}."))]


family = typer.Typer(
    cls=Family, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip
family.callback(help=N_("Credentials of a tenant's connections."))(lambda: None)


@family.command("set", cls=Command, help=N_("Store a secret; its value is asked for, or read from stdin."))
def set_(
    tenant: OfOwner,
    name: Name,
    value: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Store a secret; its value is asked for, or read from stdin."""
    if value:
        # It has reached the shell's history already; it must not reach ours, nor an error message.
        fail(
            _("a secret's value is never taken from the command line (the shell keeps it): remove it from its history")
        )
    if not _NAME.match(name):
        raise typer.BadParameter(_("expected letters, digits, `_`, `.`, `-`"), param_hint="NAME")

    async def body(session: Session) -> None:
        owner = await session.tenant(tenant)
        secret = _value(name)
        await change(session, tenant, name, secret)
        used = ", ".join(_users(owner, name))
        say(
            _("secret {name} is set", name=name)
            + (_("; {used} can use it at once", used=used) if used else _("; no connection refers to it yet"))
        )

    run(body)


def _value(name: str) -> str:
    if sys.stdin.isatty():
        secret: str = typer.prompt(_("Value of {name}", name=name), hide_input=True)
    else:
        secret = sys.stdin.read()
    secret = secret.strip("\r\n")
    if not secret:
        raise ConfigError(_("secret {name}: expected a value, got nothing", name=name))
    return secret


async def change(session: Session, tenant: str, name: str, value: str | None) -> None:
    """Keep a secret (None: remove it) with its audit line. Raises ConfigError when somebody was quicker."""
    hub = session.hub
    audit = session.audit_write("secret rm" if value is None else "secret set", f"{tenant}/{name}")
    try:
        await set_secret(hub.store, hub.directory, hub.keyring, tenant, name, value, [audit])
    except Conflict:
        raise ConfigError(_("{tenant} was changed meanwhile: run it again", tenant=tenant)) from None


@family.command(
    "list", cls=Command, help=N_("Which secrets there are, which are wanted, and by whom; never their values.")
)
def list_(tenant: OfOwner, as_json: AsJson = False) -> None:
    """Which secrets there are, which are wanted, and by whom; never their values."""

    async def body(session: Session) -> None:
        owner = await session.tenant(tenant)
        prefix = len(secret_id(tenant, ""))
        stored = {d.id[prefix:] async for d in lists.pages(session.store, SECRETS_OF_TENANT, {"tenant": tenant})}
        rows = [
            {"tenant": tenant, "name": name, "set": name in stored, "used_by": list(_users(owner, name))}
            for name in sorted(stored | secret_names(owner))
        ]
        if as_json:
            lines(rows)
            return
        table(
            (N_("Name"), N_("Set"), N_("Used by")),
            (
                (row["name"], _("yes") if row["set"] else _("no"), ", ".join(_users(owner, str(row["name"]))))
                for row in rows
            ),
            _("{tenant} has no secrets and wants none", tenant=tenant),
        )

    run(body)


@family.command(
    "rm", cls=Command, help=N_("Remove a secret; connections that need it wait, blocked, until it is set again.")
)
def rm(tenant: OfOwner, name: Name, yes: Yes = False) -> None:
    """Remove a secret; connections that need it wait, blocked, until it is set again."""

    async def body(session: Session) -> None:
        owner = await session.tenant(tenant)
        if await session.store.get("secrets", secret_id(tenant, name)) is None:
            raise ConfigError(
                _("{tenant} has no secret {name!r}: svyazka secret list {tenant}", tenant=tenant, name=name)
            )
        used = ", ".join(_users(owner, name))
        confirm(_("Remove {name}?", name=name) + (_(" {used} will wait without it.", used=used) if used else ""), yes)
        await change(session, tenant, name, None)
        say(_("secret {name} is removed", name=name))

    run(body)


def _users(tenant: Tenant, name: str) -> Iterator[str]:
    """`sms.api_id`: where a tenant's file refers to a secret."""
    for connection, spec in tenant.connections.items():
        for setting, value in spec.settings.items():
            if isinstance(value, dict) and value == {"secret": name}:
                yield f"{connection}.{setting}"
