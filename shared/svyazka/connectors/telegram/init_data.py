"""Init data of a Telegram Mini App: proved with the bot's token, or without it by Telegram's own key. Pure."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.security.init_data import InitData, NotGenuine, check_string, checked, fields_of, fresh, hmac_key

PUBLIC_KEY = bytes.fromhex("e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d")
"""Telegram's Ed25519 key of production. That of its test environment is never taken."""


def verified(init_data: str, bot_token: str, now: datetime, max_age: timedelta) -> InitData:
    """What Telegram signed for this bot; `signature` is one of the fields that the hash covers. Raises NotGenuine."""
    return checked(fields_of(init_data), hmac_key(bot_token), moment, now, max_age)


def verified_without_token(
    init_data: str, bot_id: int, now: datetime, max_age: timedelta, public_key: bytes = PUBLIC_KEY
) -> InitData:
    """The same for whoever isn't given the token: only the bot's id. Raises NotGenuine."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    fields = fields_of(init_data)
    signature = fields.get("signature", "")
    signed = f"{bot_id}:WebAppData\n".encode() + check_string(fields, "hash", "signature")
    try:
        plain = base64.b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(plain, signed)
    except (InvalidSignature, binascii.Error, ValueError):
        raise NotGenuine(N_("the signature isn't Telegram's for this bot")) from None
    return fresh(fields, moment, now, max_age)


def moment(auth_date: str) -> datetime | None:
    """Unix seconds."""
    if not (auth_date.isascii() and auth_date.isdigit() and len(auth_date) <= 11):
        return None
    return datetime.fromtimestamp(int(auth_date), UTC)
