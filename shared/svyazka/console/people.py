"""Who may come in and what for, as the tenant's file says, and who is in now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.catalogue import N_
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_SIGN_INS
from svyazka.engine.rules.access import SUPPORT_DAYS, may_end, roles_in
from svyazka.model.contacts import mask_email, mask_phone
from svyazka.model.requests import Role, SignedIn
from svyazka.model.tenants import Person

MOST = 200
"""Sign-ins that are looked at."""

WAYS = {
    "link": N_("by a link of the server's"),
    "code": N_("by a code"),
    "support": N_("by a link for support, to look only"),
    "google": N_("by a Google account"),
}


@dataclass(frozen=True, slots=True)
class Inside:
    """Somebody who is in."""

    session: SignedIn
    role: Role
    whole: bool
    """For the whole installation, not this business alone."""
    is_me: bool
    may_end: bool


def reached(person: Person) -> str:
    """Where a code goes, masked."""
    if person.of is not None:
        return person.of
    shown = mask_phone(person.phone) or mask_email(person.email) or ("•••" if person.chat else None)
    return " · ".join(filter(None, (person.connection, shown, mask_email(person.google) if person.google else None)))


async def people(visit: Visit) -> Response:
    """`/people`."""
    tenant = visit.tenant()
    if tenant is None:
        return page("choose.html", visit, {"tenant": None, "path": "/people"})
    if not visit.may(tenant, Role.OWNER):
        raise HTTPException(403)
    return page(
        "people.html", visit,
        {"tenant": tenant, "owner": visit.tenants[tenant], "inside": await inside(visit, tenant), "reached": reached,
         "ways": WAYS, "spans": SUPPORT_DAYS if visit.around.opens_by_link else ()},
    )  # fmt: skip


async def inside(visit: Visit, tenant: str) -> Sequence[Inside]:
    """Whose sign-ins open this business, the newest first."""
    around, now = visit.around, visit.around.clock.real()
    tenants = await around.tenants()
    found = await visit.store.find(RECENT_SIGN_INS, limit=MOST)
    shown = []
    for one in (held.model for held in journal.known(SignedIn, found.documents)):
        roles = roles_in(around.keyring, one, tenants)
        if one.expire_at > now and tenant in roles:
            shown.append(
                Inside(
                    one, roles[tenant], one.way == "link" and one.tenant is None, one.id == visit.session.id,
                    may_end(around.keyring, visit.session, one, tenants),
                )
            )  # fmt: skip
    return shown
