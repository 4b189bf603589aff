"""The installation itself: store, keys, clocks, disk, and whether anybody works."""

from __future__ import annotations

import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from svyazka.catalogue import _, ngettext
from svyazka.cli.checks import Check, Level
from svyazka.cli.output import full_time
from svyazka.cli.running import is_running
from svyazka.cli.session import Session
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    DUE_DELIVERIES,
    DUE_EVENTS,
    DUE_GRANTS,
    DUE_OUTAGES,
    RECENT_ALERTS,
    RECENT_EVENTS,
)
from svyazka.engine.ports.store import Document
from svyazka.engine.security.keyring import SECRET_NAMES
from svyazka.engine.telling.undelivered import arrived
from svyazka.model.deliveries import Alert
from svyazka.model.errors import ConfigError, Unavailable

OVERDUE = timedelta(minutes=5)
"""What is due for longer was seen by no sweep."""

ALERTS_LOOK, ALERTS_BACK = 200, timedelta(days=7)
"""How many alerts, and how far back, are looked at for some that reached nobody."""

AHEAD = timedelta(minutes=1)
LITTLE_DISK, TOO_LITTLE_DISK = 2 << 30, 200 << 20
MIB = 1 << 20
ONLY_OWNER = 0o077
"""The bits that must be off."""


async def installation(session: Session) -> AsyncIterator[Check]:
    """Everything that isn't one tenant's."""
    try:
        await session.store.get("meta", "clock")
    except Unavailable as error:
        yield Check(
            "store", "fail", str(error), _("see that the database is there and its disk is neither full nor slow")
        )
        return
    yield Check("store", "ok", _("the {backend} store answers", backend=session.settings.backend))
    yield _keys(session)
    if session.settings.backend == "local":
        for check in _files(session.settings.data):
            yield check
        yield _disk(session.settings.data)
        yield _worker(session.settings.data)
    yield await _clocks(session)
    yield await _oldest(session)
    async for check in _not_told(session):
        yield check
    yield _address(session)


def _keys(session: Session) -> Check:
    lacking = []
    for name in SECRET_NAMES:
        try:
            session.hub.keyring.newest(name)
        except ConfigError:
            lacking.append(name)
    if lacking:
        names = ", ".join(f"SVYAZKA_{name.upper()}_KEYS" for name in lacking)
        return Check(
            "keys", "fail", _("not there: {lacking}", lacking=", ".join(lacking)), _("set {names}", names=names)
        )
    return Check("keys", "ok", _("{names} are there", names=", ".join(SECRET_NAMES)))


def private_files(data: Path) -> Iterator[Path]:
    """What only its owner may read."""
    yield data
    yield data / "keys"
    yield from sorted((data / "keys").glob("*"))
    yield from sorted(data.glob("svyazka.db*"))


def _files(data: Path) -> Iterator[Check]:
    open_ones = [path for path in private_files(data) if path.exists() and path.stat().st_mode & ONLY_OWNER]
    for path in open_ones:
        yield Check(
            "permissions",
            "fail",
            _("{path} is open to other users of this machine", path=path),
            "svyazka doctor --fix",
        )
    if not open_ones:
        yield Check("permissions", "ok", _("keys and database are their owner's only"))


def close_files(data: Path) -> list[Path]:
    """Take away what others may do with private files; which ones."""
    closed = []
    for path in private_files(data):
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if mode & ONLY_OWNER:
            path.chmod(mode & ~ONLY_OWNER)
            closed.append(path)
    return closed


def _disk(data: Path) -> Check:
    free = shutil.disk_usage(data).free
    status: Level = "fail" if free < TOO_LITTLE_DISK else "warn" if free < LITTLE_DISK else "ok"
    remedy = _("make room: when the disk is full vendors are answered 503") if status != "ok" else None
    return Check("disk", status, _("{free} MiB free", free=free // MIB), remedy)


def _worker(data: Path) -> Check:
    if is_running(data):
        return Check("worker", "ok", _("`svyazka run` is at work"))
    return Check("worker", "warn", _("nobody is at work: nothing is received or sent"), "svyazka run")


async def _clocks(session: Session) -> Check:
    clock = session.hub.clock
    page = await session.store.find(RECENT_EVENTS, limit=1)
    newest = _time(page.documents[0], "received_at") if page.documents else None
    ahead = clock.now() - clock.real()
    if newest is not None and newest > clock.now() + AHEAD:
        return Check(
            "clock",
            "fail",
            _(
                "the newest event came at {time}, which is still to come",
                time=full_time(newest, await session.own_zone()),
            ),
            _("set this machine's clock (NTP): schedules and expiry go by it"),
        )
    if abs(ahead) > AHEAD:
        hours = ahead.total_seconds() / 3600
        return Check(
            "clock",
            "warn",
            _("business time is {hours:.1f} h ahead of real time: it was run with --speed", hours=hours),
            _("for real business use a data folder that never ran with --speed"),
        )
    return Check("clock", "ok", full_time(clock.now(), await session.own_zone()))


async def _oldest(session: Session) -> Check:
    """The first of what is due: what has been so for long shows that nobody sweeps."""
    now = session.hub.clock.now()
    due: list[Document] = []
    for query in (DUE_EVENTS, DUE_DELIVERIES, DUE_OUTAGES, DUE_GRANTS):
        due += (await session.store.find(query, at_most=now, limit=1)).documents
    oldest = min(due, key=lambda document: _time(document, "wake_at"), default=None)
    if oldest is None:
        return Check("oldest wake_at", "ok", _("nothing is overdue"))
    since = _time(oldest, "wake_at")
    late = now - since
    if late < OVERDUE:
        return Check("oldest wake_at", "ok", _("the oldest is due for {seconds:.0f} s", seconds=late.total_seconds()))
    return Check(
        "oldest wake_at",
        "fail",
        _(
            "{id} is overdue since {time}",
            id=oldest.id,
            time=full_time(since, await session.own_zone()),
        ),
        _("see that the worker and its sweep run: `svyazka run` here, Cloud Scheduler on Google"),
    )


async def _not_told(session: Session) -> AsyncIterator[Check]:
    """Alerts of the last days that somebody should have had and nobody is known to: one line a tenant."""
    now = session.hub.clock.now()
    page = await session.store.find(RECENT_ALERTS, limit=ALERTS_LOOK)
    recent = [journal.read(Alert, document).model for document in page.documents]
    recent = [alert for alert in recent if alert.deliveries and now - alert.created_at < ALERTS_BACK]
    when = await arrived(session.store, recent)
    lost: dict[str, list[Alert]] = {}
    for alert in recent:
        if when[alert.id] is None and now - alert.created_at > OVERDUE:
            lost.setdefault(alert.tenant, []).append(alert)
    for tenant, alerts in sorted(lost.items()):
        first = alerts[0]
        newest = f"{first.kind} {first.stage}, {full_time(first.created_at, await session.zone(tenant))}"
        yield Check(
            "alerts not told", "warn",
            ngettext(
                "{count} alert has reached nobody; the newest: {newest}",
                "{count} alerts have reached nobody; the newest: {newest}",
                len(alerts), newest=newest,
            ),
            _("svyazka alerts --tenant {tenant} says them; svyazka deliveries --tenant {tenant} --flow alerts says why",
              tenant=tenant),
            tenant,
        )  # fmt: skip


def _address(session: Session) -> Check:
    url = session.settings.public_url
    parts = urlsplit(url)
    if parts.hostname in ("127.0.0.1", "localhost", "::1"):
        return Check(
            "public address", "warn", _("{url} is this machine's own: vendors can't reach it", url=url),
            _("set SVYAZKA_PUBLIC_URL to the address under which vendors reach us"),
        )  # fmt: skip
    if parts.scheme != "https":
        return Check(
            "public address",
            "warn",
            _("{url} isn't https: keys travel in the open", url=url),
            _("put TLS in front of it"),
        )
    return Check("public address", "ok", url)


def _time(document: Document, name: str) -> datetime:
    value = document.fields[name]
    assert isinstance(value, datetime)
    return value
