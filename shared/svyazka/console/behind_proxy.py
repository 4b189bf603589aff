"""The console as a function on Google: the identity-aware proxy stands before it, and says whose call it is.

Who may come at all the proxy's own list says (Terraform, `console`); what for, the tenants' files: `google:` of their
people. Those who run the installation are its owners everywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from svyazka.app import open_backend, open_clock, settings_keyring
from svyazka.backends.google.proxy import HEADER, ProxyCheck
from svyazka.catalogue import _
from svyazka.console.app import console
from svyazka.console.gates import COOKIE, Known
from svyazka.console.surroundings import Surroundings
from svyazka.engine.rules.access import google_proof
from svyazka.model.errors import ConfigError
from svyazka.settings import Settings
from svyazka.signing_in import begin_by_google, signed_in


class Check(Protocol):
    """Says whose account it is."""

    async def account(self, assertion: str) -> str | None: ...


class ByAccount:
    """A session for each browser of an account that the proxy has signed for, at each call anew."""

    has_codes = False

    def __init__(self, check: Check, owners: frozenset[str]) -> None:
        """`owners`: accounts of those who run the installation."""
        self._check, self._owners = check, owners

    async def known(self, around: Surroundings, request: Request) -> Known | None:
        account = await self._check.account(request.headers.get(HEADER, ""))
        if account is None:
            return None
        proof, is_owner = google_proof(around.keyring, account), account in self._owners
        cookie = request.cookies.get(COOKIE, "")
        session = await signed_in(around.store, around.clock, cookie)
        if session is not None and session.proof == proof and (session.way == "link") == is_owner:
            return Known(session, cookie)
        who = account if is_owner else await _name_of(around, proof)
        if who is None or request.method != "GET":
            return None  # a form comes from a page of ours, and that had its cookie
        cookie = await begin_by_google(around.store, around.clock, who, proof, is_owner)
        begun = await signed_in(around.store, around.clock, cookie)
        return Known(begun, cookie, is_new=True) if begun is not None else None


async def _name_of(around: Surroundings, proof: str) -> str | None:
    """What a tenant's file calls the person with this account; None where none names it."""
    people = [one for tenant in (await around.tenants()).values() for one in tenant.people]
    named = (one.name for one in people if one.google and google_proof(around.keyring, one.google) == proof)
    return next(named, None)


def served() -> Callable[[Request], Awaitable[Response]]:
    """What `functions/console/main.py` serves. Raises ConfigError where it could let in anybody, or nobody."""
    settings = Settings()
    if not (settings.console_audience and settings.console_host):
        raise ConfigError(
            _(
                "SVYAZKA_CONSOLE_AUDIENCE and SVYAZKA_CONSOLE_HOST: expected the proxy's audience and the "
                "console's domain"
            )
        )
    store, _queue = open_backend(settings)
    around = Surroundings(store, open_clock(settings, store), settings_keyring(settings).only("mint"))
    check = ProxyCheck(settings.console_audience, settings.proxy_keys_url)
    owners = frozenset(one.strip().casefold() for one in settings.console_owners.split(",") if one.strip())
    app = console(around, {settings.console_host.lower()}, secure=True, gate=ByAccount(check, owners))

    async def serve(request: Request) -> Response:
        return _Through(app)

    return serve


class _Through(Response):
    """The console's own answer, in the place of the server's: it reads the request itself."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = {
            name: value for name, value in scope.items() if name not in ("app", "router", "endpoint", "path_params")
        }
        await self._app(ours, receive, send)
