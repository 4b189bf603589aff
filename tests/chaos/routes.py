"""Which source goes with which messenger in the short form: each of both once at least."""

from __future__ import annotations

from itertools import product

from vendors import MESSENGERS, SOURCES
from vendors.parts.hooks import Source
from vendors.parts.messengers import Messenger

Route = tuple[Source, Messenger]

SPINE: Route = (SOURCES["iiko"], MESSENGERS["smsru"])
"""Passes every point; the others the telling ones."""

ROUTES: tuple[Route, ...] = (
    (SOURCES["rkeeper"], MESSENGERS["whatsapp"]),
    (SOURCES["yclients"], MESSENGERS["exolve"]),
    (SOURCES["amocrm"], MESSENGERS["resend"]),
    (SOURCES["http"], MESSENGERS["telegram"]),
    (SOURCES["http"], MESSENGERS["max"]),
    (SOURCES["iiko"], MESSENGERS["http"]),
)


def is_route(source: Source, messenger: Messenger) -> bool:
    """Whether what the source tells is enough for the messenger."""
    passed_on = messenger.flow == "forward"
    return messenger.reaches in source.tells and not (passed_on and source.must_ask)


EVERY_ROUTE: tuple[Route, ...] = tuple(
    route for route in product(SOURCES.values(), MESSENGERS.values()) if is_route(*route)
)  # fmt: skip


def named(route: Route) -> str:
    """`iiko-smsru`"""
    return "-".join(part.vendor for part in route)


def channels(messenger: Messenger) -> tuple[Messenger, ...]:
    """A messenger and the channel that its flow must name after it, if any."""
    return (messenger, MESSENGERS[messenger.backed_by]) if messenger.backed_by else (messenger,)
