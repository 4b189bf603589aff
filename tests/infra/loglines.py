"""Every line that the code can log, read off its source: the sentence and the fields that it always names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from svyazka.engine.problems.kinds import KINDS

SOURCE = Path(__file__).resolve().parents[2] / "shared" / "svyazka"
NOT_DEPLOYED = ("cli", "server", "backends/local")


@dataclass(frozen=True, slots=True)
class Line:
    """One call of `log`."""

    message: str
    fields: frozenset[str]
    place: str


def deployed() -> Iterator[tuple[str, ast.Module]]:
    """Modules that functions can hold."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if not name.startswith(NOT_DEPLOYED):
            yield name, ast.parse(path.read_text())


@cache
def lines() -> list[Line]:
    """Fails for a line whose sentence isn't fixed."""
    found = []
    for name, tree in deployed():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "log":
                message = node.args[1]
                assert isinstance(message, ast.Constant), f"{name}:{node.lineno}: expected a fixed sentence"
                fields = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
                found.append(Line(str(message.value), fields, f"{name}:{node.lineno}"))
    return found


@cache
def words() -> set[str]:
    """Every text that stands in the code: what a field's value can be, or begin with."""
    return {
        node.value
        for _, tree in deployed()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def told() -> set[str]:
    """Every kind of alert, as its kind of problem names it."""
    return {kind.alert[0].partition(" ")[0] for kind in KINDS.values()}
