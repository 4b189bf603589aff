"""Each bundle is started by functions-framework in a Python with its own requirements only, and answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest

from bundling import Function, functions
from infra.serving import serving
from infra.unpacked import Bundles, Unpacked
from svyazka.connectors.registry import load_webhook
from svyazka.engine.contracts.webhook import RawRequest
from svyazka.engine.security.keyring import Keyring

PROJECT = "demo-bundles"
CONSOLE = "console.example.org"
NOWHERE = "127.0.0.1:1"
"""Nobody listens there: whoever asks the store or the queue is told 503."""


def environment(unpacked: Unpacked, keys: dict[str, str]) -> dict[str, str]:
    """What Terraform gives a function."""
    return {
        "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": PROJECT, "SVYAZKA_REGION": "europe-west1",
        "SVYAZKA_WORKER_URL": "https://sync-worker.example.org",
        "SVYAZKA_WORKER_ACCOUNT": f"svyazka-queue@{PROJECT}.iam.gserviceaccount.com",
        "SVYAZKA_SCHEDULER_ACCOUNT": f"svyazka-scheduler@{PROJECT}.iam.gserviceaccount.com",
        "SVYAZKA_KEYS_EPOCH": "1",
        **{f"SVYAZKA_{name.upper()}_KEYS": keys[name] for name in unpacked.secrets},
        "SVYAZKA_CONSOLE_HOST": CONSOLE, "SVYAZKA_CONSOLE_AUDIENCE": "/projects/1/global/backendServices/2",
        "GCE_METADATA_HOST": NOWHERE, "FIRESTORE_EMULATOR_HOST": NOWHERE, "SVYAZKA_TASKS_URL": f"http://{NOWHERE}",
    }  # fmt: skip


def test_a_bundle_starts_alone_and_lets_nobody_in(function: Function, bundles: Bundles, tmp_path: Path):
    unpacked = bundles.of(function.name)
    keys = {name: Keyring.generate() for name in ("mint", "verify", "vault")}
    forged = Keyring.from_json({"mint": Keyring.generate()}).mint(function.vendor, "kofe", "till")
    traced = {"X-Cloud-Trace-Context": "0af7651916cd43dd8448eb211c80319c/1;o=1"}
    with (
        serving(unpacked, environment(unpacked, keys), tmp_path) as instance,
        httpx.Client(base_url=instance.url, timeout=60, trust_env=False, headers=traced) as client,
    ):
        if function.role == "console":
            assert client.get("/").status_code == 421, "it is called by the console's domain alone"
            for headers in ({}, {"x-goog-iap-jwt-assertion": "a.b.c"}):
                answer = client.get("/", headers={"host": CONSOLE, **headers})
                assert (answer.status_code, "unsafe" in answer.headers["content-security-policy"]) == (401, False)
            assert client.get("/static/console.css", headers={"host": CONSOLE}).status_code == 200
            return
        assert client.get("/").json() == {"status": "ok"}
        if function.role == "worker":
            for headers in ({}, {"Authorization": "Bearer forged"}):
                assert client.post("/plan", json={"event": "evt_1"}, headers=headers).status_code == 401
            return
        if function.asks:
            _the_front_door_lets_nobody_in(client, forged, Keyring.from_json({"mint": keys["mint"]}))
            return
        assert client.post(f"/?key={forged}", json={}).status_code == 401
        assert client.post(f"/{forged}", json={}).status_code == 401
        assert client.post("/", json={}).status_code == 401
        assert client.put("/", json={}).status_code == 405
        genuine = Keyring.from_json({"mint": keys["mint"]}).mint(function.vendor, "kofe", "till")
        answer = client.post(f"/{function.name}?key={genuine}", content=b"{}")
        exact = load_webhook(function.vendor).out_of_service(RawRequest("POST", "/", b"", [], b"{}"))
        if exact is None:
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10"), "the store is out of reach"
        else:
            assert (answer.status_code, answer.content) == (exact.status, exact.body), "its own way to hear that"
    output = instance.output.read_text()
    assert forged not in output
    assert genuine not in output
    refused = [line for line in instance.lines() if line["message"] == "webhook refused"]
    assert [line["code"] for line in refused] == ["401", "401", "401", "405", *(["503"] if exact is None else [])]
    place = f"projects/{PROJECT}/traces/0af7651916cd43dd8448eb211c80319c"
    assert {line["logging.googleapis.com/trace"] for line in refused} == {place}


@pytest.mark.parametrize("function", functions()[-1:], ids=lambda function: function.name, indirect=True)
def test_only_the_bundles_own_library_is_there(unpacked: Path, clean: Path):
    told = subprocess.run(
        [clean, "-c", "import svyazka, sys; print(svyazka.__file__); print(sys.path)"],
        cwd=unpacked, env={}, check=True, capture_output=True, timeout=60,
    ).stdout.decode().splitlines()  # fmt: skip
    assert told[0] == str(unpacked / "svyazka" / "__init__.py")
    elsewhere = subprocess.run([clean, "-c", "import svyazka"], cwd="/", env={}, capture_output=True, timeout=60)
    assert b"ModuleNotFoundError" in elsewhere.stderr


def _the_front_door_lets_nobody_in(client: httpx.Client, forged: str, ours: Keyring) -> None:
    for where in ("/lead", "/ingest/lead"):
        assert client.post(f"{where}?key={forged}", json={}).status_code == 401
        assert client.post(where, json={}).status_code == 401
        assert client.put(where, json={}).status_code == 405
    answer = client.post(f"/lead?key={ours.mint('site', 'kofe', 'web')}", json={"phone": "+79991234567"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10"), "the store is out of reach"
