"""Python reads this at its start where this folder is on its path: the named places then strike.

What is shipped has no way to end or freeze itself. A process under trial gets `failpoints.py` of this folder in the
place of the library's module, whether it runs from the source or from a bundle.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

REPLACED = "svyazka.engine.support.failpoints"


class Armed(MetaPathFinder):
    """Finds one module here, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != REPLACED:
            return None
        return importlib.util.spec_from_file_location(fullname, Path(__file__).with_name("failpoints.py"))


sys.meta_path.insert(0, Armed())
