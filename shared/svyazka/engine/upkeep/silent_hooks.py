"""What the journal itself tells of a connection: its hook fell silent, it says words that nobody has explained, or all
that comes to it is another business's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.engine.contracts.learning import Finding
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    ALL_CONNECTIONS,
    EVENTS_OF_CONNECTION,
    EVENTS_OF_CONNECTION_BY_STATUS,
    RAWS_BY_STATUS,
)
from svyazka.engine.ports.store import Document, Store
from svyazka.engine.problems import sights
from svyazka.engine.problems.cards import Sight, meet
from svyazka.engine.problems.kinds import SILENT
from svyazka.engine.support.logs import log
from svyazka.engine.telling.alerts import local_time
from svyazka.engine.tenants.directory import Account
from svyazka.model.errors import ConfigError
from svyazka.model.events import FOREIGN, EventRecord, EventStatus, RawRecord
from svyazka.model.tenants import CompiledConnection

LOOK = 300
"""Events of a connection, newest first, that are looked at."""

FIRST_LOOK = 10
"""Of these the newest call is looked for first."""

RECENT = timedelta(days=14)
"""A word that hasn't been said for so long needs no explanation any more."""

QUARANTINE_LOOK = timedelta(days=3)
"""How far back unreadable requests are looked at for somebody who was not told."""

NO_CHANCE = 3
"""So many foreign events one after another are no stray ones."""

CALLED = frozenset({"webhook", "salvage"})
"""Origins that prove that the vendor still calls us."""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A vendor's word that a setting should translate: how often it came, and the newest event with it."""

    word: str
    count: int
    event: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """What came last, one after another, was of another business: how many events, the newest, and why."""

    count: int
    event: str
    why: str
    all_of_it: bool
    """Nothing of this connection's own has come, as far back as was looked."""


@dataclass
class Seen:
    """A connection's recent events, at a glance."""

    last_call: datetime | None = None
    """When the vendor last called us, as far back as was looked."""
    looked_to: datetime | None = None
    """The oldest event looked at where there are more: the last call may be before."""
    unexplained: list[Unexplained] = field(default_factory=list)
    foreign: Foreign | None = None


async def seen(store: Store, tenant: str, connection: str, now: datetime) -> Seen:
    """Look back over a connection's events, no further than what is asked needs."""
    calls = await _last_calls(store, tenant, connection)
    return Seen(calls.last, calls.looked_to, await _unexplained(store, tenant, connection, now - RECENT), calls.foreign)


@dataclass
class _Calls:
    """The last calls of a vendor: those of another business, and the first before them that was our own."""

    last: datetime | None = None
    looked_to: datetime | None = None
    foreign: Foreign | None = None


async def _last_calls(store: Store, tenant: str, connection: str) -> _Calls:
    """As a rule the newest event tells; only what polls as well, or gets another's events, is looked back over."""
    found = _Calls()
    where, cursor, ours = {"tenant": tenant, "connection": connection}, None, False
    for size in (FIRST_LOOK, LOOK - FIRST_LOOK):
        page = await store.find(EVENTS_OF_CONNECTION, equal=where, limit=size, cursor=cursor)
        cursor = page.cursor
        found.looked_to = _received(page.documents[-1]) if cursor else None
        for document in page.documents:
            for held in journal.known(EventRecord, [document]):
                event = held.model.event
                if event.origin not in CALLED or ours:
                    continue
                found.last = found.last or event.received_at
                ours = FOREIGN not in event.data
                if not ours:
                    known = found.foreign or Foreign(0, event.id, held.model.reason or "", all_of_it=True)
                    found.foreign = replace(known, count=known.count + 1)
            if ours:
                break
        if ours or cursor is None:
            break
    if ours and found.foreign is not None:
        found.foreign = replace(found.foreign, all_of_it=False)
    return found


async def last_call(store: Store, tenant: str, connection: str) -> datetime | None:
    """When the vendor last called us, as far back as is looked."""
    return (await _last_calls(store, tenant, connection)).last


def _received(document: Document) -> datetime:
    moment = document.fields["received_at"]
    assert isinstance(moment, datetime)
    return moment


async def _unexplained(store: Store, tenant: str, connection: str, since: datetime) -> list[Unexplained]:
    """By word, the most frequent first. What a later `apply` explained drops out once it isn't said any more."""
    where = {"tenant": tenant, "connection": connection, "status": EventStatus.IGNORED.value}
    page = await store.find(EVENTS_OF_CONNECTION_BY_STATUS, equal=where, limit=LOOK)
    # Most of what is ignored is of no interest: only what may hold such a word is parsed.
    candidates = [one for one in page.documents if _received(one) >= since and b'"unexplained"' in one.data]
    found: dict[str, Unexplained] = {}
    for held in journal.known(EventRecord, candidates):
        word = held.model.event.data.get("unexplained")
        if not isinstance(word, str):
            continue
        known = found.get(word)
        found[word] = Unexplained(word, known.count + 1 if known else 1, known.event if known else held.model.event.id)
    return sorted(found.values(), key=lambda one: -one.count)


def findings(account: Account, looked: Seen, now: datetime) -> list[Finding]:
    """What `doctor` says of it."""
    found = [
        Finding(
            "unexplained",
            "warn",
            N_("{vendor} said {word!r} {count} time(s), and nothing explains it").format(
                vendor=account.vendor, word=one.word, count=one.count
            ),
            N_("svyazka show {event} says what to add; then apply, and replay what matters").format(event=one.event),
        )
        for one in looked.unexplained
    ]
    if looked.foreign is not None and still_foreign(looked):
        found.append(_of_foreign(account, looked.foreign))
    silence = account.manifest.silence(account.settings)
    if silence is None:
        return found
    since = looked.last_call or looked.looked_to
    if since is None:
        return [
            *found,
            Finding("silence", "warn", N_("no event has ever come; {why}").format(why=silence.why), silence.remedy),
        ]
    if now - since > silence.after:
        quiet = N_("no event for {days} days; {why}").format(days=(now - since).days, why=silence.why)
        return [*found, Finding("silence", "fail", quiet, silence.remedy)]
    local = since.astimezone(ZoneInfo(account.tenant.timezone))
    return [*found, Finding("silence", "ok", N_("the last event came {local:%d.%m.%Y %H:%M %Z}").format(local=local))]


def still_foreign(looked: Seen) -> bool:
    """Whether what comes to a connection is another business's, and not by chance."""
    return looked.foreign is not None and (looked.foreign.all_of_it or looked.foreign.count >= NO_CHANCE)


def _of_foreign(account: Account, foreign: Foreign) -> Finding:
    """A mistyped id drops everything: worse than a neighbour's events between our own."""
    return Finding(
        "foreign events", "fail" if foreign.all_of_it else "warn",
        N_("the last {count} event(s) were ignored: {why}").format(count=foreign.count, why=foreign.why),
        N_(
"correct the id in {tenant}'s file and apply it, then svyazka replay {event}; or take our "
"address away where that business sends from"
).format(tenant=account.tenant.id, event=foreign.event),
    )  # fmt: skip


class SilentHooks:
    """Tells of connections that have fallen silent where that means a lost hook: once a silence."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def tell_silent(self) -> None:
        """Look at every connection for which silence is news; the others cost nothing but the list's read."""
        cursor: str | None = None
        while True:
            page = await self._hub.store.find(ALL_CONNECTIONS, limit=500, cursor=cursor)
            for held in journal.known(CompiledConnection, page.documents):
                compiled = held.model
                if compiled.paused:
                    continue
                try:
                    await self._look(compiled)
                except ConfigError as error:
                    log("ERROR", "settings can't be used", tenant=compiled.tenant, error=str(error))
            cursor = page.cursor
            if cursor is None:
                return

    async def look_into_quarantine(self) -> None:
        """Somebody is told of what lies in quarantine, though the task that should have told him was lost."""
        page = await self._hub.store.find(RAWS_BY_STATUS, equal={"status": "quarantined"}, limit=LOOK)
        since = self._hub.clock.now() - QUARANTINE_LOOK
        days: dict[tuple[str, str, str], RawRecord] = {}
        for held in journal.known(RawRecord, page.documents):
            raw = held.model
            if raw.received_at >= since:
                days[raw.tenant, raw.connection, f"{raw.received_at:%Y-%m-%d}"] = raw  # the first of a day, at last
        for raw in days.values():
            await sights.quarantined(self._hub, raw.tenant, raw.connection, raw.received_at, raw.id)

    async def tell_quarantined(self, raw_id: str) -> None:
        """A request came of which nothing could be read."""
        held = await journal.load(self._hub.store, RawRecord, raw_id)
        if held is not None:
            raw = held.model
            await sights.quarantined(self._hub, raw.tenant, raw.connection, raw.received_at, raw.id)

    async def tell_foreign(self, event_id: str) -> None:
        """An event came that belongs to another business."""
        held = await journal.load(self._hub.store, EventRecord, event_id)
        if held is not None:
            await sights.foreign(self._hub, held.model.event)

    async def _look(self, compiled: CompiledConnection) -> None:
        account = await self._hub.directory.account(compiled.tenant, compiled.connection)
        silence = account.manifest.silence(account.settings) if account else None
        if account is None or silence is None:
            return
        now = self._hub.clock.now()
        last = await last_call(self._hub.store, compiled.tenant, compiled.connection)
        if last is None or now - last <= silence.after:
            return  # before the first event there is nothing that could have been lost
        tenant = account.tenant
        text = N_(
            "{tenant}: от «{connection}» нет событий с {local_time}. Если заведение работает, проверьте, не "
            "отключил ли {vendor} наш адрес: svyazka doctor {tenant2}"
        ).format(
            tenant=tenant.name,
            connection=account.name,
            local_time=local_time(last, tenant),
            vendor=self._hub.directory.called(account.vendor),
            tenant2=tenant.id,
        )
        sight = Sight(
            kind=SILENT,
            tenant=tenant,
            connection=account.name,
            vendor=account.vendor,
            text=text,
            since=last,
            cause=f"{last:%Y-%m-%dT%H:%M:%S}",
        )
        await meet(self._hub, sight)
