"""Where an account lives: a renamed or moved one is followed, and its token is never shown to anybody but amoCRM."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from svyazka.connectors.amocrm.settings import HOSTS, AmocrmSettings
from svyazka.engine.contracts.calls import Access, Call
from svyazka.engine.contracts.vendor_answers import json_object
from svyazka.model.errors import MaybeSent, NotSent

if TYPE_CHECKING:
    import httpx

_PLACE = "amocrm.host"
REMEMBERED = timedelta(days=30)
"""For so long nobody asks the old address again."""

LOOK_AGAIN = timedelta(hours=1)
"""A token that isn't taken is looked up once in so long: whoever has revoked it has moved nothing."""

GENERAL = ("www.amocrm.ru", "www.kommo.com")
"""Who tells where any account lives, at home and abroad."""


async def address(call: Call[AmocrmSettings], access: Access) -> str | None:
    """Where the account's API is; None where neither the settings nor its authorisation tell."""
    told = call.settings.address() or access.base_url
    if call.settings.base_url is not None or told is None:
        return told
    moved_from, moved_to = await _remembered(call)
    return f"https://{moved_to}" if moved_to is not None and moved_from == _host(told) else told


async def followed(call: Call[AmocrmSettings], response: httpx.Response, access: Access) -> bool:
    """Whether the account has another address by now, so that the call goes there. A redirect itself is never followed:
    it says where the account is, no more."""
    if call.settings.base_url is not None:
        return False
    was = _host(await address(call, access) or "")
    if response.status_code in (301, 302, 307, 308):
        now = _host(response.headers.get("location", ""))
    elif response.status_code == 401 and json_object(response) and call.auth is None:
        now = await _looked_up(call, access, was)
    else:
        return False
    if not is_amocrms(now) or now in (was, *GENERAL):
        return False
    await _remember(call, _host(call.settings.address() or access.base_url or "") or was, now)
    return True


async def _looked_up(call: Call[AmocrmSettings], access: Access, was: str) -> str:
    """The account's host by amoCRM's own word, asked with the very token that its old address doesn't take."""
    last: datetime | None = call.memo.get("amocrm.looked_up")
    if last is not None and datetime.now(UTC) - last < LOOK_AGAIN:
        return ""
    call.memo["amocrm.looked_up"] = datetime.now(UTC)
    who = _api_domain(access.token) or (GENERAL[1] if was.endswith(".kommo.com") else GENERAL[0])
    try:
        answer = await call.http.request(
            "GET", f"https://{who}/oauth2/account/subdomain", headers={"Authorization": f"Bearer {access.token}"},
            timeout=5,
        )  # fmt: skip
    except (NotSent, MaybeSent):
        return ""
    told = json_object(answer).get("domain") if answer.is_success else None
    return told.lower() if isinstance(told, str) else ""


def is_amocrms(host: str) -> bool:
    """Whether a host is an account's of amoCRM's or Kommo's."""
    name, _, rest = host.partition(".")
    return f".{rest}" in HOSTS and bool(name) and name.replace("-", "").isalnum() and name.isascii()


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower() if url.startswith("https://") else ""
    except ValueError:
        return ""


def _api_domain(token: str) -> str | None:
    """The claim of a token that says who serves its account."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        told = claims["api_domain"]
    except (ValueError, IndexError, KeyError, TypeError):
        return None
    return told.lower() if isinstance(told, str) and is_amocrms(told.lower()) else None


async def _remembered(call: Call[AmocrmSettings]) -> tuple[str | None, str | None]:
    held: tuple[str, str] | None = call.memo.get(_PLACE)
    if held is None and _PLACE not in call.memo:
        kept = await call.tokens.get(_PLACE) if call.tokens is not None else None
        was, _, now = kept[0].partition(" ") if kept is not None else ("", "", "")
        held = (was, now) if is_amocrms(now) else None
        call.memo[_PLACE] = held
    return held or (None, None)


async def _remember(call: Call[AmocrmSettings], was: str, now: str) -> None:
    call.memo[_PLACE] = (was, now)
    if call.tokens is not None:
        await call.tokens.put(_PLACE, f"{was} {now}", datetime.now(UTC) + REMEMBERED)
