"""Calls to a portal's REST API: where it lives, whose access they carry, what they may cost, what refusals mean."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.bitrix24.failures import (
    EXPIRED,
    METHOD_BUSY,
    MOVED,
    NO_AUTH,
    SPECIAL,
    code_of,
    rule_of,
    words_of,
)
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import outcome_of
from svyazka.engine.contracts.untrusted import Section, number, section, sections
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way, retry_after
from svyazka.engine.support.urls import is_own_machine
from svyazka.model.outcomes import Blocked, Retry

Params = Mapping[str, object]

CALL_TIMEOUT = 15.0
AT_ONCE = 50
"""Commands of a batch, and ids of a list."""

LONGEST_HOLD = 600.0
"""Seconds for which a method that has worked too long is left alone at most: then all its sums have fallen away."""

ASKS = frozenset({"list", "get", "fields", "findbycomm"})
"""Last words of methods that change nothing."""

_MOVED, _HELD, _RESETS = "bitrix24.moved", "bitrix24.held", "bitrix24.resets"


@dataclass(frozen=True, slots=True)
class Door:
    """By which address and with what one comes in."""

    root: str
    """Scheme and host of the portal."""
    path: str
    token: str | None = None
    """An application's; a webhook's code stands in the path."""


async def ask(call: Call[Bitrix24Settings], method: str, params: Params | None = None) -> object:
    """What a method's answer holds in `result`, which may be anything: false, 0 and [] are answers too.

    Raises VendorFailure, NoAccess, NotSent, MaybeSent.
    """
    _heed_hold(call, [method])
    with call.reading() if _only_asks(method) else nullcontext():
        answer = await _answer(call, method, params or {})
    _remember_time(call, method, section(answer.get("time")))
    return answer["result"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What the commands of a batch gave, each by itself."""

    results: Section
    failures: Mapping[str, VendorFailure]

    def one(self, key: str) -> object:
        """One command's result. Raises VendorFailure."""
        if key in self.failures:
            raise self.failures[key]
        return self.results.get(key)


async def batch(call: Call[Bitrix24Settings], commands: Mapping[str, tuple[str, Params]]) -> Batch:
    """Up to 50 commands by one call. That it succeeds says nothing of them: each has a result or a failure of its own.

    A parameter `$result[key][...]` is filled with what an earlier command gave. Raises as `ask`.
    """
    _heed_hold(call, [method for method, _ in commands.values()])
    lines = {key: f"{method}?{'&'.join(_pairs(params))}" for key, (method, params) in commands.items()}
    answer = section((await _answer(call, "batch", {"halt": 0, "cmd": lines}))["result"])
    for key, told in section(answer.get("result_time")).items():
        _remember_time(call, commands[key][0] if key in commands else key, section(told))
    refused = section(answer.get("result_error"))
    failures = {key: _failure(call, commands[key][0], 400, section(refused[key])) for key in commands if key in refused}
    return Batch(section(answer.get("result")), failures)


def _pairs(params: object, name: str = "") -> Iterator[str]:
    """PHP's way of writing nested values; a phone's plus must not become a blank."""
    if isinstance(params, Mapping | list | tuple):
        for key, inner in params.items() if isinstance(params, Mapping) else enumerate(params):
            yield from _pairs(inner, f"{name}[{key}]" if name else str(key))
    elif params is not None:
        text = str(params)
        yield f"{quote(name, safe='[]')}={text if text.startswith('$result[') else quote(text, safe='')}"


# One call


def _only_asks(method: str) -> bool:
    """Bitrix24 is asked by POST too; a batch may hold anything."""
    return method.rpartition(".")[2] in ASKS


async def _answer(call: Call[Bitrix24Settings], method: str, params: Params) -> Section:
    """An answer that is no refusal: whole, `result` in it."""
    door = await _door(call)
    response = await _send(call, door, method, params)
    if 301 <= response.status_code <= 308:
        door = await _new_door(call, door, response)
        response = await _send(call, door, method, params)
    if response.status_code == 401 and call.auth and code_of(json_object(response)) in (EXPIRED, NO_AUTH):
        door = await _door(call, refused=door.token)
        response = await _send(call, door, method, params)
    if response.is_success and call.auth and door.token:
        await call.auth.worked(door.token)
    answer = json_object(response)
    if code_of(answer) is not None:
        raise _failure(call, method, response.status_code, answer, retry_after(response))
    if not response.is_success or "result" not in answer:
        raise VendorFailure(on_the_way(response, "Bitrix24"))
    return answer


async def _send(call: Call[Bitrix24Settings], door: Door, method: str, params: Params) -> httpx.Response:
    body = {**params, "auth": door.token} if door.token else dict(params)
    url = f"{door.root}/{door.path}/{method}"
    headers = {"Accept": "application/json"}
    return await call.http.request("POST", url, json=body, headers=headers, timeout=CALL_TIMEOUT)


async def _door(call: Call[Bitrix24Settings], refused: str | None = None) -> Door:
    settings = call.settings
    path, root = settings.hook_path(), settings.root()
    if path is not None and root is not None:
        call.http.hide(path.rpartition("/")[2])
        return Door(_moved_from(call, root), path)
    if call.auth is None:
        missing = N_("не заданы webhook_url или client_id, client_secret и domain")
        remedy = N_("Создайте входящий вебхук и сохраните его адрес: svyazka secret set")
        raise VendorFailure(Blocked(code="no_credentials", message=missing, remedy=remedy))
    access = await (call.auth.renewed(refused) if refused else call.auth.access())
    call.http.hide(access.token)
    lives_at = settings.base_url.rstrip("/") if settings.base_url else _root_of(access.base_url) or root
    assert lives_at is not None
    return Door(_moved_from(call, lives_at), "rest", access.token)


def _failure(
    call: Call[Bitrix24Settings], method: str, status: int, answer: Section, after: float | None = None
) -> VendorFailure:
    code, words = code_of(answer) or "", words_of(answer)
    rule = rule_of(status, code, words, method)
    if code == METHOD_BUSY:
        after = _hold(call, method)
    message = f"{rule.what}: {call.http.cut(words)}" if words else None
    return VendorFailure(outcome_of(rule, code or f"http_{status}", message=message, after=after))


# A portal that has moved


async def _new_door(call: Call[Bitrix24Settings], door: Door, response: httpx.Response) -> Door:
    """Where a renamed portal lives now. Raises VendorFailure where nothing proves that it is the same one.

    What is sent on must be sent by us: a client that follows would make a GET of it. And it is sent on only to an
    address of the vendor's own cloud, or to the one that its authorisation server names: a redirect is anybody's word,
    and what we carry opens the portal.
    """
    location = response.headers.get("location", "")
    root = _root_of(location)
    if root is None or root == door.root or "/rest/" not in location:
        raise VendorFailure(on_the_way(response, "Bitrix24"))
    if call.auth is not None and door.token is not None and not is_same_cloud(door.root, root):
        access = await call.auth.renewed(door.token)
        call.http.hide(access.token)
        if _root_of(access.base_url) == root:
            return Door(root, door.path, access.token)
    if not is_same_cloud(door.root, root):
        what = N_("портал переехал на {host}").format(host=urlsplit(root).netloc)
        raise VendorFailure(outcome_of(SPECIAL[MOVED], "moved", message=what))
    call.memo[_MOVED] = door.root, root
    return Door(root, door.path, door.token)


def is_same_cloud(old: str, new: str) -> bool:
    """Whether both are portals of the one cloud: whoever answers at `NAME.bitrix24.ru` is Bitrix24 itself."""
    if is_own_machine(old) and is_own_machine(new):
        return True
    after = urlsplit(new)
    family, ours = ((urlsplit(url).hostname or "").partition(".")[2] for url in (old, new))
    return after.scheme == "https" and after.port is None and family == ours and family.startswith("bitrix24.")


def moved_to(call: Call[Bitrix24Settings]) -> str | None:
    """The address at which the portal was found other than the settings say."""
    known: tuple[str, str] | None = call.memo.get(_MOVED)
    return known[1] if known is not None and known[0] == call.settings.root() else None


def _moved_from(call: Call[Bitrix24Settings], root: str) -> str:
    known: tuple[str, str] | None = call.memo.get(_MOVED)
    return known[1] if known is not None and known[0] == root else root


def _root_of(url: str | None) -> str | None:
    """Scheme and host (and what stands before `/rest/`, at a stand-in)."""
    parts = urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    return f"{parts.scheme}://{parts.netloc}{parts.path.partition('/rest/')[0].rstrip('/')}"


# What each method may cost


def _remember_time(call: Call[Bitrix24Settings], method: str, told: Section) -> None:
    """When the oldest of the method's sums falls away: told with each good answer, and needed when one is refused."""
    resets, now = number(told.get("operating_reset_at")), number(told.get("finish"))
    if resets is not None and now is not None:
        call.memo.setdefault(_RESETS, {})[method] = time.monotonic() + float(resets - now)


def _hold(call: Call[Bitrix24Settings], method: str) -> float | None:
    """Leave a method alone, and say for how long; the others go on. None: nobody has told us for how long."""
    until = call.memo.get(_RESETS, {}).get(method)
    left = min(until - time.monotonic(), LONGEST_HOLD) if until is not None else 0.0
    if left <= 0:
        return None
    call.memo.setdefault(_HELD, {})[method] = time.monotonic() + left
    return left


def _heed_hold(call: Call[Bitrix24Settings], methods: Sequence[str]) -> None:
    held: Mapping[str, float] = call.memo.get(_HELD, {})
    left = max((held.get(method, 0.0) for method in methods), default=0.0) - time.monotonic()
    if left > 0:
        what = N_("Bitrix24 wants a pause of this method")
        raise VendorFailure(Retry(code=METHOD_BUSY, message=what, after=left, outage=False))


# Reads


LEAD, DEAL, CONTACT, COMPANY = 1, 2, 3, 4
"""`entityTypeId`."""

ORIGINAL = {"useOriginalUfNames": "Y"}
"""Own fields by the names that their owner sees (`UF_CRM_...`): how they are spelt otherwise isn't published."""


async def listed(call: Call[Bitrix24Settings], kind: int, wanted: Params, order: str = "ASC") -> list[Section]:
    """The first 50 cards that a filter finds, whole; `fm` comes only with `*`."""
    params = {"entityTypeId": kind, "select": ["*"], "filter": wanted, "order": {"id": order}, "start": -1, **ORIGINAL}
    return sections(section(await ask(call, "crm.item.list", params)).get("items"))


async def newest(call: Call[Bitrix24Settings], kind: int) -> list[Section]:
    """The card that was changed last, if there is any."""
    found, _ = await _by_change(call, kind, {}, "DESC", 1)
    return found[:1]


async def changed(call: Call[Bitrix24Settings], kind: int, since: datetime, page: int) -> tuple[list[Section], bool]:
    """Cards that were changed at or after `since`, oldest first, and whether there are more."""
    return await _by_change(call, kind, {">=updatedTime": since.isoformat()}, "ASC", page)


async def _by_change(
    call: Call[Bitrix24Settings], kind: int, wanted: Params, order: str, page: int
) -> tuple[list[Section], bool]:
    by_time = {"updatedTime": order, "id": order}
    params = {"entityTypeId": kind, "select": ["*"], "filter": wanted, "order": by_time, "start": AT_ONCE * (page - 1)}
    found = sections(section(await ask(call, "crm.item.list", {**params, **ORIGINAL})).get("items"))
    return found, len(found) >= AT_ONCE


async def duplicates(call: Call[Bitrix24Settings], kind: str, by: str, values: Sequence[str]) -> list[int]:
    """Ids of the cards with one of these phones or addresses; 20 of the oldest at most."""
    params = {"type": by, "values": list(values), "entity_type": kind}
    found = section(await ask(call, "crm.duplicate.findbycomm", params)).get(kind)
    return [id_ for id_ in found if isinstance(id_, int)] if isinstance(found, list) else []
