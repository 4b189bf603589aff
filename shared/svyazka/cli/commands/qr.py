"""`qr`: an address, or a payment's link, as a code to be scanned; for tables as pages to print and fold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from svyazka.catalogue import N_, _
from svyazka.cli.commands.payments import held_payment
from svyazka.cli.output import fail, say
from svyazka.cli.session import Session, run
from svyazka.engine.paying.showing import link_of
from svyazka.engine.rules.paying import PAID_STATES
from svyazka.model.errors import ConfigError

TABLE = "{table}"
TABLES_MOST = 500
LONGEST = 1000
"""Characters of an address: beyond, a code is too fine for a phone at an arm's length."""

_ADDRESS = re.compile(r"https?://[\w.-]+(?::\d+)?(?:/\S*)?")
_RANGE = re.compile(r"(\d{1,4})-(\d{1,4})", re.ASCII)

What = Annotated[
    str,
    typer.Argument(
        metavar="ADDRESS|PAYMENT",
        help=N_("https://..., with {table} where each table has its own; or pay_...: its link."),
    ),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="FILE", help=N_(".png, .svg; .html: a page to print for each table."))
]
Tables = Annotated[str | None, typer.Option("--tables", metavar="LIST", help=N_("As 1-12,15,terrace."))]
Title = Annotated[str, typer.Option("--title", help=N_("On the page: the name of the place."))]


def qr(what: What, out: Out, tables: Tables = None, title: Title = "") -> None:
    """An address, or a payment's link, as a QR code; with --tables a page for each table, to print and fold."""
    try:
        names = tables_of(tables) if tables is not None else []
        _checked(out, names)
        if not what.startswith("pay_"):
            _written(what, out, names, title)
    except (ConfigError, OSError) as error:
        fail(str(error))
    if what.startswith("pay_"):
        run(lambda session: _of_payment(session, what, out, names, title))


def _checked(out: Path, names: list[str]) -> None:
    kind = out.suffix.lower()
    if kind not in (".png", ".svg", ".html"):
        raise ConfigError(
            _("--out: expected a file that ends in .png, .svg or .html, got {name!r}", name=out.name[:80])
        )
    if (kind == ".html") != bool(names):
        raise ConfigError(_("--tables and a file that ends in .html belong together: a page is for tables"))


async def _of_payment(session: Session, id_: str, out: Path, names: list[str], title: str) -> None:
    found = (await held_payment(session, id_)).model
    if found.state in PAID_STATES:
        raise ConfigError(_("{payment}: paid already, there is nothing to be scanned for it", payment=id_[:60]))
    link = link_of(found)
    if link is None:
        raise ConfigError(_("{payment}: no link by which it can still be paid; `svyazka payments` tells how it stands",
                            payment=id_[:60]))  # fmt: skip
    _written(link, out, names, title)


def _written(address: str, out: Path, names: list[str], title: str) -> None:
    from svyazka.cli.tents import drawn, page

    if not _ADDRESS.fullmatch(address) or len(address) > LONGEST:
        raise ConfigError(_("expected an address such as https://example.org/pay, got {given!r}", given=address[:80]))
    if (TABLE in address) != bool(names):
        raise ConfigError(_("an address with {table} wants --tables, and --tables wants {table} in the address"))
    if names:
        addresses = {name: address.replace(TABLE, quote(name, safe="")) for name in names}
        out.write_text(page(addresses, title), encoding="utf-8")
    else:
        out.write_bytes(drawn(address, out.suffix.lower()))
    say(_("{file} is written", file=str(out)))


def tables_of(told: str) -> list[str]:
    """`1-12,15,terrace` -> each table's name, in that order. Raises ConfigError."""
    names: list[str] = []
    for part in filter(None, (one.strip() for one in told.split(","))):
        found = _RANGE.fullmatch(part)
        names += [str(n) for n in range(int(found[1]), int(found[2]) + 1)] if found else [part]
    if not names or len(names) > TABLES_MOST or len(set(names)) < len(names) or max(map(len, names)) > 40:
        raise ConfigError(
            _("--tables: expected 1 to {most} tables, each once, such as 1-12,15,terrace", most=TABLES_MOST)
        )
    return names
