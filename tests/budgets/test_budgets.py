"""The budgets of the way in, as ratios and sizes: never as times, for the machine is anybody's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.cold_start import against_empty

from svyazka.engine.security.keyring import Keyring

ROOT = Path(__file__).resolve().parents[2]
CLOUD = {
    "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": "bench", "SVYAZKA_REGION": "europe-west1",
    "SVYAZKA_WORKER_URL": "https://worker.invalid", "SVYAZKA_WORKER_ACCOUNT": "worker@bench.invalid",
    "SVYAZKA_MINT_KEYS": Keyring.generate(), "SVYAZKA_VERIFY_KEYS": Keyring.generate(),
}  # fmt: skip

WORKER = """
import os
from functions_framework.aio import create_asgi_app
create_asgi_app(target="sync_worker", source="functions/sync_worker/main.py")
from svyazka.connectors.registry import CALLS_US, VENDORS, load_manifest, load_webhook
from svyazka.flows.registry import FLOWS, load_flow
loaded = [*map(load_manifest, VENDORS), *map(load_webhook, CALLS_US), *map(load_flow, FLOWS)]
print(int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
"""


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """Four of them, with and without a signature: what every bundle may load is tested with the bundles, and `make
    bench` measures them all."""
    return against_empty(CLOUD, tmp_path_factory.mktemp("cold"), rounds=3, pattern="webhook_[air]*")


def test_a_webhook_function_starts_within_its_share_of_an_empty_one(cold: dict[str, dict[str, float]]) -> None:
    signs = {
        name: function["signs"]
        for name, function in json.loads((ROOT / "infra/terraform/generated.json").read_text())["functions"].items()
    }
    for name, measured in cold.items():
        if name != "empty":
            assert measured["work_ratio"] <= (1.6 if signs[name] else 1.4), (name, measured)


def test_a_webhook_function_stays_small(cold: dict[str, dict[str, float]]) -> None:
    for name, measured in cold.items():
        assert measured["resident_mib"] < 64, (name, measured)


def test_the_worker_stays_small_with_every_connector_and_flow_loaded() -> None:
    nobody = "127.0.0.1:9"  # its clients are made; nothing is called
    cloud = {
        **CLOUD, "SVYAZKA_VAULT_KEYS": Keyring.generate(), "FIRESTORE_EMULATOR_HOST": nobody,
        "SVYAZKA_TASKS_GRPC": nobody,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", WORKER], env={**os.environ, **cloud}, cwd=ROOT, capture_output=True, check=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert float(done.stdout.splitlines()[-1]) < 160
