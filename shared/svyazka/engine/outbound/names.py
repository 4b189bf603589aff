"""Names -> addresses, by a resolver of our own: lookups are datagrams and cost no thread.

The loop's own way (`getaddrinfo` in its few threads) lets two names that no server answers for stop every other
lookup of the process for half a minute.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from svyazka.catalogue import N_

if TYPE_CHECKING:
    import aiodns

SECOND_FAMILY_WAIT = 0.05
"""Seconds for which the addresses of the other family are waited for once one has come (RFC 8305, section 3): some
name servers never answer for IPv6."""

NO_SUCH_NAME_WAIT = 0.5
"""The same where one family's answer was that there is no such name: it is so of both, as a rule."""

PATIENCE, TRIES = 2.0, 2
"""Seconds for a name server's answer at first, and how often it is asked."""

MACHINE_THREADS = 2
"""At most so many lookups of names that only the machine itself may know."""

_NUMBER = re.compile(r"(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){0,3}", re.IGNORECASE)


class NoSuchName(OSError):
    """A name server says that there is no such name."""


class Names:
    """The resolver of one process. Reads /etc/hosts and /etc/resolv.conf, unless given other name servers."""

    def __init__(self, servers: Sequence[str] | None = None) -> None:
        self._servers = servers
        self._resolver: aiodns.DNSResolver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._machine: ThreadPoolExecutor | None = None

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a host, IPv4 first: not every cloud has a way out by IPv6. Raises OSError, UnicodeError."""
        literal = literal_address(host)
        if literal is not None:
            return [literal]
        name = host if host.isascii() else host.encode("idna").decode("ascii")
        if "." not in name.rstrip(".") or name.rstrip(".").lower().endswith(".local"):
            return await self._by_the_machine(name, port)
        return await self._by_name_servers(name, port)

    async def _by_name_servers(self, name: str, port: int) -> Sequence[str]:
        four = asyncio.ensure_future(self._family(name, port, socket.AF_INET))
        six = asyncio.ensure_future(self._family(name, port, socket.AF_INET6))
        try:
            await asyncio.wait((four, six), return_when=asyncio.FIRST_COMPLETED)
            first, other = (four, six) if four.done() else (six, four)
            if not other.done():
                await asyncio.wait((other,), timeout=_patience(first.exception()))
            found = [address for one in (four, six) if one.done() and not one.exception() for address in one.result()]
        finally:
            for one in (four, six):
                one.cancel()
            await asyncio.gather(four, six, return_exceptions=True)
        if not found:
            raise first.exception() or OSError(N_("it has no address"))
        return list(dict.fromkeys(found))

    async def _family(self, name: str, port: int, family: socket.AddressFamily) -> Sequence[str]:
        import aiodns

        try:
            found = await self._opened().getaddrinfo(name, family=family, port=port, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            kind = NoSuchName if error.args[0] == aiodns.error.ARES_ENOTFOUND else OSError
            raise kind(N_("DNS error {args}").format(args=error.args[0])) from None
        return [_text(node.addr[0]) for node in found.nodes]

    def _opened(self) -> aiodns.DNSResolver:
        import aiodns

        loop = asyncio.get_running_loop()
        if self._resolver is None or self._loop is not loop:
            self._resolver = aiodns.DNSResolver(self._servers, loop, timeout=PATIENCE, tries=TRIES)
            self._loop = loop
        return self._resolver

    async def _by_the_machine(self, name: str, port: int) -> Sequence[str]:
        """What no name server knows: `localhost`, a neighbour's name, `.local`. In threads of its own, few."""
        if self._machine is None:
            self._machine = ThreadPoolExecutor(MACHINE_THREADS, "names")
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._machine, _getaddrinfo, name, port)
        return sorted(found, key=lambda address: ":" in address)


def _patience(trouble: BaseException | None) -> float | None:
    """How long the other family is waited for; None: to its end."""
    if trouble is None:
        return SECOND_FAMILY_WAIT
    return NO_SUCH_NAME_WAIT if isinstance(trouble, NoSuchName) else None


def _getaddrinfo(name: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _text(address: bytes | str) -> str:
    return address.decode("ascii") if isinstance(address, bytes) else address


def literal_address(host: str) -> str | None:
    """The address that a host is already, also in the odd ways of writing one (`2130706433`, `0x7f.1`)."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _NUMBER.fullmatch(host):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


NAMES = Names()
"""The process's own."""
