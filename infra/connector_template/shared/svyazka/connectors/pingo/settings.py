"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.model.tenants import ConnectionSettings


class PingoSettings(ConnectionSettings):
    """`api_key`: where it is found in Pingo's cabinet."""

    api_key: str | None = Field(default=None, min_length=1)
    signing_secret: str | None = Field(default=None, min_length=1)  # [signed]
