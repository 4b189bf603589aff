"""The budgets of the way in, as ratios and sizes: never as times, for the machine is anybody's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.cold_start import against_empty

from svyazka.engine.keys import Keyring

ROOT = Path(__file__).resolve().parents[2]
CLOUD = {
    "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": "bench", "SVYAZKA_REGION": "europe-west1",
    "SVYAZKA_WORKER_URL": "https://worker.invalid", "SVYAZKA_WORKER_ACCOUNT": "worker@bench.invalid",
    "SVYAZKA_MINT_KEYS": Keyring.generate(), "SVYAZKA_VERIFY_KEYS": Keyring.generate(),
}  # fmt: skip


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    return against_empty(CLOUD, tmp_path_factory.mktemp("cold"), rounds=5, pattern="webhook_[ir]*")


def test_a_webhook_function_starts_within_its_share_of_an_empty_one(cold: dict[str, dict[str, float]]) -> None:
    signs = {
        name: function["signs"]
        for name, function in json.loads((ROOT / "infra/terraform/generated.json").read_text())["functions"].items()
    }
    for name, measured in cold.items():
        if name != "empty":
            assert measured["fastest_ratio"] <= (1.6 if signs[name] else 1.4), (name, measured)


def test_a_webhook_function_stays_small(cold: dict[str, dict[str, float]]) -> None:
    for name, measured in cold.items():
        assert measured["resident_mib"] < 64, (name, measured)
