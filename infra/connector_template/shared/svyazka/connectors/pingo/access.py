"""Pingo's OAuth as data, and what its redirect brings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.catalogue import N_
from svyazka.engine.contracts.manifest import OAuthAccess
from svyazka.engine.contracts.oauth import OAuthApp, Redirected, Rejected, TokenError

ERRORS: tuple[TokenError, ...] = ()
"""What its token address refuses, in the order of its page; each says whether somebody has to agree anew, to mend a
setting, or nothing."""


class PingoAccess(OAuthAccess[PingoSettings]):
    """By an integration that the account's owner agrees to; a key of their own needs none."""

    def app(self, settings: PingoSettings) -> OAuthApp | None:
        if settings.client_id is None or settings.client_secret is None:
            return None
        server = (settings.base_url or "https://api.pingo.example").rstrip("/")
        return OAuthApp(
            client_id=settings.client_id, client_secret=settings.client_secret, redirect_uri=None,
            consent_url=f"{server}/oauth/authorize", token_path=f"{server}/oauth/token", encoding="form", errors=ERRORS,
        )  # fmt: skip

    def redirected(self, params: Mapping[str, str], settings: PingoSettings) -> Redirected:
        """`AuthorisationCode` where it proves to be of this connection's account, else `Rejected` with the reason."""
        return Rejected(N_("what a redirect of Pingo's brings isn't read yet"))

    def ends(self, settings: PingoSettings) -> datetime | None:
        """When `api_key` ends, where it says so."""
        return None
