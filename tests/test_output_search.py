"""The search of all output would find something: a run that prints a person or a secret fails and says where."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TOLD = (
    "to +79991234567", "to=79991234567&json=1", "Анна, спасибо", "ivan.petrov@mail.example.org",
    "1.kofe-pokrovka.till.1.abcdefghijklmnopqrstuvwxyz234567", "api_id=00000000-AAAA-BBBB-CCCC-000000000001",
    "hook-secret-for-tests",
)  # fmt: skip
HARMLESS = ("+7999•••4567, И•••", "evt_79991234567aaaaaaaaaaaaaaaaaaaaaa", "order:1024")


def test_whatever_passing_tests_print_of_a_person_or_a_secret_fails_the_run(tmp_path: Path) -> None:
    printing = [f"def test_{n}() -> None:\n    print({text!r})\n" for n, text in enumerate((*TOLD, *HARMLESS))]
    (tmp_path / "test_it.py").write_text("\n".join(printing), "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "--rootdir", ".", "-q", "."]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTEST_ADDOPTS": "", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    named = {number for number in range(len(printing)) if f"::test_{number} [" in done.stdout}
    assert named == set(range(len(TOLD)))
    assert not [text for text in TOLD if text in done.stdout], "what was found isn't shown once more"
