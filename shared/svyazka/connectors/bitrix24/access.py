"""Bitrix24's OAuth as data, and what its redirect brings. Pure.

Codes and tokens are changed at the vendor's own server, never at the portal: a portal may stand on anybody's machine,
and is shown no client secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from svyazka.catalogue import N_
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.manifest import OAuthAccess
from svyazka.engine.contracts.oauth import AuthorisationCode, OAuthApp, Redirected, Rejected, TokenError

SERVER = "https://oauth.bitrix24.tech"
"""The one server that gives tokens; what payloads call so may be an old name, and isn't believed."""

REFRESH_LIFE = timedelta(days=180)
"""Unused; each use gives a new one."""

RENEW_EVERY = timedelta(days=30)
"""Bitrix24 blocks applications that renew by a timer every day or hour; one use in 180 days keeps the grant."""

# Told to the business in an alert, so in Russian.
AGAIN = N_("Выдайте доступ заново: прежний код или токен больше не примут. Код живёт 30 секунд")
CARD = N_("Сверьте client_id и client_secret с карточкой локального приложения")
INSTALL = N_("Установите локальное приложение на портал и выдайте доступ заново: svyazka auth")
PAY = N_("Оплатите тариф Битрикс24: работа продолжится сама")
SCOPES = N_("Отметьте в карточке приложения права CRM (crm), Задачи (task), Пользователи (user_brief)")

_DEAD, _UNPAID = N_("код или токен обновления больше не действует"), N_("портал или приложение не оплачены")
_REFUSALS: Mapping[str, tuple[Literal["reauthorise", "block"], str, str]] = {
    "invalid_grant": ("reauthorise", _DEAD, AGAIN),
    "bad_verification_code": ("reauthorise", _DEAD, AGAIN),
    "invalid_client": ("block", N_("client_secret не тот, или приложение не установлено"), CARD),
    "wrong_client": ("block", N_("такого client_id у Битрикс24 нет"), CARD),  # answered with 200
    "not_installed": ("reauthorise", N_("приложение удалили с портала"), INSTALL),
    "no_auth_found": ("reauthorise", N_("прежний доступ больше не действует"), AGAIN),
    "payment_required": ("block", _UNPAID, PAY),
    "invalid_scope": ("block", N_("приложению не хватает прав"), SCOPES),
    "insufficient_scope": ("block", N_("приложению не хватает прав"), SCOPES),
    "invalid_request": ("block", N_("Битрикс24 не понимает просьбы о доступе"), CARD),
}

ERRORS = tuple(TokenError(None, says, do, says, what, remedy) for says, (do, what, remedy) in _REFUSALS.items())
"""By `error`: statuses of the same one differ between the vendor's own descriptions."""


def app_of(settings: Bitrix24Settings) -> OAuthApp | None:
    """The connection's application; None with a webhook or without all three of its settings."""
    if not settings.has_application():
        return None
    assert settings.client_id is not None
    assert settings.client_secret is not None
    server = settings.base_url.rstrip("/") if settings.base_url else SERVER
    return OAuthApp(
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        redirect_uri=None,
        consent_url=f"{settings.root()}/oauth/authorize/",
        token_path=f"{server}/oauth/token/",
        encoding="query",
        address_in="client_endpoint",
        errors=ERRORS,
        texts=("error",),
        access_life=timedelta(hours=1),
        refresh_life=REFRESH_LIFE,
        renew_every=RENEW_EVERY,
    )


def redirected(params: Mapping[str, str], settings: Bitrix24Settings) -> Redirected:
    """A code, for the portal that the connection is of: by its name, or by what outlives its name."""
    domain, member = params.get("domain", "").lower(), params.get("member_id")
    if settings.member_id is not None and member != settings.member_id:
        return Rejected(N_("доступ выдан другому порталу: member_id не тот, что у подключения"))
    if settings.member_id is None and settings.base_url is None and domain != settings.domain:
        return Rejected(
            N_("доступ выдан порталу {domain}, а подключение — к {ours}").format(domain=domain, ours=settings.domain)
        )
    return AuthorisationCode(params["code"])


class Bitrix24Access(OAuthAccess[Bitrix24Settings]):
    """A local application's OAuth; an incoming webhook needs none."""

    def app(self, settings: Bitrix24Settings) -> OAuthApp | None:
        return app_of(settings)

    def redirected(self, params: Mapping[str, str], settings: Bitrix24Settings) -> Redirected:
        return redirected(params, settings)

    def ends(self, settings: Bitrix24Settings) -> datetime | None:
        """A webhook may have an end date, which nothing tells us."""
        return None
