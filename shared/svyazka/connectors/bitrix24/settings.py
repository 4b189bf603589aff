"""Settings of a Bitrix24 connection, and the portal's address that follows from them."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from svyazka.catalogue import N_, _
from svyazka.model.tenants import ConnectionSettings

_HOOK = re.compile(r"(https?://[^/\s?#]+)/rest/(\d{1,18})/([A-Za-z0-9_-]{4,64})(?:/[\w.]*)?/?")
_HOST = re.compile(r"(?=.{4,253}$)[a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?")
_OWN_FIELD = re.compile(r"ufCrm(\d*)_(\d+)")


def _as_text(value: object) -> object:
    """Ids are written with and without quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _id(value: str) -> str:
    if not re.fullmatch(r"\d{1,18}", value, re.ASCII):
        raise ValueError(_("expected an id of Bitrix24's: digits only"))
    return value


def _hook(value: str) -> str:
    """Whatever example of a method Bitrix24 shows behind it is left out."""
    found = _HOOK.fullmatch(value.strip())
    if found is None:
        raise ValueError(_("expected a webhook's address such as https://NAME.bitrix24.ru/rest/1/CODE/"))
    return f"{found[1]}/rest/{found[2]}/{found[3]}/"


def _domain(value: object) -> object:
    """`https://name.bitrix24.ru/` is taken for what it is; a bare name is in the Russian cloud."""
    if not isinstance(value, str):
        return value
    host = value.strip().lower().removeprefix("https://").removeprefix("http://").partition("/")[0]
    return host if "." in host else f"{host}.bitrix24.ru"


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(_("expected a portal's address such as NAME.bitrix24.ru"))
    return value


def _field(value: str) -> str:
    """`ufCrm_123` and `UF_CRM_123` are one field; its original name is the one that holds for every method."""
    found = _OWN_FIELD.fullmatch(value)
    name = f"UF_CRM_{found[1]}{'_' if found[1] else ''}{found[2]}" if found else value
    if not re.fullmatch(r"[A-Za-z]\w{0,99}", name, re.ASCII):
        raise ValueError(_("expected a field's code such as UF_CRM_1720697698689 or sourceDescription"))
    return name


def _canonical(value: str) -> str:
    if not re.fullmatch(r"((contact|company|deal)\.)?[a-z][a-z0-9_]{0,59}", value, re.ASCII):
        raise ValueError(_("expected a field's name such as serial, or deal.serial, contact.telegram"))
    return value


Id = Annotated[str, BeforeValidator(_as_text), AfterValidator(_id)]
Code = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[A-Za-z0-9_:-]{1,60}$")]
Canonical = Annotated[str, AfterValidator(_canonical)]
FieldCode = Annotated[str, AfterValidator(_field)]


class Bitrix24Settings(ConnectionSettings):
    """`webhook_url` (an incoming webhook), or `client_id` + `client_secret` + `domain` (a local application)."""

    webhook_url: Annotated[str, AfterValidator(_hook)] | None = Field(
        default=None,
        title=N_("адрес входящего вебхука"),
        description=N_("Разработчикам → Другое → Входящий вебхук: «Вебхук для вызова rest api»"),
        examples=["https://NAME.bitrix24.ru/rest/1/CODE/"],
    )
    client_id: str | None = Field(
        default=None,
        min_length=1,
        title=N_("код приложения (client_id)"),
        description=N_("Карточка локального приложения"),
    )
    client_secret: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ приложения (client_secret)"),
        description=N_("Карточка локального приложения"),
    )
    domain: Annotated[str, BeforeValidator(_domain), AfterValidator(_host)] | None = Field(
        default=None,
        title=N_("адрес портала"),
        description=N_("kofe.bitrix24.ru или свой домен"),
        examples=["kofe.bitrix24.ru"],
    )
    application_token: str | None = Field(
        default=None,
        min_length=1,
        title=N_("токен исходящего вебхука (application_token)"),
        description=N_("Портал показывает его, когда исходящий вебхук создан"),
    )
    member_id: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{32}$",
        title=N_("код портала (member_id)"),
        description=N_("Не меняется при смене адреса; стоит в адресе возврата после согласия"),
    )
    category: Id | None = Field(
        default=None,
        title=N_("воронка сделок"),
        description=N_("Номер; воронки называет svyazka doctor --live"),
    )
    stage: Code | None = Field(
        default=None,
        title=N_("стадия новой сделки"),
        description=N_("Код; стадии называет svyazka doctor --live"),
        examples=["NEW", "C1:NEW"],
    )
    responsible: Id | None = Field(
        default=None,
        title=N_("ответственный"),
        description=N_("Номер сотрудника из адреса его страницы"),
    )
    won_stages: tuple[Code, ...] | None = Field(
        default=None,
        min_length=1,
        title=N_("стадии успешной сделки"),
        description=N_("Если успехом считать не то, что считает сам Битрикс24"),
    )
    fields: dict[Canonical, FieldCode] = Field(
        default={},
        title=N_("поля"),
        description=N_("Наше имя: код поля Битрикс24; deal., contact., company. перед именем — чьё поле"),
    )
    sources: dict[str, Code] = Field(
        default={},
        title=N_("источники"),
        description=N_("Источник Связки: код источника Битрикс24"),
    )

    def has_access(self) -> bool:
        """Whether there is anything to ask Bitrix24 with."""
        return self.webhook_url is not None or self.has_application()

    def has_application(self) -> bool:
        """Whether access is by OAuth; a webhook goes before it."""
        return self.webhook_url is None and None not in (self.client_id, self.client_secret, self.domain)

    def root(self) -> str | None:
        """Where the portal lives, as the settings tell: scheme and host."""
        if self.base_url is not None:
            return self.base_url.rstrip("/")
        if self.webhook_url is not None:
            parts = urlsplit(self.webhook_url)
            return f"{parts.scheme}://{parts.netloc}"
        return f"https://{self.domain}" if self.domain else None

    def hook_path(self) -> str | None:
        """`rest/1/CODE`: the webhook's address below the portal's."""
        return urlsplit(self.webhook_url).path.strip("/") if self.webhook_url else None
