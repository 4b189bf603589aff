"""The worker's side of the generic pair: `Forward`, one HTTP call with one event in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from svyazka.connectors.http.client import body_of, headers_of, outcome_of
from svyazka.connectors.http.schema import HttpSettings, Unanswered, can_be_header, check_url
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits
from svyazka.engine.security import standardwebhooks
from svyazka.model.commands import Command, Forward, Repeat
from svyazka.model.errors import ConfigError
from svyazka.model.outcomes import Blocked, Outcome, Refused

KEY_REMEDY = "whsec_ и от 24 до 64 случайных байтов в base64: svyazka secret set"


class HttpConnector(Connector[HttpSettings]):
    """Any HTTP endpoint of the tenant's."""

    vendor = "http"
    limits = Limits(per_second=10.0, concurrency=4)
    credentials_if_named = ("url", "authorization", "outbound_secret")
    secret_fields = ("inbound_secret", "authorization", "outbound_secret")
    optional_settings = {
        "url": "nothing can be sent through this connection, it only receives",
        "outbound_secret": "what is sent isn't signed: its receiver can't tell it from a forgery",
        "auth": "whoever knows the webhook's address can send events: nothing else proves them",
    }
    calls_tenant_addresses = True

    def settings_model(self) -> type[HttpSettings]:
        return HttpSettings

    def supports(self, command_kind: str) -> bool:
        return command_kind == "Forward"

    def repeat(self, command: Command) -> Repeat:
        """A webhook is delivered at least once by its nature: `webhook-id` stays, and its receiver tells by it."""
        return Repeat.IDEMPOTENT

    async def perform(self, command: Command, call: Call[HttpSettings]) -> Outcome:
        if not isinstance(command, Forward):
            return Refused(code="not_supported", message=f"expected Forward, got {command.kind}")
        settings = call.settings
        unusable = _unusable(settings)
        if unusable is not None:
            return unusable
        assert settings.url is not None
        # The id must hold no dot, or the signature could be shifted; it is the same on every repeat.
        message = call.key.replace(".", "_")
        try:
            body = body_of(command, settings)
            headers = headers_of(settings, message, int(time.time()), body)
        except Unanswered as error:
            return Refused(code="body", message=f"body: {error}")
        except ConfigError as error:
            return Blocked(code="outbound_secret", message=str(error), remedy=KEY_REMEDY)
        response = await call.http.request(
            settings.method, settings.url, content=body, headers=headers, only_status=True
        )
        return outcome_of(response.status_code, response.headers, datetime.now(UTC))

    def can_check(self, settings: HttpSettings) -> bool:
        return True

    async def check(self, call: Call[HttpSettings]) -> list[Finding]:
        """Whether the settings can be what they are said to be. The endpoint itself is not bothered."""
        settings = call.settings
        if settings.url is None:
            findings = [Finding("url", "ok", "this connection only receives")]
        else:
            trouble = _unusable(settings)
            findings = [
                Finding("url", "fail", trouble.message, trouble.remedy)
                if trouble
                else Finding("url", "ok", "messages go out; the next one will tell whether the endpoint takes them")
            ]
        ours = settings.outbound_secret
        if ours is not None:
            findings.append(_key("outbound_secret", lambda: standardwebhooks.signed_headers(ours, "check", 0, b"")))
        if settings.auth is not None and settings.auth.by != "key":
            findings.append(_checked_auth(settings.auth.by, settings.inbound_secret))
        return findings


def _unusable(settings: HttpSettings) -> Blocked | None:
    """Why nothing can be sent, or None: values that are secrets were seen by nobody before."""
    if settings.url is None:
        return Blocked(code="no_url", message="не задан `url`", remedy="Впишите `url` в файл арендатора")
    try:
        check_url(settings.url)
    except ValueError as error:
        return Blocked(code="url", message=f"url: {error}", remedy="Исправьте `url` или секрет, который в нём назван")
    if settings.url.startswith("/") and settings.base_url is None:
        message = "url: к одному пути нужен `base_url`"
        return Blocked(code="url", message=message, remedy="Впишите адрес целиком: https://...")
    if not can_be_header(settings.authorization or ""):
        message = "authorization: нужна одна строка из латинских букв, цифр и знаков"
        return Blocked(code="authorization", message=message, remedy="Сохраните секрет заново: svyazka secret set")
    return None


def _checked_auth(by: str, secret: str | None) -> Finding:
    if secret is None:
        message = f"auth by {by} needs inbound_secret, which isn't there: every request is refused"
        return Finding("inbound_secret", "fail", message, "put it in by `svyazka secret set`")
    if by != "standard_webhooks":
        return Finding("inbound_secret", "ok", "there is one")
    return _key("inbound_secret", lambda: standardwebhooks.refusal(standardwebhooks.secrets_of(secret), (), b"", 0))


def _key(name: str, use: Callable[[], object]) -> Finding:
    try:
        use()
    except ConfigError as error:
        return Finding(name, "fail", str(error), KEY_REMEDY)
    return Finding(name, "ok", "it can be a key")


CONNECTOR = HttpConnector()
