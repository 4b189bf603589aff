"""Settings of an amoCRM connection, and the account's address that follows from them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from svyazka.catalogue import N_, _
from svyazka.model.records import RecordKind
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


def _field(value: str) -> str:
    if not re.fullmatch(r"\d{1,20}|[A-Z][A-Z0-9_]{0,59}", value, re.ASCII):
        raise ValueError(_("expected the id of a field (digits) or its code (PHONE, UTM_SOURCE)"))
    return value


def _canonical(value: str) -> str:
    if not re.fullmatch(r"((contact|company|deal)\.)?[a-z][a-z0-9_]{0,59}", value, re.ASCII):
        raise ValueError(_("expected a field's name such as serial, or deal.serial, contact.telegram"))
    return value


def _marked(value: RecordKind) -> RecordKind:
    if value is RecordKind.VISIT:
        raise ValueError(_("expected contact, company or deal: amoCRM keeps no visits, it shows them as deals"))
    return value


Id = Annotated[str, BeforeValidator(_as_text), AfterValidator(_id)]
FieldName = Annotated[str, BeforeValidator(_as_text), AfterValidator(_field)]
Canonical = Annotated[str, AfterValidator(_canonical)]
Marked = Annotated[RecordKind, AfterValidator(_marked)]
Source = Annotated[str, BeforeValidator(_as_text), Field(min_length=1, max_length=255)]
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
    pipeline: Id | None = Field(
        default=None,
        title=N_("воронка новых сделок"),
        description=N_("Номер из адреса страницы воронки; воронки называет svyazka doctor --live"),
    )
    status: Id | None = Field(
        default=None,
        title=N_("этап новых сделок"),
        description=N_("Номер этапа этой воронки"),
    )
    responsible: Id | None = Field(
        default=None,
        title=N_("ответственный"),
        description=N_("Номер пользователя: Настройки → Пользователи, в адресе его карточки"),
    )
    won_statuses: tuple[Stage, ...] | None = Field(
        default=None,
        min_length=1,
        title=N_("этапы успешной сделки"),
        description=N_("Номера этапов или воронка:этап; этапы называет svyazka doctor --live"),
    )
    fields: dict[Canonical, FieldName] = Field(
        default={},
        title=N_("поля карточек"),
        description=N_("Наше имя: номер или код поля в amoCRM; deal., contact., company. перед именем — чьё поле"),
    )
    sources: dict[str, Source] = Field(
        default={},
        title=N_("источники сделок"),
        description=N_("Наш источник: код источника (external_id), заведённого этой интеграцией"),
    )
    mark_field: FieldName | dict[Marked, FieldName] | None = Field(
        default=None,
        title=N_("поле для нашей отметки"),
        description=N_(
            "Текстовое поле: по нему Связка узнаёт созданное ею. Номер, код или deal: номер, contact: номер"
        ),
    )
    unsorted: bool = Field(
        default=False,
        title=N_("сделки через «Неразобранное»"),
        description=N_("true: новую сделку сначала принимает человек"),
    )

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
