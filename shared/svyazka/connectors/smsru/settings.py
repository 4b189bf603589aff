"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.model.tenants import ConnectionSettings


class SmsruSettings(ConnectionSettings):
    """`api_id`: the account's one key, which sends, spends and signs. `sender`: an approved name in letters."""

    api_id: str | None = Field(default=None, min_length=1)
    sender: str | None = Field(default=None, min_length=1)
