"""The kit of access by OAuth: an owner agrees, a pair of tokens comes and is renewed, each refusal says what to do.

A vendor takes part by `oauth` of its description (`tests/vendors/<vendor>.py`). What the engine makes of it (one
renewal at a time, death in the middle, what is told) is tests/engine/calling/test_oauth*.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from connectors.support import calling
from kits.rows import PAGE
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.calling.oauth.endpoint import Failure, ask, code_fields, refresh_fields
from svyazka.engine.contracts.manifest import OAuthAccess
from svyazka.engine.contracts.oauth import AuthorisationCode, OAuthApp, Rejected, TokenError
from svyazka.model.grants import Pair
from vendors import VENDORS as DESCRIBED
from vendors.parts.asking import OAuth

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = sorted(name for name in VENDORS if load_manifest(name).access is not None)
OAUTH: Mapping[str, OAuth] = {name: one.oauth for name, one in DESCRIBED.items() if one.oauth is not None}
EVERY = pytest.mark.parametrize("name", NAMES)


@pytest.mark.parametrize("name", sorted({*NAMES, *OAUTH}))
async def test_whoever_lets_us_in_by_oauth_takes_part(name: str) -> None:
    assert name in OAUTH, f"tests/vendors/{name}.py: {name} has `access`: VENDOR wants `oauth=OAuth(...)`"
    assert name in NAMES, f"tests/vendors/{name}.py: `oauth` is of no use, {name}'s manifest has no `access`"


def access_of(name: str) -> OAuthAccess[Any]:
    found = load_manifest(name).access
    assert found is not None
    return found


def settings_of(name: str, **changes: Any) -> Any:
    given = {**OAUTH[name].settings, **OAUTH[name].secrets, **changes}
    return load_manifest(name).settings.model_validate({key: one for key, one in given.items() if one is not None})


def app_of(name: str, vendors: Running) -> OAuthApp:
    app = access_of(name).app(settings_of(name, base_url=vendors.base_url(name)))
    assert app is not None, f"{name}: its integration's settings are there, and `access.app` makes nothing of them"
    return app


async def agreed(name: str, vendors: Running) -> dict[str, str]:
    """The owner agrees; what the redirect brings."""
    app = app_of(name, vendors)
    asked = {"client_id": app.client_id, "state": "s", **app.consent_params}
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(app.consent_url, params=asked)
    assert answer.is_redirect, f"{app.consent_url} answered {answer.status_code}: expected a redirect with a code"
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def code_in(name: str, vendors: Running, params: Mapping[str, str]) -> AuthorisationCode:
    code = access_of(name).redirected(params, settings_of(name, base_url=vendors.base_url(name)))
    assert isinstance(code, AuthorisationCode), code
    return code


async def asked_for(name: str, vendors: Running, fields: Mapping[str, str]) -> tuple[Pair | Failure, str]:
    """What the token address answers, and the story that is kept of it."""
    app, settings = app_of(name, vendors), settings_of(name, base_url=vendors.base_url(name))
    async with calling(settings, vendors.base_url(name)) as call:
        found = await ask(call.http, app, app.base_url or vendors.base_url(name), fields, datetime.now(UTC))
        return found, f"{found.trouble if isinstance(found, Failure) else ''} {call.http.log}"


@EVERY
async def test_without_its_own_id_and_secret_there_is_no_integration(name: str) -> None:
    for lacking in ("client_id", "client_secret"):
        assert access_of(name).app(settings_of(name, **{lacking: None})) is None, lacking
    for setting, value in OAUTH[name].secrets.items():
        assert value not in repr(access_of(name).ends(settings_of(name))), setting
    app = access_of(name).app(settings_of(name))
    assert app is not None
    assert app.consent_url.startswith("https://"), "a person agrees at a page that nobody on the way can change"
    assert app.errors, "each refusal says what to do: `errors` is empty"


@EVERY
async def test_the_owner_agrees_and_what_comes_is_renewed_without_them(name: str, vendors: Running) -> None:
    app = app_of(name, vendors)
    code = code_in(name, vendors, await agreed(name, vendors))
    first, told = await asked_for(name, vendors, code_fields(app, code.code))
    assert isinstance(first, Pair), first
    assert first.renew_at > datetime.now(UTC)
    stories, secrets = told, {code.code, first.access, *OAUTH[name].secrets.values()}
    if first.refresh is not None:
        second, told = await asked_for(name, vendors, refresh_fields(app, first.refresh))
        assert isinstance(second, Pair), second
        assert second.access != first.access
        stories, secrets = stories + told, secrets | {first.refresh, second.access}
    again, told = await asked_for(name, vendors, code_fields(app, code.code))
    assert isinstance(again, Failure), "a code is used once"
    assert (again.do, bool(again.trouble.remedy)) == ("reauthorise", True)
    assert [secret for secret in secrets if secret in stories + told] == []


@EVERY
async def test_what_came_for_another_is_not_believed(name: str, vendors: Running) -> None:
    params = await agreed(name, vendors)
    settings = settings_of(name)
    assert OAUTH[name].others, "a redirect that says another account: which?"
    for others in OAUTH[name].others:
        found = access_of(name).redirected({**params, **others}, settings)
        assert isinstance(found, Rejected), others
        assert found.reason


@EVERY
async def test_each_row_of_its_table_of_refusals_is_what_it_says(name: str, vendors: Running) -> None:
    app, wrong = app_of(name, vendors), list[tuple[TokenError, object]]()
    for row in app.errors:
        status, content = OAUTH[name].says(row)
        vendors.fault(name, kind="answer", path=path_of(app), status=status, body=content)
        found, _ = await asked_for(name, vendors, refresh_fields(app, "r"))
        said = (found.do, found.trouble.code, found.trouble.remedy) if isinstance(found, Failure) else found
        wrong += [(row, said)] if said != (row.do, row.code, row.remedy) else []
    assert wrong == []
    assert [row for row in app.errors if row.do != "retry" and not row.remedy] == [], "what is somebody to do?"


@EVERY
async def test_a_page_and_silence_say_nothing_of_our_tokens(name: str, vendors: Running) -> None:
    app = app_of(name, vendors)
    for status in (200, 403, 404, 429, 502):
        vendors.fault(name, kind="answer", path=path_of(app), status=status, body=PAGE)
        found, _ = await asked_for(name, vendors, refresh_fields(app, "r"))
        assert isinstance(found, Failure)
        assert found.do == "retry", (status, found)
    for kind in ("cut_before", "cut_after"):
        vendors.fault(name, kind=kind, path=path_of(app))
        found, _ = await asked_for(name, vendors, refresh_fields(app, "r"))
        assert isinstance(found, Failure)
        assert (found.do, found.heard) == ("retry", False), "the same refresh token is asked with once more"


def path_of(app: OAuthApp) -> str:
    """Of its token address, at the stand-in."""
    return f"*/{urlsplit(app.token_path).path.strip('/').rpartition('/')[2]}*"
