"""The command line starts fast: a command's module, and what it needs, is imported only when the command is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Installation

HEAVY = {"pydantic", "yaml", "httpx", "rich", "starlette", "uvicorn", "cryptography", "phonenumbers", "structlog",
         "jmespath", "sqlite3", "asyncio", "simulators", "svyazka.app", "svyazka.engine"}  # fmt: skip

CODE = """
import json, pathlib, sys
from svyazka.cli import main
try:
    main()
finally:
    pathlib.Path(sys.argv.pop()).write_text(json.dumps(sorted(sys.modules)))
"""

Start = Callable[..., tuple["subprocess.CompletedProcess[str]", set[str]]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Runs a command line in a process of its own; what it said, and what it has imported when it ends."""
    told = tmp_path / "modules.json"
    code = CODE.replace("sys.argv.pop()", repr(str(told)))

    def run(*arguments: str, **environment: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60,
            env={**os.environ, **environment},
        )  # fmt: skip
        return done, set(json.loads(told.read_text()))

    return run


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--help"], 0), (["-h"], 0), (["evnts"], 2), (["--no-such-option"], 2), ([], 2)],
)
def test_help_and_wrong_usage_import_nothing_heavy(start: Start, arguments: list[str], status: int) -> None:
    done, modules = start(*arguments, SVYAZKA_LANG="ru")
    assert done.returncode == status, done.stderr
    wanted: set[str] = {"pydantic"} if status else set()  # typer checks values with it
    assert modules & HEAVY <= wanted


@pytest.mark.parametrize("command", ["urls", "secret list", "pause"])
def test_a_command_imports_no_other_commands_needs(start: Start, command: str, hub: Installation) -> None:
    done, modules = start("--data", str(hub.data), *command.split(), "kofe")
    assert done.returncode == 0, done.stderr
    others = {"svyazka.cli.commands.init", "svyazka.cli.commands.doctor", "svyazka.cli.demo.stage", "simulators",
              "svyazka.server.supervise"}  # fmt: skip
    assert modules & others == set()


def test_help_is_in_the_readers_language_and_json_in_none(start: Start) -> None:
    done, _ = start("events", "--help", SVYAZKA_LANG="ru")
    assert "Что произошло в сервисах" in done.stdout
    assert "Usage" not in done.stdout
    done, _ = start("events", "--help", SVYAZKA_LANG="en")
    assert "Usage: " in done.stdout
    done, _ = start("event", SVYAZKA_LANG="ru")
    assert done.stderr == "svyazka: Нет команды «event». Может быть, 'events'?\nсправка: svyazka --help\n"
