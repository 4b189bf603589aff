"""`init`: a first tenant file by questions; credentials go into the store, never into the file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import yaml
from pydantic import TypeAdapter, ValidationError

from svyazka.catalogue import N_, _, systems
from svyazka.cli import session as opened
from svyazka.cli.commands import configure, hooks, secrets
from svyazka.cli.draft import Choice, Draft, fill
from svyazka.cli.interview import Interview, slug
from svyazka.cli.options import Yes
from svyazka.cli.output import confirm, fail, note, say
from svyazka.cli.running import is_running
from svyazka.cli.session import Session, run
from svyazka.engine.tenants.directory import secret_id
from svyazka.model.errors import ConfigError
from svyazka.model.tenants import Name, Tenant, Zone
from svyazka.reading.tenants import secret_names
from svyazka.tenantfile.reader import read_tenant_file

FOLDER = Path("tenants")
"""Where `svyazka run` looks for tenant files."""

Many = list[str] | None


def init(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help=N_("Else tenants/ID.yaml."))] = None,
    name: Annotated[str | None, typer.Option(help=N_("The business, as people call it."))] = None,
    id_: Annotated[str | None, typer.Option("--id", help=N_("Stands in addresses: kofe-pokrovka."))] = None,
    timezone: Annotated[str | None, typer.Option(help=N_("Europe/Moscow, Asia/Yekaterinburg, ..."))] = None,
    flow: Annotated[Many, typer.Option(metavar="[ID=]FLOW", help=N_("What is to be done. Several times."))] = None,
    from_: Annotated[Many, typer.Option("--from", metavar="[NAME=]VENDOR", help=N_("A source. Several times."))] = None,
    via: Annotated[Many, typer.Option(metavar="[NAME=]VENDOR", help=N_("A channel; the preferred one first."))] = None,
    settings: Annotated[
        Many,
        typer.Option(
            "--set", metavar="[WHOSE.]SETTING=VALUE",
            help=N_("review_url=https://..., quiet_hours=21:00-10:00, smsru.sender=KOFE. Several times."),
        ),
    ] = None,
    alert_to: Annotated[
        str | None, typer.Option(help=N_("Who is told of troubles, through the first channel."))
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help=N_("Apply the file as well."))] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help=N_("Replace a file and secrets that are there."))
    ] = False,
    yes: Yes = False,
) -> None:  # fmt: skip
    """Make a tenant file: asks what neither options nor environment say; with --yes it goes by the defaults."""
    if not yes and not sys.stdin.isatty():
        fail(_("nobody can be asked here: --yes goes by the options, the environment and the defaults"))
    talk = Interview(dict(map(_pair, settings or ())), silent=yes)
    if not yes:
        note(_("Enter takes what stands in brackets, - leaves a setting out."), None)
        note(_("Several systems or channels: commas between. till=iiko gives a connection a name of your own."), None)
    business = talk.value(_("Name of the business"), str, option="--name", given=name)
    tenant = talk.value(_("Its id, for addresses and files"), _id, option="--id", given=id_, default=slug(business))
    target = file or FOLDER / f"{tenant}.yaml"
    if (
        target.exists()
        and not overwrite
        and not talk.agrees(_("{target} is there already. Replace it?", target=target))
    ):
        fail(_("{target} is there already and stays as it is: --overwrite replaces it", target=target))
    zone = talk.value(
        _("Time zone"),
        TypeAdapter(Zone).validate_python,
        option="--timezone",
        given=timezone,
        default="Europe/Moscow",
    )
    draft = Draft(tenant, {"id": tenant, "name": business, "timezone": zone})
    fill(draft, talk, Choice(_joined(flow), _joined(from_), _joined(via), alert_to))
    talk.check_all_used()
    with checked(draft, target) as (ready, read):

        async def body(session: Session) -> None:
            await _keep(session, draft, talk, overwrite)
            _publish(ready, target)
            if apply:
                await _apply(session, target, yes)

        if draft.secrets or apply:
            run(body, creates=True)
        else:
            _publish(ready, target)
    _tell_next(target, tenant, secret_names(read) - draft.secrets.keys(), applied=apply)


@contextmanager
def checked(draft: Draft, target: Path) -> Iterator[tuple[Path, Tenant]]:
    """The draft as a file beside its target, read as `apply` will read it. Nothing is left of it when this ends."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".init-", dir=target.parent) as folder:
            ready = Path(folder) / target.name
            text = yaml.safe_dump(
                draft.content, allow_unicode=True, sort_keys=False, default_flow_style=None, width=110
            )
            ready.write_text(text, "utf-8")
            yield ready, read_tenant_file(ready)
    except OSError as error:
        fail(f"{target}: {systems(error)}")
    except ConfigError as error:
        fail(str(error))


def _publish(ready: Path, target: Path) -> None:
    ready.replace(target)
    say(_("{target} is written", target=target), "green")


async def _keep(session: Session, draft: Draft, talk: Interview, overwrite: bool) -> None:
    """Store the credentials. One that is there already and differs is replaced only with a yes."""
    for name, value in draft.secrets.items():
        key = secret_id(draft.id, name)
        document = await session.store.get("secrets", key)
        if document is not None:
            if session.hub.keyring.unseal("vault", document.data.decode(), key) == value:
                continue
            if not overwrite and not talk.agrees(
                _("Secret {name} of {tenant} is there already. Replace it?", name=name, tenant=draft.id)
            ):
                note(_("secret {name} stays as it was: --overwrite replaces it", name=name))
                continue
        await secrets.change(session, draft.id, name, value)


async def _apply(session: Session, target: Path, yes: bool) -> None:
    planned = await configure.plans(session, [target])
    configure.tell_changes(planned)
    if any(one.plan.changes for one in planned):
        confirm(_("Apply?"), yes)
    await configure.carry_out(session, planned)
    for one in planned:
        hooks.tell_urls(await hooks.hook_rows(session, one.plan.tenant))
        await session.audit("urls", one.plan.tenant.id)


def _tell_next(target: Path, tenant: str, missing: Iterable[str], applied: bool) -> None:
    steps = [] if applied else [f"svyazka apply {target}"]
    steps += [f"svyazka secret set {tenant} {name}" for name in sorted(missing)]
    steps += [] if applied else [f"svyazka urls {tenant}        # " + _("addresses for the vendors' cabinets")]
    steps += [f"svyazka doctor {tenant}      # " + _("what is missing, and what then doesn't work")]
    steps += [] if is_running(opened.settings().data) else ["svyazka run"]
    say(_("Next:"))
    for step in steps:
        say(f"  {step}")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise typer.BadParameter(_("expected SETTING=VALUE"), param_hint="--set")
    return key.strip(), value


def _joined(values: Many) -> str | None:
    return ",".join(values) if values else None


def _id(text: str) -> str:
    try:
        return TypeAdapter[str](Name).validate_python(text)
    except ValidationError:
        raise ValueError(_("expected small Latin letters, digits, - and _")) from None
