"""What is asked of the worker while somebody waits: answers, and things done at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from svyazka.door.callers import Caller
from svyazka.engine.journal.tasks import Asked
from svyazka.engine.ports.asking import ACT_SECONDS, READ_SECONDS, NoReply, Reply, WorkerAsked
from svyazka.engine.ports.clock import Clock
from svyazka.engine.support.logs import log
from svyazka.model.standing import Standing


class AskedOfTheWorker:
    """The two questions; None where there was no answer in time."""

    def __init__(self, worker: WorkerAsked, clock: Clock) -> None:
        self._worker, self._clock = worker, clock

    async def answer(self, caller: Caller, question: Mapping[str, Any], seconds: float = READ_SECONDS) -> Reply | None:
        """The answer to a question about a site's calendar, a table, or whoever a session is of."""
        site = caller.site
        body = {
            "tenant": site.tenant, "connection": caller.settings.calendar or "", "by": site.connection,
            "question": question,
        }  # fmt: skip
        try:
            return await self._worker.ask(Asked.ASK, body, seconds)
        except NoReply as error:
            log("WARNING", "not answered in time", tenant=site.tenant, connection=site.connection, reason=str(error))
            return None

    async def carried_out(self, id_: str) -> Standing | None:
        """What the worker made of an event while its caller waits; None where it had no time, or isn't there."""
        try:
            reply = await self._worker.ask(Asked.PERFORM_NOW, {"event": id_}, ACT_SECONDS)
        except NoReply as error:
            log("WARNING", "not carried out at once", event=id_, reason=str(error))
            return None
        try:
            return Standing.model_validate(reply.content) if reply.status == 200 else None
        except ValueError:
            log("ERROR", "not understood", event=id_)
            return None

    def queue_due(self) -> datetime:
        """When the queue sees to what we ask the worker for ourselves, should we die before."""
        return self._clock.in_real(ACT_SECONDS + 2)
