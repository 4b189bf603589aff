"""One-time codes: made, sent by the tenant's own flow, and checked here; and those that a calendar sends and checks.

Each costs the business money, and each is a guess for whoever isn't its reader. So a phone gets one a minute, three an
hour and five a day; a code bears five tries and a phone fifteen a day; a site has so many a day, and stops by itself
when hardly any is entered, for then a script is at work. Whether a phone is known, limited or abroad nobody can tell:
the same is written down, the same is answered, at the same time.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from svyazka.connectors.site.schema import Envelope
from svyazka.door.accepting import enter
from svyazka.door.callers import Caller
from svyazka.door.limits import Limit, Limiter, noted, once, slot_of
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal.tasks import noticed_task
from svyazka.engine.ports.store import Door
from svyazka.engine.security.keyring import Keyring
from svyazka.model.phones import ascii_digits
from svyazka.model.phones import key as phone_key

LIFE = timedelta(minutes=10)
DAY, HOUR, MINUTE = 86400, 3600, 60
PER_PHONE = ((1, MINUTE), (3, HOUR), (5, DAY))
TRIES, TRIES_A_DAY = 5, 15
LOOKED_AT, ENTERED_LEAST = 50, 15
"""Of so many codes so many must have been entered, or nobody reads them."""

TAKES = 0.4
"""Seconds that asking for a code and checking one take, whatever there was to do."""

Rest = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Made:
    """A code as it was written down: a keyed hash of it, when, and which of its site's it was."""

    name: str
    print: str
    at: float
    issue: str | None


class Codes:
    """Every site's codes."""

    def __init__(
        self, door: Door, keyring: Keyring, receiver: Receiver, limiter: Limiter, rest: Rest = asyncio.sleep
    ) -> None:
        self._door, self._keyring, self._receiver, self._limiter, self._rest = door, keyring, receiver, limiter, rest
        self._unread_on: dict[str, int] = {}
        """By site: the day on which its codes turned out to be read by nobody."""

    async def make(self, caller: Caller, phone: str, now: datetime) -> None:
        """Make a code and have it sent, where nothing stands against it. Raises Unavailable."""
        began = time.monotonic()
        whose, number = self._whose(caller, phone), await self._number(caller, phone, now)
        against, issue = "limited" if number is None else self._abroad(caller, phone), None
        if against is None:
            against, issue = await self._of_the_site(caller, now)
        code = f"{secrets.randbelow(10**6):06d}"
        place = number if number is not None and against is None else -1 - secrets.randbelow(10**9)
        content = {
            "print": self._keyring.mark("code", whose, code), "at": now.timestamp(),
            "issue": issue,
        }  # fmt: skip
        await self._door.create([noted(_code_id(whose, now, place), content, now + LIFE)])
        envelope = Envelope(
            call="code", by=caller.by, named=secrets.token_hex(20), within=0.0, print="", ignored=against,
            body={"phone": _dialled(phone), "code": code, "flow": caller.settings.codes},
        )  # fmt: skip
        await enter(self._receiver, caller, envelope)
        await self._even(began)

    async def calendars(self, caller: Caller, phone: str, name: str, now: datetime) -> None:
        """Have the calendar send a code of its own: it costs the salon as much, so the same limits hold, and the same
        work is done for every phone. Whether it is ever entered only the calendar sees. Raises Unavailable."""
        began = time.monotonic()
        number = await self._number(caller, phone, now)
        against = "limited" if number is None else self._abroad(caller, phone)
        limit = Limit(f"salon.{caller.owner}", caller.settings.daily_codes, DAY)
        if against is None and await self._limiter.take(limit, now) is None:
            await self._notice(caller, "codes_stopped", now)
            against = "limited"
        envelope = Envelope(
            call="booking_code", by=caller.by, named=secrets.token_hex(20), within=0.0, print="", ignored=against,
            body={"phone": _dialled(phone), "name": name},
        )  # fmt: skip
        await enter(self._receiver, caller, envelope)
        await self._even(began)

    async def _number(self, caller: Caller, phone: str, now: datetime) -> int | None:
        """Which of the phone's codes of the day this is; None where it has had enough."""
        whose, number = self._whose(caller, phone), None
        for most, seconds in PER_PHONE:
            taken = await self._limiter.take(Limit(f"p.{whose}.{seconds}", most, seconds), now)
            if taken is None:
                return None
            number = taken.number
        return number

    def _abroad(self, caller: Caller, phone: str) -> str | None:
        return None if _dialled(phone).startswith(caller.settings.code_countries) else "abroad"

    async def _of_the_site(self, caller: Caller, now: datetime) -> tuple[str | None, str | None]:
        """Why the site sends no more codes today (it has had enough, or nobody reads them), else which of its codes
        this one is."""
        limit = Limit(f"codes.{caller.owner}", caller.settings.daily_codes, DAY)
        taken = await self._limiter.take(limit, now)
        if taken is None:
            await self._notice(caller, "codes_stopped", now)
            return "limited", None
        if taken.first and taken.number == limit.places // 2:
            await self._notice(caller, "codes_half", now)
        issued = taken.number * limit.share + taken.index
        if taken.first and issued >= LOOKED_AT and await self._unread(caller, issued, now):
            self._unread_on[caller.owner] = slot_of(DAY, now)
        if self._unread_on.get(caller.owner) == slot_of(DAY, now):
            await self._notice(caller, "codes_unread", now)
            return "unread", None
        return None, f"{slot_of(DAY, now)}.{issued}"

    async def _unread(self, caller: Caller, issued: int, now: datetime) -> bool:
        day = slot_of(DAY, now)
        last = [_entered_id(caller, f"{day}.{number}") for number in range(issued - LOOKED_AT, issued)]
        found = await self._door.get_many([("takes", name) for name in last])
        return sum(document is not None for document in found) < ENTERED_LEAST

    async def _notice(self, caller: Caller, what: str, now: datetime) -> None:
        """Have somebody told, once a day."""
        site = caller.site
        name = f"{what}.{caller.owner}.{slot_of(DAY, now)}"
        if (await self._door.create([once(name, now + timedelta(days=1))]))[0]:
            await self._door.enqueue([noticed_task(site.tenant, site.connection, what)])

    # Checking

    async def check(self, caller: Caller, phone: str, code: str, now: datetime) -> str | None:
        """Keyed hash of the person, where this is the phone's newest code and was never entered. Raises Unavailable."""
        began = time.monotonic()
        right = await self._is_right(caller, phone, code, now)
        await self._even(began)
        return self._keyring.person(caller.site.tenant, phone) if right else None

    async def _is_right(self, caller: Caller, phone: str, code: str, now: datetime) -> bool:
        whose = self._whose(caller, phone)
        if not await self.may_try(self._keyring.person(caller.site.tenant, phone), now):
            return False
        days = (now, now - LIFE)  # one made just before midnight is yesterday's
        names = [_code_id(whose, day, number) for day in days for number in range(PER_PHONE[-1][0])]
        found = await self._door.get_many([("takes", name) for name in names])
        made = [_Made(one.id, **json.loads(one.data)) for one in found if one is not None]
        newest = max(made, key=lambda one: one.at, default=_Made(whose, "", 0.0, None))
        if await self._limiter.take(Limit(f"c.{newest.name}", TRIES, DAY), now) is None:
            return False
        same = compare_digest(newest.print, self._keyring.mark("code", whose, code))
        if not same or now.timestamp() - newest.at > LIFE.total_seconds():
            return False
        entered = [once(f"used.{newest.name}", now + LIFE)]
        if newest.issue is not None:
            entered.append(once(_entered_id(caller, newest.issue), now + timedelta(days=2)))
        return (await self._door.create(entered))[0]

    async def may_try(self, person: str, now: datetime) -> bool:
        """Count one of a person's tries of the day, at codes and at second factors alike. Raises Unavailable."""
        return await self._limiter.take(Limit(f"t.{person}", TRIES_A_DAY, DAY), now) is not None

    async def may_try_in(self, session: str, now: datetime) -> bool:
        """Count one of a session's tries at its second factor. Raises Unavailable."""
        return await self._limiter.take(Limit(f"b.{session}", TRIES, DAY), now) is not None

    def _whose(self, caller: Caller, phone: str) -> str:
        return self._keyring.mark("phone", caller.site.tenant, phone_key(phone) or phone)

    async def _even(self, began: float) -> None:
        await evened(self._rest, began, TAKES)


async def evened(rest: Rest, began: float, takes: float) -> None:
    """Wait until so long after a beginning: how long something took tells nothing."""
    await rest(max(takes - (time.monotonic() - began), 0.0))


def _dialled(phone: str) -> str:
    """A phone with its country in front: what is looked at is what is sent to."""
    digits = ascii_digits(phone)
    if not phone.strip().startswith("+") and (len(digits) == 10 or (len(digits) == 11 and digits[0] in "78")):
        return f"+7{digits[-10:]}"
    return f"+{digits}"


def _code_id(whose: str, day: datetime, number: int) -> str:
    return f"code.{whose}.{slot_of(DAY, day)}.{number}"


def _entered_id(caller: Caller, issue: str) -> str:
    return f"entered.{caller.owner}.{issue}"
