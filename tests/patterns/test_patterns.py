"""No stranger's text makes a regular expression slow: every pattern of the product is linear, a new one included."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)
"""What the probe takes of the processor is bounded by itself; how long it waits for one says nothing."""


def probed(*patterns: str) -> dict[str, Any]:
    found = subprocess.run(
        [sys.executable, "-m", "patterns.probe", *patterns], cwd=Path(__file__).parent.parent,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def test_every_pattern_is_linear_in_what_strangers_send() -> None:
    found = probed()
    assert found["tried"] > 80, "the walk finds them no more"
    assert found["offenders"] == []


def test_the_probe_tells_the_slow_from_the_quick() -> None:
    slow = [r"(a+)+$", r"\s+,", r"<[^>]*>x?\d", r"\d+-\d+x", r"(?:\w+\.)*@"]
    quick = [r"(?<!\s)\s+,", r"\d{1,20}-", r"\A\s*\d+\s*", r"[\w.]{1,64}@"]
    found = probed(*slow, *quick)
    assert [one.partition(": ")[0].rpartition(" ")[0] for one in found["offenders"]] == slow
