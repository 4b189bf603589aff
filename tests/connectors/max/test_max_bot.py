"""Messages, what refusals mean, whom we trust, the watchdog, and the whole way: over HTTP on loopback."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.house import VendorHouse
from connectors.support import NOW, by_deed, calling, perform, scripted
from fakes import TILL, order
from simulators.max import TOKEN, USER, Max
from simulators.serve import Running
from svyazka.connectors.max.authority import RUSSIAN_TRUSTED_ROOT_CA
from svyazka.connectors.max.failures import FAILURES
from svyazka.connectors.max.manifest import MANIFEST
from svyazka.connectors.max.schema import webhook_secret
from svyazka.connectors.max.settings import MaxSettings
from svyazka.engine.contracts.calls import Call, Exchanges
from svyazka.engine.contracts.learning import Finding, Polled, Reading
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.outbound.http_clients import Clients
from svyazka.model.commands import SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded
from svyazka.model.tenants import ConnectionSettings

SAMPLES = Path(__file__).parents[2] / "samples" / "max"
HOOK_URL = "https://hub.example.com/webhook_max?key=not-a-real-secret"
OLDER = "https://hub.example.com/webhook_max?key=not-a-real-secret-either"
ROWS = list(FAILURES.rows())


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def stand_in(bot: Running) -> Max:
    found: Max = bot.of("max")
    return found


def to(address: int | str, text: str = "Заказ №15 готов") -> SendMessage:
    return SendMessage(to=Contact(chats={"max": str(address)}), text=text)


async def sent(bot: Running, command: SendMessage | None = None, token: str = TOKEN) -> Outcome:
    async with calling(MaxSettings(bot_token=token), bot.base_url("max")) as call:
        outcome = await perform(MANIFEST, command or to(USER), call)
        assert "-for-tests" not in str(call.http.log) + repr(outcome)
        return outcome


def messages(bot: Running) -> list[dict[str, Any]]:
    return [effect for effect in stand_in(bot).effects if effect["kind"] == "message"]


# Sending


async def test_a_message_goes_out_with_the_raw_token_as_the_sample_does(bot: Running) -> None:
    head, _, body = (SAMPLES / "send_request.http").read_text().partition("\n\n")
    with scripted() as vendor:
        path = "/messages?user_id=500100&disable_link_preview=true"
        vendor.on(path, 200, sample("send_ok"))
        async with calling(MaxSettings(bot_token=TOKEN), vendor.url) as call:
            outcome = await perform(MANIFEST, to(500100), call)
        ((_, content, headers),) = vendor.seen
    assert outcome == Succeeded(external_id="mid.0000000000dbbc84019a00000000000a")
    assert headers["authorization"] == TOKEN, "raw, without Bearer"
    assert "Authorization: TEST-max-token" in head
    wanted = {name: value for name, value in json.loads(body).items() if name != "attachments"}
    assert content == wanted


async def test_a_negative_id_is_a_groups_chat(bot: Running) -> None:
    stand_in(bot).users[-71000000000001] = "open"
    assert isinstance(await sent(bot, to(-71000000000001)), Succeeded)
    assert messages(bot)[0]["to"] == "-71000000000001"


# The failure map, row by row


def test_the_rows_are_those_of_maxs_pages() -> None:
    assert by_deed(((case.status, case.phrase), rule) for case, rule in ROWS) == {
        "refuse": {(200, ""), (400, ""), (403, ""), (404, ""), (405, "")},
        "block": {(401, "")},
        "retry": {(400, "attachment.not.ready"), (429, "")},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "kind", "code"),
    [
        ("error_401", 401, Blocked, "401"), ("error_401", 200, Blocked, "401"),
        ("error_attachment_not_ready", 400, Retry, "attachment.not.ready"),
        ("error_with_error_key", 404, Refused, "404"), ("send_success_false", 200, Refused, "403"),
    ],
)  # fmt: skip
async def test_every_sampled_error_is_what_its_readme_says(
    bot: Running, name: str, status: int, kind: type, code: str
) -> None:
    body = {**sample(name), **({"success": False} if status == 200 else {})}
    bot.fault("max", kind="answer", path="/messages", status=status, body=body)
    outcome = await sent(bot)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "code", None) == code


async def test_the_sampled_429_is_waited_for_by_our_own_growing_delay(bot: Running) -> None:
    _, _, body = (SAMPLES / "send_429.http").read_text().partition("\n\n")
    bot.fault("max", kind="answer", path="/messages", status=429, body=json.loads(body))
    outcome = await sent(bot)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.after) == ("429", 1)
    stand_in(bot).a_second = 0
    assert isinstance(await sent(bot), Retry)


async def test_a_file_that_is_not_ready_is_that_messages_trouble_only(bot: Running) -> None:
    bot.fault("max", kind="answer", path="/messages", status=400, body=sample("error_attachment_not_ready"))
    outcome = await sent(bot)
    assert isinstance(outcome, Retry)
    assert (outcome.after, outcome.outage) == (2, False)


async def test_a_refusal_without_a_reason_is_told_to_the_owner(bot: Running) -> None:
    bot.fault("max", kind="answer", path="/messages", status=200, body={"success": False})
    outcome = await sent(bot)
    assert isinstance(outcome, Refused)
    assert outcome.remedy


# Whom we trust


@dataclass
class Secured:
    """A server on loopback whose certificate is signed by an authority of its own."""

    url: str
    authority: str


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root")])
    now = datetime.now(UTC)

    def certificate(subject: x509.Name, own: ec.EllipticCurvePrivateKey, authority: bool) -> x509.Certificate:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder(name, subject, own.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .sign(key, hashes.SHA256())
        )

    own = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "max")]), own, authority=False)
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    private = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    root = certificate(name, key, authority=True).public_bytes(serialization.Encoding.PEM).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps(sample("send_ok")).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield Secured(f"https://127.0.0.1:{server.server_address[1]}", root)
    server.shutdown()
    server.server_close()


async def secure_send(clients: Clients, account: str, authority: str | None, url: str) -> Outcome:
    http = Exchanges(clients.of(account, 1, authority), base_url=url, deadline=time.monotonic() + 10)
    settings = MaxSettings(bot_token=TOKEN)
    call = Call(tenant="kofe", connection=account, settings=settings, http=http, key="dlv_1.1", now=NOW)
    return await perform(MANIFEST, to(USER), call)


async def test_an_authority_of_its_own_is_trusted_for_its_client_and_for_no_other(secured: Secured) -> None:
    clients = Clients()
    assert isinstance(await secure_send(clients, "kofe.max", secured.authority, secured.url), Succeeded)
    outcome = await secure_send(clients, "kofe.other", None, secured.url)
    assert isinstance(outcome, Blocked), "a certificate that can't be checked is no reason to go on trying"
    assert (outcome.code, "base_url" in outcome.remedy) == ("tls", True)
    await clients.close()


def test_the_authority_is_the_russian_trusted_root_and_will_do_for_years() -> None:
    assert MANIFEST.network.ca_pem == RUSSIAN_TRUSTED_ROOT_CA
    certificate = x509.load_pem_x509_certificate(RUSSIAN_TRUSTED_ROOT_CA.encode())
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert hashlib.sha256(der).hexdigest() == "d26d2d0231b7c39f92cc738512ba54103519e4405d68b5bd703e9788ca8ecf31"
    assert certificate.subject == certificate.issuer
    assert certificate.not_valid_after_utc.year == 2032
    assert ssl.create_default_context(cadata=RUSSIAN_TRUSTED_ROOT_CA).get_ca_certs()


# The watchdog


async def looked(bot: Running, cursor: str | None, now: datetime = NOW, hook_url: str | None = HOOK_URL) -> Polled:
    async with calling(MaxSettings(bot_token=TOKEN), bot.base_url("max"), now=now, hook_url=hook_url) as call:
        try:
            return await MANIFEST.polling.poll(cursor, call)
        finally:
            story = str(call.http.log)
            assert "not-a-real-secret" not in story
            assert (webhook_secret(None, TOKEN) or "?") not in story


async def watched(bot: Running, cursor: str | None, now: datetime = NOW) -> tuple[list[Fact], str]:
    """One whole look: its facts, and the cursor after it."""
    facts: list[Fact] = []
    while True:
        look = await looked(bot, cursor, now)
        facts += look.facts
        cursor = look.cursor
        if not look.more:
            return facts, cursor


def subscribed(*urls: str) -> list[dict[str, Any]]:
    return [{"url": url, "time": 1763700000000, "update_types": None} for url in urls]


async def test_the_watchdog_leaves_alone_what_it_has_never_seen_subscribed(bot: Running) -> None:
    facts, cursor = await watched(bot, None)
    assert (facts, stand_in(bot).subscriptions) == ([], [])
    assert await watched(bot, cursor, NOW + timedelta(hours=9)) == ([], cursor)


async def test_while_all_is_well_the_cursor_is_written_once_an_hour(bot: Running) -> None:
    stand_in(bot).subscriptions = subscribed(HOOK_URL)
    _, cursor = await watched(bot, None)
    assert (await watched(bot, cursor, NOW + timedelta(minutes=45)))[1] == cursor
    assert (await watched(bot, cursor, NOW + timedelta(minutes=75)))[1] != cursor


async def test_an_unsubscribed_bot_is_subscribed_again_and_what_it_missed_is_read_first(bot: Running) -> None:
    vendor = stand_in(bot)
    vendor.subscriptions = subscribed(HOOK_URL)
    _, cursor = await watched(bot, None)
    vendor.subscriptions = sample("subscriptions_empty")["subscriptions"]
    vendor.missed = [vendor.message(f"письмо {number}") for number in range(150)]
    facts, cursor = await watched(bot, cursor, NOW + timedelta(hours=9))
    assert [each["url"] for each in vendor.subscriptions] == [HOOK_URL]
    assert vendor.subscriptions[0]["update_types"] == sample("subscribe_request")["update_types"]
    assert vendor.subscriptions[0]["secret"] == webhook_secret(None, TOKEN)
    goodbye, *missed = facts
    assert goodbye.type is EventType.CONNECTION_DISABLED
    assert "с 14.03 19:00 по 15.03 04:00" in str(goodbye.data["notice"])
    assert [fact.data["text"] for fact in missed] == [f"письмо {number}" for number in range(150)]
    assert await watched(bot, cursor, NOW + timedelta(hours=9, minutes=15)) == ([], cursor)


async def test_a_look_that_died_before_its_cursor_was_written_tells_the_same_again(bot: Running) -> None:
    stand_in(bot).subscriptions = subscribed(HOOK_URL)
    _, cursor = await watched(bot, None)
    stand_in(bot).subscriptions = []
    first = await looked(bot, cursor, NOW + timedelta(hours=9))
    again = await looked(bot, cursor, NOW + timedelta(hours=10))
    assert [fact.key for fact in first.facts] == [fact.key for fact in again.facts]
    assert stand_in(bot).subscriptions == [], "nothing is subscribed before it is told"


async def test_where_missed_updates_are_not_given_subscribing_goes_on(bot: Running) -> None:
    stand_in(bot).subscriptions = subscribed(HOOK_URL)
    _, cursor = await watched(bot, None)
    stand_in(bot).subscriptions = []
    bot.fault("max", kind="answer", times=-1, path="/updates", status=500)
    facts, _ = await watched(bot, cursor, NOW + timedelta(hours=9))
    assert len(facts) == 1
    assert len(stand_in(bot).subscriptions) == 1


async def test_a_key_from_before_a_rotation_is_replaced_without_a_word(bot: Running) -> None:
    others = "https://else.example.org/hook"
    stand_in(bot).subscriptions = subscribed(OLDER, others)
    assert (await watched(bot, None))[0] == []
    assert [each["url"] for each in stand_in(bot).subscriptions] == [others, HOOK_URL]


@pytest.mark.parametrize(
    "hook_url", [None, "http://127.0.0.1:8080/webhook_max?key=k", "https://hub.example.com:8443/x"]
)
async def test_without_an_address_that_max_would_call_nothing_is_asked(bot: Running, hook_url: str | None) -> None:
    assert (await looked(bot, None, hook_url=hook_url)).facts == ()
    assert stand_in(bot).calls == []


# The doctor


async def checked(bot: Running, hook_url: str | None = HOOK_URL, token: str = TOKEN) -> list[Finding]:
    async with calling(MaxSettings(bot_token=token), bot.base_url("max"), hook_url=hook_url) as call:
        found = await MANIFEST.doctor.check(call)
        assert "not-a-real-secret" not in str(found) + str(call.http.log)
        return found


async def fixed(bot: Running, hook_url: str = HOOK_URL, **settings: Any) -> Finding:
    given = MaxSettings(**{"bot_token": TOKEN, **settings})
    async with calling(given, bot.base_url("max")) as call:
        (finding,) = await MANIFEST.hook.register(call, hook_url)
        assert "not-a-real-secret" not in str(finding) + str(call.http.log)
        return finding


def said(found: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.status for finding in found}


async def test_the_webhook_is_subscribed_as_it_is_documented(bot: Running) -> None:
    assert (await fixed(bot, webhook_secret="max-webhook-secret-1")).status == "ok"
    body = next(json.loads(call["body"]) for call in stand_in(bot).calls if call["method"] == "POST")
    assert body == {**sample("subscribe_request"), "url": HOOK_URL}
    assert said(await checked(bot)) == {"bot": "ok", "webhook": "ok"}


async def test_the_sampled_bot_and_subscriptions_are_read(bot: Running) -> None:
    bot.fault("max", kind="answer", path="/me", status=200, body=sample("me"))
    bot.fault("max", kind="answer", path="/subscriptions", status=200, body=sample("subscriptions"))
    found = await checked(bot, "https://hub.example.com/in/max/b1")
    assert said(found) == {"bot": "ok", "webhook": "ok"}
    assert "id0000000000_bot" in found[0].message


@pytest.mark.parametrize(
    ("urls", "expected"),
    [([], {"webhook": "warn"}), ([OLDER], {"webhook": "warn"}),
     (["https://else.example.org/hook?key=not-a-real-secret"], {"webhook": "warn", "other webhooks": "warn"}),
     ([HOOK_URL, "https://else.example.org/hook"], {"webhook": "ok", "other webhooks": "warn"})],
)  # fmt: skip
async def test_who_gets_the_updates_is_said(bot: Running, urls: list[str], expected: dict[str, str]) -> None:
    stand_in(bot).subscriptions = subscribed(*urls)
    assert said(await checked(bot)) == {"bot": "ok", **expected}


@pytest.mark.parametrize("keeps_the_first", [False, True])
async def test_a_subscription_with_the_wrong_kinds_is_wrong_and_is_mended(bot: Running, keeps_the_first: bool) -> None:
    vendor = stand_in(bot)
    vendor.subscriptions = [{"url": HOOK_URL, "time": 1763700000000, "update_types": ["message_created"]}]
    vendor.keeps_the_first = keeps_the_first
    found = await checked(bot)
    assert said(found) == {"bot": "ok", "webhook": "ok", "update types": "warn"}
    assert "bot_started" in found[2].message
    assert (await fixed(bot)).status == "ok"
    assert said(await checked(bot)) == {"bot": "ok", "webhook": "ok"}


async def test_a_new_key_takes_the_place_of_the_old_one_and_others_stay(bot: Running) -> None:
    stand_in(bot).subscriptions = subscribed(OLDER, "https://else.example.org/hook")
    await fixed(bot)
    await fixed(bot)
    assert [each["url"] for each in stand_in(bot).subscriptions] == ["https://else.example.org/hook", HOOK_URL]


@pytest.mark.parametrize("url", ["http://hub.example.ru/x?key=k", "https://hub.example.ru:8443/x?key=k"])
async def test_an_address_that_max_would_not_call_is_not_even_offered(bot: Running, url: str) -> None:
    assert (await fixed(bot, url)).status == "fail"
    assert stand_in(bot).calls == []


# The whole way


class KnowingTill(Reading[ConnectionSettings]):
    """A till that knows its guests' users."""

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    async def read(self, entity: Entity, call: Call[ConnectionSettings]) -> Fact | None:
        contact = Contact(name="Анна", phone="+79991234567", chats={"max": str(USER)})
        return Fact(type=EventType.ORDER_COMPLETED, contact=contact, entity=entity)


class BotHouse(VendorHouse):
    """A bot before SMS."""

    def __init__(self, bot: Running) -> None:
        super().__init__(bot, "max", "bot", {}, {"bot_token": TOKEN}, via=("bot", "sms"))
        self.manifests["till"] = replace(TILL, reading=KnowingTill())
        self.hub.hook_url = lambda account: HOOK_URL

    async def call(self, update: dict[str, Any], secret: str | None = None) -> Answer:
        shown = secret or webhook_secret(None, TOKEN) or ""
        headers = {"content-type": "application/json", "x-max-bot-api-secret": shown}
        return await self.heard(json.dumps(update).encode(), headers)

    async def done(self, number: int = 1) -> None:
        """An order of Анна's is done."""
        await self.post(order(number))
        await self.run()


@pytest.fixture
async def house(bot: Running) -> AsyncIterator[BotHouse]:
    house = BotHouse(bot)
    await house.settle_in()
    yield house
    await house.hub.clients.close()


async def test_who_started_the_bot_is_written_to_there_and_only_there(house: BotHouse, bot: Running) -> None:
    await house.done()
    assert [message["text"] for message in messages(bot)] == ["Анна, спасибо! https://example.org/r"]
    assert house.sms.sent == []


async def test_a_user_who_stopped_the_bot_gets_it_by_the_next_channel_and_stays_a_client(
    house: BotHouse, bot: Running
) -> None:
    stand_in(bot).users[USER] = "stopped"
    await house.done()
    assert len(house.sms.sent) == 1
    stand_in(bot).users[USER] = "open"
    await house.done(2)
    assert len(messages(bot)) == 1


async def test_stop_to_the_bot_means_no_message_on_any_channel_until_it_is_started_again(
    house: BotHouse, bot: Running
) -> None:
    assert (await house.call(house.vendor.message("стоп"))).status == 200
    await house.done()
    assert (messages(bot), house.sms.sent) == ([], [])
    later = int(time.time() * 1000) + 5
    await house.call({**sample("bot_started"), "timestamp": later})
    await house.done(2)
    assert len(messages(bot)) == 1


async def test_an_automatic_unsubscription_is_mended_told_once_and_what_was_missed_counts(
    house: BotHouse, bot: Running
) -> None:
    house.vendor.subscriptions = subscribed(HOOK_URL)
    await house.worker.poller.poll("kofe", "bot")
    house.vendor.subscriptions = []
    house.vendor.missed = [house.vendor.message("стоп")]
    for _ in range(3):
        house.clock.step(9 * 3600)
        await house.worker.poller.poll("kofe", "bot")
        await house.run()
    assert [each["url"] for each in house.vendor.subscriptions] == [HOOK_URL]
    (alert,) = house.alerts()
    assert (alert.kind, alert.stage) == ("hook", "disabled")
    await house.done()
    assert messages(bot) == []


async def test_what_the_stand_in_sends_is_what_we_read(bot: Running) -> None:
    vendor = stand_in(bot)
    with scripted() as hub:
        hub.on("/hook", 500).on("/hook", 200)
        vendor.subscriptions = [{"url": f"{hub.url}/hook", "secret": "max-webhook-secret-1"}]
        assert await vendor.tell(vendor.message("привет")) == [200]
        assert await vendor.tell(sample("bot_stopped")) == [200]
        first, again, _ = hub.asked("/hook")
        assert {headers["x-max-bot-api-secret"] for _, _, headers in hub.seen} == {"max-webhook-secret-1"}
    assert first == again, "what wasn't answered with 200 comes again"
