"""`python -m svyazka.console`: the console of one machine, on loopback, as a process of its own."""

from __future__ import annotations

import argparse

from svyazka.console.app import console
from svyazka.console.rendering import warmed
from svyazka.console.surroundings import Surroundings
from svyazka.settings import Settings


def main() -> None:
    import uvicorn

    from svyazka.app import open_backend, open_clock, settings_keyring
    from svyazka.server.supervised import end_with_supervisor

    parser = argparse.ArgumentParser(prog="python -m svyazka.console")
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument("--supervised", action="store_true", help="end when stdin ends")
    arguments = parser.parse_args()
    if arguments.supervised:
        end_with_supervisor()
    settings = Settings()
    store, _queue = open_backend(settings)
    around = Surroundings(store, open_clock(settings, store), settings_keyring(settings).only("mint"))
    hosts = {f"{name}:{arguments.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    warmed()
    uvicorn.run(
        console(around, hosts), host="127.0.0.1", port=arguments.port, log_level="error", access_log=False,
        proxy_headers=False, server_header=False, timeout_graceful_shutdown=5, lifespan="off",
    )  # fmt: skip


if __name__ == "__main__":
    main()
