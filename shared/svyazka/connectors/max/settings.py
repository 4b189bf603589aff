"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings


class MaxSettings(ConnectionSettings):
    """A bot. `webhook_secret`: what its webhook is registered with, where it isn't to be made from the token."""

    bot_token: str | None = Field(
        default=None,
        pattern=r"^\S+$",
        title=N_("токен бота"),
        description=N_("Кабинет business.max.ru, после модерации бота"),
        json_schema_extra={"expected": N_("a bot's token of business.max.ru: one word, no spaces")},
    )
    webhook_secret: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{5,256}$",
        title=N_("секрет webhook"),
        description=N_("Придумайте: 5–256 латинских букв, цифр, _ и -; без него Связка делает секрет из токена"),
    )
