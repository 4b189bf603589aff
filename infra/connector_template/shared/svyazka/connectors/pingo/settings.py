"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings


class PingoSettings(ConnectionSettings):
    """What Pingo gives to whoever has an account."""

    api_key: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ API"),
        description=N_("Кабинет Pingo → где именно"),
    )
    # [access
    client_id: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ID интеграции"),
        description=N_("Кабинет Pingo → карточка интеграции"),
    )
    client_secret: str | None = Field(
        default=None,
        min_length=1,
        title=N_("секрет интеграции"),
        description=N_("Кабинет Pingo → карточка интеграции"),
    )
    # access]
    # [signed
    signing_secret: str | None = Field(
        default=None,
        min_length=1,
        title=N_("секрет подписи"),
        description=N_("Кабинет Pingo → настройки webhook"),
    )
    # signed]
