"""amoCRM's OAuth: codes for one exchange, refresh tokens for one use, and every way of saying no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CODE_LIFE = 20 * 60
ACCESS_LIFE = 24 * 3600
REFRESH_LIFE = 90 * 86400
REDIRECT_URI = "https://hub.example.test/oauth/amocrm"
CLIENT_ID = "01d01160-0000-4000-8000-6a1bb83fcd1d"
SECRET = "test-secret-not-real"
PROBLEM = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"

Answer = tuple[int, dict[str, Any]]


@dataclass
class Integration:
    """An integration's card."""

    secret: str = SECRET
    redirect_uri: str = REDIRECT_URI


@dataclass
class Code:
    """An authorization code."""

    client_id: str
    made: float
    used: bool = False


@dataclass
class Refresh:
    """A refresh token."""

    client_id: str
    made: float
    used: bool = False
    gone: bool = False


@dataclass
class Grants:
    """Who may come in. `rotation`: `strict` ends a refresh token at its use, `lenient` at the first use of what
    it was exchanged for (both are reported of amoCRM)."""

    subdomain: str
    integrations: dict[str, Integration] = field(default_factory=lambda: {CLIENT_ID: Integration()})
    codes: dict[str, Code] = field(default_factory=dict)
    refresh: dict[str, Refresh] = field(default_factory=dict)
    access: dict[str, float] = field(default_factory=dict)
    """Access token -> its end."""
    long_lived: set[str] = field(default_factory=set)
    rotation: Literal["strict", "lenient"] = "strict"
    russian: bool = True
    """Titles and details come in the user's language."""
    count: int = 0
    before: dict[str, Refresh] = field(default_factory=dict)
    """Access token not used yet -> the refresh token that it came of."""

    def code(self, client_id: str, now: float) -> str:
        """A person agrees."""
        self.count += 1
        code = f"def502000000code{self.count:04d}"
        self.codes[code] = Code(client_id, now)
        return code

    def token(self, body: Mapping[str, Any], now: float) -> Answer:
        """POST /oauth2/access_token."""
        client_id = body.get("client_id")
        for name in ("client_id", "client_secret"):
            if not isinstance(body.get(name), str) or not body[name]:
                return self._bad(f"Check the `{name}` parameter")
        integration = self.integrations.get(str(client_id))
        if integration is None or integration.secret != body["client_secret"]:
            return self._incorrect_client()
        if body.get("redirect_uri") != integration.redirect_uri:
            return self._bad("Redirect URI is not associated with client")
        if body.get("grant_type") == "authorization_code":
            return self._by_code(str(client_id), body.get("code"), now)
        if body.get("grant_type") == "refresh_token":
            return self._by_refresh(str(client_id), body.get("refresh_token"), now)
        return self._bad("Check the `grant_type` parameter")

    def _by_code(self, client_id: str, given: object, now: float) -> Answer:
        code = self.codes.get(str(given))
        if code is None or code.client_id != client_id:
            return self._bad("Cannot decrypt the authorization code")
        if code.used:
            return self._bad("Authorization code has been revoked")
        if now - code.made > CODE_LIFE:
            return self._bad("Authorization code has expired")
        code.used = True
        return self._pair(client_id, now)

    def _by_refresh(self, client_id: str, given: object, now: float) -> Answer:
        token = self.refresh.get(str(given))
        if token is None:
            return self._bad("Invalid refresh token")
        if token.client_id != client_id:
            return self._incorrect_client()
        ended = token.gone or (token.used and self.rotation == "strict") or now - token.made > REFRESH_LIFE
        if ended:
            return 401, self._problem(401, "Token has been revoked")
        token.used = True
        return self._pair(client_id, now, before=token)

    def _pair(self, client_id: str, now: float, before: Refresh | None = None) -> Answer:
        self.count += 1
        access, refresh = f"eyJ0eXAi.access{self.count:04d}.sig", f"def50200refresh{self.count:04d}"
        self.access[access] = now + ACCESS_LIFE
        self.refresh[refresh] = Refresh(client_id, now)
        if before is not None:
            self.before[access] = before
        return 200, {
            "token_type": "Bearer", "expires_in": ACCESS_LIFE, "server_time": int(now),
            "access_token": access, "refresh_token": refresh,
        }  # fmt: skip

    def lets_in(self, authorization: str | None, now: float) -> bool:
        """Whether a call's token is good; its first use ends the refresh token that it came of."""
        token = (authorization or "").removeprefix("Bearer ")
        if token in self.long_lived:
            return True
        if self.access.get(token, 0) <= now:
            return False
        before = self.before.pop(token, None)
        if before is not None:
            before.gone = True
        return True

    def expire_access(self) -> None:
        """Every access token is over; the refresh tokens are good."""
        self.access = dict.fromkeys(self.access, 0.0)

    def withdraw(self) -> None:
        """The integration is switched off: nothing that was given is good any more."""
        self.expire_access()
        for token in self.refresh.values():
            token.gone = True

    def _bad(self, hint: str) -> Answer:
        return 400, self._problem(400, hint)

    def _incorrect_client(self) -> Answer:
        title, detail = ("Некорректный клиент", "Авторизация клиента не прошла")
        if not self.russian:
            title, detail = "Incorrect client", "Client authentication failed"
        return 401, {"title": title, "type": PROBLEM, "status": 401, "detail": detail}

    def _problem(self, status: int, hint: str) -> dict[str, Any]:
        title, detail = "Некорректный запрос", "В запросе отсутствует ряд параметров или параметры невалидны"
        if not self.russian:
            title, detail = "Bad Request", "The request is missing a required parameter or is malformed"
        return {"hint": hint, "title": title, "type": PROBLEM, "status": status, "detail": detail}
