"""Who has opened the Mini App: what the messenger signed with the bot's token."""

from __future__ import annotations

from datetime import datetime, timedelta

from svyazka.connectors.telegram.init_data import verified
from svyazka.connectors.telegram.settings import TelegramSettings
from svyazka.engine.contracts.capabilities.identity import Identity
from svyazka.engine.contracts.untrusted import text
from svyazka.engine.security.init_data import NotGenuine


class TelegramIdentity(Identity[TelegramSettings]):
    """By init data."""

    def user(self, init_data: str, settings: TelegramSettings, now: datetime, max_age: timedelta) -> str:
        if settings.bot_token is None:
            raise NotGenuine("this bot has no token here")
        user = verified(init_data, settings.bot_token, now, max_age).object("user")
        id_ = text(user.get("id"), 64) if user is not None else None
        if id_ is None:
            raise NotGenuine("expected a user")
        return id_
