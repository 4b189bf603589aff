"""Who may come in: an incoming webhook's code, or an application's tokens; and every way of saying no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CODE_LIFE, ACCESS_LIFE, REFRESH_LIFE = 30.0, 3600, 180 * 86400.0
CLIENT_ID, CLIENT_SECRET = "local.5fa000test000.00000001", "bitrix24-client-secret-for-tests"
HOOK_USER, HOOK_CODE = 77, "bitrix24hookcode00000000"
MEMBER = "0123456789abcdef0123456789abcdef"
SCOPES = ("crm", "task", "user_brief")

Answer = tuple[int, dict[str, Any]]


@dataclass
class Token:
    """A refresh token, or a code."""

    made: float
    used: bool = False


@dataclass
class Access:
    """One portal's doors. `trouble`: what the authorisation server answers to everything, by an error's name."""

    codes: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    """Access token -> its end."""
    hooks: set[tuple[int, str]] = field(default_factory=lambda: {(HOOK_USER, HOOK_CODE)})
    installed: bool = True
    paid: bool = True
    lenient: bool = False
    """A used refresh token is good once more: nobody says that it isn't, and a worker may die over its answer."""
    count: int = 0

    def code(self, now: float) -> str:
        """A person agrees."""
        self.count += 1
        code = f"testcode{self.count:024d}"
        self.codes[code] = Token(now)
        return code

    def token(self, asked: Mapping[str, Any], now: float, endpoint: str) -> Answer:
        """`GET /oauth/token/`."""
        if not all(asked.get(name) for name in ("grant_type", "client_id", "client_secret")):
            return 400, {"error": "invalid_request", "error_description": "parameter is missing"}
        if asked["client_id"] != CLIENT_ID:
            return 200, {"error": "wrong_client"}
        if asked["client_secret"] != CLIENT_SECRET:
            return 400, {"error": "invalid_client"}
        if not self.installed:
            return 401, {"error": "NOT_INSTALLED", "error_description": "Application not installed"}
        if not self.paid:
            return 401, {"error": "PAYMENT_REQUIRED", "error_description": "Payment required"}
        known = self.codes if asked["grant_type"] == "authorization_code" else self.refresh
        given = known.get(str(asked.get("code") or asked.get("refresh_token")))
        life = CODE_LIFE if known is self.codes else REFRESH_LIFE
        again = given is not None and given.used and not (self.lenient and known is self.refresh)
        if given is None or again or now - given.made > life:
            return 400, {"error": "invalid_grant"}
        given.used = True
        return 200, self._pair(now, endpoint)

    def _pair(self, now: float, endpoint: str) -> dict[str, Any]:
        self.count += 1
        access, refresh = f"testaccess{self.count:04d}", f"testrefresh{self.count:04d}"
        self.tokens[access] = now + ACCESS_LIFE
        self.refresh[refresh] = Token(now)
        return {
            "access_token": access, "expires_in": ACCESS_LIFE, "refresh_token": refresh, "client_endpoint": endpoint,
            "server_endpoint": "https://oauth.bitrix24.tech/rest/", "domain": "oauth.bitrix24.tech",
            "member_id": MEMBER, "scope": ",".join(SCOPES), "status": "L", "user_id": HOOK_USER,
        }  # fmt: skip

    def expire(self) -> None:
        """Every access token is over; the refresh tokens are good."""
        self.tokens = dict.fromkeys(self.tokens, 0.0)
