"""Who somebody is: by a code, by a messenger's word; and what of their own they may see."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import date, datetime

from svyazka.door.answers import content, not_shown, wrong
from svyazka.door.asked import AskedOfTheWorker
from svyazka.door.callers import Caller
from svyazka.door.calls import Call, Handler, texts_in
from svyazka.door.codes import LIFE as CODE_LIFE
from svyazka.door.codes import Codes, Rest, evened
from svyazka.door.sessions import LASTS as SESSION_LASTS
from svyazka.door.sessions import begin, name_of, person_of
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.intake.receive import RETRY_AFTER, Receiver, problem
from svyazka.engine.ports.store import Door
from svyazka.model.phones import key as phone_key

WHY_NOT = {
    "": "nothing is shown",
    "household": "several people share this phone: the birth year tells them apart (POST /ingest/session/born)",
    "second_factor": "a phone alone isn't enough here: the birth date is needed too (POST /ingest/session/born)",
    "not_bound": "share your own phone with the bot first, or use a code",
    "not_genuine": "expected the init data that the messenger gives its Mini App, a day old at most",
}

NEEDS = {"household": "birth_year", "second_factor": "birth_date"}
"""What a page has to ask for, where nothing is shown yet."""

LONGEST_NAME = 200

BORN = re.compile(r"\d{4}(-\d{2}-\d{2})?", re.ASCII)
BORN_TAKES = 3.3
"""Seconds that showing a birth date takes, whatever was found: longer than the worker is waited for. It happens once
in a session; if it were quicker where there is no card, anybody with a number could learn whose client it was."""

NO_SESSION = problem(401, "No session", "expected X-Session, which POST /ingest/code/check gives")
OVER = problem(401, "No session", "it is over: ask for another code")
WRONG_BIRTH = problem(
    403, "Not shown", "this isn't what the business knows, or it was tried too often: ask the business"
)


class Knowing:
    """Codes, sessions and a person's own."""

    def __init__(
        self, door: Door, receiver: Receiver, codes: Codes, asked: AskedOfTheWorker, rest: Rest = asyncio.sleep
    ) -> None:
        self._door, self._codes, self._asked, self._rest = door, codes, asked, rest
        self._keyring, self._clock = receiver.keyring, receiver.clock

    async def code(self, asked: Call) -> Answer:
        """A code to a phone: the same answer for every phone, whatever comes of it."""
        said = texts_in(asked.request, "phone")
        if isinstance(said, Answer):
            return said
        if phone_key(said["phone"]) is None:
            return wrong("phone", "expected a phone such as +79991234567")
        await self._codes.make(asked.caller, said["phone"], self._clock.now())
        return content(202, {"status": "accepted", "expires_in": int(CODE_LIFE.total_seconds())})

    async def calendars_code(self, asked: Call) -> Answer:
        """A code that the calendar sends by itself, where it wants one for a booking (`code_needed`): the same answer
        for every phone. It comes back with the booking."""
        said = texts_in(asked.request, "phone", "name")
        if isinstance(said, Answer):
            return said
        if phone_key(said["phone"]) is None:
            return wrong("phone", "expected a phone such as +79991234567")
        await self._codes.calendars(asked.caller, said["phone"], said["name"][:LONGEST_NAME], self._clock.now())
        return content(202, {"status": "accepted"})

    async def check(self, asked: Call) -> Answer:
        said = texts_in(asked.request, "phone", "code")
        if isinstance(said, Answer):
            return said
        now = self._clock.now()
        person = await self._codes.check(asked.caller, said["phone"], said["code"].strip(), now)
        if person is None:
            return problem(403, "Wrong code", "this code is wrong, used, too old or tried too often: ask for another")
        return await self._begun(asked.caller, person, now)

    async def session(self, asked: Call) -> Answer:
        """Init data of a Mini App become a session of ours: they are good for a day, it for an hour."""
        said = texts_in(asked.request, "init_data")
        if isinstance(said, Answer):
            return said
        question = {"kind": "init_data", "bot": asked.caller.settings.bot or "", "init_data": said["init_data"]}
        reply = await self._asked.answer(asked.caller, question)
        if reply is None or reply.status >= 500:
            return problem(503, "Try again", "nobody could look at it just now", {"Retry-After": RETRY_AFTER})
        person = reply.content.get("person")
        if reply.status != 200 or not isinstance(person, str):
            return problem(403, "Not known", WHY_NOT.get(str(reply.content.get("code")), WHY_NOT[""]))
        return await self._begun(asked.caller, person, self._clock.now())

    async def _begun(self, caller: Caller, person: str, now: datetime) -> Answer:
        token = await begin(self._door, self._keyring, caller.site.tenant, person, now)
        return content(200, {"session": token, "expires_in": int(SESSION_LASTS.total_seconds())})

    async def born(self, asked: Call) -> Answer:
        """A second factor: the same answer after the same time, whether the date is wrong, isn't known, or was tried
        too often."""
        said, token = texts_in(asked.request, "born"), _token(asked)
        if isinstance(said, Answer):
            return said
        if not _is_a_birth(said["born"]):
            return wrong("born", "expected a year such as 1985, or a date such as 1985-03-14")
        began, now, tenant = time.monotonic(), self._clock.now(), asked.caller.site.tenant
        person = await person_of(self._door, self._keyring, tenant, token, now) if token else None
        if person is None:
            return OVER if token else NO_SESSION
        answer = await self._looked_at(asked, token, person, said["born"])
        await evened(self._rest, began, BORN_TAKES)
        return answer

    async def _looked_at(self, asked: Call, token: str, person: str, born: str) -> Answer:
        now = self._clock.now()
        if not await self._codes.may_try_in(name_of(self._keyring, token), now):
            return WRONG_BIRTH
        if not await self._codes.may_try(person, now):
            return WRONG_BIRTH
        reply = await self._asked.answer(asked.caller, {"kind": "born", "session": token, "born": born})
        if reply is None or reply.status >= 500:
            return problem(503, "Try again", "nobody could look just now", {"Retry-After": RETRY_AFTER})
        if reply.status != 200:
            return WRONG_BIRTH
        return content(200, {"status": "shown", "factor": reply.content.get("factor")})

    def own(self, kind: str) -> Handler:
        async def mine(asked: Call) -> Answer:
            token = _token(asked)
            if not token:
                return NO_SESSION
            reply = await self._asked.answer(asked.caller, {"kind": kind, "session": token})
            if reply is None or reply.status >= 500:
                return problem(503, "Try again", "nobody could look just now", {"Retry-After": RETRY_AFTER})
            code = str(reply.content.get("code"))
            if code == "no_session":
                return OVER
            if reply.status != 200:
                return not_shown(WHY_NOT.get(code, WHY_NOT[""]), NEEDS.get(code))
            told = reply.content
            return content(200, {"data": told.get("value"), "as_of": told.get("as_of"), "stale": told.get("stale")})

        return mine


def _token(asked: Call) -> str:
    return (asked.request.header("x-session") or "")[:200]


def _is_a_birth(text: str) -> bool:
    if BORN.fullmatch(text) is None:
        return False
    try:
        return len(text) == 4 or date.fromisoformat(text) is not None
    except ValueError:
        return False
