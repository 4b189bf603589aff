"""The settings of one connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings
from svyazka.model.vat import Vat

Taxation = Literal["osn", "usn_income", "usn_income_outcome", "esn", "patent"]


class TbankSettings(ConnectionSettings):
    """`terminal_key` and `password`: of one terminal. `taxation`, `vat`: what its receipts say."""

    terminal_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=20,
        pattern=r"^\S+$",
        title="TerminalKey",
        description=N_("business.tbank.ru → «Интернет-эквайринг» → магазин → «Терминалы»; учебный кончается на DEMO"),
    )
    password: str | None = Field(
        default=None,
        min_length=1,
        title=N_("пароль терминала"),
        description=N_("Там же, рядом с TerminalKey"),
    )
    taxation: Taxation | None = Field(
        default=None,
        title=N_("система налогообложения"),
        description=N_("Для чеков: osn, usn_income, usn_income_outcome, esn или patent"),
    )
    vat: Vat = Field(
        default=Vat.NONE,
        title=N_("ставка НДС"),
        description=N_("Для заказов без состава: none, 0, 5, 7, 10, 22 …"),
    )
