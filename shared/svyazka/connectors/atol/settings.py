"""The settings of one connection: a group of tills, and what its receipts say."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.orders import Subject
from svyazka.model.tenants import ConnectionSettings
from svyazka.model.vat import Vat


class AtolSettings(ConnectionSettings):
    """`login`, `password`, `group_code`, `inn`, `payment_address`, `email`: without them nothing is registered."""

    login: str | None = Field(
        default=None,
        pattern=r"^\S{1,100}$",
        title=N_("логин"),
        description=N_("Кабинет АТОЛ Онлайн → «Интеграция» → файл настроек для CMS: login"),
    )
    password: str | None = Field(
        default=None,
        pattern=r"^\S{1,100}$",
        title=N_("пароль"),
        description=N_("Там же: pass"),
    )
    group_code: str | None = Field(
        default=None,
        pattern=r"^[\w.-]{1,100}$",
        title=N_("код группы онлайн-касс"),
        description=N_("Там же: group_code"),
    )
    version: Literal["v4", "v5"] = Field(
        default="v5",
        title=N_("версия протокола"),
        description=N_("v5 для онлайн-касс на ФФД 1.2, v4 для ФФД 1.05; это свойство их группы"),
    )
    inn: str | None = Field(
        default=None,
        pattern=r"^(\d{10}|\d{12})$",
        title=N_("ИНН"),
        description=N_("Того, чья онлайн-касса; в кавычках"),
    )
    payment_address: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        title=N_("место расчётов"),
        description=N_("Адрес сайта, как он записан за онлайн-кассой"),
    )
    email: str | None = Field(
        default=None,
        pattern=r"^[^@\s]{1,40}@[^@\s]{1,23}$",
        title=N_("почта отправителя чека"),
        description=N_("Ваша; печатается в чеке"),
    )
    tax_system: Literal["osn", "usn_income", "usn_income_outcome", "envd", "esn", "patent"] | None = Field(
        default=None,
        title=N_("система налогообложения"),
        description=N_("Можно не указывать, если она у вас одна"),
    )
    vat: Vat = Field(
        default=Vat.NONE,
        title=N_("ставка НДС в чеке"),
        description=N_(
            "none, 0, 5, 7, 10, 22 или 5/105 и подобные — для строк заказа, у которых своей нет; в кавычках"
        ),
    )
    subject: Subject | None = Field(
        default=None,
        title=N_("предмет расчёта в чеке"),
        description=N_("commodity (товар), service (услуга), job (работа) — для заказов без состава"),
    )
    agent: Literal[
        "bank_paying_agent", "bank_paying_subagent", "paying_agent", "paying_subagent", "attorney", "commission_agent",
        "another",
    ] = Field(
        default="another",
        title=N_("признак агента"),
        description=N_("Для строк с продавцом (поставщиком): кто вы ему; another — иной агент"),
    )  # fmt: skip
    fallback_email: str | None = Field(
        default=None,
        pattern=r"^[^@\s]{1,40}@[^@\s]{1,23}$",
        title=N_("почта для чеков без адреса"),
        description=N_("Куда уходит чек, если у плательщика не оказалось ни почты, ни телефона"),
    )

    @property
    def is_whole(self) -> bool:
        """Whether receipts can be registered."""
        return None not in (
            self.login, self.password, self.group_code, self.inn, self.payment_address, self.email
        )  # fmt: skip
