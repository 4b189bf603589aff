"""A client base in a file looked through and reported on: how fast, and how much memory that takes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

MAKE = """
import sys, messy_rows
from pathlib import Path
folder, made = Path(sys.argv[1]), messy_rows.messy(int(sys.argv[2]))
messy_rows.write_csv(folder / "base.csv", made)
messy_rows.write_xlsx(folder / "base.xlsx", made)
"""

LOOK = r"""
import json, re, sys, time
from pathlib import Path
from svyazka.cli import main
began = time.process_time()
sys.argv = ["svyazka", "import", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"processor_seconds": time.process_time() - began, "peak_mib": peak}))
"""


def importing(lines: int) -> dict[str, dict[str, float]]:
    """The command over a messy base of so many lines, as CSV and as a workbook."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", MAKE, folder, str(lines)], check=True)
        return {kind: _looked_at(Path(folder) / f"base.{kind}") for kind in ("csv", "xlsx")}


def _looked_at(file: Path) -> dict[str, float]:
    command = [sys.executable, "-c", LOOK, str(file), "--yes", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
