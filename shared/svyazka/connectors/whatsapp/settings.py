"""The settings of one connection."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings

VERSION = "v25.0"
"""Of the Graph API; a version lives for about two years."""


def _as_text(value: object) -> object:
    """Ids are digits, and YAML reads those as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class WhatsappSettings(ConnectionSettings):
    """`phone_number_id` and `access_token`: to send. `app_secret` and `verify_token`: to hear what became of it."""

    phone_number_id: Annotated[str | None, BeforeValidator(_as_text)] = Field(
        default=None,
        pattern=r"^\d{1,20}$",
        description=N_("the number's id of Meta's, digits only (not the phone itself)"),
    )
    access_token: str | None = Field(default=None, min_length=1)
    app_secret: str | None = Field(default=None, min_length=1)
    verify_token: str | None = Field(default=None, min_length=1)
    graph_version: str = Field(default=VERSION, pattern=r"^v\d{1,3}\.\d$")
