"""`python -m simulators --port 8081`: every vendor's stand-in as a process."""

from __future__ import annotations

import argparse

import uvicorn

from simulators.chassis import app
from simulators.registry import every_simulator
from simulators.serve import config


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators")
    parser.add_argument("--port", type=int, default=8081)
    uvicorn.Server(config(app(every_simulator()), parser.parse_args().port)).run()


if __name__ == "__main__":
    main()
