"""`sign-ins`: who is in the console, and how somebody is put out of it."""

from __future__ import annotations

from typing import Annotated

import typer

from svyazka.catalogue import N_, _
from svyazka.cli.options import AsJson
from svyazka.cli.output import lines, say, short_time, stamp, table
from svyazka.cli.session import Session, run
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_SIGN_INS
from svyazka.engine.ports.store import Delete
from svyazka.engine.rules.access import roles_in
from svyazka.model.errors import ConfigError
from svyazka.model.requests import SignedIn

SHOWN = 8
"""Characters of an id that tell it apart."""

MOST = 200

End = Annotated[
    list[str] | None,
    typer.Option("--end", metavar="ID", help=N_("Put this one out; `all`: everybody."), show_default=False),
]
Whose = Annotated[str | None, typer.Argument(metavar="TENANT", help=N_("Only this one's."), show_default=False)]


def sign_ins(tenant: Whose = None, end: End = None, as_json: AsJson = False) -> None:
    """Who is in the console: since when, last seen when; --end puts somebody out."""

    async def body(session: Session) -> None:
        owner = (await session.tenant(tenant)).id if tenant else None
        inside = await _inside(session, owner)
        if end:
            for one in _chosen(inside, end):
                line = session.audit_write("sign-ins end", one.tenant or "*", name=one.who)
                await session.store.commit([Delete("signed_in", one.id), line])
                say(_("{who} has to sign in anew", who=one.who))
            return
        await _shown(session, inside, as_json)

    run(body)


async def _shown(session: Session, inside: list[SignedIn], as_json: bool) -> None:
    tenants, zone = await session.tenants(), await session.own_zone()
    found = [(one, roles_in(session.hub.keyring, one, tenants)) for one in inside]
    if as_json:
        lines([
            {"id": one.id[:SHOWN], "who": one.who, "way": one.way, "roles": dict(roles),
             "began_at": stamp(one.began_at, zone), "seen_at": stamp(one.seen_at or one.began_at, zone)}
            for one, roles in found
        ])  # fmt: skip
        return
    rows = []
    for one, roles in found:
        role = ", ".join(sorted({role.value for role in roles.values()}))
        seen = short_time(one.seen_at or one.began_at, zone)
        rows.append((one.id[:SHOWN], one.who, role, ", ".join(roles), short_time(one.began_at, zone), seen))
    heads = (N_("Id"), N_("Who"), N_("Role"), N_("Whose"), N_("Since"), N_("Last seen"))
    table(heads, rows, _("nobody is in the console"))


async def _inside(session: Session, tenant: str | None) -> list[SignedIn]:
    """Those whose sign-in is good, and opens this tenant; the newest first."""
    now, tenants = session.hub.clock.real(), await session.tenants()
    found = await session.store.find(RECENT_SIGN_INS, limit=MOST)
    good = [held.model for held in journal.known(SignedIn, found.documents) if held.model.expire_at > now]
    return [one for one in good if tenant is None or tenant in roles_in(session.hub.keyring, one, tenants)]


def _chosen(inside: list[SignedIn], asked: list[str]) -> list[SignedIn]:
    if asked == ["all"]:
        return inside
    chosen = []
    for id_ in asked:
        fitting = [one for one in inside if len(id_) >= SHOWN and one.id.startswith(id_)]
        if len(fitting) != 1:
            raise ConfigError(_("--end {id}: expected an id that `svyazka sign-ins` shows, or all", id=id_))
        chosen += fitting
    return chosen
