"""Tries a vendor for real: its doctor, then one message to your own phone. Asks before it sends; never in CI.

    python infra/live.py TENANT VENDOR [TO]

The tenant's file and secrets are those of this installation (`svyazka apply`, `svyazka secret set`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from svyazka.connectors.registry import VENDORS, load_manifest

SVYAZKA = str(Path(sys.executable).with_name("svyazka"))


def main() -> int:
    """Ask the vendor, ask the person, send."""
    parser = argparse.ArgumentParser(description="Try a vendor for real, with an account of your own.")
    parser.add_argument("tenant")
    parser.add_argument("vendor", choices=VENDORS)
    parser.add_argument("to", nargs="?", help="your own phone, address or chat")
    given = parser.parse_args()
    if os.environ.get("CI") or not sys.stdin.isatty():
        sys.stderr.write("this costs money and reaches people: it wants a terminal, and somebody at it\n")
        return 2
    if subprocess.run([SVYAZKA, "doctor", given.tenant, "--live"]).returncode != 0:
        return 1
    manifest = load_manifest(given.vendor)
    if manifest.messenger is not None and given.to:
        connection = input(f"which connection of {given.tenant} is {given.vendor}'s? ").strip()
        if input(f"send one real message through {connection} to {given.to}? Type yes: ").strip() != "yes":
            return 1
        text = f"Svyazka: {given.vendor}"
        if subprocess.run([SVYAZKA, "send", connection, "--to", given.to, "--text", text]).returncode != 0:
            return 1
    sys.stdout.write(f'seen: the manifest of {given.vendor} may say quality=Quality(seen_live="{date.today()}", ...)\n')
    return 0


if __name__ == "__main__":
    sys.exit(main())
