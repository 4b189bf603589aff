"""What we must remember between two tries: the visitor's session that holds and books, and the id of what it holds.

DIKIDI has no key of ours to recognise a repeat by, and shows a booking only to the session that made it. So both are
written down, sealed, before the call that they are needed for: whoever goes on after a crash goes on with these.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from svyazka.catalogue import N_
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.base import Stored
from svyazka.model.outcomes import Retry

BOOKING_LIFE = timedelta(days=8)
"""Longer than any command is repeated."""

CODE_LIFE = timedelta(minutes=15)
AFTER_THE_VISIT = timedelta(days=2)


class Begun(Stored):
    """How far the booking of one command has come."""

    session: str
    record: str | None = None
    """What the session holds, and the booking's id if it came to one."""
    sent: bool = False
    """That `record` may have been called."""


async def begun(call: Call[DikidiSettings]) -> Begun | None:
    """How far an earlier try of this command came."""
    kept = await call.kept(f"booking.{call.generation_mark}")
    try:
        found = Begun.model_validate_json(kept) if kept else None
    except ValidationError:
        return None
    if found is not None:
        call.http.hide(found.session)
    return found


async def begin(call: Call[DikidiSettings], state: Begun) -> Begun:
    """Write it down. What can't be is not begun: it could not be asked about later."""
    call.http.hide(state.session)
    if not await call.keep(f"booking.{call.generation_mark}", state.model_dump_json(), _in(BOOKING_LIFE)):
        message = N_("the session of a booking could not be written down")
        raise VendorFailure(Retry(code="not_kept", message=message, outage=False))
    return state


async def of_visit(call: Call[DikidiSettings], visit: str) -> str | None:
    """The session that made a visit, the only one that sees it."""
    return await call.kept(f"visit.{visit}")


async def booked(call: Call[DikidiSettings], visit: str, session: str, starts: datetime) -> None:
    """Whoever cancels it will need its session."""
    await call.keep(f"visit.{visit}", session, max(starts + AFTER_THE_VISIT, _in(BOOKING_LIFE)))


async def of_code(call: Call[DikidiSettings], phone: str) -> str | None:
    """The session that a code was sent in."""
    return await call.kept(_code(phone))


async def code_sent(call: Call[DikidiSettings], phone: str, session: str) -> bool:
    """A code counts in its own session only."""
    return await call.keep(_code(phone), session, _in(CODE_LIFE))


def _code(phone: str) -> str:
    return f"code.{hashlib.sha256(phone.encode()).hexdigest()[:16]}"


def _in(life: timedelta) -> datetime:
    return datetime.now(UTC) + life  # what is kept lives in the vendor's time, which `--speed` doesn't move
