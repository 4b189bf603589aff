"""The settings of one connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.bookings import VisitStatus
from svyazka.model.tenants import ConnectionSettings

Attendance = Literal["waiting", "confirmed", "came", "missed"]
STATUSES: dict[Attendance, tuple[int, VisitStatus]] = {
    "waiting": (0, VisitStatus.BOOKED),
    "confirmed": (2, VisitStatus.CONFIRMED),
    "came": (1, VisitStatus.COMPLETED),
    "missed": (-1, VisitStatus.MISSED),
}
"""What `visit_statuses` may set -> YCLIENTS' usual code, and what it means."""


class YclientsSettings(ConnectionSettings):
    """With `company_id` and the developer's token clients can book; with the user's too the journal can be asked.
    Without them there are webhooks only."""

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

    mark: Literal["api_id"] = Field(default="api_id", title=N_("где стоит наша метка записи"))
    booking_form: int | None = Field(
        default=None,
        gt=0,
        title=N_("номер формы онлайн-записи"),
        description=N_("Число в адресе формы: 123 у https://w123.yclients.ru; по ней видно, нужен ли код из SMS"),
    )
    visit_statuses: dict[Attendance, int] = Field(default={}, title=N_("коды состояний визита"))

    def statuses(self) -> dict[int, VisitStatus]:
        """What this salon's codes of attendance mean."""
        return {self.visit_statuses.get(name, usual): status for name, (usual, status) in STATUSES.items()}

    def can_book(self) -> bool:
        """Whether clients' calls are open to us: free times and bookings."""
        return None not in (self.company_id, self.partner_token)

    def can_ask(self) -> bool:
        """Whether the journal of the salon can be read."""
        return None not in (self.company_id, self.partner_token, self.user_token)
