"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings
from svyazka.model.vat import Vat


class CloudpaymentsSettings(ConnectionSettings):
    """`public_id` and `api_secret`: of one site in the cabinet. `tax_system`, `vat`: what its receipts say."""

    public_id: str | None = Field(
        default=None,
        min_length=1,
        pattern=r"^\S+$",
        title="Public ID",
        description=N_("my.cloudpayments.ru → «Сайты» → сайт: Public ID (pk_…)"),
    )
    api_secret: str | None = Field(
        default=None,
        min_length=1,
        title="API Secret",
        description=N_("Там же: «Пароль для API». Им же подписаны уведомления"),
    )
    test: bool = Field(
        default=False,
        title=N_("учебный режим"),
        description=N_("true, пока сайт в тестовом режиме: учебные платежи принимаются только тогда"),
    )
    tax_system: int | None = Field(
        default=None,
        ge=0,
        le=5,
        title=N_("система налогообложения"),
        description=N_("Для чеков: 0 — ОСН, 1 — УСН доходы, 2 — УСН доходы минус расходы, 4 — ЕСХН, 5 — патент"),
    )
    vat: Vat = Field(
        default=Vat.NONE,
        title=N_("ставка НДС"),
        description=N_("Для заказов без состава: none, 0, 5, 7, 10, 22 …"),
    )
