"""Connections that share one address of a vendor's: who claims which part of what is heard there.

One document a value of `Webhook.shared_by`, written by `apply`. A claim alone opens nothing: whoever makes it must
hold the secret that proves the request (`Receiver`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from svyazka.engine.ports.store import Document

KIND = "meta"


def claims_key(vendor: str, value: str) -> str:
    """Document id of the claims of one value."""
    return f"claims.{vendor}.{value}"


def claimants(document: Document | None) -> tuple[str, ...]:
    """Ids of the connections that claim it."""
    return tuple(json.loads(document.data)) if document is not None else ()


def claims_document(key: str, owners: Iterable[str], version: str | None) -> Document:
    """The document of one value."""
    return Document(KIND, key, {}, json.dumps(sorted(owners)).encode(), version)
