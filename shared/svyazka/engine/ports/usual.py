"""Where a site's usual hour is written down: by the worker, for the front door."""

from __future__ import annotations


def usual_key(owner: str) -> str:
    """The id in `meta` of how many calls an hour a connection usually brings."""
    return f"usual.{owner}"
