"""`python -m simulators.cloudtasks --port 8123 --queue projects/p/locations/l/queues/q`: Cloud Tasks as a process."""

from __future__ import annotations

import argparse
import signal
import sys
from threading import Event

from simulators.cloudtasks.clock import Clock
from simulators.cloudtasks.service import CloudTasks
from simulators.cloudtasks.testing import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="simulators.cloudtasks", description="A loopback stand-in for Cloud Tasks.")
    parser.add_argument("--port", type=int, default=8123, help="of REST, certificates, metadata and controls")
    parser.add_argument("--grpc-port", type=int, help="serve gRPC too")
    parser.add_argument("--queue", action="append", default=[], help="full name of a queue to create; repeatable")
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of the queue in a real second")
    parser.add_argument("--stepped", action="store_true", help="time moves only by POST /_sim/cloudtasks/clock")
    parser.add_argument("--seed", type=int, default=0, help="of forgetting, duplicates and shuffling")
    parser.add_argument("--shuffle", action="store_true", help="send due tasks in any order")
    parser.add_argument("--require-auth", action="store_true", help="ask for an access token of the metadata server")
    options = parser.parse_args()
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    service = CloudTasks(
        Clock(speed=options.speed, stepped=options.stepped), seed=options.seed, shuffle=options.shuffle
    )
    with serve(
        service=service,
        queues=options.queue,
        port=options.port,
        grpc=options.grpc_port is not None,
        grpc_port=options.grpc_port or 0,
        require_auth=options.require_auth,
    ) as running:
        grpc = f", gRPC on {running.grpc_target}" if running.grpc_target else ""
        sys.stdout.write(f"Cloud Tasks on {running.url}{grpc}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
