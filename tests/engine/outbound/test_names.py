"""Names that nobody answers for, and addresses behind which nobody is: they stop nobody else."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import pytest

from engine.outbound.test_transport import request_of
from svyazka.engine.contracts.calls import Exchanges
from svyazka.engine.outbound.addresses import AddressGuard, networks
from svyazka.engine.outbound.http_clients import Clients
from svyazka.engine.outbound.names import Names, literal_address
from svyazka.model.errors import NotSent

LOOPBACK = networks("127.0.0.0/8")
A, AAAA = 1, 28


class NameServer(asyncio.DatagramProtocol):
    """Says nothing of `dead.*` and nothing about IPv6, knows no `none.*`, answers others with 127.0.0.1."""

    transport: asyncio.DatagramTransport | None = None
    asked: int = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        end = data.index(b"\0", 12) + 5
        question, kind = data[12:end], struct.unpack("!H", data[end - 4 : end - 2])[0]
        if question[1:5] == b"dead" or kind == AAAA:
            return
        missing = question[1:5] == b"none"
        head = data[:2] + struct.pack("!HHHHH", 0x8183 if missing else 0x8180, 1, 0 if missing else 1, 0, 0)
        record = struct.pack("!HHHIH", 0xC00C, A, 1, 60, 4) + socket.inet_aton("127.0.0.1")
        assert self.transport is not None
        self.transport.sendto(head + question + (b"" if missing else record), addr)


@asynccontextmanager
async def name_server() -> AsyncIterator[tuple[Names, NameServer]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    try:
        yield Names([f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"]), server
    finally:
        transport.close()


async def test_names_that_no_server_answers_for_hold_up_no_other_lookup() -> None:
    """Twenty dead names, more than the loop has threads to look names up with."""
    async with name_server() as (names, server):
        dead = [asyncio.ensure_future(names(f"dead.{number}.test", 443)) for number in range(20)]
        while server.asked < 2 * len(dead):
            await asyncio.sleep(0)
        started = time.monotonic()
        assert await names("live.sms.test", 443) == ["127.0.0.1"]
        took = time.monotonic() - started
        assert not any(one.done() for one in dead)
        for one in dead:
            one.cancel()
        await asyncio.gather(*dead, return_exceptions=True)
    assert took < 1.0, "neither the dead names nor the silence about IPv6 were waited for"


async def test_a_name_that_there_is_none_of_is_said_at_once() -> None:
    async with name_server() as (names, _):
        guard, started = AddressGuard(LOOPBACK, names), time.monotonic()
        with pytest.raises(NotSent, match="NoSuchName"):
            await guard("https://none.test/")
        assert time.monotonic() - started < 3.0, "its silence about IPv6 isn't waited for to the end"


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("::1", "::1"),
     ("1.2.3.4.5", None), ("example.org", None), ("0xzz", None)],
)  # fmt: skip
def test_a_host_that_is_an_address_is_read_as_one(host: str, address: str | None) -> None:
    assert literal_address(host) == address


@contextmanager
def swallowing(port: int) -> Iterator[None]:
    """A listener on 127.0.0.1 whose queue is full: further connections get no answer at all."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.append(one)
        try:
            yield
        finally:
            for one in waiting:
                one.close()


@pytest.mark.parametrize("first", ["swallows", "refuses"])
async def test_the_second_address_of_a_name_is_tried_when_the_first_is_dead(first: str) -> None:
    async def two(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1", "127.0.0.66"]

    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    server = await asyncio.start_server(answer, "127.0.0.66", 0)
    port = server.sockets[0].getsockname()[1]
    clients = Clients()
    http = Exchanges(clients.of("c", 2), base_url="", deadline=time.monotonic() + 3, guard=AddressGuard(LOOPBACK, two))
    with swallowing(port if first == "swallows" else 0):
        answered = await http.request("POST", f"http://two.test:{port}/x", content=b"{}")
    await clients.close()
    server.close()
    assert answered.status_code == 204
    assert len(seen) == 1, "only one of the two got the request"
    assert f"host: two.test:{port}".encode() in seen[0].lower()
