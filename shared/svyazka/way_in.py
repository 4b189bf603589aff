"""The wiring of what vendors and sites call: as little as it takes, for its start is paid by whoever calls."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from svyazka.engine.contracts.webhook import Answer, RawRequest, Webhook
from svyazka.engine.intake.receive import RETRY_AFTER, Receiver, check_keyring, problem
from svyazka.engine.ports.clock import SystemClock
from svyazka.engine.rules.deadlines import READ_LIMIT
from svyazka.engine.security.keyring import SECRET_NAMES, Keyring, SecretName
from svyazka.engine.support.logs import log, trace, where

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from svyazka.engine.ports.asking import WorkerAsked
    from svyazka.engine.ports.clock import Clock
    from svyazka.engine.ports.store import Door

Handler = Callable[["Request"], Awaitable["Response"]]


def webhook(vendor: str) -> Handler:
    """What `functions/webhook_<vendor>/main.py` serves: an ASGI handler for functions-framework."""
    receiver = receiver_for(vendor, _function_inbox(_way_in(vendor).budget), function_keyring(), SystemClock())
    check_keyring(receiver.keyring)

    async def serve(request: Request) -> Response:
        return await _served(vendor, request, lambda: receiver.handle(_head(request), partial(_read, request)))

    return serve


async def _served(vendor: str, request: Request, answered: Callable[[], Awaitable[Answer]]) -> Response:
    """An answer as the framework sends it, whatever happens on the way to it."""
    from starlette.requests import ClientDisconnect
    from starlette.responses import Response

    correlate(request)
    try:
        answer = await answered()
    except ClientDisconnect:
        log("WARNING", "caller left", vendor=vendor)
        answer = problem(400, "Broken off", "expected the whole body")  # to nobody
    except TimeoutError:
        log("WARNING", "caller too slow", vendor=vendor)
        answer = problem(408, "Too slow", f"expected the whole body within {READ_LIMIT:.0f} s")
    except Exception as error:
        # The framework would log the path, where a key may stand, and the exception's text.
        log("CRITICAL", "accept failed", vendor=vendor, error=type(error).__name__, where=where(error))
        answer = problem(503, "Try again", "something of ours failed", {"Retry-After": RETRY_AFTER})
    return Response(answer.body, answer.status, {"Content-Type": answer.content_type, **answer.headers})


def front_door() -> Handler:
    """What `functions/ingest/main.py` serves: every site's calls."""
    from svyazka.door.front import FrontDoor

    proxies = int(os.environ.get("SVYAZKA_PROXIES", "1"))
    door = FrontDoor(_function_inbox(), function_keyring(), SystemClock(), _function_worker(), proxies)
    check_keyring(door.keyring)

    async def serve(request: Request) -> Response:
        peer = request.client.host if request.client else ""
        return await _served("site", request, lambda: door.handle(_head(request), partial(_read, request), peer))

    return serve


def receiver_for(vendor: str, inbox: Door, keyring: Keyring, clock: Clock) -> Receiver:
    """A vendor's receiver over any inbox."""
    return Receiver(_way_in(vendor), inbox, keyring, clock, inbox)


def _way_in(vendor: str) -> Webhook:
    found: Webhook = import_module(f"svyazka.connectors.{vendor}.webhook").WEBHOOK
    return found


def function_keyring() -> Keyring:
    """The keys that this function was given: by its environment, or on one machine in the data folder."""
    given: dict[SecretName, str] = {name: os.environ.get(f"SVYAZKA_{name.upper()}_KEYS", "") for name in SECRET_NAMES}
    if any(given.values()) or os.environ.get("SVYAZKA_BACKEND") == "google":
        return Keyring.from_json(given)
    return local_keyring(Path(os.environ.get("SVYAZKA_DATA", ".data")))


def _function_worker() -> WorkerAsked | None:
    """The way to the worker from a function; on one machine the accepting process makes its own."""
    if os.environ.get("SVYAZKA_BACKEND") != "google":
        return None
    from svyazka.backends.google.asking import HttpWorker

    return HttpWorker.from_environment()


def _function_inbox(limit: float | None = None) -> Door:
    """`limit`: seconds in which a request must have been made durable, where that isn't the usual."""
    if os.environ.get("SVYAZKA_BACKEND") == "google":
        from svyazka.backends.google.inbox import RestInbox

        return RestInbox.from_environment(limit)
    from svyazka.backends.local.store import LocalStore

    return LocalStore.open(Path(os.environ.get("SVYAZKA_DATA", ".data")))


def _head(request: Request) -> RawRequest:
    scope = request.scope
    return RawRequest(scope["method"], scope["path"], scope["query_string"], scope["headers"], b"")


async def _read(request: Request, limit: int) -> bytes | None:
    """The body, reading no further than the limit. Raises TimeoutError for one that doesn't end."""
    chunks, size = [], 0
    async with asyncio.timeout(READ_LIMIT):
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                return None
            chunks.append(chunk)
    return b"".join(chunks)


def correlate(request: Request) -> None:
    """Correlate this request's log lines with the platform's own."""
    header = request.headers.get("x-cloud-trace-context", "")
    project = os.environ.get("SVYAZKA_PROJECT") or os.environ.get("GOOGLE_CLOUD_PROJECT")
    trace.set(f"projects/{project}/traces/{header.partition('/')[0]}" if header and project else None)


def local_keyring(data: Path) -> Keyring:
    """The keys of one machine: files that only their owner reads, made on first use."""
    folder = data / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    texts: dict[SecretName, str] = {}
    for name in SECRET_NAMES:
        path = folder / f"{name}.json"
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "w") as file:
                file.write(Keyring.generate())
                file.flush()
                os.fsync(file.fileno())
        texts[name] = path.read_text()
    return Keyring.from_json(texts)
