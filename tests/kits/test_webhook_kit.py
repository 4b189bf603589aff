"""The kit of every way in: what each vendor's webhook must do with its own samples, with forgeries, and with rubbish.

A vendor takes part by `hooks` of its description (`tests/vendors/<vendor>.py`); one that calls us and has none fails.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from fnmatch import fnmatch
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.support import posted
from svyazka.connectors.registry import CALLS_US, load_manifest, load_webhook
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import Fact, Unreadable
from vendors import HOOKS
from vendors.parts.base import FORM
from vendors.parts.hooks import Hooks

EVERY = pytest.mark.parametrize("vendor", CALLS_US)
PROVING = pytest.mark.parametrize(
    "vendor", [name for name, hooks in HOOKS.items() if hooks.proof and hooks.proof.headers]
)
NOW = 1_773_504_000.0  # 2026-03-14T16:00:00Z
Items = list[Fact | Unreadable]


def webhook_of(vendor: str) -> Webhook:
    found = load_webhook(vendor)
    assert found is not None
    return found


@pytest.mark.parametrize("vendor", sorted({*HOOKS, *CALLS_US}))
def test_whoever_calls_us_takes_part(vendor: str) -> None:
    assert vendor in HOOKS, f"tests/vendors/{vendor}.py: {vendor} has a webhook.py: VENDOR wants `hooks=Hooks(...)`"
    assert vendor in CALLS_US, f"tests/vendors/{vendor}.py: `hooks` are of no use, {vendor} has no webhook.py"


@EVERY
def test_no_sample_is_of_a_kind_that_its_manifest_never_tells_of(vendor: str) -> None:
    tells = load_manifest(vendor).tells
    found = {said.split(" ")[0].rstrip(":") for lines in HOOKS[vendor].told.values() for said in lines}
    assert tells is None or found <= {*tells, "other"}


@EVERY
def test_both_sides_speak_of_the_same_vendor_and_settings(vendor: str) -> None:
    webhook, manifest = webhook_of(vendor), load_manifest(vendor)
    assert webhook.vendor == manifest.vendor == vendor
    assert {*webhook.secret_settings, *webhook.public_settings} <= set(manifest.settings.model_fields)
    assert set(webhook.secret_settings) <= set(manifest.credentials.secret), "else it may stand in the tenant file"
    assert webhook.content_types


# Samples


@EVERY
def test_every_sample_is_what_its_description_says(vendor: str) -> None:
    hooks = HOOKS[vendor]
    said = {
        name: [line(item) for item in webhook_of(vendor).parse(request, hooks.inbound(now=NOW))]
        for name, request in hooks.requests.items()
    }
    assert said == hooks.told


def line(item: Fact | Unreadable) -> str:
    """What a fact says, as the descriptions write it."""
    if isinstance(item, Unreadable):
        return "unreadable"
    marks = {"in part": item.partial, "no key": item.key is None, "no time": item.occurred_at is None}
    parts = (item.type.value, item.subject, *(f"({mark})" for mark, on in marks.items() if on))
    hints = (f"-> {hint.kind} {hint.id} {hint.change}" for hint in item.about)
    words = " ".join(part for part in (*parts, *hints) if part)
    return f"{words}: {item.ignored}" if item.ignored else words


@EVERY
def test_no_sample_is_left_out(vendor: str) -> None:
    hooks = HOOKS[vendor]
    there = {path.name for path in hooks.folder.iterdir()} - {"README.md"} if hooks.samples else set()
    others = {name for name in there if any(fnmatch(name, pattern) for pattern in hooks.others)}
    assert there - others == set(hooks.told)
    assert not others & set(hooks.told)


# Who may knock


@PROVING
def test_what_is_proved_gets_in_and_nothing_else(vendor: str) -> None:
    webhook, hooks = webhook_of(vendor), HOOKS[vendor]
    proof = hooks.proof
    assert proof is not None
    assert proof.headers is not None
    inbound, other = hooks.inbound(now=NOW), {name: f"{value[:-4]}AAAA" for name, value in proof.secrets.items()}
    for body in (b"{}", b"[]", *(request.body for request in hooks.requests.values())):
        headers = proof.headers(body, proof.secrets)
        assert webhook.verify(posted(body, *headers.items()), inbound) is None
        refused = [
            webhook.verify(posted(body), inbound),
            webhook.verify(posted(body, *proof.headers(body, other).items()), inbound),
            *(webhook.verify(posted(body, *{**headers, name: ""}.items()), inbound) for name in headers),
        ]
        if not proof.of_the_body:
            odd = (lambda token: token[:-1], lambda token: f"{token}1", lambda token: "жук".encode().decode("latin-1"))
            changed = [{name: change(token)} for name, token in headers.items() for change in odd]
            refused += [webhook.verify(posted(body, *{**headers, **one}.items()), inbound) for one in changed]
        if proof.of_the_body:
            refused.append(webhook.verify(posted(body + b" ", *headers.items()), inbound))
        assert None not in refused
        assert not any(secret in str(reason) for reason in refused for secret in proof.secrets.values())
        if proof.demanded:
            for secrets in ({}, dict.fromkeys(proof.secrets, "")):
                nobody = Inbound(hooks.public[0], secrets, NOW)
                assert webhook.verify(posted(body, *headers.items()), nobody) is not None


# Whatever comes


BYTES = st.binary(max_size=400) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))
HEADERS = st.text(st.characters(codec="latin-1"), max_size=60)
CHARSETS = st.sampled_from(["", "; charset=utf-8", "; charset=cp1251", "; charset=no-such", "; charset=\x00"])
ODD_BODIES = (b"", b"null", b"[]", b"{}", b"5", b'"x"', b"{", b"[NaN]", b"[" * 100_000, b"9" * 5000, b"\xff\xfe")


@EVERY
@settings(deadline=None)
@given(st.data())
def test_any_bytes_are_read_or_said_not_to_be_the_format_and_never_proved(vendor: str, data: st.DataObject) -> None:
    webhook, hooks = webhook_of(vendor), HOOKS[vendor]
    body = data.draw(st.sampled_from(ODD_BODIES) | BYTES)
    given_headers = [(name, data.draw(HEADERS)) for name in hooks.signed(body)]
    kind = data.draw(st.sampled_from([*webhook.content_types, hooks.content_type])) + data.draw(CHARSETS)
    request = posted(body, ("content-type", kind), *given_headers)
    for number, _ in enumerate(hooks.public):
        inbound = hooks.inbound(number, now=NOW)
        reason = webhook.verify(request, inbound)
        assert reason is not None or hooks.proof is None
        read(webhook, request, inbound)


@EVERY
@settings(deadline=None)
@given(st.data())
def test_whatever_resembles_its_own_is_read_twice_alike_and_can_be_kept(vendor: str, data: st.DataObject) -> None:
    webhook, hooks = webhook_of(vendor), HOOKS[vendor]
    body, kind = data.draw(resembling(hooks))
    request = posted(body, ("content-type", kind))
    number = data.draw(st.integers(0, len(hooks.public) - 1))
    inbound = hooks.inbound(number, now=NOW)
    webhook.verify(request, inbound)
    items = read(webhook, request, inbound)
    assert items == read(webhook, request, inbound)
    assert items != [] or not body.startswith(b"{") or hooks.may_be_empty, "nothing that came is passed over"
    for item in items or ():
        item.model_dump_json().encode()
        json.dumps(item.key, ensure_ascii=False).encode()
        if isinstance(item, Fact):
            json.dumps([item.subject, item.entity and item.entity.id], ensure_ascii=False).encode()


def read(webhook: Webhook, request: RawRequest, inbound: Inbound) -> Items | None:
    """What it holds; None where it isn't the format, which is said without a trace of a stack."""
    try:
        return webhook.parse(request, inbound)
    except NotTheFormat as error:
        if not str(error).strip():
            raise AssertionError("NotTheFormat has to say what was wrong") from error
        return None


NASTY = st.sampled_from(
    ["\ud800", "\x00", "", " ", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "-1", "1763700000",
     10**400, -1, 1e308, 2**63, True, {}, []]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | NASTY


@st.composite
def resembling(draw: st.DrawFn, hooks: Hooks) -> tuple[bytes, str]:
    """A body of the vendor's own with some of it replaced, left out or doubled; or anything at all in its words."""
    forms = [request.body for request in hooks.requests.values() if b"form" in dict(request.headers)[b"content-type"]]
    if forms and draw(st.booleans()):
        pairs = parse_qsl(draw(st.sampled_from(forms)).decode(), keep_blank_values=True)
        for _ in range(draw(st.integers(0, 4))):
            place = draw(st.integers(0, len(pairs) - 1))
            name, value = pairs[place]
            other = draw(st.text(max_size=8) | st.sampled_from([name, value, f"{name}[0]", "data[99]", "\x00"]))
            pairs[place] = draw(st.sampled_from([(name, other), (other, value), (name, f"{value}\n{other}")]))
        return urlencode(pairs, errors="replace").encode(), FORM
    contents = [*hooks.bodies, *(json.loads(one.body) for one in hooks.requests.values() if one.body[:1] in b"{[")]
    words = st.sampled_from(sorted({*_words(contents), "id"}))
    leaves = LEAVES | words
    trees = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
        max_leaves=12,
    )
    if not contents or draw(st.integers(0, 3)) == 0:
        return json.dumps(draw(trees)).encode(), "application/json"
    content = deepcopy(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(0, 4))):
        places = list(_places(content))
        if places:
            inside, key = draw(st.sampled_from(places))
            match draw(st.integers(0, 2)):
                case 0:
                    inside[key] = draw(trees)
                case 1:
                    inside[key] = [inside[key], draw(leaves)]
                case _:
                    del inside[key]
    return json.dumps(content).encode(), "application/json"


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every place within, as (what holds it, its key)."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield content, key
        yield from _places(content[key])


def _words(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        yield from content
    if isinstance(content, str):
        yield content
    for inside in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _words(inside)


# Pure


class Still(datetime.datetime):
    """A datetime that knows every moment but this one."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Still:
        raise AssertionError("a webhook looks at the clock: take the time from Inbound.now")

    @classmethod
    def utcnow(cls) -> Still:
        return cls.now()


@EVERY
def test_a_webhook_looks_at_no_clock_and_draws_no_lot(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook, hooks = webhook_of(vendor), HOOKS[vendor]

    ours = threading.get_ident()

    def impure(real: Callable[..., Any]) -> Callable[..., Any]:
        def look(*arguments: Any, **named: Any) -> Any:
            # A stand-in of another test may be at work in a thread of its own, which may look at the clock.
            if threading.get_ident() != ours:
                return real(*arguments, **named)
            raise AssertionError("a webhook is a pure function of the request and Inbound")

        return look

    requests = [posted(b"{}"), *hooks.requests.values()]
    requests += [posted(one.body, *hooks.signed(one.body).items()) for one in requests]
    for name, module in list(sys.modules.items()):
        if name.startswith("svyazka.") and getattr(module, "datetime", None) is datetime.datetime:
            monkeypatch.setattr(module, "datetime", Still)
    for owner, names in {
        time: ("time", "time_ns", "monotonic"), random: ("random", "randint"), uuid: ("uuid4",),
    }.items():  # fmt: skip
        for name in names:
            monkeypatch.setattr(owner, name, impure(getattr(owner, name)))
    for request in requests:
        with contextlib.suppress(NotTheFormat):
            inbound = hooks.inbound(now=NOW)
            webhook.verify(request, inbound)
            webhook.told_of(request)
            webhook.answer(request, webhook.parse(request, inbound))
            webhook.for_the_worker(request)
            webhook.handshake(request, inbound)
    monkeypatch.undo()


# Light: a webhook function is started cold for almost every call


HEAVY = ("httpx", "aiohttp", "phonenumbers", "asyncio", "yaml", "cryptography", "grpc", "google", "requests", "oauth")
LOADED = """
import importlib, json, sys
loaded = {}
for vendor in sys.argv[1:]:
    before = set(sys.modules)
    importlib.import_module(f"svyazka.connectors.{vendor}.webhook")
    loaded[vendor] = sorted(set(sys.modules) - before)
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """What each brings that those before it hadn't: one interpreter for all of them."""
    done = subprocess.run([sys.executable, "-c", LOADED, *CALLS_US], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@EVERY
def test_a_webhook_imports_nothing_heavy_and_nothing_that_calls(vendor: str, loaded: dict[str, list[str]]) -> None:
    own = f"svyazka.connectors.{vendor}."
    light = {f"{own}{name}" for name in ("webhook", "schema", *HOOKS[vendor].modules)}
    assert f"{own}webhook" in loaded[vendor]
    assert [name for name in loaded[vendor] if name.split(".")[0] in HEAVY or "oauth" in name] == []
    assert {name for name in loaded[vendor] if name.startswith("svyazka.connectors.") and name.count(".") == 3} <= light
