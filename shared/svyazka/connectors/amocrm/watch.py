"""The watch over our webhook: one that amoCRM has disabled is enabled again, and its owner is told once.

amoCRM enables only what is taken away and registered anew. That it must be done is written down (in the
cursor) before it is begun, so that a process that dies in between leaves no account without a webhook.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.connectors.amocrm import client
from svyazka.connectors.amocrm.client import Hook
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.base import Frozen, Time
from svyazka.model.events import EventType, Fact
from svyazka.model.outcomes import Blocked, Refused

LOST = N_("amoCRM отключила отправку событий на наш адрес (так она делает после сотни неудачных ответов)")
AFTER_ALL = N_("Связка включила её снова, пропущенное дочитает опросом")
IN_VAIN = N_("включить снова не вышло, нужны права администратора: svyazka doctor --fix")
REMOVED = N_("наш адрес убран из списка webhook amoCRM; вернуть его: svyazka doctor --fix")
MEANWHILE = N_("Изменения сделок и контактов Связка пока узнаёт опросом.")


class Restoring(Frozen):
    """Our webhook was found disabled."""

    id: str
    events: tuple[str, ...]
    since: Time


class Watched(Frozen):
    """What is known of our webhook."""

    stands: bool = False
    """It was there at the last look: its absence is news."""
    restoring: Restoring | None = None


async def watch(known: Watched, call: Call[AmocrmSettings]) -> tuple[Watched, Sequence[Fact]]:
    """One look. Raises VendorFailure, NoAccess, NotSent, MaybeSent."""
    if call.hook_url is None:
        return known, ()
    hide_key(call, call.hook_url)
    if known.restoring is not None:
        return await _restore(known, known.restoring, call.hook_url, call)
    ours = await _ours(call.hook_url, call)
    if ours is None:
        gone = _fact(EventType.CONNECTION_DISABLED, "removed", call.now, f"{REMOVED}. {MEANWHILE}")
        return Watched(), [gone] if known.stands else []
    if not ours.disabled:
        return Watched(stands=True), ()
    return Watched(stands=True, restoring=Restoring(id=ours.id, events=tuple(sorted(ours.events)), since=call.now)), ()


async def _ours(hook_url: str, call: Call[AmocrmSettings]) -> Hook | None:
    try:
        found = await client.hooks(call, hook_url)
    except VendorFailure as failure:
        if _is_final(failure):
            return None  # not an administrator's token: `doctor` says so, polling goes on
        raise
    return next((hook for hook in found if hook.destination == hook_url), None)


async def _restore(
    known: Watched, restoring: Restoring, hook_url: str, call: Call[AmocrmSettings]
) -> tuple[Watched, Sequence[Fact]]:
    try:
        await client.unsubscribe(call, hook_url)
        await client.subscribe(call, hook_url, restoring.events)
    except VendorFailure as failure:
        if not _is_final(failure):
            raise
        return known, [_disabled(restoring, f"{LOST}; {IN_VAIN}. {MEANWHILE}")]
    enabled = _fact(EventType.CONNECTION_ENABLED, restoring.id, restoring.since, None)
    return Watched(stands=True), [_disabled(restoring, f"{LOST}. {AFTER_ALL}."), enabled]


def _is_final(failure: VendorFailure) -> bool:
    return failure.code != "401" and isinstance(failure.outcome, Blocked | Refused)


def _disabled(restoring: Restoring, notice: str) -> Fact:
    return _fact(EventType.CONNECTION_DISABLED, restoring.id, restoring.since, notice)


def _fact(type_: EventType, hook: str, since: datetime, notice: str | None) -> Fact:
    return Fact(
        type=type_,
        key=("hook", hook, f"{since:%Y-%m-%dT%H}", type_.value),
        subject="connection:webhook",
        occurred_at=since,
        data={"what": "webhook", **({"notice": notice} if notice else {})},
    )


def hide_key(call: Call[AmocrmSettings], hook_url: str) -> None:
    """Our webhook's address travels in questions to amoCRM; its key must not stay in their story."""
    call.http.hide(hook_url.rpartition("=")[2])
