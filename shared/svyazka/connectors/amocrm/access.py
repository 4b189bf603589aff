"""amoCRM's OAuth as data, what its redirect and its notice of disabling bring, and when a token ends. Pure."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from svyazka.connectors.amocrm.settings import HOSTS, AmocrmSettings
from svyazka.engine.oauth.app import AuthorisationCode, OAuthApp, Redirected, Rejected, TokenError, Withdrawal

CONSENT = "https://www.amocrm.ru/oauth"
CONSENT_ABROAD = "https://www.kommo.com/oauth"
TOKEN_PATH = "/oauth2/access_token"
REFRESH_LIFE = timedelta(days=90)
"""Three months from the last use; each use gives a new refresh token."""

AGAIN = "authorise again: the old code or token will not be taken any more"
SECRET = (
    "compare client_id and client_secret with «Ключи и доступы» on the integration's card; if the secret was made "
    "anew, put it in by `svyazka secret set`, and authorise again if that doesn't help"
)
REDIRECT_URI = "write the very same redirect_uri, letter by letter, here and in the integration's settings"

ERRORS = (
    TokenError(
        400, "code has expired", "reauthorise", "code_expired",
        "the authorization code has expired: it is good for 20 minutes", AGAIN,
    ),
    TokenError(
        400, "code has been revoked", "reauthorise", "code_used",
        "the authorization code has been used already: it is good for one exchange", AGAIN,
    ),
    TokenError(
        400, "cannot decrypt the authorization code", "reauthorise", "code_unreadable",
        "Cannot decrypt the authorization code: it was cut, changed on the way, or belongs to another integration",
        "copy the whole code, see that client_id is this integration's and redirect_uri the one that its settings "
        "hold, then authorise again",
    ),
    TokenError(
        400, "redirect uri", "block", "redirect_uri",
        "redirect_uri isn't the one in the integration's settings", REDIRECT_URI,
    ),
    TokenError(
        400, "client_id", "block", "client_id", "client_id is empty or malformed", SECRET,
    ),
    TokenError(
        400, "client_secret", "block", "client_secret", "client_secret is empty or malformed", SECRET,
    ),
    TokenError(
        400, "invalid account", "block", "invalid_account",
        "this code or token belongs to another account than the one asked",
        "correct subdomain: the account may have been renamed",
    ),
    TokenError(
        400, "invalid refresh token", "reauthorise", "refresh_token_invalid", "the refresh token is malformed", AGAIN,
    ),
    TokenError(
        401, "token has been revoked", "reauthorise", "refresh_token_dead",
        "the refresh token is dead: it was used already, lay unused for three months, or access was withdrawn", AGAIN,
    ),
    # No hint comes with it, and its title is Russian or English: so it is whatever else a 401 is.
    TokenError(
        401, "", "block", "incorrect_client",
        "Incorrect client: client_id and client_secret don't belong together, or not to this token", SECRET,
    ),
    TokenError(
        403, "", "retry", "403", "amoCRM lets nobody in from this address just now",
    ),
    TokenError(
        404, "", "block", "no_account", "there is no such account", "correct subdomain: it may have been renamed",
    ),
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
        return Rejected("the redirect names no account of amoCRM's")
    ours = settings.host()
    if ours is not None and host != ours:
        return Rejected(f"access was given to the account {host}, this connection is {ours}")
    if params.get("client_id", settings.client_id) != settings.client_id:
        return Rejected("access was given to another integration than this connection's client_id")
    return AuthorisationCode(params["code"], f"https://{host}")


def _notice(params: Mapping[str, str], settings: AmocrmSettings) -> Redirected:
    """`hex(HMAC-SHA256(client_secret, client_uuid|account_id))`."""
    if settings.client_secret is None:
        return Rejected("a notice of a disabled integration can't be proved without client_secret")
    signed = f"{params['client_uuid']}|{params['account_id']}".encode()
    wanted = hmac.digest(settings.client_secret.encode(), signed, "sha256").hex()
    if not hmac.compare_digest(wanted.encode(), params["signature"].lower().encode("utf-8", "replace")):
        return Rejected("the notice of a disabled integration has a wrong signature")
    if params["client_uuid"] != settings.client_id or settings.account_id not in (None, params["account_id"]):
        return Rejected("the notice of a disabled integration is another integration's or account's")
    return Withdrawal(
        "the integration was switched off in amoCRM",
        "switch it on again there (amoМаркет, the integration's card), then `svyazka auth`",
    )


def token_end(token: str) -> datetime | None:
    """The `exp` of a long-lived token, which is a JWT; None for what isn't one."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, OSError):
        return None
