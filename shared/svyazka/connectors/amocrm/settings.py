"""Settings of an amoCRM connection, and the account's address that follows from them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from svyazka.catalogue import N_, _
from svyazka.model.tenants import ConnectionSettings

HOSTS = (".amocrm.ru", ".amocrm.com", ".kommo.com")
"""Where accounts live. Nobody else is ever shown a client secret or a token."""


def _as_text(value: object) -> object:
    """Ids are written with and without quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _account_name(value: object) -> object:
    """`https://name.amocrm.ru/` is taken for what it is."""
    if not isinstance(value, str):
        return value
    return value.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/")


def _id(value: str) -> str:
    if not re.fullmatch(r"\d{1,20}", value, re.ASCII):
        raise ValueError(_("expected an id of amoCRM's: digits only"))
    return value


def _stage(value: str) -> str:
    if not re.fullmatch(r"\d{1,20}(:\d{1,20})?", value, re.ASCII):
        raise ValueError(_("expected a status id, or pipeline:status, in digits"))
    return value


Id = Annotated[str, BeforeValidator(_as_text), AfterValidator(_id)]
Stage = Annotated[str, BeforeValidator(_as_text), AfterValidator(_stage)]
Subdomain = Annotated[
    str,
    BeforeValidator(_account_name),
    Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}(\.amocrm\.ru|\.amocrm\.com|\.kommo\.com)?$"),
]


class AmocrmSettings(ConnectionSettings):
    """`token` (long-lived), or `client_id` + `client_secret` + `redirect_uri` (OAuth); neither: webhooks only."""

    subdomain: Subdomain | None = Field(
        default=None,
        title=N_("имя аккаунта"),
        description=N_("Из адреса: kofe в kofe.amocrm.ru"),
        examples=["kofe"],
    )
    account_id: Id | None = Field(
        default=None,
        title=N_("номер аккаунта"),
        description=N_("Покажет svyazka doctor --live"),
    )
    token: str | None = Field(
        default=None,
        min_length=1,
        title=N_("долгосрочный токен"),
        description=N_("Карточка интеграции в amoCRM"),
    )
    client_id: str | None = Field(
        default=None,
        min_length=1,
        title=N_("номер интеграции (client_id)"),
    )
    client_secret: str | None = Field(
        default=None,
        min_length=1,
        title=N_("секрет интеграции (client_secret)"),
    )
    redirect_uri: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        title=N_("адрес возврата (redirect_uri)"),
        description=N_("Тот же, буква в букву, что в настройках интеграции"),
    )
    pipeline: Id | None = None
    """Where deals of ours will be created, with `status`, `responsible` and `fields`."""
    status: Id | None = None
    responsible: Id | None = None
    won_statuses: tuple[Stage, ...] | None = Field(
        default=None,
        min_length=1,
        title=N_("этапы успешной сделки"),
        description=N_("Номера этапов или воронка:этап; этапы называет svyazka doctor --live"),
    )
    fields: dict[str, Id] = {}

    def host(self) -> str | None:
        """`name.amocrm.ru`, where the settings tell it."""
        if self.subdomain is None:
            return None
        return self.subdomain if "." in self.subdomain else self.subdomain + HOSTS[0]

    def address(self) -> str | None:
        """The account's address, where the settings tell it."""
        host = self.host()
        return self.base_url or (f"https://{host}" if host else None)

    def has_access(self) -> bool:
        """Whether there is anything to ask amoCRM with."""
        return self.token is not None or self.has_integration()

    def has_integration(self) -> bool:
        """Whether access is by OAuth; a long-lived token goes before it."""
        return self.token is None and None not in (self.client_id, self.client_secret, self.redirect_uri)
