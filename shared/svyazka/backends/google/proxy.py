"""Whose account the identity-aware proxy has let through: it signs for that, and nobody is believed without.

Source: https://cloud.google.com/iap/docs/signed-headers-howto (ES256, `x-goog-iap-jwt-assertion`, issuer, audience of
a backend service, `email`), as it is remembered: it could not be read anew. The platform lets only the proxy's own
identity call us; this holds if somebody opens that.
"""

from __future__ import annotations

from google.auth import jwt
from google.auth.exceptions import GoogleAuthError

from svyazka.backends.google.oidc import CLOCK_SKEW, Certificates
from svyazka.backends.google.wire import NoAnswer
from svyazka.engine.support.logs import log

ISSUER = "https://cloud.google.com/iap"
HEADER = "x-goog-iap-jwt-assertion"
ALGORITHM = "ES256"


class ProxyCheck:
    """Looks at what the proxy signed."""

    def __init__(self, audience: str, keys_url: str) -> None:
        self._audience = audience
        self._keys = Certificates(keys_url)

    async def account(self, assertion: str) -> str | None:
        """The account's e-mail address; None where there is no proof of one."""
        if not assertion:
            return None
        try:
            head = jwt.decode_header(assertion)  # type: ignore[no-untyped-call]
            if head.get("alg") != ALGORITHM:
                raise ValueError("another algorithm")
            claims = jwt.decode(  # type: ignore[no-untyped-call]
                assertion,
                certs=await self._keys.having(head.get("kid")),
                audience=self._audience,
                clock_skew_in_seconds=CLOCK_SKEW,
            )
        except (GoogleAuthError, ValueError):
            return self._refused("not signed by the proxy for this service")
        except NoAnswer:
            return self._refused("the proxy's keys can't be read just now")
        account = claims.get("email")
        if claims.get("iss") != ISSUER or not isinstance(account, str) or "@" not in account:
            return self._refused("not the proxy's word about an account")
        return account.strip().casefold()

    @staticmethod
    def _refused(reason: str) -> None:
        log("WARNING", "caller refused", reason=reason)
