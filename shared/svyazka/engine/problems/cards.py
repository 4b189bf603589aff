"""Opening, ending and telling of problems.

A change of a problem and its alert are one commit, and where an outage begins or ends, that stands in it too: whoever
dies has done all of it or nothing. Two who meet one cause at once write one document: the second finds it open.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import PROBLEMS_OF_KIND
from svyazka.engine.journal.transition import commit_in_parts
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.problems.kinds import HOUR, KINDS, Kind
from svyazka.engine.support.logs import log
from svyazka.engine.telling.alerts import News, Told, compose, local_time, with_whole_commands
from svyazka.model.base import SKELETON
from svyazka.model.errors import Conflict
from svyazka.model.problems import DAY, FOLDED, QUIET, Problem, Remedy, openings_of, problem_id
from svyazka.model.tenants import Tenant

TOUCHED_EVERY = HOUR
"""A cause that is met all the time is written down again once in so long."""

SAME_OCCURRENCE = HOUR
"""Back within so long it is the same occurrence: nobody is told, unless it then lasts as long."""

MOST = 20
"""More open ones of a kind and connection become one card."""

KEPT_FOR = SKELETON + timedelta(days=30)
"""Longer than its alerts, whose identity hangs on its occurrences."""

TRIES = 5

CLOSED_AT_ONCE = 200
"""Problems behind one card that end before it is looked at again."""

Look = Callable[[Hub, Tenant, Problem], Awaitable[bool]]
"""Whether a problem's cause is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A cause, as somebody has just met it."""

    kind: Kind
    tenant: Tenant
    connection: str | None = None
    vendor: str | None = None
    text: str
    """The words in which it is told."""
    since: datetime
    after: timedelta = timedelta()
    """How long it must last, from `since` on, before somebody is told."""
    cause: str = ""
    about: str = ""
    """The id that its remedy names."""
    advice: str | None = None
    title: str = ""
    """What this one is called, where that says more than its kind's."""
    told_before: bool = False
    """The release before told of it."""

    @property
    def id(self) -> str:
        return problem_id(self.tenant.id, self.connection, self.kind.name, self.cause)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be committed of a problem, alone or beside something else."""

    writes: Sequence[Write] = ()
    ways: Sequence[Write] = ()
    """Deliveries of alerts and ends of what stood behind a card, which may be too many for one commit."""
    tasks: Sequence[Task] = ()
    said: Sequence[Told] = ()
    moved: Sequence[Problem] = field(default=())
    more: bool = False
    """It isn't all yet."""

    def __add__(self, other: Change) -> Change:
        return Change(
            (*self.writes, *other.writes), (*self.ways, *other.ways), (*self.tasks, *other.tasks),
            (*self.said, *other.said), (*self.moved, *other.moved),
        )  # fmt: skip

    async def commit(self, hub: Hub) -> None:
        """All of it, or of its `ways` those that came first: made anew, it goes on with the rest. Raises Conflict."""
        await commit_in_parts(hub.store, self.writes, self.ways, self.tasks)
        self._log()

    def _log(self) -> None:
        """Its lines, once it is committed."""
        for one in self.moved:
            state = "mended" if one.is_open and one.absent_since else one.state
            log(
                "INFO", "problem", tenant=one.tenant, connection=one.connection, kind=one.kind, status=state,
                count=one.occurrence,
            )  # fmt: skip
        for told in self.said:
            told.log()


NOTHING = Change()


# Beginnings


async def meet(hub: Hub, sight: Sight) -> bool:
    """A cause is there: its problem is open afterwards. False when there was nothing new about it."""
    return await _committed(hub, lambda: opening(hub, sight))


async def opening(hub: Hub, sight: Sight) -> Change:
    """The change that a sight makes; NOTHING when it is known."""
    many = problem_id(sight.tenant.id, sight.connection, sight.kind.name, FOLDED)
    keys = [sight.id, many] if sight.cause else [sight.id]
    documents = await hub.store.get_many([("problems", key) for key in keys])
    held, card = [journal.read(Problem, one) if one else None for one in (*documents, None)][:2]
    if held is not None and (held.model.is_open or (held.model.state == "folded" and card and card.model.is_open)):
        return await _met_again(hub, sight, held)
    if sight.cause:
        folded = await _folding(hub, sight, held, card)
        if folded is not None:
            return folded
    return await _stored(hub, sight.tenant, _begun(hub, sight, held), held)


async def _met_again(hub: Hub, sight: Sight, held: Versioned[Problem]) -> Change:
    """It is open: back from its absence, told again on another day, or seen of late."""
    problem, now = held.model, hub.clock.now()
    if not problem.is_open:
        return NOTHING
    another_day = problem.said_at is not None and f"{problem.said_at:%Y-%m-%d}" != f"{now:%Y-%m-%d}"
    again = sight.kind.daily and another_day and not problem.is_flapping(now)
    if not again and problem.absent_since is None and now - problem.last_seen < TOUCHED_EVERY:
        return NOTHING
    seen = problem.model_copy(update={"last_seen": now, "absent_since": None, "text": sight.text})
    if not again:
        return await _stored(hub, sight.tenant, seen, held)
    news = _news(seen, sight.kind, "again", sight.text, f"{now:%Y-%m-%d}")
    return await _stored(hub, sight.tenant, seen.model_copy(update={"said_at": now}), held, news)


def _begun(hub: Hub, sight: Sight, held: Versioned[Problem] | None) -> Problem:
    """It opens: for the first time, as the same occurrence within the hour, or as another."""
    kind, now, before = sight.kind, hub.clock.now(), held.model if held else None
    since = min(sight.since, now)  # a vendor's clock may be ahead of ours
    if before is not None and before.closed_at is not None and now - before.closed_at < SAME_OCCURRENCE:
        end_told = before.said_at is not None and bool(kind.end)
        say_at = now + SAME_OCCURRENCE if end_told else before.say_at
        return before.model_copy(
            update={
                "state": "open", "closed_at": None, "absent_since": None, "expire_at": None, "last_seen": now,
                "say_at": say_at, "said_at": None if end_told else before.said_at, "text": sight.text,
                "occurrence": before.occurrence + end_told,
            }
        )  # fmt: skip
    gaps = _gaps(hub, sight)
    advice = with_whole_commands(hub, sight.tenant, sight.connection, sight.advice) if sight.advice else None
    command, link = _in(advice or "")
    return Problem(
        id=sight.id, tenant=sight.tenant.id, connection=sight.connection, vendor=sight.vendor, kind=kind.name,
        cause=sight.cause, severity=kind.severity, title=sight.title or kind.title.format(**gaps), text=sight.text,
        remedy=Remedy(
            command=command or kind.command.format(**gaps) or None, link=link, person=kind.person.format(**gaps) or None
        ),
        advice=advice, occurrence=before.occurrence + 1 if before else 1,
        openings=openings_of(before.openings if before else (), now), first_seen=before.first_seen if before else now,
        since=since, last_seen=now, say_at=since + sight.after,
        said_at=now if sight.told_before else None, flapping_said_at=before.flapping_said_at if before else None,
    )  # fmt: skip


_COMMAND = re.compile(
    r"svyazka (?:secret set [\w-]+ [\w-]+|auth [\w-]+/[\w-]+|doctor [\w-]+(?: --live| --fix)?|urls [\w-]+)", re.ASCII
)
_LINK = re.compile(r"https://[^\s,;«»()]*[^\s,;«»().]")


def _in(advice: str) -> tuple[str | None, str | None]:
    """The command and the page that a connector's table names."""
    command, link = _COMMAND.search(advice), _LINK.search(advice)
    return command and command[0], link and link[0]


def _gaps(hub: Hub, sight: Sight) -> dict[str, str]:
    return {
        "connection": sight.connection or "", "vendor": hub.directory.called(sight.vendor), "tenant": sight.tenant.id,
        "cause": sight.cause, "about": sight.about,
    }  # fmt: skip


async def _folding(
    hub: Hub, sight: Sight, held: Versioned[Problem] | None, card: Versioned[Problem] | None
) -> Change | None:
    """With so many of its kind open, one card stands for all of them; None while there are fewer."""
    own = _begun(hub, sight, held).model_copy(update={"state": "folded", "text": None})
    if card is not None and card.model.is_open:
        more = _counting(hub, sight, card.model, card.model.folded + 1, hub.clock.now())
        return await _stored(hub, sight.tenant, more, card) + await _stored(hub, sight.tenant, own, held)
    where = {
        "tenant": sight.tenant.id, "connection": sight.connection or "", "kind": sight.kind.name, "status": "open"
    }  # fmt: skip
    page = await hub.store.find(PROBLEMS_OF_KIND, equal=where, limit=MOST)
    if len(page.documents) < MOST:
        return None
    others = journal.known(Problem, page.documents)
    many = Sight(
        kind=sight.kind, tenant=sight.tenant, connection=sight.connection, vendor=sight.vendor, cause=FOLDED,
        text=sight.text, since=sight.since, about=sight.about, advice=sight.advice,
    )  # fmt: skip
    one = _counting(hub, sight, _begun(hub, many, card), len(others) + 1, hub.clock.now())
    change = await _stored(hub, sight.tenant, one, card) + await _stored(hub, sight.tenant, own, held)
    for other in others:
        change += await _stored(hub, sight.tenant, other.model.model_copy(update={"state": "folded"}), other)
    return change


def _counting(hub: Hub, sight: Sight, many: Problem, count: int, now: datetime) -> Problem:
    title = N_("{title}; таких {count}").format(title=sight.kind.title.format(**_gaps(hub, sight)), count=count)
    return many.model_copy(update={"folded": count, "title": title, "last_seen": now, "absent_since": None})


# Ends


async def over(hub: Hub, tenant: Tenant, connection: str | None, kind: Kind, cause: str = "") -> bool:
    """A cause is gone, as far as whoever calls can tell. False when no problem of it was open."""
    return await _committed(hub, lambda: ending(hub, tenant, problem_id(tenant.id, connection, kind.name, cause)))


async def all_over(hub: Hub, tenant: Tenant, connection: str, kind: Kind) -> None:
    """The same for every cause of a kind."""
    where = {"tenant": tenant.id, "connection": connection, "kind": kind.name, "status": "open"}
    for document in (await hub.store.find(PROBLEMS_OF_KIND, equal=where, limit=MOST + 1)).documents:
        await over(hub, tenant, connection, kind, journal.read(Problem, document).model.cause)


async def ending(hub: Hub, tenant: Tenant, problem: str | None, became: bool = False) -> Change:
    """The change that a cause's absence makes. `became`: another problem takes its place, and no end is told."""
    held = await journal.load(hub.store, Problem, problem) if problem else None
    if held is None or not held.model.is_open:
        return NOTHING
    if became:
        return await _closing(hub, tenant, held, silently=True)
    if held.model.said_at is None:
        return await _closing(hub, tenant, held)  # nobody knows of it: there is nothing to be sure of
    if held.model.absent_since is not None:
        return NOTHING
    return await _stored(hub, tenant, held.model.model_copy(update={"absent_since": hub.clock.now()}), held)


async def proven(hub: Hub, tenant: Tenant, problem: str | None) -> bool:
    """Its cause is gone for good, as three successes prove: closed without waiting any longer."""

    async def change() -> Change:
        held = await journal.load(hub.store, Problem, problem) if problem else None
        if held is None or not held.model.is_open or held.model.absent_since is None:
            return NOTHING
        return await _closing(hub, tenant, held)

    return await _committed(hub, change)


async def _closing(hub: Hub, tenant: Tenant, held: Versioned[Problem], silently: bool = False) -> Change:
    problem, kind, now = held.model, KINDS[held.model.kind], hub.clock.now()
    end = None
    if problem.said_at is not None and kind.end and not silently:
        name = f"«{problem.connection}» ({hub.directory.called(problem.vendor)})"
        text = kind.end.format(tenant=tenant.name, name=name, since=local_time(problem.since, tenant))
        end = _news(problem, kind, "recovered", text)
    changes: dict[str, object] = {
        "state": "closed", "closed_at": now, "expire_at": now + KEPT_FOR, "text": None, "advice": None,
        "absent_since": problem.absent_since or now,
    }  # fmt: skip
    those = await _folded(hub, problem, changes) if problem.cause == FOLDED else NOTHING
    if those.more:  # this card stays till the last of them is closed
        soon = problem.model_copy(update={"wake_at": now})
        return replace(those, writes=(*those.writes, journal.replace(soon, held.version)))
    return await _stored(hub, tenant, problem.model_copy(update=changes), held, end) + those


async def _folded(hub: Hub, card: Problem, changes: dict[str, object]) -> Change:
    """The end of those that a card stands for, some at a time."""
    where = {"tenant": card.tenant, "connection": card.connection or "", "kind": card.kind, "status": "folded"}
    page = await hub.store.find(PROBLEMS_OF_KIND, equal=where, limit=CLOSED_AT_ONCE)
    ended = journal.known(Problem, page.documents)
    ends = tuple(
        journal.replace(one.model.model_copy(update={**changes, "wake_at": None}), one.version) for one in ended
    )
    return Change(ways=ends, more=page.cursor is not None)


async def look_soon(hub: Hub, tenant: str, connection: str, kind: Kind) -> None:
    """Somebody did what such a card asks for: the next sweep looks whether its cause is gone, instead of at its hour.
    Whoever is in another's way leaves it to that hour."""
    held = await journal.load(hub.store, Problem, problem_id(tenant, connection, kind.name))
    if held is not None and held.model.is_open:
        due = held.model.model_copy(update={"wake_at": hub.clock.now()})
        with suppress(Conflict):
            await hub.store.commit([journal.replace(due, held.version)])


# What the sweep does


async def wake(hub: Hub, held: Versioned[Problem], looks: Mapping[str, Look]) -> None:
    """A problem is due: its quiet has passed, its own check looks, or somebody is to be told."""
    await _committed(hub, lambda: _woken(hub, held, looks), tries=1)


async def _woken(hub: Hub, held: Versioned[Problem], looks: Mapping[str, Look]) -> Change:
    problem, now = held.model, hub.clock.now()
    tenant, kind = await hub.directory.tenant(problem.tenant), KINDS.get(problem.kind)
    if kind is None:
        return _written(problem.model_copy(update={"wake_at": now + HOUR}), held)  # a newer release's to see to
    if not problem.is_open:
        return _written(problem.model_copy(update={"wake_at": None}), held)
    if tenant is None:
        gone = {"state": "closed", "closed_at": now, "expire_at": now + KEPT_FOR, "wake_at": None, "text": None}
        return _written(problem.model_copy(update=gone), held)
    if problem.connection is not None and problem.connection not in tenant.connections:
        return await _closing(hub, tenant, held, silently=True)
    if problem.absent_since is not None:
        if now >= problem.absent_since + QUIET:
            return await _closing(hub, tenant, held)
    elif kind.look_every is not None and await _is_gone(hub, tenant, problem, looks[kind.name]):
        return await _closing(hub, tenant, held)
    return await _stored(hub, tenant, problem, held)


async def _is_gone(hub: Hub, tenant: Tenant, problem: Problem, look: Look) -> bool:
    """Whether a problem's cause is gone: of one that stands for many, that of each."""
    if problem.cause != FOLDED:
        return await look(hub, tenant, problem)
    where = {"tenant": tenant.id, "connection": problem.connection or "", "kind": problem.kind, "status": "folded"}
    cursor: str | None = None
    while True:
        page = await hub.store.find(PROBLEMS_OF_KIND, equal=where, cursor=cursor)
        for one in journal.known(Problem, page.documents):
            if not await look(hub, tenant, one.model):
                return False
        cursor = page.cursor
        if cursor is None:
            return True


# Writing


async def _stored(
    hub: Hub, tenant: Tenant, problem: Problem, held: Versioned[Problem] | None, news: News | None = None
) -> Change:
    """The problem written, with its next time, and with what is to be told of it."""
    kind, now = KINDS[problem.kind], hub.clock.now()
    if news is None and problem.is_open and problem.absent_since is None and problem.said_at is None:
        problem, news = _told_now(problem, kind, now)
    problem = problem.model_copy(update={"wake_at": _wake_at(problem, kind, now)})
    told = await compose(hub, tenant, problem.connection, news) if news is not None else None
    said = Change([journal.create(told.alert)], told.ways, told.tasks, (told,)) if told else NOTHING
    return _written(problem, held) + said


def _written(problem: Problem, held: Versioned[Problem] | None) -> Change:
    write: Write = journal.create(problem) if held is None else journal.replace(problem, held.version)
    before = held.model if held else None
    moved = before is None or (before.state, before.absent_since) != (problem.state, problem.absent_since)
    return Change([write], moved=(problem,) if moved else ())


def _told_now(problem: Problem, kind: Kind, now: datetime) -> tuple[Problem, News | None]:
    """What is to be told of its beginning, if its time has come. One that comes and goes is told as that, once a day;
    and as itself when it stays."""
    if problem.say_at is None:
        return problem, None
    say_at = problem.say_at
    if problem.is_flapping(now):
        say_at = max(say_at, problem.openings[-1] + SAME_OCCURRENCE)
        if problem.flapping_said_at is None or now - problem.flapping_said_at >= DAY:
            text = N_("{text} Это повторяется: за сутки больше трёх раз; каждый раз писать не будем.").format(
                text=problem.text or problem.title
            )
            news = _news(problem, kind, "flapping", text, f"{now:%Y-%m-%dT%H}")
            return problem.model_copy(update={"flapping_said_at": now, "say_at": say_at}), news
    if now < say_at:
        return problem.model_copy(update={"say_at": say_at}), None
    news = _news(problem, kind, kind.alert[1], problem.text or problem.title)
    return problem.model_copy(update={"said_at": now}), news


def _news(problem: Problem, kind: Kind, stage: str, text: str, when: str = "") -> News:
    about = f"{problem.id}.{problem.occurrence}" + (f".{when}" if when else "")
    return News(
        kind=kind.alert[0].format(cause=problem.cause), stage=stage, since=problem.since, text=text, about=about,
        problem=problem.id, occurrence=problem.occurrence, lasts=bool(kind.end),
    )  # fmt: skip


def _wake_at(problem: Problem, kind: Kind, now: datetime) -> datetime | None:
    """When it has to be looked at next."""
    if not problem.is_open:
        return None
    if problem.absent_since is not None:
        return max(problem.absent_since + QUIET, now)
    times = [now + kind.look_every] if kind.look_every is not None else []
    if problem.said_at is None and problem.say_at is not None:
        times.append(max(problem.say_at, now))
    return min(times, default=now + DAY)


async def _committed(hub: Hub, change: Callable[[], Awaitable[Change]], tries: int = TRIES) -> bool:
    """Commit a change, made anew whenever somebody else was first."""
    for _ in range(tries):
        made = await change()
        if not made.writes:
            return False
        try:
            await made.commit(hub)
        except Conflict:
            continue
        return True
    return False
