"""What connectors' tests share: a Call over real HTTP on loopback, and a vendor that answers from a script."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from svyazka.engine.contracts.calls import Call, Exchanges, Turn
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.contracts.webhook import RawRequest
from svyazka.engine.outbound.http_clients import Clients
from svyazka.engine.rules.ambiguity import not_said
from svyazka.model.commands import Command, Repeat
from svyazka.model.outcomes import Outcome
from svyazka.model.tenants import ConnectionSettings

NOW = datetime(2026, 3, 14, 16, 0, tzinfo=UTC)
SettingsT = TypeVar("SettingsT", bound=ConnectionSettings)


@asynccontextmanager
async def calling(
    settings: SettingsT, base_url: str, turn: Turn | None = None, **around: Any
) -> AsyncIterator[Call[SettingsT]]:
    """A Call as the engine makes it; `around` are further fields of Call (now, memo, hook_url, ...)."""
    secrets = [value for value in settings.model_dump().values() if isinstance(value, str) and len(value) > 7]
    clients = Clients()
    try:
        http = Exchanges(
            clients.of("c", 4), base_url=base_url, deadline=time.monotonic() + 20, secrets=secrets, turn=turn,
        )  # fmt: skip
        given = {"tenant": "kofe", "connection": "c", "key": "dlv_1.1", "now": NOW, **around}
        yield Call(settings=settings, http=http, **given)
    finally:
        await clients.close()


async def perform(manifest: Manifest[Any], command: Command, call: Call[Any]) -> Outcome:
    """Carry out a command as the engine does."""
    return await carried(manifest, command).perform(call)


async def ask(manifest: Manifest[Any], command: Command, call: Call[Any]) -> Outcome | None:
    """Ask whether it was done, as the engine does."""
    work = carried(manifest, command)
    assert work.ask is not None
    try:
        return not_said(await work.ask(call))
    except VendorFailure as error:
        return not_said(error.outcome)


def repeat_of(manifest: Manifest[Any], command: Command) -> Repeat:
    """What a crash in the middle of a command means."""
    return carried(manifest, command).safety.repeat


def posted(body: bytes, *headers: tuple[str, str], query: str = "") -> RawRequest:
    """A vendor's POST, header names in lower case as ASGI gives them."""
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return RawRequest("POST", "/hook", query.encode(), pairs, body)


def by_deed(rows: Iterable[tuple[Hashable, Any]]) -> dict[str, set[Hashable]]:
    """A failure map's rows by what they do (`rule.do`), to be held against what the vendor's pages say."""
    deeds: dict[str, set[Hashable]] = {}
    for row, rule in rows:
        deeds.setdefault(rule.do, set()).add(row)
    return deeds


@dataclass
class Scripted:
    """A vendor on loopback: by path, the answers still to be given; the last one stays."""

    url: str = ""
    answers: dict[str, list[tuple[int, Any, dict[str, str]]]] = field(default_factory=dict)
    seen: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    """Requests that came: path, JSON body, headers in lower case."""
    raw: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    """The same as they came: bytes and headers."""

    def on(self, path: str, status: int, body: Any = None, **headers: str) -> Scripted:
        """Answer `path` so, after the answers given before; a header's `_` stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault(path, []).append((status, {} if body is None else body, named))
        return self

    def asked(self, path: str) -> list[Any]:
        """Bodies of the requests to `path`."""
        return [body for seen, body, _ in self.seen if seen == path]


@contextmanager
def scripted() -> Iterator[Scripted]:
    """A Scripted vendor that is listening."""
    vendor = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            vendor.raw.append((body, headers))
            is_json = body and not headers.get("content-type", "").startswith("application/x-www-form")
            vendor.seen.append((self.path, json.loads(body) if is_json else None, headers))
            left = vendor.answers.get(self.path, [(404, {"errorDescription": "no such method"}, {})])
            status, content, named = left.pop(0) if len(left) > 1 else left[0]
            payload = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **named}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    vendor.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
