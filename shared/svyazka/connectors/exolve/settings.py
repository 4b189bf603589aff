"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings


class ExolveSettings(ConnectionSettings):
    """`api_key`: of an application. `sender`: its number (79...) or a registered name.

    `whatsapp_sender` is taken and not used: there is no public documentation of Exolve's WhatsApp API.
    """

    api_key: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ API приложения"),
        description=N_("Кабинет exolve.ru → «Приложения» → ключ API"),
    )
    sender: str | None = Field(
        default=None,
        min_length=1,
        title=N_("номер или имя отправителя"),
        description=N_(
            "Кабинет exolve.ru: номер (79..., без плюса) или зарегистрированное имя, привязанные к приложению"
        ),
    )
    whatsapp_sender: str | None = Field(default=None, min_length=1, title=N_("отправитель WhatsApp (не используется)"))
