"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.model.tenants import ConnectionSettings


class ResendSettings(ConnectionSettings):
    """`api_key`: re_... `sender`: `Name <address@domain>`. `signing_secret`: whsec_... of our webhook endpoint."""

    api_key: str | None = Field(
        default=None,
        min_length=1,
        title=N_("ключ API"),
        description=N_("resend.com → API Keys; хватит права «Sending access»"),
    )
    sender: str | None = Field(
        default=None,
        min_length=1,
        title=N_("адрес отправителя"),
        description=N_("Имя <адрес@ваш-домен>; домен подтверждён на resend.com → Domains"),
    )
    signing_secret: str | None = Field(
        default=None,
        pattern=r"\S",
        title=N_("секрет подписи webhook"),
        description=N_("resend.com → Webhooks → ваш адрес → Signing Secret"),
    )
