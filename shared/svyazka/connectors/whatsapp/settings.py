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
        title=N_("номер телефона в Meta (phone_number_id)"),
        description=N_("Приложение Meta → WhatsApp → API Setup"),
        json_schema_extra={"expected": N_("the number's id of Meta's, digits only (not the phone itself)")},
    )
    access_token: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ системного пользователя"),
        description=N_("Meta Business Suite → системный пользователь → постоянный ключ"),
    )
    app_secret: str | None = Field(
        default=None,
        min_length=1,
        title=N_("секрет приложения Meta"),
        description=N_("Приложение Meta → Settings → Basic"),
    )
    verify_token: str | None = Field(
        default=None,
        min_length=1,
        title=N_("слово для проверки адреса (verify_token)"),
        description=N_("Придумайте и впишите рядом с адресом: WhatsApp → Configuration → Callback URL"),
    )
    graph_version: str = Field(
        default=VERSION,
        pattern=r"^v\d{1,3}\.\d$",
        title=N_("версия Graph API"),
        examples=["v25.0"],
    )
