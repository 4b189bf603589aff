"""Whatever the engine itself makes of an attempt says why in the words that statistics share."""

from __future__ import annotations

import ast
from pathlib import Path

import svyazka.engine

OUTCOMES = {"Retry", "Refused", "Blocked", "Unclear", "Unknown"}


def test_no_outcome_of_the_engines_own_counts_as_another_reason() -> None:
    without = [
        f"{path.name}:{node.lineno} {node.func.id}"
        for path in Path(next(iter(svyazka.engine.__path__))).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OUTCOMES
        if "code" in (given := {one.arg for one in node.keywords}) and "reason" not in given
    ]
    assert without == [], "say `reason=`: see model/reasons.py"
