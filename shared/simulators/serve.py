"""Runs stand-ins on a loopback port: in a thread for tests and the demo, in the foreground for `svyazka simulate`."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import uvicorn
from starlette.routing import BaseRoute
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulators.chassis import TRANSPORT, Fault, Simulator, app

START = 20.0
"""Seconds that a start may take before it is a failure."""


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP with the connection's transport in the scope, so that a stand-in can cut it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)[TRANSPORT] = self.transport


def config(application: Any, port: int = 0) -> uvicorn.Config:
    """The server's settings; its complaints about cut connections are kept quiet."""
    return uvicorn.Config(
        application, host="127.0.0.1", port=port, http=CuttableProtocol, log_level="critical", lifespan="off",
        access_log=False, timeout_graceful_shutdown=1,
        date_header=False,  # a vendor's clock is its own
    )  # fmt: skip


@dataclass
class Running:
    """Stand-ins that are up. Their state belongs to the server's thread; reading it between calls is safe."""

    url: str
    simulators: dict[str, Simulator]
    loop: asyncio.AbstractEventLoop

    def of(self, vendor: str) -> Any:
        """One vendor's stand-in."""
        return self.simulators[vendor]

    def base_url(self, vendor: str) -> str:
        """For the connection's `base_url`."""
        return f"{self.url}/{vendor}"

    def fault(self, vendor: str, **fault: Any) -> None:
        """Script a fault."""
        self.simulators[vendor].faults.append(Fault(**fault))


@contextmanager
def serve(simulators: Sequence[Simulator], port: int = 0, beside: Sequence[BaseRoute] = ()) -> Iterator[Running]:
    """Stand-ins on a loopback port (a free one unless told), in a thread of their own."""
    # asyncio turns Nagle's algorithm off for sockets that name TCP only: without it each answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(config(app(simulators, beside)))
    started: Future[asyncio.AbstractEventLoop] = Future()

    async def main() -> None:
        started.set_result(asyncio.get_running_loop())
        await server.serve(sockets=[listener])

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="simulators", daemon=True)
    thread.start()
    loop = started.result(START)
    try:
        yield Running(url, {simulator.vendor: simulator for simulator in simulators}, loop)
    finally:
        server.should_exit = True
        thread.join(START)
        listener.close()
