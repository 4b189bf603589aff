"""What is deployed is what was tested: each bundle is complete, small, and the same however often it is built."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import bundle
from bundling import Function, functions
from bundling.archive import UNCHECKED
from bundling.functions import ROOT
from infra.unpacked import Bundles
from svyazka.connectors.registry import VENDORS
from svyazka.engine.security.keyring import Keyring

BUNDLE = ROOT / "infra" / "bundle.py"


def names(unpacked: Path) -> set[str]:
    return {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}


def test_the_same_input_gives_the_same_bytes(bundles: Bundles, tmp_path: Path):
    """Built here, and by another process in another folder, zone and order of sets: one of each role."""
    bounds = bundle.LIMIT.keys()
    built = {function.name if function.name in bounds else function.role: function for function in functions()}
    assert built.keys() == bounds
    environment = {**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Vladivostok"}
    command = [sys.executable, BUNDLE, "--out", tmp_path / "elsewhere", *(function.name for function in built.values())]
    told = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=110)
    for function in built.values():
        assert function.name in told.stdout.decode()
        here = bundles.zip(function)
        assert here.read_bytes() == (tmp_path / "elsewhere" / here.name).read_bytes(), function.name


def test_a_bundle_holds_what_its_function_needs_and_nothing_else(function: Function, unpacked: Path):
    found = names(unpacked)
    assert {"main.py", "requirements.txt", "svyazka/way_in.py", "svyazka/engine/support/logs.py"} <= found
    beside = ("svyazka/cli/", "svyazka/server/", "svyazka/backends/local/", "simulators/", "tests/")
    assert [name for name in found if name.startswith(beside)] == []
    connectors = unpacked / "svyazka" / "connectors"
    vendors = {path.name for path in connectors.iterdir() if (path / "__init__.py").exists()}
    if function.vendor:
        assert vendors <= {function.vendor}
        assert f"svyazka/connectors/{function.vendor}/webhook.py" in found
        for way_out in ("actions.py", "client.py"):
            assert f"svyazka/connectors/{function.vendor}/{way_out}" not in found
        assert [name for name in found if name.startswith(("svyazka/flows/", "svyazka/engine/delivering/"))] == []
        assert "svyazka/backends/google/store.py" not in found
    else:
        assert vendors == set(VENDORS)
        assert "svyazka/backends/google/store.py" in found
    pages = {"svyazka/console/templates/frame.html", "svyazka/console/static/console.css"}
    assert (pages | {"svyazka/locale/ru/LC_MESSAGES/svyazka.mo"} <= found) == (function.role == "console")
    assert any(name.startswith("svyazka/console/") for name in found) == (function.role == "console")


def test_nothing_that_is_deployed_can_strike_itself(unpacked: Path):
    """Places at which the chaos suite ends or freezes a process are names here; what strikes stays with the tests."""
    sources = {path: path.read_text() for path in unpacked.rglob("*.py")}
    armed = [
        path for path, text in sources.items() if "SVYAZKA_FAILPOINT" in text or re.search(r"os\.kill|SIGKILL", text)
    ]
    assert armed == []


def test_a_way_in_installs_no_grpc_and_no_client_library(function: Function, unpacked: Path):
    pinned = (unpacked / "requirements.txt").read_text()
    heavy = ("grpcio==", "google-", "proto-plus==", "phonenumbers==", "httpx==", "rich==", "typer==")
    installed = [line for line in pinned.splitlines() if line.startswith(heavy)]
    assert bool(installed) == (function.role in ("worker", "console")), installed
    dev = ("pytest==", "ruff==", "mypy==", "moto==", "hypothesis==", "boto3==")
    assert not any(line.startswith(dev) for line in pinned.splitlines())


def test_who_seals_nothing_installs_no_cryptography_and_names_it_nowhere_else(function: Function, unpacked: Path):
    """It is left out by a rule about the engine's keys: nobody else in the bundle may count on it."""
    has_it = "cryptography==" in (unpacked / "requirements.txt").read_text()
    assert has_it == function.seals
    naming = {path.name for path in unpacked.rglob("*.py") if "from cryptography" in path.read_text()}
    assert has_it or naming <= {"keyring.py"}


def test_requirements_beside_main_are_the_bundles_own(function: Function, unpacked: Path):
    beside = function.folder / "requirements.txt"
    assert beside.read_text() == (unpacked / "requirements.txt").read_text(), "run `python infra/generate.py`"


def test_every_source_has_bytecode_that_is_taken_unchecked(unpacked: Path):
    for source in unpacked.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(source))).read_bytes()
        assert compiled[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(compiled[4:8], "little") == UNCHECKED
        assert compiled[8:16] == importlib.util.source_hash(source.read_bytes())


@pytest.mark.parametrize("function", functions()[-1:], ids=lambda function: function.name, indirect=True)
def test_an_instance_compiles_nothing_of_ours(unpacked: Path, clean: Path):
    """The bytecode is what runs: a source that says something else isn't even read."""
    (unpacked / "svyazka" / "engine" / "rules" / "retry.py").write_text("raise SystemExit('compiled anew')")
    (unpacked / "svyazka" / "engine" / "support" / "logs.py").write_text("raise SystemExit('compiled anew')")
    told = subprocess.run(
        [clean, "-c", "import svyazka.engine.support.logs as m; print(m.__file__)"],
        cwd=unpacked, env={}, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert told.stdout.decode().strip() == str(unpacked / "svyazka" / "engine" / "support" / "logs.py")


def test_a_bundle_over_its_bound_fails_the_build(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bundle", "--out", str(tmp_path), "webhook_smsru"])
    assert bundle.main() == 0
    assert bundle.LIMIT["webhook"] <= 360_000
    monkeypatch.setitem(bundle.LIMIT, "webhook", 10_000)
    assert bundle.main() == 1
    assert "over the bound of 10 KB" in capsys.readouterr().out


def test_a_zip_says_nothing_of_who_built_it(function: Function, bundles: Bundles):
    with zipfile.ZipFile(bundles.zip(function)) as archive:
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644)
        }
        assert str(ROOT).encode() not in b"".join(archive.read(entry) for entry in entries)


@pytest.mark.parametrize(
    "function", [each for each in functions() if each.vendor], ids=lambda function: function.name, indirect=True
)
def test_a_way_in_starts_without_what_only_the_worker_needs(function: Function, unpacked: Path, clean: Path):
    """Seen in the process itself: every module that a cold start loads."""
    given = {
        "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": "p", "SVYAZKA_REGION": "r", "SVYAZKA_WORKER_URL": "https://w",
        "SVYAZKA_WORKER_ACCOUNT": "a@p", "SVYAZKA_MINT_KEYS": Keyring.generate(),
    }  # fmt: skip
    told = subprocess.run(
        [clean, "-c", "import main, sys; print(*sys.modules, sep='\\n')"],
        cwd=unpacked, env=given, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    loaded = set(told.stdout.decode().split())
    assert f"svyazka.connectors.{function.vendor}.webhook" in loaded
    heavy = {"grpc", "proto", "google.auth", "google.api_core", "httpx", "requests", "phonenumbers", "cryptography"}
    heavy |= {"pydantic_settings", "svyazka.connectors.registry", "svyazka.flows", "svyazka.engine.worker"}
    assert loaded & heavy == set()
