"""Addresses of webhooks: where they lead, without the key that they hold. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from svyazka.catalogue import N_


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


def is_own_machine(url: str) -> bool:
    """Whether an address leads to this very machine: a stand-in's."""
    host = (urlsplit(url).hostname or "").rstrip(".").casefold()
    return host == "localhost" or host.endswith(".localhost") or host == "::1" or host.startswith("127.")


def nobody_reaches(url: str) -> str | None:
    """Why a vendor out in the world could not call an address, or shouldn't; None where it could."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").casefold()
    if parts.scheme != "https":
        return N_("isn't https: the key in it would travel in the open")
    try:
        inner = not ip_address(host).is_global
    except ValueError:
        inner = "." not in host or host.endswith((".localhost", ".local", ".internal", ".lan", ".home.arpa"))
    return N_("leads to this machine or network only") if inner else None


def is_public_https(url: str, ports: Sequence[int] = (443,)) -> bool:
    """Whether a vendor that calls https only, on some ports, would call it."""
    parts = urlsplit(url)
    try:
        port = parts.port or 443
    except ValueError:
        return False
    return parts.scheme == "https" and port in ports
