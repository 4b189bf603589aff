"""`run` and `simulate`: everything on this machine, and stand-ins of the vendors."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from svyazka.backends.local.clock import load_clock, start_clock
from svyazka.backends.local.store import LocalStore
from svyazka.catalogue import N_, _, systems
from svyazka.cli import session as opened
from svyazka.cli import standins
from svyazka.cli.commands.configure import (
    carry_out_one,
    plans_of_whole,
    tell_changes,
    tell_missing,
    tenant_files,
)
from svyazka.cli.commands.console import console_write, link
from svyazka.cli.commands.hooks import hook_rows, tell_urls
from svyazka.cli.options import Data, Port
from svyazka.cli.output import fail, note, say
from svyazka.cli.running import held
from svyazka.cli.session import Session, served_write
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import poll_task
from svyazka.engine.support.urls import place
from svyazka.model.errors import ConfigError, SvyazkaError
from svyazka.model.ids import connection_id
from svyazka.model.requests import Role
from svyazka.model.tenants import CompiledConnection, Tenant
from svyazka.server.supervise import supervise
from svyazka.settings import Settings
from svyazka.signing_in import Invitation

TENANTS = Path("tenants")
CONSOLE_PORT = 8082
EVERYWHERE = ("0.0.0.0", "::")


def run_(
    port: Port = 8080,
    host: Annotated[str, typer.Option("--host", help=N_("0.0.0.0: reachable from other machines."))] = "127.0.0.1",
    data: Data = None,
    tenants: Annotated[
        Path | None,
        typer.Option("--tenants", metavar="DIR", help=N_("Tenant files, applied first (./tenants if it is there).")),
    ] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", min=1.0, help=N_("Business time runs so many times faster (1)."))
    ] = None,
    print_messages: Annotated[
        bool, typer.Option("--print-messages", help=N_("Messages go to the console instead of out."))
    ] = False,
    with_simulators: Annotated[
        bool, typer.Option("--with-simulators", help=N_("Also the vendors' stand-ins, to try things out."))
    ] = False,
    console_port: Annotated[
        int | None,
        typer.Option(
            "--console-port", min=0, max=65535, help=N_("Of the console, on this machine only; 0: none. (8082)")
        ),
    ] = None,
    simulators_port: Annotated[int, typer.Option("--simulators-port", min=1, max=65535)] = 8081,
) -> None:
    """Run everything on this machine: webhooks are received, and what was pending goes on.

    Ctrl-C or SIGTERM stops it cleanly.
    """
    if data is not None:
        opened.data_folder.set(data)
    settings = opened.settings()
    if settings.backend != "local":
        fail(_("`run` is for one machine (SVYAZKA_BACKEND=local): on Google the functions run by themselves"))
    own = f"http://{'127.0.0.1' if host in EVERYWHERE else host}:{port}"
    url = settings.public_url if "public_url" in settings.model_fields_set else own
    settings = settings.model_copy(
        update={
            "public_url": url, "speed": speed or settings.speed,
            "print_messages": print_messages or settings.print_messages,
        }
    )  # fmt: skip
    vendors = (
        standins.standing(simulators_port, "--simulators-port", partial(_look, settings))
        if with_simulators
        else contextlib.nullcontext()
    )
    try:
        files = tenant_files(tenants or TENANTS) if tenants or TENANTS.is_dir() else []
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with held(settings.data), vendors as stand_ins:
            _check_free(host, port)
            if console_port is None:
                console_port = _usual_or_any(CONSOLE_PORT)
            elif console_port:
                _check_free("127.0.0.1", console_port, "--console-port")
            opened.run(lambda session: _prepare(session, settings, files, stand_ins, console_port), creates=True)
            status = supervise(settings, host, port, console_port or None)
    except OSError as error:
        fail(f"{settings.data}: {systems(error)}")
    except SvyazkaError as error:
        fail(str(error))
    raise typer.Exit(status)


async def _prepare(
    session: Session, settings: Settings, files: Sequence[Path], vendors: str | None, console_port: int
) -> None:
    """The clock, the tenant files, and what people should know."""
    assert isinstance(session.store, LocalStore)
    await start_clock(session.store, settings.speed)
    await session.store.commit([served_write(settings.public_url), console_write(console_port)])
    planned, mistakes = await plans_of_whole(session, files)
    if any(one.plan.changes for one in planned):
        tell_changes(planned)
    for one in planned:
        try:
            await carry_out_one(session, one)
        except ConfigError as error:
            mistakes.append(str(error))
    if vendors is None:
        tell_missing(planned)
    session = replace(session, settings=settings, _tenants=None)
    owners = list((await session.tenants()).values())
    if mistakes and not owners:
        raise ConfigError("\n".join(mistakes))
    for mistake in mistakes:
        note(_("left out: {mistake}", mistake=mistake))
    if mistakes:
        note(_("what was applied of them before goes on as it was; once a file is right: svyazka apply FILE"))
    if not owners:
        note(_("there are no tenants yet: svyazka apply FILE, or a folder of files for --tenants"))
    rows = []
    for owner in owners:
        for name in await standins.introduce(session, owner, vendors) if vendors else ():
            note(
                _(
                    "secret {name} of {owner} wasn't there: a made-up one lets us in at the stand-in",
                    name=name,
                    owner=owner.id,
                )
            )
        for trouble in await unusable(session, owner):
            note(
                _(
                    "{trouble}; until then all that needs it waits: svyazka doctor {owner}",
                    trouble=trouble,
                    owner=owner.id,
                )
            )
        rows += await hook_rows(session, owner)
    if vendors and not any(standins.leads(spec, vendors) for owner in owners for spec in owner.connections.values()):
        note(
            _(
                "no connection leads to the stand-ins: base_url in the tenant files has to begin with {vendors}/. "
                "For the examples: sed -i 's|http://127.0.0.1:8081/|{vendors}/|' tenants/*.yaml",
                vendors=vendors,
            )
        )
    if vendors:
        say(
            _(
                "stand-ins of {names} on {vendors}; what they got: {vendors}/_sim/VENDOR/ledger",
                names=", ".join(standins.vendors()),
                vendors=vendors,
            )
        )
        where = f"http://127.0.0.1:{console_port}" if console_port else None
        await standins.tell_who_is_connected(session, owners, vendors, where)
    if sys.stdout.isatty():
        tell_urls(rows)
    elif rows:
        # A service's output is a log, which more people read than may send events.
        tell_urls([{**row, "url": place(row["url"]), "key": ""} for row in rows])
        note(_("their keys aren't written into a log: svyazka urls TENANT"))
    if console_port:
        where = f"http://127.0.0.1:{console_port}"
        if sys.stdout.isatty():
            say(
                _(
                    "console, for one sign-in: {link}",
                    link=await link(session, where, Invitation(session.who, Role.OWNER)),
                )
            )
        else:
            say(_("console on {where}; `svyazka console` prints the link to it", where=where))
    if vendors:
        say(_("make something happen, and watch what comes of it: {vendors}/play", vendors=vendors))
    say(_("listening on {public_url}; Ctrl-C stops", public_url=settings.public_url))


async def _look(settings: Settings, tenant: str, connection: str) -> None:
    """The worker is to ask a connection's vendor now what is new there, and not at its turn."""
    store = LocalStore.open(settings.data)
    try:
        found = await journal.load(store, CompiledConnection, connection_id(tenant, connection))
        if found is not None:
            clock = load_clock(store, settings.speed)
            await store.commit([], [poll_task(found.model, clock.now())])
    finally:
        await store.close()


async def unusable(session: Session, tenant: Tenant) -> list[str]:
    """Connections whose settings or secrets can't be used as they are; the others go on without them."""
    troubles = []
    for name in tenant.connections:
        try:
            await session.hub.directory.account(tenant.id, name)
        except ConfigError as error:
            troubles.append(str(error))
    return troubles


def simulate(port: Port = 8081) -> None:
    """Run stand-ins of the vendors, with a ledger of what they received and scripted faults."""
    try:
        with standins.standing(port, "--port") as url:
            for vendor in standins.vendors():
                say(_("{vendor}: base_url {url}/{vendor}, ledger {url}/_sim/{vendor}/ledger", vendor=vendor, url=url))
            _until_told()
    except ConfigError as error:
        fail(str(error))


def _until_told() -> None:
    """Until SIGTERM or Ctrl-C."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    told.wait()


def _usual_or_any(port: int) -> int:
    """The usual port, or any where somebody else has it: another hub on this machine, perhaps."""
    try:
        _check_free("127.0.0.1", port)
    except ConfigError:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])
    return port


def _check_free(host: str, port: int, option: str = "--port") -> None:
    """Raises ConfigError when somebody listens there: better now than from a process that dies again and again."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                _(
                    "{host}:{port}: {why}; {option} takes another",
                    host=host,
                    port=port,
                    why=systems(error),
                    option=option,
                )
            ) from None
