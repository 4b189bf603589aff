"""Which modules of the library a function can reach, read off the source without running it.

An import at the top of a module counts as soon as the module does. One inside a function or class counts only
when that function can be reached from a name that somebody imports: `app.py` wires the worker and the ways in,
and a way in must not carry the worker's half.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bundling.functions import ROOT, Function
from svyazka.model.errors import ConfigError

LIBRARY = ROOT / "shared"
PACKAGE = "svyazka"
NEVER = ("svyazka.backends.local", "svyazka.backends.google.secrets", "svyazka.server", "svyazka.cli")
"""Where other settings lead: a deployed function says `SVYAZKA_BACKEND=google` and is handed its keys."""

ALL = "*"


@dataclass(frozen=True, slots=True)
class Imported:
    """`module` is imported; `names` of it, or the whole."""

    module: str
    names: tuple[str, ...] = (ALL,)


@dataclass(frozen=True, slots=True)
class Source:
    """One parsed file: imports at its top, and those within each of its functions and classes."""

    top: tuple[Imported, ...]
    within: dict[str, tuple[Imported, ...]]
    mentions: dict[str, frozenset[str]]
    """Function or class -> the other ones of this file that it names."""
    top_mentions: frozenset[str]


@dataclass(slots=True)
class Needs:
    """The closure: files of the library, and modules from elsewhere (not the standard library's)."""

    modules: dict[str, Path] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    standard: set[str] = field(default_factory=set)


def needs(function: Function) -> Needs:
    """All that a function can reach from its main.py and from what it loads by name."""
    found = Needs()
    reached: dict[str, set[str]] = {}
    main = _source(function.folder / "main.py", "main")
    waiting = [*main.top, *(i for imports in main.within.values() for i in imports)]
    waiting += [Imported(module) for module in function.loads]
    while waiting:
        wanted = waiting.pop()
        if not wanted.module.startswith(PACKAGE):
            _outside(wanted.module, found, function.leaves)
        elif not wanted.module.startswith(NEVER):
            waiting += _reach(wanted, found, reached)
    return found


def _outside(module: str, found: Needs, leaves: frozenset[str]) -> None:
    root = module.partition(".")[0]
    if root in sys.stdlib_module_names:
        found.standard.add(root)
    elif root not in leaves:
        found.packages.add(module)


def _reach(wanted: Imported, found: Needs, reached: dict[str, set[str]]) -> Iterator[Imported]:
    path = module_file(wanted.module)
    if path is None:
        raise ConfigError(f"{wanted.module}: no such module under {LIBRARY.name}/")
    source = _source(path, wanted.module)
    seen = reached.get(wanted.module)
    if seen is None:
        seen = reached[wanted.module] = set()
        found.modules[wanted.module] = path
        yield from (Imported(parent) for parent in _parents(wanted.module))
        yield from source.top
        yield from _defined(source.top_mentions, source, seen)
    for name in wanted.names:
        if name != ALL and module_file(f"{wanted.module}.{name}"):
            yield Imported(f"{wanted.module}.{name}")
        else:
            yield from _defined(source.within if name == ALL else [name], source, seen)


def _defined(names: Iterable[str], source: Source, seen: set[str]) -> Iterator[Imported]:
    """Imports within the functions named and within those of the same file that they call."""
    waiting = [name for name in names if name in source.within]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield from source.within[name]
        waiting += source.mentions[name]


def _parents(module: str) -> Iterator[str]:
    parent = module.rpartition(".")[0]
    while parent:
        yield parent
        parent = parent.rpartition(".")[0]


def module_file(module: str) -> Path | None:
    """The file of a library module or package, or None."""
    base = LIBRARY.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _source(path: Path, module: str) -> Source:
    return _parsed(path.read_text(), module if path.name == "__init__.py" else module.rpartition(".")[0])


@cache
def _parsed(text: str, package: str) -> Source:
    tree = ast.parse(text)
    definitions = {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    others = [node for node in tree.body if node not in definitions.values()]
    return Source(
        top=tuple(i for node in others for i in _imports(node, package)),
        within={name: tuple(_imports(node, package)) for name, node in definitions.items()},
        mentions={name: _mentioned(node) & definitions.keys() for name, node in definitions.items()},
        top_mentions=frozenset().union(*(_mentioned(node) for node in others)) & definitions.keys(),
    )


def _mentioned(tree: ast.AST) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _imports(tree: ast.AST, package: str) -> Iterator[Imported]:
    if isinstance(tree, ast.If) and isinstance(tree.test, ast.Name) and tree.test.id == "TYPE_CHECKING":
        for node in tree.orelse:
            yield from _imports(node, package)
    elif isinstance(tree, ast.Import):
        yield from (Imported(alias.name) for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom):
        parts = package.split(".")
        base = ".".join(parts[: len(parts) - tree.level + 1]) if tree.level else ""
        module = ".".join(filter(None, (base, tree.module)))
        yield Imported(module, tuple(alias.name for alias in tree.names))
    else:
        for child in ast.iter_child_nodes(tree):
            yield from _imports(child, package)
