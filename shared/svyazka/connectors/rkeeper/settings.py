"""The settings of one connection."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, field_validator

from svyazka.catalogue import N_, _
from svyazka.connectors.rkeeper.statuses import Meaning
from svyazka.model.base import Frozen
from svyazka.model.tenants import ConnectionSettings

_PATH = re.compile(r"^[^.\s]+(\.[^.\s]+)*$")


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


Paths = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
"""One dotted path or a list of them."""


class FieldPaths(Frozen):
    """`paths`: where a push keeps what we look for, in place of the usual places; `order.customer.phone`."""

    order: Paths | None = None
    status: Paths | None = None
    status_id: Paths | None = None
    phone: Paths | None = None
    name: Paths | None = None
    email: Paths | None = None
    time: Paths | None = None

    @field_validator("*")
    @classmethod
    def _dotted(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for path in value or ():
            if not _PATH.match(path):
                raise ValueError(_("expected a dotted path such as order.customer.phone, got {path!r}", path=path))
        return value


class RKeeperSettings(ConnectionSettings):
    """`client_id` + `client_secret`: r_k Delivery's API. `object_id` + `token`: White Server. None: pushes only."""

    final_statuses: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        title=N_("статусы завершённого заказа"),
    )
    status_map: dict[str, Meaning] = Field(default={}, title=N_("статус ресторана → что он значит"))
    paths: FieldPaths = Field(default=FieldPaths(), title=N_("где в push стоит нужное"))
    client_id: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ r_k Delivery (client_id)"),
        description=N_("Админ-панель r_k Delivery → «Интеграции» → «Подключение по API»"),
    )
    client_secret: str | None = Field(
        default=None,
        min_length=1,
        title=N_("секрет r_k Delivery (client_secret)"),
        description=N_("Админ-панель r_k Delivery → «Интеграции» → «Подключение по API»"),
    )
    object_id: Annotated[tuple[int, ...], BeforeValidator(_listed)] | None = Field(
        default=None, min_length=1, title=N_("объекты White Server (objectId)")
    )
    token: str | None = Field(
        default=None,
        min_length=1,
        title=N_("токен White Server"),
        description=N_("Выдаёт integrations@rkeeper.ru"),
    )
    token_scheme: str | None = Field(default=None, pattern=r"^[A-Za-z]+$", title=N_("слово перед токеном White Server"))
    """A word before the token: the documentation shows none, two public clients send `Token`."""
    currency: UUID | None = Field(
        default=None,
        title=N_("валюта кассы для счетов"),
        description=N_(
            "GUID валюты r_keeper вроде «По счёту» с разрешённой предоплатой: ею отмечаются оплаченные чеки"
        ),
    )
    close_checks: bool = Field(
        default=True,
        title=N_("закрывать оплаченный стол"),
        description=N_("false — только занести оплату, закроет официант"),
    )
    signature_recipe: Literal["hmac-sha256", "sha256-key-body", "sha256-body-key"] | None = Field(
        default=None, title=N_("как подписан push")
    )
    signature_key: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ подписи White Server"),
    )

    @field_validator("status_map", "final_statuses", mode="before")
    @classmethod
    def _ids_in_quotes(cls, value: object) -> object:
        items = value if isinstance(value, dict | list | tuple) else ()
        for status in items:
            if not isinstance(status, str):
                raise ValueError(_('expected a status\'s name, or its id in quotes such as "{status}"', status=status))
        return value

    @property
    def has_delivery(self) -> bool:
        return self.client_id is not None and self.client_secret is not None

    @property
    def has_white_server(self) -> bool:
        return self.token is not None
