"""What every vendor's stand-in shares: routes under `/<vendor>`, a ledger, scripted faults, webhooks out.

A stand-in subclasses `Simulator`: `routes()` is the vendor's API, `controls()` what a test or a demo tells it.
Everything that has an effect is written down by `record()`; `GET /_sim/<vendor>/ledger` shows it.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from typing import Any, ClassVar, Literal, get_args

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

Scope = MutableMapping[str, Any]
TRANSPORT = "svyazka.transport"
"""Where the server (see `serve.py`) puts the connection's transport, so that it can be cut."""

UNTIL_TAKEN = 1500
"""Tries of a vendor that tells a thing for days: at the pause between them, five minutes, longer than it
takes a process to start anew on a busy machine."""

FaultKind = Literal["answer", "slow", "cut_before", "cut_after"]


@dataclass
class Fault:
    """One scripted misbehaviour, for calls whose path under `/<vendor>` matches `path` (shell pattern), of any `method`
    where none is named, and with these words in its body where `said` names some.

    `answer`: status, body and headers instead of acting (429, 5xx, 200 with an error body). `slow`: act
    after `seconds`. `cut_before`: the connection breaks, nothing was done. `cut_after`: it was done, and the
    connection breaks before the answer. The first `skip` matching calls are spared; then it holds `times`
    times (-1: until taken away).
    """

    kind: FaultKind
    path: str = "*"
    times: int = 1
    skip: int = 0
    status: int = 500
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    method: str | None = None
    said: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"expected one of {', '.join(get_args(FaultKind))}, got {self.kind!r}")

    def meets(self, method: str, path: str, body: str = "") -> bool:
        """Whether it strikes this call; counts."""
        if self.times == 0 or self.method not in (None, method) or not fnmatch(path, self.path):
            return False
        if self.said not in body:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times > 0:
            self.times -= 1
        return True

    def answer(self) -> Response:
        if isinstance(self.body, str):
            return Response(self.body, self.status, self.headers)
        return JSONResponse({} if self.body is None else self.body, self.status, self.headers)


@dataclass
class HookFaults:
    """How webhooks go out: each `copies` times, every `drop_every`-th never, batches in another order."""

    copies: int = 1
    drop_every: int = 0
    shuffle: bool = False


class Simulator:
    """One vendor. State is in plain attributes that `reset()` makes anew."""

    vendor: ClassVar[str]
    settings: ClassVar[tuple[str, ...]] = ()
    """Attributes that `POST /_sim/<vendor>/settings` sets, each as it is given; what is left out stays."""

    credentials: ClassVar[Mapping[str, str]] = {}
    """Setting -> what it must be where the stand-in itself signs with it, or where it has a form of its own."""

    lets_anybody_in: bool = False
    """Whether any credential will do: for people who try things out with made-up ones."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        self._background: set[asyncio.Task[Any]] = set()
        self.clear()

    def clear(self) -> None:
        """Forget everything: ledger, faults, what is on its way, and what the vendor itself remembers (`reset`)."""
        for task in list(self._background):
            if not task.get_loop().is_closed():
                task.get_loop().call_soon_threadsafe(task.cancel)
        self.calls: list[dict[str, Any]] = []
        self.effects: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.hook_faults = HookFaults()
        self.hooks_sent: list[dict[str, Any]] = []
        self._hooks_counted = 0
        self.ahead = 0.0
        """Seconds that the vendor's clock is ahead of ours."""
        self.reset()

    # What a vendor provides

    def routes(self) -> Sequence[BaseRoute]:
        """The vendor's API, paths relative to `/<vendor>`."""
        raise NotImplementedError

    def controls(self) -> Sequence[BaseRoute]:
        """Further controls, paths relative to `/_sim/<vendor>`."""
        return ()

    def reset(self) -> None:
        """Make the vendor's own state anew."""

    def number_from(self, first: int) -> None:
        """Begin numbering there, where ids count up: a stand-in that is started again gives no number twice."""

    # What a vendor uses

    def admits(self, given: str, *known: str) -> bool:
        """Whether this credential opens the door."""
        return given in known or (self.lets_anybody_in and bool(given.strip()))

    def now(self) -> float:
        """The vendor's time."""
        return time.time() + self.ahead

    def in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """What follows by itself, perhaps before the answer has come: receipts, webhooks."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def record(self, kind: str, **content: Any) -> dict[str, Any]:
        """Write an effect down: a message taken, an order created."""
        entry = {"n": len(self.effects) + 1, "at": time.time(), "kind": kind, **content}
        self.effects.append(entry)
        return entry

    async def send_hooks(
        self, url: str, requests: Iterable[tuple[bytes, dict[str, str]]], *, tries: int = 1, pause: float = 0.2,
        settled: Callable[[httpx.Response], bool] = lambda answer: answer.status_code == 200,
    ) -> list[int]:  # fmt: skip
        """POST webhooks as the vendor does, `tries` times each until `settled`; the last status of each (0: none).

        The scripted `hook_faults` double, drop and reorder them.
        """
        batch: list[tuple[bytes, dict[str, str]]] = []
        for request in requests:
            self._hooks_counted += 1
            dropped = self.hook_faults.drop_every and self._hooks_counted % self.hook_faults.drop_every == 0
            if not dropped:
                batch += [request] * self.hook_faults.copies
        if self.hook_faults.shuffle:
            self.chance.shuffle(batch)
        statuses = []
        # Hooks go to loopback: a TLS context would cost 25 ms a call.
        async with httpx.AsyncClient(trust_env=False, timeout=10, verify=False) as client:
            for body, headers in batch:
                statuses.append(await self._send_hook(client, url, body, headers, tries, pause, settled))
        return statuses

    async def _send_hook(
        self, client: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str], tries: int, pause: float,
        settled: Callable[[httpx.Response], bool],
    ) -> int:  # fmt: skip
        status = 0
        for number in range(tries):
            try:
                answer = await client.post(url, content=body, headers=headers)
            except httpx.HTTPError:
                status = 0
            else:
                status = answer.status_code
                self.hooks_sent.append({"at": time.time(), "status": status, "answer": answer.text[:500]})
                if settled(answer):
                    break
            if number + 1 < tries:
                await asyncio.sleep(pause)
        return status

    # The machinery

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve the vendor's API with its faults; called by the mount of `app()`."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        body = await _whole_body(receive)
        call = {"at": time.time(), "method": scope["method"], "path": path, "body": body.decode("utf-8", "replace")}
        self.calls.append(call)
        fault = next((fault for fault in self.faults if fault.meets(scope["method"], path, call["body"])), None)
        if fault is not None:
            call["fault"] = fault.kind
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "cut_before":
            _cut(scope)
            return
        if fault is not None and fault.kind == "answer":
            if fault.seconds:
                await asyncio.sleep(fault.seconds)
            await fault.answer()(scope, receive, send)
            return
        cut_after = fault is not None and fault.kind == "cut_after"
        await self._router(scope, _replayed(body, receive), _swallowed if cut_after else send)
        if cut_after:
            _cut(scope)

    @property
    def _router(self) -> Starlette:
        if not hasattr(self, "_built"):
            self._built = Starlette(routes=list(self.routes()))
        return self._built

    def control_routes(self) -> list[BaseRoute]:
        """Ledger, faults, hook faults, settings where there are any, and the vendor's own controls."""
        return [
            Route("/ledger", self._ledger, methods=["GET"]),
            Route("/faults", self._faults, methods=["POST", "DELETE"]),
            Route("/hook_faults", self._hook_faults, methods=["POST"]),
            *([Route("/settings", self._settings, methods=["POST"])] if self.settings else []),
            *self.controls(),
        ]

    async def _ledger(self, request: Request) -> Response:
        told = {"effects": self.effects, "calls": self.calls[-1000:], "hooks": self.hooks_sent[-1000:]}
        return Response(json.dumps(told, ensure_ascii=False, indent=2), media_type="application/json")

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.clear()
            return JSONResponse([])
        try:
            given = await request.json()
            self.faults += [Fault(**one) for one in (given if isinstance(given, list) else [given])]
        except (TypeError, ValueError):
            kinds = ", ".join(get_args(FaultKind))
            message = (
                f"expected a JSON object (or a list of them) with kind ({kinds}), and of path, method, times, skip, "
                "status, body, headers, seconds, said what differs from the usual"
            )
            return JSONResponse({"error": message}, 400)
        return JSONResponse([asdict(fault) for fault in self.faults])

    async def _hook_faults(self, request: Request) -> Response:
        try:
            self.hook_faults = HookFaults(**await request.json())
        except (TypeError, ValueError):
            return JSONResponse({"error": "expected a JSON object with some of copies, drop_every, shuffle"}, 400)
        return JSONResponse(asdict(self.hook_faults))

    async def _settings(self, request: Request) -> Response:
        told = json_of(await request.body())
        if unknown := set(told) - set(self.settings):
            return JSONResponse({"error": f"unknown: {sorted(unknown)}; expected some of {sorted(self.settings)}"}, 400)
        for name, value in told.items():
            setattr(self, name, value)
        return JSONResponse({name: getattr(self, name) for name in sorted(self.settings)})


def app(simulators: Sequence[Simulator], beside: Sequence[BaseRoute] = ()) -> Starlette:
    """All vendors under one roof, and what else is served there; a browser at the door is led to it."""

    async def reset(request: Request) -> Response:
        for simulator in simulators:
            simulator.clear()
        return JSONResponse({"reset": [simulator.vendor for simulator in simulators]})

    async def index(request: Request) -> Response:
        if beside and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/play")
        return JSONResponse({"vendors": [simulator.vendor for simulator in simulators]})

    routes: list[BaseRoute] = [Route("/", index), Route("/_sim/reset", reset, methods=["POST"]), *beside]
    for simulator in simulators:
        routes.append(Mount(f"/_sim/{simulator.vendor}", routes=simulator.control_routes()))
        routes.append(Mount(f"/{simulator.vendor}", app=simulator))
    return Starlette(routes=routes)


async def _whole_body(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def _replayed(body: bytes, receive: Any) -> Any:
    given = False

    async def replay() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            message: MutableMapping[str, Any] = await receive()
            return message
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _swallowed(message: MutableMapping[str, Any]) -> None:
    """An answer that never leaves."""


def _cut(scope: Scope) -> None:
    transport = scope.get(TRANSPORT)
    if transport is not None:
        transport.abort()


def form_of(body: bytes) -> dict[str, str]:
    """A form body as names and values."""
    from urllib.parse import parse_qsl

    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def json_of(body: bytes) -> dict[str, Any]:
    """A JSON object body; {} for anything else."""
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
