"""Which source goes with which messenger in the short form: each of both once at least."""

from __future__ import annotations

from itertools import product

from chaos import messengers, sources
from chaos.messengers import MESSENGERS
from chaos.parts import Messenger, Source
from chaos.sources import SOURCES

Route = tuple[Source, Messenger]

SPINE: Route = (sources.IIKO, messengers.SMSRU)
"""Passes every point; the others the telling ones."""

ROUTES: tuple[Route, ...] = (
    (sources.RKEEPER, messengers.WHATSAPP),
    (sources.YCLIENTS, messengers.EXOLVE),
    (sources.AMOCRM, messengers.RESEND),
    (sources.HTTP, messengers.TELEGRAM),
    (sources.HTTP, messengers.MAX),
    (sources.IIKO, messengers.HTTP),
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
