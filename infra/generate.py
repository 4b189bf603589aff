"""What deployment must know of the code, written beside it; `--check` says whether the files are in step.

    python infra/generate.py [--check]

`terraform/generated.json`: functions (one a folder), vendors with their rates, the queues that are no vendor's, the
ticks and the paths that they call, the table of time limits, how long blobs are kept.
`terraform/firestore-indexes.json`: indexes, exemptions and time-to-live for the store's queries.
`functions/<function>/`: `main.py` of each vendor that calls us, and `requirements.txt`, the pinned packages that the
function's own code reaches.
`docs/vendors/`: the matrix of vendors, and what stands between marks on their pages.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bundling import functions, needs, requirements_text
from bundling.functions import FUNCTIONS, ROOT
from svyazka.backends.google.indexes import index_plan
from svyazka.connectors.registry import CALLS_US, FRONT_DOOR, VENDORS, load_manifest
from svyazka.engine.journal.tasks import PLANNING, SALVAGING, TICKS
from svyazka.engine.ports.blobs import LIVES
from svyazka.engine.rules import deadlines
from svyazka.model.errors import ConfigError
from vendor_pages import pages

TERRAFORM = ROOT / "infra" / "terraform"

DEADLINES = ("accept_limit", "send_margin", "longest_lease", "function_limit", "dispatch_deadline", "take_over_grace")


def for_terraform() -> dict[str, object]:
    """Functions with their role and whether the vendor's requests are proved by a secret; rates; time limits."""
    rates = {vendor: load_manifest(vendor).limits for vendor in VENDORS}
    return {
        "queues": [PLANNING, SALVAGING],
        "ticks": {route.removeprefix("/"): route for route in TICKS},
        "deadlines": {
            **{name: getattr(deadlines, name.upper()) for name in DEADLINES},
            "classes": {name.value: {"call": t.call, "lease": t.lease} for name, t in deadlines.TIMES.items()},
        },
        "blob_lives": {purpose.value: life.days for purpose, life in LIVES.items()},
        "functions": {
            f.name: {"role": f.role, "vendor": f.vendor, "signs": f.signs, "asks": f.asks} for f in functions()
        },
        "vendors": {
            vendor: {"per_second": round(rate.steady, 3), "concurrency": rate.concurrency, "scope": rate.scope}
            for vendor, rate in rates.items()
        },
    }


WAY_IN = '''"""The webhook that {vendor} calls; infra/generate.py writes it."""

import functions_framework.aio

from svyazka.way_in import webhook

_receive = webhook("{vendor}")


@functions_framework.aio.http
async def {function}(request):  # type: ignore[no-untyped-def]
    return await _receive(request)
'''


FRONT = '''"""The front door that sites, bots and apps call; infra/generate.py writes it."""

import functions_framework.aio

from svyazka.way_in import front_door

_answer = front_door()


@functions_framework.aio.http
async def ingest(request):  # type: ignore[no-untyped-def]
    return await _answer(request)
'''


def ways_in() -> dict[Path, str]:
    """One function for each vendor that calls us."""
    return {
        FUNCTIONS / function / "main.py": FRONT
        if vendor == FRONT_DOOR
        else WAY_IN.format(vendor=vendor, function=function)
        for vendor, function in CALLS_US.items()
    }


def documents() -> dict[Path, str]:
    """The files and what must stand in them; the ways in must be there."""
    found = {
        **pages(),
        TERRAFORM / "generated.json": _text(for_terraform()),
        TERRAFORM / "firestore-indexes.json": _text(index_plan()),
    }
    for function in functions():
        found[function.folder / "requirements.txt"] = requirements_text(function.name, needs(function))
    return found


def _text(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def stale() -> list[Path]:
    """The files that don't say what they must."""
    return _differing(ways_in()) or _differing(documents())


def _differing(wanted: dict[Path, str]) -> list[Path]:
    return [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]


def main() -> int:
    """Write, or with --check compare; 1 when a file is out of step."""
    parser = argparse.ArgumentParser(description="What deployment must know of the code.")
    parser.add_argument("--check", action="store_true", help="compare only")
    if parser.parse_args().check:
        names = [path.relative_to(ROOT).as_posix() for path in stale()]
        if names:
            sys.stderr.write(f"out of step with the code: {', '.join(names)}; run `python infra/generate.py`\n")
        return 1 if names else 0
    for find in (ways_in, documents):
        for path, text in find().items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ConfigError as error:
        sys.exit(str(error))
