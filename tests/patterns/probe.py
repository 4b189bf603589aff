"""Tries every regular expression of the product against hostile texts, and prints those that aren't linear.

Run in a process of its own, for one that is exponential would never come back. Patterns are found by themselves: those
that modules and classes hold, wherever in them, and those that stand as literals in calls of `re`.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import svyazka

SIGNS = [
    *"a1я А+-_.,:;@%/\\\"'<>()[]{}=&?!#\n\u00a0", "ab", "1 ", "a ", "1-", "a.", "a@", "a@a.", "%4", "%41", "\\u", "a:",
    "a/", "a=", "<a", "e1",
]  # fmt: skip
STARTS, END = ("", "a@"), "\x01"
"""A text is one of STARTS, one sign or two again and again, and a sign at which most searches fail."""

SHORT, LONG = 22, 2048
"""A text so short may be slow only where work doubles with each sign; one so long where it is quadratic."""

BURDEN = 0.0006
"""Processor seconds that no linear search of a LONG text takes."""

STEEP = 3.0
"""How much longer twice the text may take: it is 2 where work is linear, 4 where it is quadratic."""


def modules() -> Iterator[ModuleType]:
    """Every module of the product."""
    for found in pkgutil.walk_packages(svyazka.__path__, "svyazka."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def held(value: object, depth: int = 4) -> Iterator[re.Pattern[Any]]:
    """Patterns within a value."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            yield from held(item, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from held(item, depth - 1)
    elif depth and (isinstance(value, type) or type(value).__module__.startswith("svyazka")):
        yield from held(list(vars(value).values()) if hasattr(value, "__dict__") else (), depth - 1)


def written(source: str) -> Iterator[str]:
    """Patterns that stand as literals: in calls of `re`, and as pydantic's `pattern=`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "re":
            yield from _literals(node.args[:1])
        yield from _literals([keyword.value for keyword in node.keywords if keyword.arg == "pattern"])


def _literals(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def patterns() -> dict[str, re.Pattern[Any]]:
    """Each once, by its own text and flags."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in modules():
        for pattern in held(list(vars(module).values())):
            found[f"{pattern.pattern!r} {pattern.flags}"] = pattern
        for text in written(Path(str(module.__file__)).read_text("utf-8")):
            if text not in {pattern.pattern for pattern in found.values()}:
                found[repr(text)] = re.compile(text)
    return found


def took(work: Callable[[str], object], text: str, times: int = 1) -> float:
    """Processor seconds, the least of so many times."""
    least = float("inf")
    for _ in range(times):
        started = time.thread_time()
        work(text)
        least = min(least, time.thread_time() - started)
    return least


def is_steep(work: Callable[[str], object], text_of: Callable[[int], str]) -> bool:
    """Whether a text is a burden, and twice the text far more than twice that."""
    if took(work, text_of(SHORT)) > BURDEN and took(work, text_of(SHORT), 3) > BURDEN:
        return True
    if took(work, text_of(LONG)) < BURDEN or took(work, text_of(LONG), 3) < BURDEN:
        return False
    return all(took(work, text_of(2 * LONG), 2) > STEEP * took(work, text_of(LONG), 2) for _ in range(3))


def works(pattern: re.Pattern[Any]) -> Iterator[Callable[[str], object]]:
    """The ways in which a pattern is asked: everywhere, and for the whole text."""
    as_bytes = isinstance(pattern.pattern, bytes)

    def given(text: str) -> Any:
        return text.encode() if as_bytes else text

    yield lambda text: sum(1 for _ in pattern.finditer(given(text)))
    yield lambda text: pattern.fullmatch(given(text))


def offenders(found: Mapping[str, re.Pattern[Any]]) -> Iterator[str]:
    """Patterns that a text can make slow, with that text."""
    for name, pattern in found.items():
        offence = next(_offences(pattern), None)
        if offence is not None:
            yield f"{name}: {offence}"


def _offences(pattern: re.Pattern[Any]) -> Iterator[str]:
    own = [sign for sign in dict.fromkeys(str(pattern.pattern)) if sign.isalpha()][:8]
    for work in works(pattern):
        for start in STARTS:
            for sign in dict.fromkeys((*SIGNS, *own)):

                def text_of(size: int, start: str = start, sign: str = sign) -> str:
                    return start + sign * (size // len(sign)) + END

                if is_steep(work, text_of):
                    yield f"{start!r} + {sign!r} * n + {END!r}"


PROCESSOR = 60
"""Seconds of a processor after which a pattern is taken for an exponential one; all of them take about twelve."""

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    chosen = {f"{text} 0": re.compile(text) for text in sys.argv[1:]} or patterns()
    print(json.dumps({"tried": len(chosen), "offenders": list(offenders(chosen))}, ensure_ascii=False))
