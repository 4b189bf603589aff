"""What the journal itself tells of a connection: its hook fell silent, it says words that nobody has explained, or all
that comes to it is another business's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile

from svyazka.engine.contracts.connector import Finding
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import CONNECTIONS, EVENTS_OF_CONNECTION, RAWS_BY_STATUS, Store
from svyazka.engine.support.logs import log
from svyazka.engine.telling import alerts
from svyazka.engine.tenants.directory import Account
from svyazka.model.errors import ConfigError
from svyazka.model.events import FOREIGN, EventRecord, EventStatus, RawRecord
from svyazka.model.tenants import CompiledConnection

LOOK = 300
"""Events of a connection, newest first, that are looked at."""

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
    """Look back over a connection's events."""
    where = {"tenant": tenant, "connection": connection}
    page = await store.find(EVENTS_OF_CONNECTION, equal=where, limit=LOOK)
    records = [held.model for held in journal.known(EventRecord, page.documents)]
    calls = (record.event.received_at for record in records if record.event.origin in CALLED)
    return Seen(
        last_call=next(calls, None),
        looked_to=records[-1].event.received_at if page.cursor else None,
        unexplained=_unexplained(records, now - RECENT),
        foreign=_foreign([record for record in records if record.event.origin in CALLED]),
    )


def _foreign(calls: Sequence[EventRecord]) -> Foreign | None:
    streak = list(takewhile(lambda record: FOREIGN in record.event.data, calls))
    if not streak:
        return None
    newest = streak[0]
    return Foreign(len(streak), newest.event.id, newest.reason or "", all_of_it=len(streak) == len(calls))


def _unexplained(records: Iterable[EventRecord], since: datetime) -> list[Unexplained]:
    """By word, the most frequent first. What a later `apply` explained drops out once it isn't said any more."""
    found: dict[str, Unexplained] = {}
    for record in records:
        word = record.event.data.get("unexplained")
        if record.status is not EventStatus.IGNORED or record.event.received_at < since or not isinstance(word, str):
            continue
        known = found.get(word)
        found[word] = Unexplained(word, known.count + 1 if known else 1, known.event if known else record.event.id)
    return sorted(found.values(), key=lambda one: -one.count)


def findings(account: Account, looked: Seen, now: datetime) -> list[Finding]:
    """What `doctor` says of it."""
    found = [
        Finding(
            "unexplained", "warn", f"{account.vendor} said {one.word!r} {one.count} time(s), and nothing explains it",
            f"svyazka show {one.event} says what to add; then apply, and replay what matters",
        )
        for one in looked.unexplained
    ]  # fmt: skip
    if looked.foreign is not None and (looked.foreign.all_of_it or looked.foreign.count >= NO_CHANCE):
        found.append(_of_foreign(account, looked.foreign))
    silence = account.connector.silence(account.settings)
    if silence is None:
        return found
    since = looked.last_call or looked.looked_to
    if since is None:
        return [*found, Finding("silence", "warn", f"no event has ever come; {silence.why}", silence.remedy)]
    if now - since > silence.after:
        quiet = f"no event for {(now - since).days} days; {silence.why}"
        return [*found, Finding("silence", "fail", quiet, silence.remedy)]
    return [*found, Finding("silence", "ok", f"the last event came {since:%Y-%m-%d %H:%M} UTC")]


def _of_foreign(account: Account, foreign: Foreign) -> Finding:
    """A mistyped id drops everything: worse than a neighbour's events between our own."""
    return Finding(
        "foreign events", "fail" if foreign.all_of_it else "warn",
        f"the last {foreign.count} event(s) were ignored: {foreign.why}",
        f"correct the id in {account.tenant.id}'s file and apply it, then svyazka replay {foreign.event}; or take our "
        "address away where that business sends from",
    )  # fmt: skip


class Watch:
    """Tells of connections that have fallen silent where that means a lost hook: once a silence."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def tell_silent(self) -> None:
        """Look at every connection for which silence is news; the others cost nothing but the list's read."""
        cursor: str | None = None
        while True:
            page = await self._hub.store.find(CONNECTIONS, limit=500, cursor=cursor)
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
            await alerts.tell_quarantined(self._hub, raw.tenant, raw.connection, raw.received_at, raw.id)

    async def tell_quarantined(self, raw_id: str) -> None:
        """A request came of which nothing could be read."""
        held = await journal.load(self._hub.store, RawRecord, "raws", raw_id)
        if held is not None:
            raw = held.model
            await alerts.tell_quarantined(self._hub, raw.tenant, raw.connection, raw.received_at, raw.id)

    async def tell_foreign(self, event_id: str) -> None:
        """An event came that belongs to another business."""
        held = await journal.load(self._hub.store, EventRecord, "events", event_id)
        if held is not None:
            await alerts.tell_foreign(self._hub, held.model.event, held.model.reason or "")

    async def _look(self, compiled: CompiledConnection) -> None:
        account = await self._hub.directory.account(compiled.tenant, compiled.connection)
        silence = account.connector.silence(account.settings) if account else None
        if account is None or silence is None:
            return
        now = self._hub.clock.now()
        last_call = (await seen(self._hub.store, compiled.tenant, compiled.connection, now)).last_call
        if last_call is None or now - last_call <= silence.after:
            return  # before the first event there is nothing that could have been lost
        tenant = account.tenant
        text = (
            f"{tenant.name}: от «{account.name}» нет событий с {alerts.local_time(last_call, tenant)}. Если заведение "
            f"работает, проверьте, не отключил ли {account.vendor} наш адрес: svyazka doctor {tenant.id}"
        )
        about = f"{last_call:%Y-%m-%dT%H:%M:%S}"
        await alerts.tell(self._hub, tenant, account.name, "silent", "first", last_call, text, about)
