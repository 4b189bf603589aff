"""One zip a function, ready to be deployed: `build/bundles/<function>.zip`.

    python infra/bundle.py [--out FOLDER] [FUNCTION...]

Ends with 1 when a bundle is over its bound.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

from bundling import build, functions
from bundling.functions import ROOT
from svyazka.model.errors import ConfigError

LIMIT = {"webhook": 360_000, "worker": 4_000_000, "console": 3_700_000, "ingest": 470_000}
"""Bytes of a zip, by role; the front door has a bound of its own.

Every one of them is downloaded, unpacked and held in memory by each instance."""


def main() -> int:
    """Build, report sizes; 1 when a bundle is over its bound."""
    parser = argparse.ArgumentParser(description="One zip a function, ready to be deployed.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bundles")
    parser.add_argument("function", nargs="*", help="only these; all of functions/ unless told")
    given = parser.parse_args()
    known = {function.name: function for function in functions()}
    unknown = set(given.function) - known.keys()
    if unknown:
        parser.error(f"no such function: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    over = False
    for name in given.function or known:
        path = build(known[name], given.out)
        size, limit = path.stat().st_size, LIMIT.get(name) or LIMIT[known[name].role]
        with zipfile.ZipFile(path) as archive:
            modules = sum(entry.endswith(".py") for entry in archive.namelist())
        over = over or size > limit
        note = f"  over the bound of {limit / 1000:.0f} KB" if size > limit else ""
        sys.stdout.write(f"{name:22} {size / 1000:6.1f} KB  {modules:3} modules{note}\n")
    return 1 if over else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ConfigError as error:
        sys.exit(str(error))
