"""A function's zip: the same input gives the same bytes.

Beside every source lies its bytecode, of the kind that is never compared with the source: the platform's builder
compiles what it installs but not what it was sent, and an instance would compile it anew at each cold start. What only
a reader of the source wants (docstrings, the types of arguments and results) isn't said a second time in it.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import sys
import zipfile
from functools import cache
from pathlib import Path, PurePosixPath

from bundling.functions import Function
from bundling.library import LIBRARY, needs
from bundling.requirements import requirements_text
from svyazka.model.errors import ConfigError

RUNTIME = (3, 11)
"""The Python of the functions' runtime: bytecode of another one would be of no use."""

EPOCH = (1980, 1, 1, 0, 0, 0)
UNCHECKED = 0b01
MARSHAL_VERSION = 2
"""The newest one without back references: those tell how often an object was in use while we compiled."""

PLACE = PurePosixPath("/workspace")
"""Where the platform unpacks a function: what tracebacks name."""


def contents(function: Function) -> dict[str, bytes]:
    """The files of a function's bundle by their path in it."""
    if sys.version_info[:2] != RUNTIME:
        raise ConfigError(f"bundles are built with Python {RUNTIME[0]}.{RUNTIME[1]}, this is {sys.version.split()[0]}")
    found = needs(function)
    sources = {PurePosixPath("main.py"): function.folder / "main.py"}
    sources |= {PurePosixPath(path.relative_to(LIBRARY).as_posix()): path for path in found.modules.values()}
    files = {"requirements.txt": requirements_text(function.name, found).encode()}
    for name, path in sources.items():
        source = path.read_bytes()
        cached = name.parent / "__pycache__" / f"{name.stem}.{sys.implementation.cache_tag}.pyc"
        files[str(name)] = source
        files[str(cached)] = bytecode(source, PLACE / name)
    for pattern in function.shows:
        files |= {path.relative_to(LIBRARY).as_posix(): path.read_bytes() for path in LIBRARY.glob(pattern)}
    return dict(sorted(files.items()))


@cache
def bytecode(source: bytes, shown_as: PurePosixPath) -> bytes:
    """A .pyc that is taken as it is (PEP 552, unchecked hash); most files are in many bundles."""
    code = compile(_without_words(ast.parse(source)), str(shown_as), "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED.to_bytes(4, "little") + importlib.util.source_hash(source)
    return head + marshal.dumps(code, MARSHAL_VERSION)


def _without_words(tree: ast.Module) -> ast.Module:
    """Without what nothing asks for while it runs: docstrings, and the types of arguments and results.

    Docstrings of decorated classes stay: `dataclass` makes one up where there is none, at a cold start's cost. Types of
    fields stay, and those of decorated functions: pydantic reads them.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.ClassDef) and node.decorator_list:
            continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            node.returns = None
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
    return tree


def build(function: Function, folder: Path) -> Path:
    """Write the function's zip into a folder; where it lies."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{function.name}.zip"
    beside = target.with_suffix(".zip.new")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in contents(function).items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    beside.replace(target)
    return target
