"""`make setup` believes nothing that didn't happen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PYTHON = """#!/bin/sh
case "$*" in
*venv*) mkdir -p "{venv}/bin" && cp "$0" "{venv}/bin/python" ;;
*requirements.lock*) echo Collecting something; exit {status} ;;
*-e*) exit {own} ;;
esac
"""


@pytest.mark.parametrize(("status", "own", "ready"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_a_setup_is_ready_only_when_every_package_was_installed(
    tmp_path: Path, status: int, own: int, ready: bool
) -> None:
    python, venv = tmp_path / "python", tmp_path / "venv"
    python.write_text(PYTHON.format(venv=venv, status=status, own=own))
    python.chmod(0o755)
    made = subprocess.run(
        ["make", "--silent", "setup", f"PYTHON={python}", f"VENV={venv}"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (made.returncode == 0, (venv / ".ready").exists()) == (ready, ready), made.stderr
    assert ("make setup" in made.stderr) == (status != 0)
