"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings


class SmsruSettings(ConnectionSettings):
    """`api_id`: the account's one key, which sends, spends and signs. `sender`: an approved name in letters."""

    api_id: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ api_id"),
        description=N_("Кабинет sms.ru → «Настройки» → «API»"),
    )
    sender: str | None = Field(
        default=None,
        min_length=1,
        title=N_("имя отправителя"),
        description=N_("Кабинет sms.ru → «Отправители» (sms.ru/?panel=senders): одобренное буквенное имя"),
    )
