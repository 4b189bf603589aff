"""The only wiring: settings -> engine with its backends, connectors and flows.

Imports are made where they are used: a webhook function must not pay for the worker's.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svyazka.engine.contracts.webhook import Answer, RawRequest, Webhook
from svyazka.engine.intake.receive import RETRY_AFTER, Receiver, check_keyring, problem
from svyazka.engine.ports.clock import SystemClock
from svyazka.engine.rules.deadlines import READ_LIMIT
from svyazka.engine.security.keyring import SECRET_NAMES, Keyring, SecretName
from svyazka.engine.support.logs import log, trace, where

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from svyazka.engine.hub import Hub, Printer
    from svyazka.engine.jobs.work import Work
    from svyazka.engine.outages.learning import Outages
    from svyazka.engine.ports.asking import WorkerAsked
    from svyazka.engine.ports.blobs import Blobs
    from svyazka.engine.ports.clock import Clock
    from svyazka.engine.ports.store import Door, Inbox, Queue, Store
    from svyazka.engine.tenants.directory import Account
    from svyazka.engine.worker import Worker
    from svyazka.settings import Settings

Handler = Callable[["Request"], Awaitable["Response"]]


# The way in


def webhook(vendor: str) -> Handler:
    """What `functions/webhook_<vendor>/main.py` serves: an ASGI handler for functions-framework."""
    receiver = receiver_for(vendor, _function_inbox(), function_keyring(), SystemClock())
    check_keyring(receiver.keyring)

    async def serve(request: Request) -> Response:
        return await _served(vendor, request, lambda: receiver.handle(_head(request), partial(_read, request)))

    return serve


async def _served(vendor: str, request: Request, answered: Callable[[], Awaitable[Answer]]) -> Response:
    """An answer as the framework sends it, whatever happens on the way to it."""
    from starlette.requests import ClientDisconnect
    from starlette.responses import Response

    _trace(request)
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


def receiver_for(vendor: str, inbox: Inbox, keyring: Keyring, clock: Clock) -> Receiver:
    """A vendor's receiver over any inbox."""
    way_in: Webhook = import_module(f"svyazka.connectors.{vendor}.webhook").WEBHOOK
    return Receiver(way_in, inbox, keyring, clock)


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


def _function_inbox() -> Door:
    if os.environ.get("SVYAZKA_BACKEND") == "google":
        from svyazka.backends.google.inbox import RestInbox

        return RestInbox.from_environment()
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


def _trace(request: Request) -> None:
    """Correlate this request's log lines with the platform's own."""
    header = request.headers.get("x-cloud-trace-context", "")
    project = os.environ.get("SVYAZKA_PROJECT") or os.environ.get("GOOGLE_CLOUD_PROJECT")
    trace.set(f"projects/{project}/traces/{header.partition('/')[0]}" if header and project else None)


# The worker


def worker() -> Handler:
    """What `functions/sync_worker/main.py` serves: the queue's tasks, closed to everybody else."""
    from svyazka.settings import Settings

    settings = Settings()
    hub = build_hub(settings)
    work = build_worker(hub)
    check = _caller_check(settings)

    async def serve(request: Request) -> Response:
        from starlette.responses import Response

        from svyazka.engine.journal.tasks import Asked
        from svyazka.engine.worker import asked_body, task_body

        _trace(request)
        if request.method != "POST":
            return Response('{"status":"ok"}', 200, media_type="application/json")
        path = request.scope["path"]
        refused = await check(request.headers.get("authorization"), path)
        if refused is not None:
            return Response(refused, 401)
        content = await request.body()
        body = task_body(content)
        try:
            if path in set(Asked):
                status, told = await work.answer(path, asked_body(content))
                return Response(json.dumps(told, ensure_ascii=False), status, media_type="application/json")
            return Response(status_code=await work.handle(path, body))
        except KeyError as error:
            return Response(f"expected {error} in the task", 400)
        except Exception as error:
            log("CRITICAL", "work failed", path=path, error=type(error).__name__, where=where(error))
            return Response(status_code=503)

    return serve


def _caller_check(settings: Settings) -> Callable[[str | None, str], Awaitable[str | None]]:
    """Who may call the worker: on Google the queue's and the scheduler's identity; on one machine loopback."""
    if settings.backend == "google":
        from svyazka.backends.google.oidc import CallerCheck

        return CallerCheck.from_settings(settings)

    async def anybody(authorization: str | None, path: str) -> str | None:
        return None

    return anybody


def build_worker(hub: Hub) -> Worker:
    """The worker over a hub."""
    from svyazka.connectors.registry import FRONT_DOOR, load_webhook
    from svyazka.engine.worker import Worker

    return Worker(hub, load_webhook, FRONT_DOOR, long_works)


def long_works(hub: Hub, outages: Outages) -> list[Work]:
    """Kinds of long work that stand above the engine."""
    return []


def build_hub(
    settings: Settings,
    *,
    store: Store | None = None,
    queue: Queue | None = None,
    clock: Clock | None = None,
    keyring: Keyring | None = None,
    printer: Printer | None = None,
    chance: Callable[[], float] | None = None,
) -> Hub:
    """The engine's surroundings for a backend; parts given are used in place of the settings' own."""
    from svyazka.connectors.registry import load_manifest
    from svyazka.engine.hub import Hub
    from svyazka.engine.outbound.addresses import LOOPBACK, AddressGuard, networks
    from svyazka.engine.outbound.shares import leasing
    from svyazka.engine.tenants.directory import Directory
    from svyazka.flows.registry import load_flow

    if store is None or queue is None:
        store, queue = open_backend(settings, clock)
    keyring = keyring or settings_keyring(settings)
    ttl = 15.0 if settings.backend == "google" else 1.0
    extra: dict[str, Any] = {"chance": chance} if chance else {}
    if settings.rates == "leased":
        extra["limiter"] = leasing(store)
    guard = AddressGuard(networks(settings.allowed_networks))
    return Hub(
        store=store,
        queue=queue,
        clock=clock or SystemClock(),
        keyring=keyring,
        directory=Directory(store, keyring, load_manifest, load_flow, ttl),
        blobs=open_blobs(settings, clock),
        operators=operators(settings.alerts),
        printer=printer,
        guard=guard,
        # Stand-ins and proxies on this very machine: in the cloud there is nothing of the kind.
        base_guard=guard.also(networks(LOOPBACK)) if settings.backend == "local" else guard,
        hook_url=_hook_urls(settings, keyring),
        **extra,
    )


def open_backend(settings: Settings, clock: Clock | None = None) -> tuple[Store, Queue]:
    """Store and queue that the settings name."""
    if settings.backend == "google":
        from svyazka.backends.google.queue import CloudTasksQueue
        from svyazka.backends.google.store import FirestoreStore

        queue = CloudTasksQueue.from_settings(settings)
        return FirestoreStore.from_settings(settings, queue), queue
    from svyazka.backends.local.queue import LocalQueue
    from svyazka.backends.local.store import LocalStore

    store = LocalStore.open(settings.data, clock)
    return store, LocalQueue(store)


def open_blobs(settings: Settings, clock: Clock | None = None) -> Blobs:
    """Where the settings have blobs lie: a bucket, or a folder beside the database."""
    if settings.backend != "google":
        from svyazka.backends.local.blobs import LocalBlobs

        return LocalBlobs(settings.data, clock)
    from svyazka.backends.google.blobs import GoogleBlobs
    from svyazka.engine.ports.blobs import Nowhere
    from svyazka.model.errors import ConfigError

    try:
        return GoogleBlobs.from_settings(settings)
    except ConfigError as error:  # an installation that Terraform hasn't brought up to date does all the rest
        return Nowhere(str(error))


def open_clock(settings: Settings, store: Store) -> Clock:
    """Business time: on one machine as it runs or last ran, faster perhaps; in the cloud it is real time."""
    if settings.backend == "google":
        return SystemClock()
    from svyazka.backends.local.clock import load_clock
    from svyazka.backends.local.store import LocalStore

    assert isinstance(store, LocalStore)
    return load_clock(store)


def settings_keyring(settings: Settings) -> Keyring:
    """Keys from the settings' environment; else those of the deployment, or of the data folder (made on first use)."""
    given: dict[SecretName, str] = {name: getattr(settings, f"{name}_keys") for name in SECRET_NAMES}
    if any(given.values()):
        return Keyring.from_json(given)
    if settings.backend == "google":
        from svyazka.backends.google.secrets import read_keys

        return Keyring.from_json(read_keys(settings.project))
    return local_keyring(settings.data)


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


def operators(text: str) -> list[tuple[str, Any]]:
    """`tenant/connection:address, ...` -> who runs the installation. Raises ConfigError."""
    from svyazka.model.errors import ConfigError
    from svyazka.model.tenants import Addressee

    found = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        where, _, address = item.partition(":")
        tenant, _, connection = where.partition("/")
        if not (tenant and connection and address):
            raise ConfigError(f"SVYAZKA_ALERTS: expected tenant/connection:address, got {item!r}")
        kind = "email" if "@" in address else "phone" if address.startswith("+") else "chat"
        found.append((tenant, Addressee.model_validate({"connection": connection, kind: address})))
    return found


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a connection's vendor is to call us."""

    function: str
    url: str
    key: str


def hook_of(settings: Settings, keyring: Keyring, account: Account) -> Hook | None:
    """The function, URL and key of a connection, as its vendor wants them; None where its vendor never calls."""
    hook = hook_for(settings, keyring, account.vendor, account.tenant.id, account.name, account.generation)
    if hook is None or account.manifest.hook is None:
        return hook
    return replace(hook, url=account.manifest.hook.address(hook.url, account.settings))


def hook_for(
    settings: Settings, keyring: Keyring, vendor: str, tenant: str, connection: str, generation: int
) -> Hook | None:
    """The same for a connection whose settings may be unusable just now: its vendor calls all the same."""
    from svyazka.connectors.registry import CALLS_US, FRONT_DOOR

    function = CALLS_US.get(vendor)
    if function is None:
        return None
    key = keyring.mint(vendor, tenant, connection, generation)
    where = f"{function}/lead" if vendor == FRONT_DOOR else function
    return Hook(function, f"{settings.public_url.rstrip('/')}/{where}?key={key}", key)


def server_key_of(keyring: Keyring, vendor: str, tenant: str, connection: str, generation: int) -> str | None:
    """The key of a site's back end, which stands in no address; None for every other vendor."""
    from svyazka.connectors.registry import FRONT_DOOR
    from svyazka.door.callers import SERVER

    return keyring.mint(SERVER, tenant, connection, generation) if vendor == FRONT_DOOR else None


def _hook_urls(settings: Settings, keyring: Keyring) -> Callable[[Account], str | None]:
    @lru_cache(maxsize=1024)  # every call has it at hand, and its key is a MAC
    def hook_url(account: Account) -> str | None:
        hook = hook_of(settings, keyring, account)
        return hook.url if hook else None

    return hook_url
