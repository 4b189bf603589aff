"""Answers questions for people who wait, from a vendor or from what it answered just before.

Who waits is answered within three seconds or told that there is no answer. One question is asked once however many want
to know; a vendor in trouble isn't asked at all; and a script that asks for everything there is can't use up what the
vendor allows: a site has a share by the minute, and people's calls leave every other place to our own work.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from svyazka.catalogue import N_
from svyazka.engine.asking.answers import Answers
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.calendar import Calendar
from svyazka.engine.hub import Hub
from svyazka.engine.outages.learning import Outages
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.rules.deadlines import TIMES
from svyazka.engine.support.logs import log, where
from svyazka.engine.tenants.directory import Account
from svyazka.model.bookings import Slot, WallTime
from svyazka.model.commands import Deadline
from svyazka.model.errors import (
    ConfigError,
    LeaseTooShort,
    MaybeSent,
    NoPlace,
    NotAnswered,
    NotSent,
    SourceUnavailable,
    Unavailable,
)
from svyazka.model.outcomes import Blocked, Refused
from svyazka.model.questions import (
    Answer,
    AskDays,
    AskNearest,
    AskServices,
    AskSlots,
    AskStaff,
    AskVisit,
    Question,
    Told,
)

T = TypeVar("T")

CALLS_A_MINUTE = 20
"""Vendor calls that one site may cause, in this process."""

AT_ONCE = 2
"""Calls for people that are out to one connection at a time: a place apart from those of deliveries."""

AHEAD = timedelta(days=31)
"""So far the next free times are looked for."""

DAYS_LOOKED_AT = 2
"""Days that are asked for their times when the day itself has too few."""


class Asker:
    """Asks connections' calendars."""

    def __init__(self, hub: Hub, outages: Outages, now: Callable[[], float] = time.monotonic) -> None:
        self._hub, self._outages, self._now = hub, outages, now
        self._running: dict[tuple[str, str, Question], asyncio.Task[Answer]] = {}
        self._spent: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    async def ask(self, account: Account, question: Question, by: str = "") -> Answer:
        """The answer, as fresh as can be had now; `by`: the site that asks, whose share it uses.

        Raises NotAnswered where nothing may be said, ConfigError for a connection that has no calendar.
        """
        if account.manifest.calendar is None:
            raise ConfigError(
                N_("{tenant}/{name}: {vendor} has no calendar to be asked").format(
                    tenant=account.tenant.id, name=account.name, vendor=account.vendor
                )
            )
        if isinstance(question, AskNearest):
            return await self._nearest(account, question, by)
        known = Answers.of(self._hub, account).get(question)
        if known is not None and known.is_fresh(self._hub.clock.real()):
            return known.answer
        try:
            return await self._once(account, account.manifest.calendar, question, by)
        except NotAnswered as error:
            if known is None or error.code == "refused" or not known.can_be_told(self._hub.clock.real()):
                raise
            return known.answer.model_copy(update={"stale": True})

    async def _once(self, account: Account, calendar: Calendar[Any], question: Question, by: str) -> Answer:
        """Whoever asks the same meanwhile waits for the same answer. Who goes away leaves the others theirs."""
        key = (account.tenant.id, account.name, question)
        running = self._running.get(key)
        if running is None:
            running = asyncio.create_task(self._read(account, calendar, question, by))
            self._running[key] = running
            running.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(running)

    def _done(self, key: tuple[str, str, Question], task: asyncio.Task[Answer]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # somebody may have gone away before it was raised

    async def _read(self, account: Account, calendar: Calendar[Any], question: Question, by: str) -> Answer:
        value = await self.read(
            account, calendar.ready(account.settings), question.kind, lambda call: _asked(calendar, question, call), by
        )
        answer = Answer(value=tuple(value), as_of=self._hub.clock.now())
        Answers.of(self._hub, account).put(question, answer, self._hub.clock.real())
        return answer

    async def read(
        self, account: Account, ready: bool, what: str, ask: Callable[[Call[Any]], Awaitable[T]], by: str = "",
        seconds: float = TIMES[Deadline.QUICK].call, share: int = CALLS_A_MINUTE,
    ) -> T:  # fmt: skip
        """What a connection answers somebody who waits so long; `share`: calls a minute that `by` may cause so. Raises
        NotAnswered, ConfigError, Unavailable."""
        await self._leave_alone(account, ready)
        http = exchanges(
            self._hub, account, CalledFor.PERSON, deadline=Deadline.CALL, spend=lambda: self._spend(account, by, share),
            most=seconds,
        )  # fmt: skip
        call = call_to(self._hub, account, http, key=f"ask.{what}")
        slot = self._hub.limiter.slot(f"{self._hub.counted_as(account)}.asked", AT_ONCE)
        try:
            async with asyncio.timeout(seconds), slot:
                value = await ask(call)
        except LeaseTooShort as error:
            wait = error.wait if isinstance(error, NoPlace) else 1.0
            raise NotAnswered("busy", str(error), wait) from error
        except (TimeoutError, MaybeSent) as error:
            # Slow for somebody who waits needn't be down for deliveries, which wait longer.
            raise NotAnswered("slow", N_("it didn't answer in time"), 5.0) from error
        except (NotSent, SourceUnavailable) as error:
            raise await self._learnt(account, error) from error
        except (Unavailable, ConfigError):
            raise
        except Exception as error:
            log("ERROR", "connector failed", vendor=account.vendor, error=type(error).__name__, where=where(error))
            raise NotAnswered("down", N_("our connector failed"), 30.0) from error
        self._outages.answered(account)
        return value

    async def _leave_alone(self, account: Account, ready: bool) -> None:
        """Raises NotAnswered for a connection that can't be asked, or is in trouble: its outage has its own probes."""
        if account.missing or not ready:
            raise NotAnswered("blocked", N_("its credentials aren't set"), 60.0)
        held = await self._outages.of(account.tenant.id, account.name)
        if held is not None:
            code = "blocked" if held.model.kind == "blocked" else "down"
            raise NotAnswered(code, held.model.message, 30.0)

    def _spend(self, account: Account, by: str, share: int) -> None:
        """One call of a site's share. Raises NoPlace."""
        spent, now = self._spent[account.tenant.id, by], self._now()
        while spent and spent[0] <= now - 60:
            spent.popleft()
        if len(spent) >= share:
            raise NoPlace(N_("this site has asked often enough for this minute"), spent[0] + 60 - now)
        spent.append(now)

    async def _learnt(self, account: Account, error: NotSent | SourceUnavailable) -> NotAnswered:
        outcome = getattr(error, "outcome", None)
        if isinstance(outcome, Refused):
            return NotAnswered("refused", outcome.message, 0.0, why=outcome.code)
        await self._outages.learn(account, error, of_source=True)
        code = "blocked" if isinstance(outcome, Blocked) else "down"
        return NotAnswered(code, str(getattr(outcome, "message", error)), getattr(outcome, "after", None) or 10.0)

    async def _nearest(self, account: Account, question: AskNearest, by: str) -> Answer:
        """The first free times after one: of its day, then of the next days that have any."""
        service, staff = question.service, question.staff
        after = WallTime.read(question.after, account.timezone)
        answers = [await self.ask(account, AskSlots(service=service, staff=staff, day=after.day), by)]
        found = [one for one in answers[0].value if isinstance(one, Slot) and one.starts_at.moment > after.moment]
        try:
            if len(found) < question.count:
                first = after.day + timedelta(days=1)
                days = await self.ask(
                    account, AskDays(service=service, staff=staff, first=first, last=after.day + AHEAD), by
                )
                for day in days.value[:DAYS_LOOKED_AT]:
                    if len(found) < question.count:
                        answers.append(await self.ask(account, AskSlots(service=service, staff=staff, day=day), by))
                        found += [one for one in answers[-1].value if isinstance(one, Slot)]
        except NotAnswered:
            if not found:
                raise
        stale, as_of = any(one.stale for one in answers), min(one.as_of for one in answers)
        return Answer(value=tuple(found[: question.count]), as_of=as_of, stale=stale)


async def _asked(calendar: Calendar[Any], question: Question, call: Call[Any]) -> list[Told]:
    match question:
        case AskServices():
            return list(await calendar.services(call))
        case AskStaff():
            return list(await calendar.staff(question.service, call))
        case AskDays():
            return list(await calendar.days(question.service, question.staff, question.first, question.last, call))
        case AskSlots():
            return list(await calendar.slots(question.service, question.staff, question.day, call))
        case AskVisit():
            visit = await calendar.visit(question.visit, call)
            return [] if visit is None else [visit]
        case AskNearest():
            raise AssertionError("made of other questions")
