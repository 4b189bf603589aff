"""Long work: what is under way, how far it is, and the buttons that stop it or let it go on. And all of a filter anew,
with the count first."""

from __future__ import annotations

from datetime import timedelta

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.console.turning import turned
from svyazka.console.words import JOBS
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import JOBS_OF_TENANT, RECENT_JOBS
from svyazka.engine.operating.replaying import Replaying, count
from svyazka.model.deliveries import FINAL, Status
from svyazka.model.jobs import Counts, Job

ROWS = 50
ANEW = tuple(status for status in Status if status in FINAL and status is not Status.SUCCEEDED)
"""States whose deliveries may be done anew all together."""

BECAME = tuple(name for name in Counts.model_fields if name != "read")

DAYS = (1, 3, 7, 30)


def name_of(job: Job) -> str:
    """What people call it."""
    return JOBS.get(job.kind, job.kind)


def became(job: Job) -> list[tuple[str, int]]:
    """What became of the rows, in this kind's words."""
    words = {"updated": "reopened"} if job.kind == Replaying.kind else {}
    return [(words.get(name, name), found) for name in BECAME if (found := getattr(job.counts, name))]


async def jobs(visit: Visit) -> Response:
    """`/jobs`: newest first."""
    tenant = visit.tenant()
    query, where = (JOBS_OF_TENANT, {"tenant": tenant}) if tenant else (RECENT_JOBS, {})
    found = await turned(visit, query, where, ROWS)
    shown = [one.model for one in journal.known(Job, found.documents) if one.model.tenant in visit.tenants]
    return page(
        "jobs.html", visit,
        {"jobs": shown, "more": found.more, "tenant": tenant, "name_of": name_of, "became": became},
    )  # fmt: skip


async def job(visit: Visit) -> Response:
    """`/jobs/<id>`: looked at again by itself while it goes on."""
    held = await journal.load(visit.store, Job, visit.request.path_params["id"])
    if held is None:
        raise HTTPException(404)
    visit.check(held.model.tenant)
    return page(
        "job.html", visit,
        {"job": held.model, "tenant": held.model.tenant, "name": name_of(held.model), "became": became(held.model)},
    )  # fmt: skip


async def again(visit: Visit) -> Response:
    """`/again`: how many there are, and only then the button."""
    tenant = visit.tenant()
    if tenant is None:
        raise HTTPException(404)
    connection, status, days = (
        visit.asked("connection"),
        visit.asked("status") or Status.DEAD.value,
        visit.asked("days"),
    )
    if connection and connection not in visit.tenants[tenant].connections:
        raise HTTPException(404)
    if status not in set(ANEW) or days not in ("", *map(str, DAYS)):
        raise HTTPException(404)
    since = visit.around.clock.now() - timedelta(days=int(days)) if days else None
    found = await count(visit.store, tenant, connection, status, since)
    return page(
        "again.html", visit,
        {"tenant": tenant, "connection": connection, "status": status, "days": days, "since": since, "found": found,
         "states": ANEW, "spans": DAYS},
    )  # fmt: skip
