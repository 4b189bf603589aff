"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.model.tenants import ConnectionSettings


class ExolveSettings(ConnectionSettings):
    """`api_key`: of an application. `sender`: its number (79...) or a registered name.

    `whatsapp_sender` is taken and not used: there is no public documentation of Exolve's WhatsApp API.
    """

    api_key: str | None = Field(default=None, min_length=1)
    sender: str | None = Field(default=None, min_length=1)
    whatsapp_sender: str | None = Field(default=None, min_length=1)
