"""The settings of one connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.base import HTTPS, RETURN_URL
from svyazka.model.orders import Method, Subject
from svyazka.model.tenants import ConnectionSettings
from svyazka.model.vat import Vat


class YookassaSettings(ConnectionSettings):
    """`shop_id` and `secret_key`: of the shop, by which it is called. The others say what its receipts say."""

    shop_id: str | None = Field(
        default=None,
        pattern=r"^\d{4,12}$",
        title=N_("shopId магазина"),
        description=N_("Кабинет yookassa.ru → «Интеграция» → «Ключи API»: shopId"),
    )
    secret_key: str | None = Field(
        default=None,
        min_length=8,
        title=N_("секретный ключ"),
        description=N_("Там же: «Секретный ключ». Ключ тестового магазина начинается с test_, боевой — с live_"),
    )
    return_url: str | None = Field(
        default=None,
        pattern=RETURN_URL,
        max_length=1000,
        json_schema_extra={"expected": HTTPS},
        title=N_("куда вернётся плательщик"),
        description=N_("Адрес вашей страницы; без него его должен назвать каждый запрос оплаты или поток"),
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
    method: Method | None = Field(
        default=None,
        title=N_("способ расчёта в чеке"),
        description=N_("full_payment или full_prepayment — для строк, у которых своего нет; как скажет бухгалтер"),
    )
    tax_system: Literal[1, 2, 3, 4, 5, 6] | None = Field(
        default=None,
        title=N_("система налогообложения"),
        description=N_("1–6 по справочнику чеков; нужна, если у онлайн-кассы их несколько"),
    )
    only_their_addresses: bool = Field(
        default=False,
        title=N_("принимать уведомления только с адресов ЮKassa"),
        description=N_("Список адресов меняется; доказательством служит не он, а повторное чтение платежа"),
    )
