"""Init data of a MAX mini app: Telegram's way, percent-encoded as a whole, in milliseconds. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus

from svyazka.engine.security.init_data import InitData, checked, fields_of, hmac_key

MILLISECONDS_FROM = 10**11


def verified(init_data: str, bot_token: str, now: datetime, max_age: timedelta) -> InitData:
    """What MAX signed for this bot. Raises NotGenuine."""
    if "=" not in init_data and "%3d" in init_data.casefold():
        init_data = unquote_plus(init_data)
    return checked(fields_of(init_data), hmac_key(bot_token), moment, now, max_age)


def moment(auth_date: str) -> datetime | None:
    """Unix milliseconds, as MAX writes; seconds are taken too."""
    if not (auth_date.isascii() and auth_date.isdigit() and len(auth_date) <= 14):
        return None
    stamp = int(auth_date)
    return datetime.fromtimestamp(stamp / 1000 if stamp > MILLISECONDS_FROM else stamp, UTC)
