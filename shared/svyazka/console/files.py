"""A business's settings as a text: shown with what is wrong, a change looked at first and then carried out, against the
revision that it was made from."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.catalogue import N_
from svyazka.console.asking import put_down
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.deeds import FilePlan
from svyazka.model.contacts import Contact
from svyazka.model.errors import ConfigError
from svyazka.model.requests import Role, Wish
from svyazka.model.tenants import Tenant

LONGEST = 50_000


@dataclass(frozen=True, slots=True)
class Wrong:
    """One mistake, in the reader's language when it is shown."""

    line: int | None
    where: str
    message: str


async def file(visit: Visit) -> Response:
    """`/file`."""
    tenant = visit.tenant()
    if tenant is None:
        return page("choose.html", visit, {"tenant": None, "path": "/file"})
    held = await journal.load(visit.store, Tenant, tenant)
    if held is None:
        raise HTTPException(404)
    from svyazka.tenanttext import text_of  # and with it YAML, which no other page needs

    return _page(visit, tenant, text_of(held.model), held.version or "", ())


async def proposed(visit: Visit) -> Response:
    """`POST /file`: what is wrong with it is said here; of what is right the worker says what would follow."""
    form = await visit.form()
    tenant, text, revision = form.get("tenant", ""), form.get("typed", ""), form.get("revision", "")
    visit.check(tenant)
    if not visit.may(tenant, Role.OWNER):
        raise HTTPException(403)
    text = text.replace("\r\n", "\n")
    wrong = mistakes(text, tenant)
    if wrong:
        return _page(visit, tenant, text, revision, wrong, 400)
    return await put_down(visit, Wish.PLAN_FILE, tenant, tenant, {"revision": revision}, text)


def mistakes(text: str, tenant: str) -> list[Wrong]:
    """What is wrong with a text, as `apply` would find it."""
    from svyazka.tenantfile.mistakes import TenantFileError
    from svyazka.tenantfile.reader import read_tenant_text  # every connector and flow comes with it

    if len(text) > LONGEST:
        return [Wrong(None, "", N_("expected at most {most} characters").format(most=LONGEST))]
    try:
        read = read_tenant_text(text, f"{tenant}.yaml")
    except TenantFileError as error:
        return [Wrong(one.line, one.where, one.message) for one in error.mistakes]
    except ConfigError as error:
        return [Wrong(None, "", str(error))]
    return [] if read.id == tenant else [Wrong(None, "id", tenant)]


def _page(visit: Visit, tenant: str, text: str, revision: str, wrong: Sequence[Wrong], status: int = 200) -> Response:
    if not visit.may(tenant, Role.OWNER):
        text = _masked(visit, visit.tenants[tenant], text)
    values = {"tenant": tenant, "text": text, "revision": revision, "wrong": wrong}
    return page("file.html", visit, values, status)


def _masked(visit: Visit, tenant: Tenant, text: str) -> str:
    """For whoever changes nothing: without the addresses of the business's people."""
    told = [one.chat for one in tenant.alerts.to] + [one.chat for one in tenant.people]
    chats = {str(index): chat for index, chat in enumerate(told) if chat}
    return visit.masker().text(text, [Contact(chats=chats)]) or ""


def lines_of(plan: FilePlan) -> list[str]:
    """The change as a patch, for whoever keeps the file elsewhere."""
    return list(
        difflib.unified_diff(plan.before.splitlines(), plan.text.splitlines(), "before", "after", lineterm="", n=2)
    )
