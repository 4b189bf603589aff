"""T-Bank's token: what proves a request, in both directions. Pure, and light to import.

It covers the values at the root of the body and not their names, so that digits may move from one field to the next
under the same token: whoever reads a notification believes no sum of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

TOKEN, PASSWORD = "Token", "Password"


def token_of(fields: Mapping[str, object], password: str) -> str:
    """SHA-256 over the root's scalars and the password, their values joined in the order of their names (sheet, three
    published vectors). Objects, arrays and null take no part; numbers must be given as they are written."""
    parts = {name: _written(value) for name, value in fields.items() if name != TOKEN}
    parts[PASSWORD] = password
    line = "".join(value for _, value in sorted(parts.items(), key=_by_bytes) if value is not None)
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def _written(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None


def _by_bytes(pair: tuple[str, str | None]) -> bytes:
    return pair[0].encode("utf-8", "surrogatepass")
