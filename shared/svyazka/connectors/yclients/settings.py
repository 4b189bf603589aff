"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings


class YclientsSettings(ConnectionSettings):
    """With `company_id` and both tokens records can be asked for; without them there are webhooks only."""

    company_id: int | None = Field(
        default=None,
        gt=0,
        title=N_("номер филиала"),
        description=N_("Число в адресе страницы филиала в YCLIENTS; список покажет svyazka doctor --live"),
    )
    partner_token: str | None = Field(
        default=None,
        min_length=1,
        title=N_("токен разработчика"),
        description=N_("Настройки аккаунта разработчика YCLIENTS (Маркетплейс)"),
    )
    user_token: str | None = Field(
        default=None,
        min_length=1,
        title=N_("токен пользователя"),
        description=N_("svyazka auth спросит логин и пароль сотрудника с правами в филиале"),
    )
    final_attendance: tuple[int, ...] | None = Field(
        default=None,
        min_length=1,
        title=N_("коды состоявшегося визита"),
    )

    def can_ask(self) -> bool:
        """Whether the journal of the salon can be read."""
        return None not in (self.company_id, self.partner_token, self.user_token)
