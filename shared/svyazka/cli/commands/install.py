"""`install`: what a server of one's own needs around Svyazka: the unit, the way in with TLS, the environment."""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from svyazka.catalogue import N_, _, reader, systems
from svyazka.cli.options import DryRun, Port, Yes
from svyazka.cli.output import confirm, fail, note, say

UNIT = """\
[Unit]
Description=Svyazka
After=network-online.target
Wants=network-online.target

[Service]
User={user}
EnvironmentFile=/etc/svyazka/environment
ExecStart={svyazka} run --port {port} --tenants {tenants}
Restart=always
TimeoutStopSec=30
LimitNOFILE=8192
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ReadWritePaths={data}

[Install]
WantedBy=multi-user.target
"""

SITE = """\
# A webhook's key stands in its address: no access log for this site.
{host} {{
    reverse_proxy 127.0.0.1:{port}
}}
"""

IMPORT = "import /etc/caddy/svyazka.caddy"
NAMES = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Place:
    """One file: what is there, and what has to be."""

    path: Path
    before: str | None
    after: str

    @property
    def differences(self) -> str:
        """What would change in a file that is there."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(), self.after.splitlines(), str(self.path), str(self.path), lineterm="", n=1
        )
        return "\n".join(lines)


def install(
    host: Annotated[str, typer.Argument(metavar="HOST", help=N_("The name under which vendors reach this machine."))],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help=N_("The data folder."))
    ] = Path("/var/lib/svyazka"),
    tenants: Annotated[
        Path, typer.Option("--tenants", metavar="DIR", help=N_("The folder of tenant files."))
    ] = Path("/etc/svyazka/tenants"),
    user: Annotated[str, typer.Option("--user", help=N_("Who runs it."))] = "svyazka",
    port: Port = 8080,
    root: Annotated[
        Path, typer.Option("--root", metavar="DIR", help=N_("Write under this folder instead of /."))
    ] = Path("/"),
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:  # fmt: skip
    """Write what systemd and Caddy need; says what it changes, and changes nothing that is right already."""
    name = _host(host)
    if not (data.is_absolute() and tenants.is_absolute()):
        raise typer.BadParameter(_("expected a path that begins with /"), param_hint="--data, --tenants")
    try:
        places = list(_places(root, name, data, tenants, user, port))
        changing = [place for place in places if place.before != place.after]
        for place in places:
            _tell(place, dry_run)
        if changing and not dry_run:
            if any(place.before is not None for place in changing):
                confirm(_("Change files that are there? The old ones stay beside them as *.before."), yes)
            for place in changing:
                _write(place)
    except OSError as error:
        command = shlex.join(["sudo", sys.executable, "-m", "svyazka.cli", *sys.argv[1:]])
        fail(
            _(
                "{path}: {why}; as the administrator: {command}",
                path=error.filename,
                why=systems(error),
                command=command,
            )
        )
    _tell_next(data, tenants, user)


def _host(given: str) -> str:
    """A host name as DNS has it. Raises BadParameter."""
    name = given.strip().removeprefix("https://").rstrip("/.").casefold()
    try:
        name = name.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not NAMES.fullmatch(name):
        raise typer.BadParameter(_("expected a name such as hooks.example.org, got {given!r}", given=given[:80]))
    return name


def _places(root: Path, host: str, data: Path, tenants: Path, user: str, port: int) -> Iterator[Place]:
    svyazka = Path(sys.executable).parent / "svyazka"
    unit = UNIT.format(user=user, svyazka=_quoted(svyazka), port=port, tenants=_quoted(tenants), data=_quoted(data))
    wanted = {"SVYAZKA_DATA": str(data), "SVYAZKA_PUBLIC_URL": f"https://{host}"}
    if reader() != "en":
        wanted["SVYAZKA_LANG"] = reader()
    etc = root / "etc"
    environment, caddyfile = etc / "svyazka" / "environment", etc / "caddy" / "Caddyfile"
    yield Place(environment, _text(environment), _with_variables(_text(environment) or "", wanted))
    for path, content in (
        (etc / "systemd" / "system" / "svyazka.service", unit),
        (etc / "caddy" / "svyazka.caddy", SITE.format(host=host, port=port)),
    ):
        yield Place(path, _text(path), content)
    yield Place(caddyfile, _text(caddyfile), _with_line(_text(caddyfile) or "", IMPORT))


def _text(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def _quoted(path: Path) -> str:
    """As systemd reads it: `%` begins a specifier, a space ends a word."""
    text = str(path).replace("%", "%%")
    return f'"{text}"' if " " in text else text


def _with_variables(text: str, wanted: dict[str, str]) -> str:
    """An environment file with these variables; what else stands in it stays."""
    lines = text.splitlines()
    for name, value in wanted.items():
        places = [number for number, line in enumerate(lines) if line.startswith(f"{name}=")]
        if places:
            lines[places[-1]] = f"{name}={value}"
        else:
            lines.append(f"{name}={value}")
    return "\n".join(lines) + "\n"


def _with_line(text: str, wanted: str) -> str:
    """A Caddyfile that has this line; its own sites stay."""
    if wanted in (line.strip() for line in text.splitlines()):
        return text
    return f"{text.rstrip()}\n\n{wanted}\n".lstrip()


def _tell(place: Place, dry_run: bool) -> None:
    if place.before == place.after:
        say(_("{path} is as it has to be", path=place.path))
    elif place.before is None:
        say(_("{path} is new:", path=place.path) if dry_run else _("{path} is new", path=place.path), "green")
        if dry_run:
            say(place.after)
    else:
        say(_("{path} changes:", path=place.path), "yellow")
        say(place.differences)


def _write(place: Place) -> None:
    """Whole or not at all; what was there stays beside it."""
    place.path.parent.mkdir(parents=True, exist_ok=True)
    if place.before is not None:
        place.path.with_name(f"{place.path.name}.before").write_text(place.before, "utf-8")
    fresh = place.path.with_name(f".{place.path.name}.new")
    fresh.write_text(place.after, "utf-8")
    fresh.chmod(0o644)
    fresh.replace(place.path)


def _tell_next(data: Path, tenants: Path, user: str) -> None:
    """What only the administrator can do, in commands to be pasted."""
    folder, files = shlex.quote(str(data)), shlex.quote(str(tenants))
    note(_("Then, once, as the administrator:"), None)
    for step in (
        f"id {user} >/dev/null 2>&1 || useradd --system --home-dir {folder} {user}",
        f"install -d -o {user} -g {user} -m 700 {folder}",
        f"install -d -o {user} -g {user} -m 750 {files}",
        "systemctl daemon-reload && systemctl enable --now svyazka",
        "systemctl reload caddy",
    ):
        note(f"  {step}", None)
