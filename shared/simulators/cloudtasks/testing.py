"""A whole Cloud Tasks on free loopback ports, in a thread of its own.

with serve(queues=["projects/p/locations/l/queues/q"]) as tasks:
    ...                                  # create tasks over tasks.url
    await tasks.advance(600)             # ten minutes pass: what is due is sent, answered, tried again
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

import httpx
import uvicorn

from simulators.cloudtasks.clock import Clock
from simulators.cloudtasks.dispatcher import PATIENCE, Dispatcher
from simulators.cloudtasks.limits import RETENTION
from simulators.cloudtasks.rest import app
from simulators.cloudtasks.service import CloudTasks

T = TypeVar("T")
START: Final = 30.0
"""Seconds that a start may take before it is a failure."""


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that is up. Its service belongs to its own thread: reach it through `call`."""

    url: str
    service: CloudTasks
    dispatcher: Dispatcher
    loop: asyncio.AbstractEventLoop
    grpc_target: str | None = None

    @property
    def certs_url(self) -> str:
        """For `google.oauth2.id_token.verify_token(..., certs_url=...)`."""
        return f"{self.url}/oauth2/v1/certs"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/oauth2/v3/certs"

    @property
    def metadata_host(self) -> str:
        """For the environment variable GCE_METADATA_HOST."""
        return self.url.removeprefix("http://")

    async def advance(self, by: timedelta | float = 0, *, patience: float = PATIENCE) -> int:
        """See Dispatcher.advance."""
        return await asyncio.wrap_future(self.submit(self.dispatcher.advance(by, patience=patience)))

    async def drain(self, within: timedelta = RETENTION, *, patience: float = PATIENCE) -> int:
        """See Dispatcher.drain."""
        return await asyncio.wrap_future(self.submit(self.dispatcher.drain(within, patience=patience)))

    def call(self, work: Callable[[CloudTasks], T]) -> T:
        """Does `work` with the service in its thread: `tasks.call(lambda service: service.forget())`."""

        async def do() -> T:
            return work(self.service)

        return self.submit(do()).result(START)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs a coroutine in the simulator's thread; from a test without a loop: `submit(...).result()`."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)


@contextmanager
def serve(
    *,
    clock: Clock | None = None,
    queues: Sequence[str] = (),
    service: CloudTasks | None = None,
    client: httpx.AsyncClient | None = None,
    grpc: bool = False,
    require_auth: bool = False,
    port: int = 0,
    grpc_port: int = 0,
) -> Iterator[Running]:
    """Runs a simulator, with a stepped clock unless `clock` or `service` brings another."""
    service = service or CloudTasks(clock or Clock(stepped=True))
    for name in queues:
        service.create_queue(name)
    started: Future[Running] = Future()
    ending = asyncio.Event()

    async def main() -> None:
        try:
            async with AsyncExitStack() as stack:
                dispatcher = await stack.enter_async_context(Dispatcher(service, client))
                url = await _serve_rest(stack, app(service, dispatcher, require_auth=require_auth), port)
                target = await _serve_grpc(stack, service, grpc_port) if grpc else None
                loop = asyncio.get_running_loop()
                started.set_result(Running(url, service, dispatcher, loop, target))
                await ending.wait()
                service.faults.clear()
        except BaseException as problem:
            if started.done():
                raise
            started.set_exception(problem)

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="cloudtasks", daemon=True)
    thread.start()
    running = started.result(START)
    try:
        yield running
    finally:
        running.loop.call_soon_threadsafe(ending.set)
        thread.join(START)


async def _serve_rest(stack: AsyncExitStack, application: Any, port: int) -> str:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    config = uvicorn.Config(application, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))

    async def end() -> None:
        server.should_exit = True
        await serving

    stack.push_async_callback(end)
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def _serve_grpc(stack: AsyncExitStack, service: CloudTasks, port: int) -> str:
    from simulators.cloudtasks import grpc_face

    server, bound = await grpc_face.start(service, f"127.0.0.1:{port}")
    stack.push_async_callback(server.stop, 0)
    return f"127.0.0.1:{bound}"
