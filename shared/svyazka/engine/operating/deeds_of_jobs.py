"""Buttons of long work: wait, go on, end."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.jobs import steering
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.deeds import Deeds, Refused, end_of
from svyazka.model.jobs import Job, JobState
from svyazka.model.requests import Request, Wish
from svyazka.model.tenants import Tenant


class DeedsOfJobs:
    """Carries them out; what is so already is left as it is."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.deeds: Deeds = {
            Wish.PAUSE_JOB: self._paused, Wish.RESUME_JOB: self._resumed, Wish.CANCEL_JOB: self._cancelled,
        }  # fmt: skip

    async def _job(self, request: Request) -> Job:
        held = await journal.load(self._hub.store, Job, request.about)
        if held is None or held.model.tenant != request.tenant:
            raise Refused(N_("there is no such work"))
        return held.model

    async def _paused(self, request: Request, tenant: Tenant) -> str:
        job = await self._job(request)
        said = N_("it waits now")
        if job.state is not JobState.PAUSED:
            await steering.pause(self._hub, tenant, job.id, await end_of(self._hub, request, said))
        return said

    async def _resumed(self, request: Request, tenant: Tenant) -> str:
        job, said = await self._job(request), N_("it goes on")
        if not job.is_going:
            missing = request.arguments.get("missing")
            answer = {"missing": missing} if missing in ("apply", "leave") else {}
            await steering.resume(self._hub, tenant, job.id, answer, await end_of(self._hub, request, said))
        return said

    async def _cancelled(self, request: Request, tenant: Tenant) -> str:
        job = await self._job(request)
        if not job.has_ended and job.cancelled_by is None:
            await steering.cancel(self._hub, tenant, job.id, request.who)
        return N_("it ends; what is done stays done")
