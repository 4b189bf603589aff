"""`doctor`: whether the settings of a generic connection can be what they are said to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from svyazka.catalogue import N_, _
from svyazka.connectors.http.forwarder import KEY_REMEDY, unusable
from svyazka.connectors.http.settings import HttpSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.security import standardwebhooks
from svyazka.model.errors import ConfigError


class HttpDoctor(Doctor[HttpSettings]):
    """Looks at settings."""

    def ready(self, settings: HttpSettings) -> bool:
        return True

    async def check(self, call: Call[HttpSettings]) -> list[Finding]:
        """Whether the settings can be what they are said to be. The endpoint itself is not bothered."""
        settings = call.settings
        if settings.url is None:
            findings = [Finding("url", "ok", _("this connection only receives"))]
        else:
            trouble = unusable(settings)
            findings = [
                no_access("url", trouble.message, trouble.remedy)
                if trouble
                else Finding("url", "ok", _("messages go out; the next one will tell whether the endpoint takes them"))
            ]
        ours = settings.outbound_secret
        if ours is not None:
            signing = _key("outbound_secret", lambda: standardwebhooks.signed_headers(ours, "check", 0, b""))
            findings.append(replace(signing, stops=signing.status == "fail"))
        if settings.auth is not None and settings.auth.by != "key":
            findings.append(_checked_auth(settings.auth.by, settings.inbound_secret))
        return findings


def _checked_auth(by: str, secret: str | None) -> Finding:
    if secret is None:
        message = N_("auth by {by} needs inbound_secret, which isn't there: every request is refused").format(by=by)
        return Finding("inbound_secret", "fail", message, _("put it in by `svyazka secret set`"))
    if by != "standard_webhooks":
        return Finding("inbound_secret", "ok", _("there is one"))
    return _key("inbound_secret", lambda: standardwebhooks.refusal(standardwebhooks.secrets_of(secret), (), b"", 0))


def _key(name: str, use: Callable[[], object]) -> Finding:
    try:
        use()
    except ConfigError as error:
        return Finding(name, "fail", str(error), KEY_REMEDY)
    return Finding(name, "ok", _("it can be a key"))
