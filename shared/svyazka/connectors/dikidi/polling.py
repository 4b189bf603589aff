"""Looks: once a day over the widget's calls, every few minutes into the journal, where an employee's access is given.

A widget that has changed blocks the connection, before somebody wants to book. Trouble with the back office blocks
nothing, for bookings go by the widget: it is told once, and left alone for a while.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.connectors.dikidi.journal import compared
from svyazka.connectors.dikidi.office import is_passing, journal, why
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.connectors.dikidi.visits import lost
from svyazka.connectors.dikidi.watch import look
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Polled, Polling
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.base import Frozen, Time
from svyazka.model.bookings import WallTime
from svyazka.model.errors import Unavailable
from svyazka.model.events import Change, EventType, Fact

A_DAY = timedelta(hours=23)
BEHIND, AHEAD = timedelta(days=1), timedelta(days=60)
"""The days of the journal that are read."""

BY_NIGHT = timedelta(minutes=14)
"""Between two looks when the salon is closed: from ten in the evening to eight in the morning."""

LOST_FOR = timedelta(days=90)
"""So long it is known of a visit that it vanished from the journal."""

REST = timedelta(minutes=45)
"""So long a back office that turns us away is left alone."""

CUT = N_("в журнале DIKIDI пропало сразу {count} записей: это похоже на сбой, отменой не считаем. Проверьте журнал")
TROUBLE = N_("журнал DIKIDI не читается: {why} Запись через виджет работает по-прежнему")


class Cursor(Frozen):
    """How far we have looked."""

    widget_at: Time | None = None
    journal_at: Time | None = None
    seen: dict[str, str] = {}
    """Visits by id: how often each changed, its time, master and state. Nobody's name."""
    missing: tuple[str, ...] = ()
    rests_until: Time | None = None
    told: str | None = None
    """The trouble that people were told of."""


class DikidiPolling(Polling[DikidiSettings]):
    """What isn't as it was at the widget blocks the connection; the doctor's looks release it again."""

    every = 300.0

    def ready(self, settings: DikidiSettings) -> bool:
        return settings.company is not None

    async def poll(self, cursor: str | None, call: Call[DikidiSettings]) -> Polled:
        known = _known(cursor)
        if known.widget_at is None or call.now - known.widget_at >= A_DAY:
            await look(call)
            known = known.model_copy(update={"widget_at": call.now})
        facts: Sequence[Fact] = ()
        if call.settings.has_office() and _is_due(known, call):
            known, facts = await _look_into_the_journal(known, call)
        return Polled(facts=facts, cursor=known.model_dump_json(exclude_defaults=True))


def _known(cursor: str | None) -> Cursor:
    """Before the journal was read, a cursor was the time of the last look."""
    if cursor is None:
        return Cursor()
    return (
        Cursor.model_validate_json(cursor)
        if cursor.startswith("{")
        else Cursor(widget_at=datetime.fromisoformat(cursor))
    )


def _is_due(known: Cursor, call: Call[DikidiSettings]) -> bool:
    if known.rests_until is not None and call.now < known.rests_until:
        return False
    by_night = not 8 <= call.now.astimezone(ZoneInfo(call.timezone)).hour < 22
    return known.journal_at is None or not by_night or call.now - known.journal_at >= BY_NIGHT


async def _look_into_the_journal(known: Cursor, call: Call[DikidiSettings]) -> tuple[Cursor, Sequence[Fact]]:
    today = WallTime.at(call.now, call.timezone).day
    first, last = today - BEHIND, today + AHEAD
    try:
        found = await journal(call, first, last)
    except VendorFailure as failure:
        if is_passing(failure):
            raise
        code, words = why(failure)
        told = [] if known.told == code else [_notice(call, code, TROUBLE.format(why=words))]
        return _with(known, rests_until=call.now + REST, told=code), told
    if known.journal_at is None:  # what is there at the first look is history
        seen: Mapping[str, str] = {id_: f"1:{entry.shown}" for id_, entry in found.entries.items()}
        return _with(known, journal_at=call.now, seen=dict(seen), told=None), ()
    result = compared(known.seen, known.missing, found, first, last)
    facts, told_of = list(result.facts), None
    for one in (hint for fact in facts for hint in fact.about if hint.change is Change.DELETED):
        # Whoever looks at it again is told by this that it isn't hidden: it was cancelled.
        if not await call.keep(lost(one.id), f"lost-{one.id}", datetime.now(UTC) + LOST_FOR):
            raise Unavailable(N_("that a visit vanished isn't written down"))
    if known.told is not None and not result.doubted:
        facts.append(_news(call, EventType.CONNECTION_ENABLED, "well", None))
    if result.doubted:
        told_of = "cut"
        if known.told != told_of:
            facts.append(_notice(call, told_of, CUT.format(count=result.doubted)))
    return (
        _with(known, journal_at=call.now, seen=dict(result.seen), missing=tuple(result.missing), told=told_of), facts,
    )  # fmt: skip


def _with(known: Cursor, **changes: object) -> Cursor:
    return known.model_copy(update={"rests_until": None, **changes})


def _notice(call: Call[DikidiSettings], code: str, words: str) -> Fact:
    return _news(call, EventType.CONNECTION_DISABLED, code, words)


def _news(call: Call[DikidiSettings], type_: EventType, code: str, words: str | None) -> Fact:
    return Fact(
        type=type_,
        key=("office", code, f"{call.now:%Y-%m-%dT%H}"),
        subject="connection:office",
        occurred_at=call.now,
        data={"what": "office", **({"notice": words} if words else {})},
    )
