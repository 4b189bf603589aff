"""The settings of one connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.base import RETURN_URL
from svyazka.model.orders import Method, Subject
from svyazka.model.tenants import ConnectionSettings
from svyazka.model.vat import Vat


class InvoiceboxSettings(ConnectionSettings):
    """`merchant_id`, `token` and `notification_key`: of the shop, by which it is called and calls. The others say what
    its bills say."""

    merchant_id: str | None = Field(
        default=None,
        pattern=r"^[0-9a-fA-F-]{36}$",
        title=N_("идентификатор магазина"),
        description=N_("Кабинет Инвойсбокса → ваш магазин → «Интеграция»: merchantId"),
    )
    token: str | None = Field(
        default=None,
        min_length=8,
        max_length=512,
        title=N_("токен магазина"),
        description=N_("Там же: токен API"),
    )
    notification_key: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ уведомлений"),
        description=N_("Там же, в настройках уведомлений: ключ подписи (HMAC, SHA-1). Это не токен"),
    )
    api: Literal["v3", "l3"] = Field(
        default="v3",
        title=N_("версия API"),
        description=N_("v3 — магазин заведён на app.invoicebox.ru, l3 — на business.invoicebox.ru"),
    )
    return_url: str | None = Field(
        default=None,
        pattern=RETURN_URL,
        max_length=1000,
        title=N_("куда вернётся плательщик"),
        description=N_("Адрес вашей страницы; без него плательщик остаётся на странице Инвойсбокса"),
    )
    partner_id: str | None = Field(
        default=None,
        pattern=r"^[0-9a-fA-F-]{36}$",
        title=N_("идентификатор партнёра"),
        description=N_("Только у партнёра Инвойсбокса: им приглашают рестораны (svyazka partner)"),
    )
    partner_token: str | None = Field(
        default=None,
        min_length=8,
        max_length=512,
        title=N_("токен партнёра"),
        description=N_("Выдаёт Инвойсбокс партнёру; это не токен магазина"),
    )
    till: str | None = Field(
        default=None,
        min_length=1,
        title=N_("подключение кассы"),
        description=N_("Имя подключения iiko или r_keeper, чьи столы оплачивают по счёту"),
    )
    vat: Vat = Field(
        default=Vat.NONE,
        title=N_("ставка НДС в счёте"),
        description=N_("none, 0, 5, 7, 10 или 22 — для строк заказа, у которых своей нет; в кавычках"),
    )
    subject: Subject = Field(
        default=Subject.SERVICE,
        title=N_("предмет расчёта в счёте"),
        description=N_("commodity (товар), service (услуга), job (работа) — для заказов без состава"),
    )
    method: Method | None = Field(
        default=None,
        title=N_("способ расчёта в счёте"),
        description=N_("full_payment или full_prepayment — для строк, у которых своего нет; как скажет бухгалтер"),
    )
