"""Addresses of webhooks: where they lead, without the key that they hold. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit


def place(url: str) -> str:
    """An address without its key, as it may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def same_place(one: str, other: str) -> bool:
    """The same address whatever its key: ours from before a rotation is replaced, not added to."""
    return place(one).casefold() == place(other).casefold()


def same_host(one: str, other: str) -> bool:
    """Addresses of one server."""
    return urlsplit(one).netloc.casefold() == urlsplit(other).netloc.casefold()


def is_public_https(url: str, ports: Sequence[int] = (443,)) -> bool:
    """Whether a vendor that calls https only, on some ports, would call it."""
    parts = urlsplit(url)
    try:
        port = parts.port or 443
    except ValueError:
        return False
    return parts.scheme == "https" and port in ports
