"""`console`: a link by which one person comes into the console, once."""

from __future__ import annotations

from typing import Annotated

import typer

from svyazka.catalogue import N_, _
from svyazka.cli.options import OfTenant
from svyazka.cli.output import note, say
from svyazka.cli.session import Session, run
from svyazka.engine.ports.store import Document, Put, Write
from svyazka.model.errors import ConfigError
from svyazka.model.requests import Role
from svyazka.signing_in import LINK_LIVES, Invitation, invite, invite_support

CONSOLE = "console"
"""The `meta` document that says at which port of this machine the console was last served."""


def console(
    role: Annotated[
        Role, typer.Option("--role", help=N_("What whoever uses it may do: look, act, or act as the owner."))
    ] = Role.OWNER,
    tenant: OfTenant = None,
    support: Annotated[
        int | None,
        typer.Option(
            "--support",
            min=1,
            max=30,
            metavar="DAYS",
            help=N_("For whoever helps: to look at one tenant only, people masked, as often as needed for so long."),
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help=N_("Whose it is, as the audit shall say it."))] = None,
) -> None:
    """Print a link into the console: good once, for ten minutes, in a browser on this machine."""

    async def body(session: Session) -> None:
        if session.settings.backend != "local":
            raise ConfigError(_("the console is served by `svyazka run`, on one machine"))
        document = await session.store.get("meta", CONSOLE)
        port = int(document.data) if document else 0
        if not port:
            raise ConfigError(_("`svyazka run` hasn't served a console here yet"))
        owner = (await session.tenant(tenant)).id if tenant else None
        if support is not None:
            if owner is None:
                raise ConfigError(_("--support: say whose, with --tenant"))
            async with session.noting("support_link", owner, days=str(support)):
                token = await invite_support(session.store, session.hub.clock, name or "support", owner, support)
            say(f"http://127.0.0.1:{port}/enter/{token}")
            note(_("good for {count} days, to look only; `svyazka sign-ins` lists and ends it", count=support), None)
            return
        invitation = Invitation(name or session.who, role, owner)
        async with session.noting("invite", owner or "*", role=role.value, name=invitation.who):
            say(await link(session, f"http://127.0.0.1:{port}", invitation))
        minutes = int(LINK_LIVES.total_seconds() // 60)
        note(_("good once, for {minutes} minutes, in a browser on this machine", minutes=minutes), None)

    run(body)


async def link(session: Session, where: str, invitation: Invitation) -> str:
    """A link for one sign-in."""
    return f"{where}/enter/{await invite(session.store, session.hub.clock, invitation)}"


def console_write(port: int) -> Write:
    """Remember where it is served."""
    return Put(Document("meta", CONSOLE, {}, str(port).encode()))
