"""The wiring: settings -> engine with its backends, connectors and flows. What vendors and sites call: `way_in.py`.

Imports are made where they are used: a webhook function must not pay for the worker's.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from svyazka.engine.ports.clock import SystemClock
from svyazka.engine.security.keyring import SECRET_NAMES, Keyring, SecretName
from svyazka.engine.support.logs import log, where
from svyazka.way_in import Handler, correlate, local_keyring

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from svyazka.engine.hub import Hub, Printer
    from svyazka.engine.jobs.work import Work
    from svyazka.engine.outages.learning import Outages
    from svyazka.engine.ports.blobs import Blobs
    from svyazka.engine.ports.clock import Clock
    from svyazka.engine.ports.store import Queue, Store
    from svyazka.engine.tenants.directory import Account
    from svyazka.engine.worker import Worker
    from svyazka.settings import Settings


def worker() -> Handler:
    """What `functions/sync_worker/main.py` serves: the queue's tasks, closed to everybody else."""
    from svyazka.settings import Settings

    settings = Settings()
    hub = build_hub(settings)
    work = build_worker(hub, abroad=settings.backend == "google")
    check = _caller_check(settings)

    async def serve(request: Request) -> Response:
        from starlette.responses import Response

        from svyazka.engine.journal.tasks import Asked
        from svyazka.engine.worker import asked_body, task_body

        correlate(request)
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
                reply = await work.answer(path, asked_body(content))
                told = json.dumps(reply.content, ensure_ascii=False)
                return Response(told, reply.status, media_type="application/json")
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


def build_worker(hub: Hub, abroad: bool = False) -> Worker:
    """The worker over a hub. `abroad`: its store is there."""
    from svyazka.apply import Applying
    from svyazka.connectors.registry import FRONT_DOOR, load_webhook
    from svyazka.engine.outbound import transport  # noqa: F401 (before the first call, for which somebody may wait)
    from svyazka.engine.worker import Worker

    return Worker(hub, load_webhook, FRONT_DOOR, long_works, Applying(abroad))


def long_works(hub: Hub, outages: Outages) -> list[Work]:
    """Kinds of long work that stand above the engine."""
    from svyazka.importing.carrying import Importing

    return [Importing(hub, outages)]


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
