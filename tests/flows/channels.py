"""Channels of the real messengers, as flows see them: pure."""

from __future__ import annotations

from svyazka.connectors.registry import load_manifest
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.contracts.flow import Channel


def channel(name: str, vendor: str) -> Channel:
    """One connection of a vendor's."""
    manifest = load_manifest(vendor)
    return Channel(
        connection=name, vendor=vendor, reaches=manifest.reaches, address=manifest.address, carries=manifest.carries,
        safety=lambda command: carried(manifest, command).safety, needs_receipt=manifest.needs_receipt,
        shows_buttons=manifest.messenger is not None and manifest.messenger.shows_buttons,
        moves_visits=manifest.calendar is None or manifest.calendar.moves,
    )  # fmt: skip


SMS, MTS = channel("sms", "smsru"), channel("mts", "exolve")
MAIL, WHATSAPP, TELEGRAM = channel("mail", "resend"), channel("wa", "whatsapp"), channel("bot", "telegram")
EVERYWHERE = (WHATSAPP, TELEGRAM, MAIL, SMS, MTS)
