"""For all tests: helpers on the path, bundles, and all output of the run searched for its people and its secrets."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.assertion import rewrite

TESTS = Path(__file__).parent
MEASURED = TESTS / "budgets"
sys.path[:0] = [str(TESTS), str(TESTS.parent), str(TESTS.parent / "infra")]

os.environ["SVYAZKA_LANG"] = "en"  # whatever the developer's own shell says

if TYPE_CHECKING:
    from infra.unpacked import Bundles

PERSONAL = re.compile(
    r"""
    (?<![\da-f])\+?[78]9\d{9}(?![\da-f])      # a mobile phone in one piece; digits within a hex id are none
    | \b(?:Иван|Анна|Мария|Петров|Иванова|Тестова)\b | (?:ivan|anna|maria)[\w.]*@      # the samples' people
    | \b\d\.[a-z0-9_-]+\.[a-z0-9_-]+\.\d+\.[a-z2-7]{32}\b   # a webhook key
    | -for-tests\b | -not-real\b | \bnot-a-real-              # credentials that tests use, and the samples'
    | C0FFEE00-1234 | 00000000-AAAA-BBBB-CCCC | whsec_MfKQ9r8
    """,
    re.VERBOSE,
)
"""What no log line, no printed line of a passing test may hold (a command's own output is its result, not this)."""

_leaks: list[str] = []


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    """Every function from its bundle; one for all processes of this run."""
    from infra.turns import shared_folder
    from infra.unpacked import Bundles

    return Bundles(shared_folder(tmp_path_factory, "bundles"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Half of the time goes into waiting for processes that were killed: two workers share a core well."""
    return 2 * (os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """In a fresh clone every worker would rewrite the assertions of every file, which is most of the time until the
    first test: each does its share, and reads what the others have left in the cache."""
    worker = getattr(config, "workerinput", None)
    if worker is None or sys.dont_write_bytecode:
        return
    number, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    for file in sorted(TESTS.rglob("test_*.py"))[number::count]:
        kept = rewrite.get_cache_dir(file) / (file.stem + rewrite.PYC_TAIL)
        if rewrite._read_pyc(file, kept) is None and rewrite.try_makedirs(kept.parent):
            stat, code = rewrite._rewrite_test(file, config)
            rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, stat, kept)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` looks for what is measured in one folder: reading all the others again would take longer than it."""
    for item in items:
        if item.path.is_relative_to(MEASURED):
            item.add_marker("measured")
        elif item.get_closest_marker("measured"):
            raise pytest.UsageError(f"{item.nodeid}: what is measured belongs into {MEASURED.name}/")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search what a test and the code under it printed."""
    if report.failed:
        return  # a failing assertion shows what it compared
    for name, content in report.sections:
        for match in PERSONAL.finditer(content):
            _leaks.append(f"{report.nodeid} [{name}]: {match[0][:4]}...")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A leak fails the run."""
    if _leaks and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the leaks."""
    if _leaks:
        terminalreporter.section("personal data or secrets in the output")
        for leak in _leaks[:30]:
            terminalreporter.line(leak)
