"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings


class TelegramSettings(ConnectionSettings):
    """A bot. `webhook_secret`: what its webhook is registered with, where it isn't to be made from the token."""

    bot_token: str | None = Field(
        default=None, pattern=r"^\S+$", description=N_("a bot's token of @BotFather's: one word, no spaces")
    )
    webhook_secret: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,256}$")
