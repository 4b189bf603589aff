"""`python -m svyazka.server accept|work`: one of the two processes that the supervisor keeps."""

from __future__ import annotations

import argparse
import gc
import sys

from svyazka.engine.support.logs import configure
from svyazka.server.console import shape_for
from svyazka.server.lines import Lines
from svyazka.server.supervised import end_with_supervisor
from svyazka.settings import Settings


def _accept(host: str, port: int, settings: Settings) -> None:
    import uvicorn

    from svyazka.app import settings_keyring
    from svyazka.backends.local.clock import load_clock
    from svyazka.backends.local.store import LocalStore
    from svyazka.server.accept import AcceptApp
    from svyazka.server.asked import SocketWorker, socket_of
    from svyazka.server.doorkeeper import Doorkeeper
    from svyazka.server.protocol import protocol_of

    store = LocalStore.open(settings.data)
    clock = load_clock(store, settings.speed)
    worker = SocketWorker(socket_of(settings.data))
    app = AcceptApp(store, settings_keyring(settings), clock, worker, settings.proxies)
    _spare_the_collector()
    uvicorn.run(
        app, http=protocol_of(Doorkeeper()), host=host, port=port, log_level="error", access_log=False,
        proxy_headers=False, server_header=False, date_header=False, timeout_graceful_shutdown=10,
        timeout_keep_alive=30, backlog=2048, lifespan="on",
    )  # fmt: skip


def _spare_the_collector() -> None:
    """What was made so far stays for good, and a request's objects go by themselves: look for garbage less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m svyazka.server")
    parser.add_argument("process", choices=("accept", "work"))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--supervised", action="store_true", help="end when stdin ends")
    arguments = parser.parse_args()
    if arguments.supervised:
        end_with_supervisor()
    configure(Lines(sys.stdout), shape=shape_for(sys.stdout))
    settings = Settings()
    if arguments.process == "accept":
        _accept(arguments.host, arguments.port, settings)
    else:
        from svyazka.server.work import main as work

        _spare_the_collector()
        work(settings)


if __name__ == "__main__":
    main()
