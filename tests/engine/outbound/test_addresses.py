"""Where a tenant's address may lead, and that the call goes where was looked."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from connectors.support import Scripted, scripted
from fakes import House
from svyazka.app import build_hub
from svyazka.connectors.registry import load_manifest
from svyazka.engine.contracts.calls import Exchanges
from svyazka.engine.outbound.addresses import AddressGuard, networks, refusal
from svyazka.engine.outbound.names import Names as Resolver
from svyazka.engine.outbound.transport import AiohttpClient
from svyazka.engine.tenants.directory import Account
from svyazka.model.errors import ConfigError, NotSent, PlainHttp, RefusedAddress
from svyazka.settings import Settings

LOOPBACK = networks("127.0.0.0/8, ::1/128")


class Names:
    """A resolver that answers from a list, one answer a question; the last one stays."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def way_out(trusting: ssl.SSLContext) -> AsyncIterator[AiohttpClient]:
    client = AiohttpClient(trusting, 2)
    try:
        yield client
    finally:
        await client.close()


def exchanges(client: AiohttpClient, guard: AddressGuard) -> Exchanges:
    return Exchanges(client, base_url="", deadline=time.monotonic() + 10, guard=guard)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1",
     "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "192.0.2.1",
     "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
     "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001::1",
     "3fff::1", "5f00::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
     "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "::ffff:0:127.0.0.1", "not an address", ""],
)  # fmt: skip
def test_no_private_special_or_metadata_address_is_called(address: str) -> None:
    assert refusal(address) is not None


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a02:6b8::1", "::ffff:8.8.8.8",
                "64:ff9b::808:808", "2002:808:808::1"],
)  # fmt: skip
def test_public_addresses_are_called(address: str) -> None:
    assert refusal(address) is None


def test_a_setting_allows_what_it_names_and_never_a_clouds_metadata() -> None:
    allowed = networks("127.0.0.0/8, 192.168.1.0/24,169.254.0.0/16, 100.64.0.0/10")
    assert [refusal(address, allowed) is None for address in ("127.0.0.1", "192.168.1.5", "192.168.2.5")] == [
        True, True, False,
    ]  # fmt: skip
    assert refusal("::ffff:192.168.1.5", allowed) is None
    assert refusal("169.254.169.254", allowed) == refusal("100.100.100.200", allowed) == "a cloud's metadata"
    assert refusal("::1", allowed) == "this machine"


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1/8", "10.0.0.0/33"])
def test_a_network_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected networks such as 192\.168\.1\.0/24"):
        networks(text)


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "file:///etc/passwd", "https://", "//example.org", "http://[::1", "http://a:99999/",
            "gopher://127.0.0.1:6379/_x"],
)  # fmt: skip
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddress):
        await AddressGuard()(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/",
            "http://localhost/", "http://[::ffff:127.0.0.1]:8080/", "http://user@127.0.0.1/"],
)  # fmt: skip
async def test_every_way_of_writing_this_machine_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddress, match="this machine"):
        await AddressGuard()(url)


async def test_a_name_is_refused_for_one_bad_address_among_good_ones() -> None:
    guard = AddressGuard(resolve=Names(["93.184.216.34", "10.0.0.1"]))
    with pytest.raises(RefusedAddress, match=r"hook\.example\.org leads to a private or special network"):
        await guard("https://hook.example.org/x?token=s3cret")


async def test_the_reason_holds_no_part_of_the_address_but_its_host() -> None:
    with pytest.raises(RefusedAddress) as caught:
        await AddressGuard(resolve=Names(["10.0.0.1"]))("https://hook.example.org/s3cret?token=s3cret")
    assert "s3cret" not in str(caught.value)


async def test_ipv4_is_preferred_and_the_port_is_the_urls() -> None:
    names = Names(["2606:4700::1111", "1.1.1.1"])
    assert await AddressGuard(resolve=names)("https://a.example/x") == ["1.1.1.1", "2606:4700::1111"]
    assert await AddressGuard(resolve=names, plain_http=True)("http://a.example:8080/x") == [
        "1.1.1.1", "2606:4700::1111",
    ]  # fmt: skip
    assert names.asked == [("a.example", 443), ("a.example", 8080)]


async def test_plain_http_goes_to_public_addresses_only_when_told_to() -> None:
    public, near = Names(["93.184.216.34"]), Names(["192.168.1.5"])
    with pytest.raises(PlainHttp, match=r"hook\.example\.org is called by http://"):
        await AddressGuard(resolve=public)("http://hook.example.org/s3cret")
    assert await AddressGuard(resolve=public)("https://hook.example.org/") == ["93.184.216.34"]
    assert await AddressGuard(resolve=public).also(plain_http=True)("http://hook.example.org/") == ["93.184.216.34"]
    assert await AddressGuard(networks("192.168.1.0/24"), near)("http://kassa.lan/") == ["192.168.1.5"]


@pytest.mark.parametrize(
    ("vendor", "settings", "plain", "looked_at"),
    [
        ("smsru", {}, None, False),
        ("smsru", {"base_url": "http://hub.lan/smsru"}, False, True),
        ("smsru", {"base_url": "http://hub.lan/smsru", "plain_http": True}, True, True),
        ("http", {"url": "http://hub.lan/x"}, False, True),
        ("amocrm", {"subdomain": "kofe"}, None, False),
    ],
)
async def test_what_a_tenant_has_a_say_in_is_looked_at(
    house: House, vendor: str, settings: dict[str, Any], plain: bool | None, looked_at: bool
) -> None:
    guard = AddressGuard(resolve=Names(["93.184.216.34"]))
    house.hub.guard = house.hub.base_guard = guard
    connector = load_manifest(vendor)
    made = connector.settings.model_validate(settings)
    chosen = house.hub.guard_of(Account(house.tenant, "c", vendor, connector, made, (), ()))
    assert (chosen is not None) is looked_at
    if chosen is not None:
        assert not plain or await chosen("http://hub.lan/x") == ["93.184.216.34"]
        with nullcontext() if plain else pytest.raises(PlainHttp):
            await chosen("http://hub.lan/x")


def test_on_one_machine_a_base_url_may_lead_to_this_very_machine_and_a_url_may_not(tmp_path: Path) -> None:
    hub = build_hub(Settings(data=tmp_path))
    assert hub.guard is not None
    assert hub.base_guard is not None
    asyncio.run(hub.base_guard("http://127.0.0.1:8081/smsru"))
    for guard, url in ((hub.guard, "http://127.0.0.1:8081/"), (hub.base_guard, "http://192.168.1.5/")):
        with pytest.raises(RefusedAddress):
            asyncio.run(guard(url))


@pytest.mark.parametrize("answer", [OSError("no such host"), UnicodeError("label too long"), []])
async def test_a_name_that_cannot_be_resolved_now_is_tried_again(answer: Exception | list[str]) -> None:
    with pytest.raises(NotSent, match="could not resolve"):
        await AddressGuard(resolve=Names(answer))("https://a.example/")


async def test_names_that_only_the_machine_knows_are_asked_of_it() -> None:
    assert "127.0.0.1" in await Resolver()("localhost", 80)


# The call goes to the very address that was looked at


@pytest.fixture
def endpoint() -> Iterator[Scripted]:
    with scripted() as vendor:
        yield vendor


async def test_a_name_that_changes_its_mind_gains_nothing(endpoint: Scripted) -> None:
    endpoint.on("/x?a=1", 200)
    port = endpoint.url.rpartition(":")[2]
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with way_out(ssl.create_default_context()) as client:
        http = exchanges(client, AddressGuard(LOOPBACK, names))
        answer = await http.request("POST", f"http://hook.example.org:{port}/x", params={"a": "1"}, content=b"{}")
        assert answer.status_code == 200
        assert endpoint.seen[0][2]["host"] == f"hook.example.org:{port}"
        assert names.asked == [("hook.example.org", int(port))], "asked once, so there is no second answer"
        assert http.log[0].url == f"http://hook.example.org:{port}/x?a=1"
        with pytest.raises(RefusedAddress):
            await http.request("POST", f"http://hook.example.org:{port}/x", content=b"{}")
    assert len(endpoint.seen) == 1


async def test_a_redirect_into_this_machine_is_an_answer_like_any_other(endpoint: Scripted) -> None:
    endpoint.on("/x", 302, None, location=f"{endpoint.url}/secret")
    async with way_out(ssl.create_default_context()) as client:
        answer = await exchanges(client, AddressGuard(LOOPBACK)).request("POST", f"{endpoint.url}/x", content=b"{}")
    assert answer.status_code == 302
    assert [path for path, _, _ in endpoint.seen] == ["/x"]


async def test_without_leave_nothing_reaches_this_machine(endpoint: Scripted) -> None:
    async with way_out(ssl.create_default_context()) as client:
        with pytest.raises(RefusedAddress):
            await exchanges(client, AddressGuard()).request("POST", f"{endpoint.url}/x", content=b"{}")
    assert endpoint.seen == []


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for one name, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, key_file = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, key_file


@asynccontextmanager
async def tls_endpoint(folder: Path, name: str) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """A TLS server that proves itself as `name`, and a client's context that trusts it."""
    pem, key = certificate(folder, name)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(pem, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=served)
    trusting = ssl.create_default_context(cafile=str(pem))
    try:
        yield server.sockets[0].getsockname()[1], trusting
    finally:
        server.close()


async def test_tls_is_proved_by_the_name_and_not_by_the_address(tmp_path: Path) -> None:
    async with (
        tls_endpoint(tmp_path, "hook.example.org") as (port, trusting),
        way_out(trusting) as client,
    ):
        http = exchanges(client, AddressGuard(LOOPBACK, Names(["127.0.0.1"])))
        assert (await http.request("GET", f"https://hook.example.org:{port}/")).status_code == 204
        with pytest.raises(NotSent):
            await http.request("GET", f"https://other.example.org:{port}/")


def test_every_special_network_of_ipv4_is_refused_as_a_whole() -> None:
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"):
        edges = ipaddress.ip_network(network)
        assert refusal(str(edges[0])) is not None
        assert refusal(str(edges[-1])) is not None
