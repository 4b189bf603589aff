"""What one seldom needs: a list of the other pages; and who did what."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.catalogue import N_
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import AUDIT_LOG
from svyazka.model.deliveries import AuditLine
from svyazka.model.requests import Role

ROWS = 100

SECTIONS = (
    ("/month", N_("What it did for you"), N_("A month in numbers, and the time that it saved."), Role.LOOKER),
    ("/file", N_("Settings"), N_("What is connected with what, as a text; changes are looked at before they are made."),
     Role.LOOKER),
    ("/pictures", N_("Pictures"), N_("How much was done, how quickly, what was read and what it cost."), Role.LOOKER),
    ("/secrets", N_("Keys and tokens"), N_("Set a new one where an old one has died. They are never shown."),
     Role.OWNER),
    ("/audit", N_("Who did what"), N_("Every button that was pressed and every command that was given."),
     Role.OPERATOR),
)  # fmt: skip
"""Path, name, what it is for, and the least role that finds anything there."""


async def more(visit: Visit) -> Response:
    """`/more`."""
    shown = [one for one in SECTIONS if visit.session.role.covers(one[3])]
    return page("more.html", visit, {"sections": shown, "tenant": visit.tenant()})


async def audit(visit: Visit) -> Response:
    """`/audit`: lines about what he may see. Of a line that names no tenant of his nothing is shown."""
    if not visit.session.role.covers(Role.OPERATOR):
        raise HTTPException(403)
    tenant = visit.tenant()
    try:
        found = await visit.store.find(AUDIT_LOG, limit=ROWS, cursor=visit.asked("after") or None)
    except ValueError:
        raise HTTPException(404) from None
    lines = [one.model for one in journal.known(AuditLine, found.documents)]
    shown = (
        lines if visit.session.tenant is None and tenant is None else [one for one in lines if _of(one, tenant or "")]
    )
    return page("audit.html", visit, {"lines": shown, "more": found.cursor, "tenant": tenant})


def _of(line: AuditLine, tenant: str) -> bool:
    return line.tenant == tenant or line.target == tenant or line.target.startswith(f"{tenant}/")
