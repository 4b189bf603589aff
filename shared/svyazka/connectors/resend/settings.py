"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.model.tenants import ConnectionSettings


class ResendSettings(ConnectionSettings):
    """`api_key`: re_... `sender`: `Name <address@domain>`. `signing_secret`: whsec_... of our webhook endpoint."""

    api_key: str | None = Field(default=None, min_length=1)
    sender: str | None = Field(default=None, min_length=1)
    signing_secret: str | None = Field(default=None, pattern=r"\S")
