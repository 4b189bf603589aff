"""`make bench`: measures, prints, and writes `benchmarks/results/<day>.json` with the machine described."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.agreeing import agreeing
from benchmarks.cloud import processor_time
from benchmarks.cold_start import against_empty
from benchmarks.comparing import comparing
from benchmarks.console import console_pages
from benchmarks.door import lead_accept
from benchmarks.importing import importing
from benchmarks.lists import lists
from benchmarks.local import accept_against_bare, end_to_end
from benchmarks.machine import described
from benchmarks.peers.kills import kills
from benchmarks.peers.rates import rates
from benchmarks.processes import ROOT
from benchmarks.upgrade import upgrade
from svyazka.engine.security.keyring import Keyring

RESULTS = ROOT / "benchmarks" / "results"


Measurement = Callable[[float], object]
"""Takes a scale: shorter or longer runs."""

MEASUREMENTS: dict[str, Measurement] = {
    "cold_start": lambda scale: _cold_start(max(int(12 * scale), 2)),
    "accept": lambda scale: accept_against_bare(int(6000 * scale)),
    "lead_accept": lambda scale: lead_accept(int(4000 * scale)),
    "processor_time_as_deployed": lambda scale: processor_time(int(1000 * scale)),
    "end_to_end": lambda scale: end_to_end(int(8000 * scale)),
    "lists": lambda scale: lists(int(100_000 * scale), max(int(1000 * scale), 10)),
    "console": lambda scale: console_pages(int(100_000 * scale), 10),
    "agreeing": lambda scale: agreeing(int(50_000 * scale)),
    "comparing": lambda scale: comparing(int(50_000 * scale)),
    "importing": lambda scale: importing(int(50_000 * scale)),
    "upgrade": lambda scale: upgrade(int(100_000 * scale)),
    "beside_others": rates,
    "killed_again_and_again": kills,
}


def _cold_start(rounds: int) -> object:
    cloud = {
        "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": "bench", "SVYAZKA_REGION": "europe-west1",
        "SVYAZKA_WORKER_URL": "https://worker.invalid", "SVYAZKA_WORKER_ACCOUNT": "worker@bench.invalid",
        "SVYAZKA_MINT_KEYS": Keyring.generate(), "SVYAZKA_VERIFY_KEYS": Keyring.generate(),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        return against_empty(cloud, Path(folder), rounds=rounds)


def main() -> None:
    """Measure one after the other, for the machine is small; print; and write, where it was all of it."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--scale", type=float, default=1.0, help="shorter or longer runs")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, help="some of it, which is printed and not written")
    arguments = parser.parse_args()
    result: dict[str, object] = {"day": f"{datetime.now(UTC):%Y-%m-%d}", "machine": described()}
    for name in arguments.only or MEASUREMENTS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        result[name] = MEASUREMENTS[name](arguments.scale)
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    print(text)
    if not arguments.only:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{result['day']}.json").write_text(text)


if __name__ == "__main__":
    main()
