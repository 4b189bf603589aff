"""What one seldom needs: a list of the other pages; and who did what."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.catalogue import N_
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.console.turning import turned
from svyazka.console.words import details, undone
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import AUDIT_LOG
from svyazka.model.deliveries import AuditLine
from svyazka.model.requests import Role

ROWS = 100

SECTIONS = (
    ("/month", N_("What it did for you"), N_("A month in numbers, and the time that it saved."), Role.LOOKER),
    ("/payments", N_("Payments"), N_("What was paid and what went back; give money back from here."), Role.LOOKER),
    ("/file", N_("Settings"), N_("What is connected with what, as a text; changes are looked at before they are made."),
     Role.LOOKER),
    ("/pictures", N_("Pictures"), N_("How much was done, how quickly, what was read and what it cost."), Role.LOOKER),
    ("/secrets", N_("Keys and tokens"), N_("Set a new one where an old one has died. They are never shown."),
     Role.OWNER),
    ("/audit", N_("Who did what"), N_("Every button that was pressed and every command that was given."),
     Role.OPERATOR),
    ("/people", N_("People and sign-ins"), N_("Who may come in here and what for, who is in now; put somebody out."),
     Role.OWNER),
)  # fmt: skip
"""Path, name, what it is for, and the least role that finds anything there."""


async def more(visit: Visit) -> Response:
    """`/more`."""
    shown = [one for one in SECTIONS if visit.role.covers(one[3])]
    return page("more.html", visit, {"sections": shown, "tenant": visit.tenant()})


async def audit(visit: Visit) -> Response:
    """`/audit`: lines about what he may see. Of a line that names no tenant of his nothing is shown."""
    if not visit.role.covers(Role.OPERATOR):
        raise HTTPException(403)
    tenant = visit.tenant()
    found = await turned(visit, AUDIT_LOG, limit=ROWS)
    lines = [one.model for one in journal.known(AuditLine, found.documents)]
    mine = [one for one in ([tenant] if tenant else visit.tenants) if visit.may(one, Role.OPERATOR)]
    shown = lines if visit.sees_all and tenant is None else [one for one in lines if any(_of(one, of) for of in mine)]
    return page(
        "audit.html",
        visit,
        {"lines": shown, "more": found.more, "tenant": tenant, "details": details, "undone": undone},
    )


def _of(line: AuditLine, tenant: str) -> bool:
    return line.tenant == tenant or line.target == tenant or line.target.startswith(f"{tenant}/")
