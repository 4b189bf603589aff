"""Channels of the real messengers, as flows see them: pure."""

from __future__ import annotations

from svyazka.connectors.registry import load_connector
from svyazka.engine.contracts.flow import Channel


def channel(name: str, vendor: str) -> Channel:
    """One connection of a vendor's."""
    connector = load_connector(vendor)
    return Channel(
        connection=name, vendor=vendor, reaches=connector.reaches, address=connector.address,
        supports=connector.supports, repeat=connector.repeat, needs_receipt=connector.needs_receipt,
    )  # fmt: skip


SMS, MTS = channel("sms", "smsru"), channel("mts", "exolve")
MAIL, WHATSAPP, TELEGRAM = channel("mail", "resend"), channel("wa", "whatsapp"), channel("bot", "telegram")
EVERYWHERE = (WHATSAPP, TELEGRAM, MAIL, SMS, MTS)
