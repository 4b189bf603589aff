"""The channels by which a review request goes: every messenger that tells what became of a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix.hub import Connection, Sent
from vendors import MESSENGERS
from vendors.parts.done import Person
from vendors.parts.messengers import Messenger

REVIEW_URL = "https://example.org/r/kofe"
TEXT = "{name}, спасибо, что выбрали «{business}»! Оставьте отзыв: {review_url}"

CHANNELS: Mapping[str, Messenger] = {name: one for name, one in MESSENGERS.items() if one.receipt is not None}
LAST: tuple[Messenger, ...] = tuple(one for one in CHANNELS.values() if not one.proves_little)
"""Those that a flow may end with."""


def connection(channel: Messenger) -> Connection:
    """A channel's connection, named as its vendor."""
    return Connection(channel.vendor, channel.settings, channel.secrets)


def address(channel: Messenger, person: Person | None) -> str | None:
    """Where the person gets it."""
    if person is None:
        return None
    return person.email if channel.reaches == "email" else person.phone


def expected(channel: Messenger, person: Person) -> Sent:
    """The one message, filled in."""
    text = channel.text or TEXT
    if person.name is None:
        text = text.replace("{name}, с", "С").replace("{name|гость}", "гость")
    for name, value in {
        "name": person.name, "name|гость": person.name, "business": "Кофейня", "review_url": REVIEW_URL,
    }.items():  # fmt: skip
        text = text.replace(f"{{{name}}}", value or "")
    to = address(channel, person)
    assert to is not None
    return Sent(channel.vendor, to, text)


def review_request(*via: Messenger, **settings: Any) -> dict[str, Any]:
    """The flow through these channels, the preferred one first."""
    own = {name: value for channel in via for name, value in channel.extra.items()}
    texts = {channel.vendor: channel.text for channel in via if channel.text and "template" not in channel.extra}
    if texts:
        own["texts"] = texts
    if any(channel.proves_little for channel in via):
        own["fallback_after"] = "12h"
    return {
        "flow": "review_request", "from": ["source"], "via": [channel.vendor for channel in via], "text": TEXT,
        "review_url": REVIEW_URL, **own, **settings,
    }  # fmt: skip
