"""The watchdog: after 8 hours without an answer of ours MAX unsubscribes the bot without a word.

Each look asks for the subscriptions. Where ours was and is no more, what MAX still has of the missed updates (it
keeps them for 24 hours for bots without a webhook; nobody promises that it does for one that had one) is read
first, then we subscribe again. Messages of the gap could otherwise be read chat by chat only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.connectors.max import client
from svyazka.connectors.max.schema import webhook_secret
from svyazka.connectors.max.settings import MaxSettings
from svyazka.connectors.max.webhook import fact_of
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Polled, Polling
from svyazka.engine.contracts.untrusted import sections, text, whole
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.support.urls import is_public_https, same_place
from svyazka.model.base import Frozen, Time
from svyazka.model.events import EventType, Fact

UPDATE_TYPES = ["message_created", "message_callback", "bot_started", "bot_stopped"]
STILL = timedelta(hours=1)
"""How often the cursor is written while all is well, to know since when it wasn't."""


class Cursor(Frozen):
    """What the last look saw."""

    seen: Time | None = None
    """When our subscription was last seen; None: never, so there is nothing to restore."""
    lost: bool = False
    """It is gone: what was missed is being read, then we subscribe."""
    marker: int | None = None
    """How far the missed updates have been read."""


async def poll(cursor: str | None, call: Call[MaxSettings]) -> Polled:
    """One look. Raises VendorFailure, NotSent, MaybeSent."""
    known = Cursor.model_validate_json(cursor) if cursor else Cursor()
    ours = call.hook_url
    if ours is None or not is_public_https(ours):
        return Polled(facts=(), cursor=_written(known))
    if known.lost:
        return await _restored(known, ours, call)
    urls = [each.url for each in await subscriptions(call)]
    if ours in urls:
        fresh = known.seen is not None and call.now - known.seen < STILL
        return Polled(facts=(), cursor=_written(known if fresh else Cursor(seen=call.now)))
    if any(same_place(url, ours) for url in urls):  # under a key from before its rotation
        await subscribe(call, ours)
        return Polled(facts=(), cursor=_written(Cursor(seen=call.now)))
    if known.seen is None:
        return Polled(facts=(), cursor=_written(known))
    lost = known.model_copy(update={"lost": True})
    return Polled(facts=[_goodbye(known.seen, call)], cursor=_written(lost), more=True)


async def _restored(known: Cursor, ours: str, call: Call[MaxSettings]) -> Polled:
    facts, marker = await _missed(known.marker, call)
    if facts and marker is not None and marker != known.marker:
        return Polled(facts=facts, cursor=_written(known.model_copy(update={"marker": marker})), more=True)
    await subscribe(call, ours)
    return Polled(facts=facts, cursor=_written(Cursor(seen=call.now)))


async def _missed(marker: int | None, call: Call[MaxSettings]) -> tuple[list[Fact], int | None]:
    """A page of the updates that MAX still has; nothing where it doesn't give any: subscribing goes first."""
    params = {"limit": "100", "timeout": "0", **({"marker": str(marker)} if marker is not None else {})}
    try:
        answer = await client.ask(call, "GET", "/updates", params=params)
    except VendorFailure:
        return [], None
    facts = [fact for update in sections(answer.get("updates")) if isinstance(fact := fact_of(update), Fact)]
    return facts, whole(answer.get("marker"))


class Subscription(NamedTuple):
    """An address that gets the bot's updates, and which of the kinds that we read it doesn't get."""

    url: str
    lacks: tuple[str, ...] = ()


async def subscriptions(call: Call[MaxSettings]) -> list[Subscription]:
    """Every address that gets the bot's updates; they accumulate."""
    answer = await client.ask(call, "GET", "/subscriptions")
    call.http.blank("response_body")  # addresses in it may hold somebody's key
    found = sections(answer.get("subscriptions"))
    return [
        Subscription(url, _lacking(each.get("update_types"))) for each in found if (url := text(each.get("url"), 2000))
    ]


def _lacking(kinds: object) -> tuple[str, ...]:
    """A subscription without kinds gets all of them."""
    return tuple(kind for kind in UPDATE_TYPES if kind not in kinds) if isinstance(kinds, list) and kinds else ()


async def subscribe(call: Call[MaxSettings], url: str) -> None:
    """Ours with its secret; the same place under another key is taken out."""
    call.http.hide(url)
    secret = webhook_secret(call.settings.webhook_secret, call.settings.bot_token) or ""
    call.http.hide(secret)
    wanted = {"url": url, "update_types": UPDATE_TYPES, "secret": secret}
    await client.ask(call, "POST", "/subscriptions", json=wanted)
    for each in await subscriptions(call):
        if each.url == url and each.lacks:
            # Nobody promises that a second subscription of one address replaces the kinds of the first.
            await _unsubscribe(call, url)
            await client.ask(call, "POST", "/subscriptions", json=wanted)
        elif each.url != url and same_place(each.url, url):
            await _unsubscribe(call, each.url)


async def _unsubscribe(call: Call[MaxSettings], url: str) -> None:
    try:
        await client.ask(call, "DELETE", "/subscriptions", params={"url": url})
    finally:  # the address stands in the query
        if call.http.log:
            bare = call.http.log[-1].url.partition("?")[0]
            call.http.log[-1] = call.http.log[-1].model_copy(update={"url": bare})


def _goodbye(seen: Time, call: Call[MaxSettings]) -> Fact:
    zone = ZoneInfo(call.timezone)
    since, until = (f"{at.astimezone(zone):%d.%m %H:%M}" for at in (seen, call.now))
    notice = N_(
        "MAX отписал бота от событий: 8 часов не получал от нас ответа. Связка подписывается снова; что "
        "писали боту с {since} по {until}, могло потеряться"
    ).format(since=since, until=until)
    return Fact(
        type=EventType.CONNECTION_DISABLED,
        key=("unsubscribed", seen.isoformat()),
        occurred_at=call.now,
        data={"notice": notice},
    )


def _written(cursor: Cursor) -> str:
    return cursor.model_dump_json(exclude_defaults=True)


class MaxPolling(Polling[MaxSettings]):
    """The watchdog over our subscription."""

    every = 900.0
    looks_back = timedelta(hours=24)

    def ready(self, settings: MaxSettings) -> bool:
        return settings.bot_token is not None

    async def poll(self, cursor: str | None, call: Call[MaxSettings]) -> Polled:
        return await poll(cursor, call)
