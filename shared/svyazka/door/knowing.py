"""Who somebody is: by a code, by a messenger's word; and what of their own they may see."""

from __future__ import annotations

from datetime import datetime

from svyazka.door.answers import content, wrong
from svyazka.door.asked import AskedOfTheWorker
from svyazka.door.callers import Caller
from svyazka.door.calls import Call, Handler, texts_in
from svyazka.door.codes import LIFE as CODE_LIFE
from svyazka.door.codes import Codes
from svyazka.door.sessions import LASTS as SESSION_LASTS
from svyazka.door.sessions import begin
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.intake.receive import RETRY_AFTER, Receiver, problem
from svyazka.engine.ports.store import Door
from svyazka.model.phones import key as phone_key

WHY_NOT = {
    "": "nothing is shown",
    "household": "several people share this phone: ask the business",
    "second_factor": "a phone alone isn't enough here: ask the business",
    "not_bound": "share your own phone with the bot first, or use a code",
    "not_genuine": "expected the init data that the messenger gives its Mini App, a day old at most",
}


class Knowing:
    """Codes, sessions and a person's own."""

    def __init__(self, door: Door, receiver: Receiver, codes: Codes, asked: AskedOfTheWorker) -> None:
        self._door, self._codes, self._asked = door, codes, asked
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

    def own(self, kind: str) -> Handler:
        async def mine(asked: Call) -> Answer:
            token = asked.request.header("x-session") or ""
            if not token:
                return problem(401, "No session", "expected X-Session, which POST /ingest/code/check gives")
            reply = await self._asked.answer(asked.caller, {"kind": kind, "session": token[:200]})
            if reply is None or reply.status >= 500:
                return problem(503, "Try again", "nobody could look just now", {"Retry-After": RETRY_AFTER})
            code = str(reply.content.get("code"))
            if code == "no_session":
                return problem(401, "No session", "it is over: ask for another code")
            if reply.status != 200:
                return problem(403, "Not shown", WHY_NOT.get(code, WHY_NOT[""]))
            return content(200, {"data": reply.content.get("value")})

        return mine
