"""Addresses that tenants supplied: never into a private network, never to a cloud's metadata.

A name is resolved once, every address that it has is looked at, and the call goes to one of the very addresses
that were looked at (the transport connects to them and keeps the name for TLS and `Host`), so that a name which
changes its mind between the look and the call gains nothing. Redirects are never followed, anywhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from svyazka.catalogue import N_
from svyazka.engine.outbound.names import NAMES
from svyazka.model.errors import ConfigError, NotSent, PlainHttp, RefusedAddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> its addresses. Raises OSError."""

RESOLVE_LIMIT = 5.0

LOOPBACK = "127.0.0.0/8, ::1/128"

NEVER: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16", "fe80::/10",  # link-local: the metadata of most clouds
        "fd00:ec2::254/128",  # AWS, over IPv6
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure's own, a public address
        "192.0.0.0/24",  # Oracle's among them
    )
)  # fmt: skip
"""Metadata of clouds: refused even where a setting would allow it."""

EMBEDDING: tuple[tuple[Network, int], ...] = (
    (ipaddress.ip_network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (ipaddress.ip_network("::ffff:0:0:0/96"), 0),  # translated
    (ipaddress.ip_network("::/96"), 0),  # IPv4-compatible, obsolete
    (ipaddress.ip_network("64:ff9b::/96"), 0),  # NAT64
    (ipaddress.ip_network("64:ff9b:1::/48"), 0),  # NAT64, local
    (ipaddress.ip_network("2002::/16"), 80),  # 6to4
)
"""IPv6 networks whose addresses lead to an IPv4 address inside them, and how many bits stand behind that."""

UNROUTABLE: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network) for network in ("fec0::/10", "2001::/32", "192.88.99.0/24", "3fff::/20", "5f00::/16")
)
"""What Python 3.11 counts as global and isn't ours to call: site-local, Teredo, 6to4 relays, documentation."""


def networks(text: str) -> tuple[Network, ...]:
    """`127.0.0.0/8, 192.168.1.0/24` -> networks. Raises ConfigError."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ConfigError(
            N_("allowed_networks: expected networks such as 192.168.1.0/24; {why}").format(why=error)
        ) from None


@lru_cache(maxsize=4096)
def refusal(address: str, allowed: tuple[Network, ...] = ()) -> str | None:
    """Why an IP address may not be called, or None when it may."""
    try:
        inner = _inner(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return N_("not an IP address")
    if _within(inner, NEVER):
        return "a cloud's metadata"
    if _within(inner, allowed):
        return None
    if inner.is_loopback:
        return N_("this machine")
    if not inner.is_global or inner.is_multicast or inner.is_reserved or _within(inner, UNROUTABLE):
        return N_("a private or special network")
    return None


def _within(address: Address, found: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in found)


def _inner(address: Address) -> Address:
    """The address itself, or the IPv4 address that an IPv6 one leads to."""
    if address.version == 4 or address == ipaddress.IPv6Address("::1") or int(address) == 0:
        return address
    for network, behind in EMBEDDING:
        if address in network:
            return ipaddress.IPv4Address(int(address) >> behind & 0xFFFFFFFF)
    return address


class AddressGuard:
    """The engine's port `Guard`: looks at a URL before it is called.

    `plain_http`: whether an address outside of private networks may be called without encryption.
    """

    def __init__(self, allowed: Sequence[Network] = (), resolve: Resolve = NAMES, *, plain_http: bool = False) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._plain_http = plain_http

    def also(self, allowed: Sequence[Network] = (), *, plain_http: bool = False) -> AddressGuard:
        """A guard that lets more pass."""
        return AddressGuard((*self._allowed, *allowed), self._resolve, plain_http=self._plain_http or plain_http)

    async def __call__(self, url: str) -> Sequence[str]:
        """The addresses to connect to, the preferred first. Raises RefusedAddress, PlainHttp, or NotSent when the
        name can't be resolved now."""
        scheme, host, port = _parts(url)
        found = await _resolved(self._resolve, host, port)
        for address in found:
            # One bad address among good ones is no mistake of a resolver's: it is an attempt.
            reason = refusal(address, self._allowed)
            if reason:
                raise RefusedAddress(
                    N_("{host} leads to {reason}: never called (SVYAZKA_ALLOWED_NETWORKS allows some)").format(
                        host=host, reason=reason
                    )
                )
        if scheme == "http" and not self._plain_http and any(refusal(address) is None for address in found):
            raise PlainHttp(N_("{host} is called by http://, which everybody on the way can read").format(host=host))
        return found


class Unguarded:
    """Where the addresses are a vendor's own and nobody else had a say: only looked up."""

    def __init__(self, resolve: Resolve = NAMES) -> None:
        self._resolve = resolve

    async def __call__(self, url: str) -> Sequence[str]:
        """The addresses to connect to, the preferred first. Raises RefusedAddress for what is no URL, NotSent."""
        _, host, port = _parts(url)
        return await _resolved(self._resolve, host, port)


def _parts(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise RefusedAddress(N_("expected a URL such as https://example.org/hook")) from None
    if parts.scheme not in ("http", "https") or not host:
        raise RefusedAddress(N_("expected a URL of http or https with a host"))
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


async def _resolved(resolve: Resolve, host: str, port: int) -> Sequence[str]:
    try:
        async with asyncio.timeout(RESOLVE_LIMIT):
            found = await resolve(host, port)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise NotSent(N_("could not resolve the name: {found}").format(found=type(error).__name__)) from None
    if not found:
        raise NotSent(N_("could not resolve the name: it has no address"))
    return sorted(found, key=lambda address: ":" in address)  # IPv4 first: not every cloud has a way out by IPv6
