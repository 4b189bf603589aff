"""amoCRM's OAuth as data, what its redirect and its notice of disabling bring, and when a token ends. Pure."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from svyazka.catalogue import N_
from svyazka.connectors.amocrm.settings import HOSTS, AmocrmSettings
from svyazka.engine.contracts.manifest import OAuthAccess
from svyazka.engine.contracts.oauth import AuthorisationCode, OAuthApp, Redirected, Rejected, TokenError, Withdrawal

CONSENT = "https://www.amocrm.ru/oauth"
CONSENT_ABROAD = "https://www.kommo.com/oauth"
TOKEN_PATH = "/oauth2/access_token"
REFRESH_LIFE = timedelta(days=90)
"""Three months from the last use; each use gives a new refresh token."""

# Told to the business in an alert, so in Russian; amoCRM's own names of errors stay as amoCRM writes them.

AGAIN = N_("Выдайте доступ заново: прежний код или токен больше не примут")
SECRET = N_(
    "Сверьте client_id и client_secret с «Ключами и доступами» на карточке интеграции; если секрет "
    "перевыпустили, сохраните новый (svyazka secret set), а если не поможет — выдайте доступ заново "
    "(svyazka auth)"
)
RENAMED = N_("Исправьте subdomain: аккаунт могли переименовать")
REDIRECT_URI = N_("Впишите один и тот же redirect_uri, буква в букву, в файл и в настройки интеграции")

ERRORS = (
    TokenError(
        400, "code has expired", "reauthorise", "code_expired",
        N_("код доступа устарел: он годится 20 минут"), AGAIN,
    ),
    TokenError(
        400, "code has been revoked", "reauthorise", "code_used",
        N_("код доступа уже использован: он годится на один обмен"), AGAIN,
    ),
    TokenError(
        400, "cannot decrypt the authorization code", "reauthorise", "code_unreadable",
        N_(
"Cannot decrypt the authorization code: код обрезан, искажён или от другой интеграции"
),
        N_(
"Скопируйте код целиком, проверьте, что client_id — этой интеграции, а redirect_uri — из её "
"настроек, и выдайте доступ заново"
),
    ),
    TokenError(
        400, "redirect uri", "block", "redirect_uri",
        N_("redirect_uri не тот, что в настройках интеграции"), REDIRECT_URI,
    ),
    TokenError(
        400, "client_id", "block", "client_id", N_("client_id пуст или искажён"), SECRET,
    ),
    TokenError(
        400, "client_secret", "block", "client_secret", N_("client_secret пуст или искажён"), SECRET,
    ),
    TokenError(
        400, "invalid account", "block", "invalid_account", N_("код или токен от другого аккаунта amoCRM"), RENAMED,
    ),
    TokenError(
        400, "invalid refresh token", "reauthorise", "refresh_token_invalid", N_("токен обновления искажён"), AGAIN,
    ),
    TokenError(
        401, "token has been revoked", "reauthorise", "refresh_token_dead",
        N_(
"токен обновления больше не действует: он уже использован, лежал без дела три месяца, доступ "
"отозвали или аккаунт переименовали"
),
        N_("{AGAIN}; если аккаунт переименовали, сначала исправьте subdomain").format(AGAIN=AGAIN),
    ),
    # No hint comes with it, and its title is Russian or English: so it is whatever else a 401 is.
    TokenError(
        401, "", "block", "incorrect_client",
        N_(
"Incorrect client: client_id и client_secret не от одной интеграции или не те, с которыми "
"получен доступ"
),
        SECRET,
    ),
    TokenError(
        403, "", "retry", "403", N_("amoCRM lets nobody in from this address just now"),
    ),
    TokenError(404, "", "block", "no_account", N_("такого аккаунта amoCRM нет"), RENAMED),
    TokenError(301, "", "block", "moved", N_("аккаунт amoCRM переехал на другой адрес"), RENAMED),
    TokenError(302, "", "block", "moved", N_("аккаунт amoCRM переехал на другой адрес"), RENAMED),
)  # fmt: skip
"""By status and `hint`, for titles and details come in Russian or in English."""


def app_of(settings: AmocrmSettings) -> OAuthApp | None:
    """The connection's integration; None with a long-lived token or without all three of its settings."""
    if not settings.has_integration():
        return None
    assert settings.client_id is not None
    assert settings.client_secret is not None
    assert settings.redirect_uri is not None
    abroad = (settings.host() or "").endswith(".kommo.com")
    return OAuthApp(
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        redirect_uri=settings.redirect_uri,
        consent_url=f"{settings.base_url}/oauth" if settings.base_url else CONSENT_ABROAD if abroad else CONSENT,
        consent_params={"mode": "popup"},
        token_path=TOKEN_PATH,
        base_url=settings.address(),
        errors=ERRORS,
        texts=("hint", "title", "detail"),
        access_life=timedelta(hours=24),
        refresh_life=REFRESH_LIFE,
    )


def redirected(params: Mapping[str, str], settings: AmocrmSettings) -> Redirected:
    """What came to the redirect address, believed only as far as it can be proved."""
    return _notice(params, settings) if "signature" in params else _code(params, settings)


def _code(params: Mapping[str, str], settings: AmocrmSettings) -> Redirected:
    host = params.get("referer", "").lower()
    name = host.partition(".")[0]
    genuine = host.endswith(HOSTS) and name.replace("-", "").isalnum() and host.count(".") == 2
    if not genuine:
        return Rejected(N_("перенаправление не называет аккаунта amoCRM"))
    ours = settings.host()
    if ours is not None and host != ours:
        return Rejected(N_("доступ выдан аккаунту {host}, а подключение — к {ours}").format(host=host, ours=ours))
    if params.get("client_id", settings.client_id) != settings.client_id:
        return Rejected(N_("доступ выдан другой интеграции: её client_id не тот, что у подключения"))
    return AuthorisationCode(params["code"], f"https://{host}")


def _notice(params: Mapping[str, str], settings: AmocrmSettings) -> Redirected:
    """`hex(HMAC-SHA256(client_secret, client_uuid|account_id))`."""
    if settings.client_secret is None:
        return Rejected(N_("уведомление об отключении интеграции нечем проверить: не задан client_secret"))
    signed = f"{params['client_uuid']}|{params['account_id']}".encode()
    wanted = hmac.digest(settings.client_secret.encode(), signed, "sha256").hex()
    if not hmac.compare_digest(wanted.encode(), params["signature"].lower().encode("utf-8", "replace")):
        return Rejected(N_("у уведомления об отключении интеграции неверная подпись"))
    if params["client_uuid"] != settings.client_id or settings.account_id not in (None, params["account_id"]):
        return Rejected(N_("уведомление об отключении — от другой интеграции или аккаунта"))
    return Withdrawal(
        N_("интеграцию отключили в amoCRM"),
        N_("Включите её (amoМаркет, карточка интеграции) и выдайте доступ заново: svyazka auth"),
    )


def token_end(token: str) -> datetime | None:
    """The `exp` of a long-lived token, which is a JWT; None for what isn't one."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, OSError):
        return None


class AmocrmAccess(OAuthAccess[AmocrmSettings]):
    """By OAuth, or by a long-lived token that says when it ends."""

    def app(self, settings: AmocrmSettings) -> OAuthApp | None:
        return app_of(settings)

    def redirected(self, params: Mapping[str, str], settings: AmocrmSettings) -> Redirected:
        return redirected(params, settings)

    def ends(self, settings: AmocrmSettings) -> datetime | None:
        return token_end(settings.token) if settings.token else None
