"""`doctor`: whether the settings of a generic connection can be what they are said to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from svyazka.catalogue import N_, _
from svyazka.connectors.http import client
from svyazka.connectors.http.forwarder import KEY_REMEDY, unusable
from svyazka.connectors.http.records import HttpRecords
from svyazka.connectors.http.settings import HttpSettings, OwnSystem
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, let_in, no_access
from svyazka.engine.contracts.untrusted import sections
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.security import standardwebhooks
from svyazka.model.errors import ConfigError, MaybeSent, NotSent
from svyazka.model.records import RecordKind


class HttpDoctor(Doctor[HttpSettings]):
    """Looks at settings, and whether a system that keeps cards shows them."""

    def ready(self, settings: HttpSettings) -> bool:
        return True

    async def check(self, call: Call[HttpSettings]) -> list[Finding]:
        """Whether the settings can be what they are said to be. The endpoint of messages is not bothered; a system that
        keeps cards is asked for one."""
        settings = call.settings
        if settings.url is None:
            findings = [Finding("url", "ok", _("no messages are sent through this connection"))]
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
        if settings.records is not None:
            shown = replace(await let_in(settings.records.url, _asked(settings.records, call)), check="records")
            findings.append(shown)
            if shown.status == "ok":
                findings += await _how_it_searches(settings.records, call)
        if settings.auth is not None and settings.auth.by != "key":
            findings.append(_checked_auth(settings.auth.by, settings.inbound_secret))
        return findings


NOBODYS = {"phone": "+70135792468", "email": "nobody@svyazka.invalid", "mark": "svz-000000000000"}
"""What no card holds: whoever is found by it is found by anything. No phone begins with +7 013, and all zeros
are what people type for a guest without one."""


async def _asked(system: OwnSystem, call: Call[HttpSettings]) -> str:
    """What it keeps. Raises VendorFailure, NotSent, MaybeSent."""
    ways = HttpRecords()
    for kind in map(RecordKind, system.kinds):
        await ways.page(kind, None, call)
    return ", ".join(system.kinds)


async def _searched(system: OwnSystem, call: Call[HttpSettings]) -> Finding:
    """Whether it finds nobody where there is nobody. One that shows all its cards, whatever it is asked for, seems well
    as long as they fit on one page."""
    ignored = [name for name in system.search if name in NOBODYS and await _finds_anybody(system, name, call)]
    if not ignored:
        return Finding("search", "ok", _("it finds nobody where there is nobody"))
    return Finding(
        "search", "fail",
        _("asked for {names} that nobody has, it shows cards all the same", names=", ".join(ignored)),
        _("let it answer with an empty list, or take {names} out of `search`", names=", ".join(ignored)),
    )  # fmt: skip


async def _how_it_searches(system: OwnSystem, call: Call[HttpSettings]) -> list[Finding]:
    try:
        return [await _searched(system, call)]
    except (VendorFailure, NotSent, MaybeSent) as error:
        return [
            Finding("search", "warn", _("it wasn't found out how it searches: {why}", why=error), _("try again later"))
        ]


async def _finds_anybody(system: OwnSystem, name: str, call: Call[HttpSettings]) -> bool:
    for kind in system.kinds:
        answer = await client.ask(call, "GET", kind, params={name: NOBODYS[name], "limit": 1})
        if sections(answer.get("objects")):
            return True
    return False


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
