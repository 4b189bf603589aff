"""`make bench`: measures, prints, and writes `benchmarks/results/<day>.json` with the machine described."""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.cloud import processor_time
from benchmarks.cold_start import against_empty
from benchmarks.lists import lists
from benchmarks.local import accept_against_bare, end_to_end
from benchmarks.machine import described
from benchmarks.processes import ROOT
from benchmarks.upgrade import upgrade
from svyazka.engine.security.keyring import Keyring

RESULTS = ROOT / "benchmarks" / "results"


def measured(scale: float) -> dict[str, object]:
    """Everything, one after the other: the machine is small."""
    cloud = {
        "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": "bench", "SVYAZKA_REGION": "europe-west1",
        "SVYAZKA_WORKER_URL": "https://worker.invalid", "SVYAZKA_WORKER_ACCOUNT": "worker@bench.invalid",
        "SVYAZKA_MINT_KEYS": Keyring.generate(), "SVYAZKA_VERIFY_KEYS": Keyring.generate(),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        cold = against_empty(cloud, Path(folder), rounds=max(int(12 * scale), 2))
    return {
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": described(),
        "cold_start": cold,
        "accept": accept_against_bare(int(6000 * scale)),
        "processor_time_as_deployed": processor_time(int(1000 * scale)),
        "end_to_end": end_to_end(int(8000 * scale)),
        "lists": lists(int(100_000 * scale), max(int(1000 * scale), 10)),
        "upgrade": upgrade(int(100_000 * scale)),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--scale", type=float, default=1.0, help="shorter or longer runs")
    result = measured(parser.parse_args().scale)
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{result['day']}.json").write_text(text)


if __name__ == "__main__":
    main()
