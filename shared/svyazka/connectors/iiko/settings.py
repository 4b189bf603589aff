"""The settings of one connection."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings

UUID = r"^(?i:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})$"
UUID_LIKE = N_("an id such as 7bc05553-4b68-44e8-b7bc-37be63c6d9e9 (`svyazka doctor --live` lists them)")


class IikoSettings(ConnectionSettings):
    """`api_key` + `app_id` + `client_secret` (API v2), or `api_login` (v1); none: webhooks only."""

    organization_id: str | None = Field(
        default=None,
        pattern=UUID,
        title=N_("организация"),
        description=N_("Список покажет svyazka doctor --live"),
        examples=["7bc05553-4b68-44e8-b7bc-37be63c6d9e9"],
        json_schema_extra={"expected": UUID_LIKE},
    )
    api_key: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ API"),
        description=N_("iikoWeb → «Интеграции» → API Keys"),
    )
    app_id: str | None = Field(
        default=None,
        min_length=1,
        title=N_("номер приложения (app_id)"),
        description=N_("Портал разработчика public-api.iikoweb.ru/portal"),
    )
    client_secret: str | None = Field(
        default=None,
        min_length=1,
        title=N_("секрет приложения"),
        description=N_("Портал разработчика public-api.iikoweb.ru/portal; показывают один раз"),
    )
    api_login: str | None = Field(
        default=None,
        min_length=1,
        title=N_("API-логин (прежний способ)"),
        description=N_("iikoWeb → «Настройки Cloud API»"),
    )
    auth_token: str | None = Field(
        default=None,
        min_length=1,
        title=N_("токен авторизации webhook"),
        description=N_("Придумайте длинный и случайный: им iiko подтверждает свои события"),
    )
    final_statuses: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        title=N_("статусы завершённого заказа"),
    )

    payment_type: str | None = Field(
        default=None,
        pattern=UUID,
        title=N_("тип оплаты для счетов"),
        description=N_("iiko → «Типы оплат»: внешний тип вроде «По счёту»; им отмечаются чеки, оплаченные мимо кассы"),
        examples=["c997def6-62cc-52c3-a582-039081367d30"],
        json_schema_extra={"expected": N_("an id such as c997def6-62cc-52c3-a582-039081367d30")},
    )
    payment_kind: Literal["External", "Card"] = Field(
        default="External",
        title=N_("вид этого типа оплаты"),
        description=N_("External — внешний, Card — карта: как он заведён в iiko"),
    )
    close_checks: bool = Field(
        default=True,
        title=N_("закрывать оплаченный стол"),
        description=N_("false — только занести оплату, закроет официант"),
    )
    tables: dict[str, Annotated[str, Field(pattern=UUID)]] = Field(
        default={},
        title=N_("столы, которых нет в схеме зала"),
        description=N_("номер стола → его идентификатор в iiko"),
    )

    def sign_in(self) -> tuple[str, dict[str, str]] | None:
        """Where and with what a token is to be had: v2 where its three are there, else v1, else None."""
        if self.api_key and self.app_id and self.client_secret:
            body = {"apiKey": self.api_key, "appId": self.app_id, "clientSecret": self.client_secret}
            return "/api/v2/access_token", body
        return ("/api/1/access_token", {"apiLogin": self.api_login}) if self.api_login else None

    @property
    def api_credentials(self) -> object | None:
        """Whether the API can be called at all: None is what `optional_settings` warns of."""
        return self.sign_in()

    def means_to_sign_in(self) -> bool:
        """Whether credentials were given, be it in part: what then lacks is told, not passed over."""
        return any((self.api_key, self.app_id, self.client_secret, self.api_login))
