"""What makes a process strike itself at a named place; no part of the product."""

from __future__ import annotations

from pathlib import Path


def armed(failpoint: str) -> dict[str, str]:
    """The environment of a process that is to be struck; nothing for one that is to live."""
    return {"SVYAZKA_FAILPOINT": failpoint, "PYTHONPATH": str(Path(__file__).parent)} if failpoint else {}
