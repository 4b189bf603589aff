"""What callers look at: a calendar's free times, and what became of a call; and bookings changed by their link."""

from __future__ import annotations

from svyazka.door.answers import NOT_FOUND, content, wrong
from svyazka.door.asked import AskedOfTheWorker
from svyazka.door.becoming import standing_of
from svyazka.door.calls import Call, Handler, name_in, texts_in
from svyazka.door.visits import Visits
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.intake.receive import RETRY_AFTER, problem
from svyazka.engine.ports.store import Door


class Looking:
    """Looks, and changes of what was booked."""

    def __init__(self, door: Door, visits: Visits, asked: AskedOfTheWorker) -> None:
        self._door, self._visits, self._asked = door, visits, asked

    def at(self, kind: str, *names: str) -> Handler:
        async def look(asked: Call) -> Answer:
            params = asked.request.params()
            for name in names:
                if name != "staff" and not params.get(name) and not (kind == "staff" and name == "service"):
                    return wrong(name, "expected it in the query")
            question = {"kind": kind, **{name: params.get(name) or None for name in names}}
            reply = await self._asked.answer(asked.caller, question)
            if reply is None or reply.status >= 500:
                again = str((reply.content.get("retry_after") if reply is not None else None) or RETRY_AFTER)
                return problem(503, "The calendar doesn't answer", "try again", {"Retry-After": again})
            if reply.status >= 400:
                return problem(422, "Not valid", "the calendar knows no such thing, or the site has no calendar")
            told = reply.content
            return content(200, {"data": told.get("value"), "as_of": told.get("as_of"), "stale": told.get("stale")})

        return look

    async def status(self, asked: Call) -> Answer:
        """Who holds a call's unguessable id may know what became of it."""
        site = asked.caller.site
        standing = await standing_of(self._door, (site.tenant, site.connection), asked.rest[:100])
        return content(200, {"status": standing.word, "id": asked.rest}) if standing is not None else NOT_FOUND

    async def change(self, asked: Call) -> Answer:
        """A booking moved or cancelled by whoever holds its id."""
        moves = name_in(asked.request.path)[0] == "booking/move"
        said = texts_in(asked.request, "id", "starts_at") if moves else texts_in(asked.request, "id")
        if isinstance(said, Answer):
            return said
        return await self._visits.change(asked.caller, said["id"], said.get("starts_at"))
