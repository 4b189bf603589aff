"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field, field_validator

from svyazka.catalogue import N_, _
from svyazka.model.tenants import ConnectionSettings


class DikidiSettings(ConnectionSettings):
    """`company`: whose widget. With `login` and `password`, an employee's, the journal of the back office is read too;
    nothing is written there.
    """

    company: int | None = Field(
        default=None,
        gt=0,
        title=N_("номер компании"),
        description=N_("Число в адресе страницы онлайн-записи: dikidi.net/ЧИСЛО"),
    )
    unofficial: bool = Field(
        default=False,
        validate_default=True,
        title=N_("владелец знает, что доступ неофициальный"),
        description=N_("Впишите true, когда владелец салона согласился письменно"),
    )
    login: str | None = Field(default=None, min_length=1, title=N_("телефон сотрудника для входа в журнал"))
    password: str | None = Field(default=None, min_length=1, title=N_("пароль сотрудника для входа в журнал"))

    def has_office(self) -> bool:
        """Whether the journal can be read."""
        return None not in (self.company, self.login, self.password)

    @field_validator("unofficial")
    @classmethod
    def _knowingly(cls, value: bool) -> bool:
        if not value:
            raise ValueError(
                _(
                    "expected `unofficial: true`: DIKIDI has no public API, and we book through the pages of its "
                    "widget, which may change or be closed on any day; write it once the salon's owner has agreed to "
                    "that in writing (docs/vendors/dikidi.md)"
                )
            )
        return value
