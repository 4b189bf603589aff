"""`auth`: an account's owner gives us access by OAuth (a link, or a code from the vendor's cabinet), or by login and
password, of which only the token is kept."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from svyazka.catalogue import N_, _
from svyazka.cli.commands.secrets import change
from svyazka.cli.options import OfTenant
from svyazka.cli.output import full_time, note, say
from svyazka.cli.session import Session, run
from svyazka.connectors.registry import CALLS_US
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.calling.oauth.authorise import (
    REFUSED_BEFORE,
    CodeNotYet,
    CodeRefused,
    Invitation,
    app_of,
    code_in,
    exchange,
    grant_of,
    invitation,
)
from svyazka.engine.contracts.signing_in import SigningIn
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.tenants.directory import Account, is_secret
from svyazka.model.errors import ConfigError, LeaseTooShort, MaybeSent, NotSent
from svyazka.model.grants import CodeUse

LOOK_EVERY = 1.0
"""Seconds between two looks whether the redirect has come."""


def auth(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help=N_("CONNECTION or TENANT/CONNECTION."))],
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help=N_("A code, or the whole address that the vendor sent you to."))
    ] = None,
    tenant: OfTenant = None,
) -> None:
    """Authorise a connection: prints the link to agree at and waits for the answer, or takes a code; where the vendor
    knows no such thing (YCLIENTS) asks for login and password, and keeps only the token.

    Whatever waited for this access goes on by itself.
    """

    async def body(session: Session) -> None:
        owner, name = await session.connection_of(connection, tenant)
        account = await session.hub.directory.account(owner.id, name)
        assert account is not None, "connection_of has found it"
        if account.manifest.signing_in is not None:
            await by_password(session, account, account.manifest.signing_in)
        elif code is not None:
            await by_code(session, account, code)
        elif account.vendor in CALLS_US and app_of(account).redirect_uri is not None:
            await by_link(session, account)
        else:
            await by_pasting(session, account)
        say(_("{owner}/{name} is authorised; what waited for it goes on", owner=owner.id, name=name), "green")

    run(body)


async def by_password(session: Session, account: Account, access: SigningIn[Any]) -> None:
    """Ask unseen, sign in, keep the token as the secret that the tenant file names. Raises ConfigError."""
    whose = f"{account.tenant.id}/{account.name}"
    named = account.tenant.connections[account.name].settings.get(access.setting)
    if not is_secret(named):
        raise ConfigError(_("{whose}: its file names no secret for {setting}", whose=whose, setting=access.setting))
    lacking = [name for name in access.needs if getattr(account.settings, name, None) is None]
    if lacking:
        raise ConfigError(_("{whose}: set {names} first", whose=whose, names=", ".join(lacking)))
    login, password = _asked(_("Login")), _asked(_("Password"))
    step, code = None, ""
    while True:
        call = call_to(session.hub, account, exchanges(session.hub, account, CalledFor.PERSON), key="auth")
        try:
            token = await access.sign_in(login, password, step, code, call)
        except (NotSent, MaybeSent, LeaseTooShort) as error:
            raise ConfigError(_("{vendor} doesn't answer: {why}", vendor=account.vendor, why=error)) from None
        if isinstance(token, str):
            break
        if step is not None and token.attempts_left == 0:
            raise ConfigError(_("{vendor} takes no more codes: begin anew later", vendor=account.vendor))
        step, code = token, _asked(_("Code that was sent to {where}", where=token.where))
    async with session.noting("auth", whose, how="password"):
        await change(session, account.tenant.id, str(named["secret"]), token)


def _asked(what: str) -> str:
    """Unseen, from a terminal or a line of stdin."""
    given: str = typer.prompt(what, hide_input=True)
    return given.strip()


async def by_code(session: Session, account: Account, given: str) -> None:
    """Exchange a code. Raises CodeRefused, CodeNotYet, ConfigError."""
    async with session.noting("auth", f"{account.tenant.id}/{account.name}", how="code"):
        await exchange(session.hub, account, code_in(account, given))


async def by_pasting(session: Session, account: Account) -> None:
    """Print the link and ask for the address that it led to: this vendor has no way to reach us by itself.

    Raises CodeRefused, CodeNotYet, ConfigError.
    """
    invited = invitation(session.hub, account, account.generation)
    async with session.noting("auth", f"{account.tenant.id}/{account.name}", how="link"):
        say(_("Open this link as an administrator of the account, agree, and copy the address that it leads to:"))
        say(invited.url)
        note(_("what that page says doesn't matter, and be quick: the code in its address ends within moments"), None)
        given: str = typer.prompt(_("Address"))
        await exchange(session.hub, account, code_in(account, given))


async def by_link(session: Session, account: Account, every: float = LOOK_EVERY) -> None:
    """Print the link and wait until the redirect has come and gone through the worker.

    Raises CodeRefused, CodeNotYet, ConfigError.
    """
    invited = invitation(session.hub, account, account.generation)
    before = await grant_of(session.hub, account)
    async with session.noting("auth", f"{account.tenant.id}/{account.name}", how="link"):
        await _waited(session, account, invited, before.code if before else None, every)


async def _waited(session: Session, account: Account, invited: Invitation, known: CodeUse | None, every: float) -> None:
    say(
        _(
            "Open this link as an administrator of the account, and agree (good until {time}):",
            time=full_time(invited.until, ZoneInfo(account.tenant.timezone)),
        )
    )
    say(invited.url)
    note(_("waiting for the answer; it is taken all the same if you stop waiting"), None)
    while session.hub.clock.real() < invited.until:
        await asyncio.sleep(every)
        grant = await grant_of(session.hub, account)
        if grant is None or grant.code is None or grant.code == known or grant.code.state == "asked":
            continue
        if grant.code.state == "taken":
            return
        raise CodeRefused(grant.code.trouble or REFUSED_BEFORE)
    raise CodeNotYet(_("nobody has agreed within the link's life: run this again for another link"))
