"""Any HTTP call out: what goes over the wire, what each answer means, and the whole way through the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.support import calling, perform, scripted
from fakes import House, order
from simulators.http import SECRET, HttpSink
from simulators.serve import Running, serve
from svyazka.connectors.http.client import body_of
from svyazka.connectors.http.failures import answered
from svyazka.connectors.http.manifest import MANIFEST
from svyazka.connectors.http.settings import HttpSettings
from svyazka.engine.journal import documents as journal
from svyazka.engine.outbound.addresses import AddressGuard, networks
from svyazka.engine.ports.store import Document, Put
from svyazka.engine.security.standardwebhooks import signed_headers
from svyazka.model.commands import Forward
from svyazka.model.deliveries import Status
from svyazka.model.errors import MaybeSent
from svyazka.model.events import EventType
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, FlowSpec

SAMPLES = Path(__file__).parents[2] / "samples" / "standard-webhooks"
MATRIX = json.loads((SAMPLES / "reply_matrix.json").read_bytes())
LEAD = Forward(
    type="lead.created",
    payload={"id": "ld_1", "name": "Анна", "phone": "+79991234567"},
    occurred_at=datetime(2026, 11, 21, 4, 40, tzinfo=UTC),
)


@pytest.fixture
def sink() -> Iterator[Running]:
    with serve([HttpSink()]) as running:
        yield running


async def performed(settings: HttpSettings, command: Any = LEAD, key: str = "dlv_1.1") -> tuple[Outcome, str]:
    async with calling(settings, settings.base_url or "", key=key) as call:
        return await perform(MANIFEST, command, call), str(call.http.log)


def to(sink: Running, path: str = "hook", **settings: Any) -> HttpSettings:
    return HttpSettings.model_validate(
        {"url": f"{sink.base_url('http')}/{path}", "outbound_secret": SECRET, **settings}
    )


# Over the wire


def test_a_message_is_the_sample_byte_by_byte() -> None:
    head, _, body = (SAMPLES / "outgoing_signed.http").read_bytes().partition(b"\r\n\r\n")
    wanted = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
    assert body_of(LEAD, HttpSettings()) == body
    made = signed_headers(SECRET, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1763700000, body)
    assert made["webhook-signature"] == wanted["webhook-signature"]


async def test_a_customer_who_verifies_takes_it_and_tells_a_repeat(sink: Running) -> None:
    for _ in range(2):
        outcome, story = await performed(to(sink))
        assert isinstance(outcome, Succeeded)
    (message,) = sink.of("http").messages
    assert message["id"] == "dlv_1_1", "no dot, the same on every repeat"
    assert json.loads(message["body"]) == {
        "type": "lead.created", "timestamp": "2026-11-21T04:40:00Z",
        "data": {"id": "ld_1", "name": "Анна", "phone": "+79991234567"},
    }  # fmt: skip
    assert sink.of("http").seen == {"dlv_1_1": 2}
    assert SECRET not in story


async def test_a_customer_who_changed_his_key_is_heard(sink: Running) -> None:
    sink.of("http").secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    outcome, _ = await performed(to(sink))
    assert isinstance(outcome, Retry)
    assert "signing secret" in outcome.message
    both = f"{SECRET} whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    assert isinstance((await performed(to(sink, outbound_secret=both)))[0], Succeeded)


async def test_method_headers_authorization_and_another_body() -> None:
    with scripted() as vendor:
        vendor.on("/api/leads", 201)
        settings = HttpSettings.model_validate(
            {"base_url": vendor.url, "url": "/api/leads", "headers": {"X-Version": "2"},
             "authorization": "Bearer token-for-tests", "body": "{lead: data.name, at: timestamp, kind: type}"}
        )  # fmt: skip
        outcome, story = await performed(settings)
        assert isinstance(outcome, Succeeded)
        ((path, body, headers),) = vendor.seen
    assert (path, body) == ("/api/leads", {"lead": "Анна", "at": "2026-11-21T04:40:00Z", "kind": "lead.created"})
    assert (headers["authorization"], headers["x-version"]) == ("Bearer token-for-tests", "2")
    assert headers["webhook-id"] == "dlv_1_1"
    assert "webhook-signature" not in headers
    assert "token-for-tests" not in story


# What each answer means


@pytest.mark.parametrize(
    "row", MATRIX, ids=[str(row.get("status", row.get("error"))) + "; " + row["expect"] for row in MATRIX]
)
async def test_every_row_of_the_reply_matrix_is_done_as_it_says(row: dict[str, Any], sink: Running) -> None:
    expect = row["expect"]
    if "error" in row:
        sink.fault("http", kind="cut_after")
        with pytest.raises(MaybeSent):
            await performed(to(sink))
        assert isinstance((await performed(to(sink)))[0], Succeeded)
        assert sink.of("http").seen == {"dlv_1_1": 2}, "the same id again"
        return
    now = datetime.fromisoformat(row.get("now", "2026-11-21T04:40:00Z"))
    outcome = answered(row["status"], row.get("headers", {}), now)
    if expect.startswith("done"):
        assert isinstance(outcome, Succeeded)
    elif expect.startswith("disable"):
        assert isinstance(outcome, Blocked)
        assert outcome.remedy
    elif expect.startswith("stop"):
        assert isinstance(outcome, Refused)
    else:
        assert isinstance(outcome, Retry)
        waits = {"retry not before 120 s": 120, "retry not before 600 s": 600}
        assert outcome.after == waits.get(expect)
    sink.fault("http", kind="answer", status=row["status"], headers=row.get("headers", {}))
    assert type((await performed(to(sink)))[0]) is type(outcome)
    assert len(sink.of("http").calls) == 1, "no redirect is followed"


@pytest.mark.parametrize(
    ("settings", "kind", "code"),
    [
        ({}, Blocked, "no_url"),
        ({"url": "/path"}, Blocked, "url"),
        ({"url": "•" * 8}, Blocked, "url"),
        ({"url": "http://127.0.0.1:1/", "authorization": "a\nb"}, Blocked, "authorization"),
        ({"url": "http://127.0.0.1:1/", "authorization": "жук"}, Blocked, "authorization"),
        ({"url": "http://127.0.0.1:1/", "outbound_secret": "whsec_"}, Blocked, "outbound_secret"),
        ({"url": "http://127.0.0.1:1/", "body": "nothing.there"}, Refused, "body"),
        ({"url": "http://127.0.0.1:1/", "body": "sum(data)"}, Refused, "body"),
    ],
)
async def test_what_cannot_be_sent_says_why_before_any_call(settings: Any, kind: type, code: str) -> None:
    outcome, story = await performed(HttpSettings.model_validate(settings))
    assert isinstance(outcome, kind)
    assert (outcome.code, story) == (code, "[]")  # type: ignore[attr-defined]


async def test_the_doctor_looks_at_secrets_and_bothers_no_endpoint() -> None:
    async def checked(**settings: Any) -> dict[str, str]:
        async with calling(HttpSettings.model_validate(settings), "") as call:
            found = await MANIFEST.doctor.check(call)
        assert all(finding.remedy for finding in found if finding.status == "fail")
        return {finding.check: finding.status for finding in found}

    assert await checked() == {"url": "ok"}
    assert await checked(url="http://127.0.0.1:1/", outbound_secret=SECRET) == {"url": "ok", "outbound_secret": "ok"}
    assert await checked(url="•" * 8, outbound_secret="x") == {"url": "fail", "outbound_secret": "fail"}
    for secret, status in ((None, "fail"), ("whsec_", "fail"), (SECRET, "ok")):
        assert (await checked(auth={"by": "standard_webhooks"}, inbound_secret=secret))["inbound_secret"] == status
    assert (await checked(auth={"by": "basic"}, inbound_secret="a:b"))["inbound_secret"] == "ok"


# The whole way


class Passing(House):
    """The engine over fakes; the till's events are forwarded to `via`, connections of vendor http."""

    def __init__(self, targets: dict[str, dict[str, Any]], allowed: str = "127.0.0.0/8", **flow: Any) -> None:
        super().__init__()
        self.manifests["http"] = MANIFEST
        specs = {name: ConnectionSpec(vendor="http", settings=settings) for name, settings in targets.items()}
        forward = FlowSpec(id="pass_on", flow="forward", sources=("till",), via=tuple(targets), settings=flow)
        self.tenant = self.tenant.model_copy(
            update={"connections": {**self.tenant.connections, **specs}, "flows": (forward,)}
        )
        self.start()
        self.hub.guard = AddressGuard(networks(allowed))

    async def settle_in(self) -> None:
        await super().settle_in()
        held = await journal.load(self.store, CompiledConnection, "kofe.till")
        assert held is not None
        everything = tuple(type_.value for type_ in EventType)
        compiled = held.model.model_copy(update={"wants": everything})
        await self.store.commit([Put(journal.document(compiled))])


async def passing(sink: Running, *names: str, **flow: Any) -> Passing:
    house = Passing({name: {"url": f"{sink.base_url('http')}/plain/{name}"} for name in names or ("crm",)}, **flow)
    await house.settle_in()
    return house


async def test_every_event_of_an_order_is_passed_on_once_to_every_system(sink: Running) -> None:
    house = await passing(sink, "crm", "site")
    for body in (order(status="new"), order(status="done", revision=2), order(status="done", revision=2)):
        await house.post(body)
        await house.run()
    told = [(message["path"], json.loads(message["body"])["type"]) for message in sink.of("http").messages]
    assert sorted(told) == [
        ("crm", "order.changed"), ("crm", "order.completed"), ("site", "order.changed"), ("site", "order.completed"),
    ]  # fmt: skip
    data = json.loads(sink.of("http").messages[0]["body"])["data"]
    assert data["subject"] == "order:1"
    assert (data["contact"]["name"], data["contact"]["phone"]) == ("Иван Петров", "+79991234567")
    await house.hub.clients.close()


async def test_an_endpoint_that_wants_no_more_blocks_its_connection_with_an_alert(sink: Running) -> None:
    house = await passing(sink)
    sink.fault("http", kind="answer", status=410, times=-1)
    await house.post(order(number=1))
    await house.post(order(number=2))
    await house.run()
    assert {delivery.status for delivery in house.deliveries()} == {Status.BLOCKED}
    assert len(sink.of("http").calls) == 1
    assert [(alert.kind, alert.stage) for alert in house.alerts()] == [("outage", "blocked")]
    await house.hub.clients.close()


async def test_what_was_to_be_signed_waits_for_its_secret(sink: Running) -> None:
    settings = {"url": f"{sink.base_url('http')}/hook", "outbound_secret": {"secret": "erp-signing-secret"}}
    house = Passing({"erp": settings})
    await house.settle_in()
    await house.post(order())
    await house.run()
    (delivery,) = house.deliveries()
    assert delivery.status is Status.BLOCKED
    assert delivery.last_error is not None
    assert "outbound_secret (secret erp-signing-secret)" in delivery.last_error.message
    assert sink.of("http").calls == []
    key = "kofe.erp-signing-secret"
    sealed = house.keyring.seal("vault", SECRET, key).encode()
    await house.store.commit([Put(Document("secrets", key, {"tenant": "kofe"}, sealed))])
    await house.worker.handle("/resume", {"tenant": "kofe", "connection": "erp"})
    await house.pass_time(60)
    assert house.deliveries()[0].status is Status.SUCCEEDED
    assert len(sink.of("http").messages) == 1
    await house.hub.clients.close()


async def test_an_address_of_a_private_network_is_never_called(sink: Running) -> None:
    house = Passing({"crm": {"url": f"{sink.base_url('http')}/plain/crm"}}, allowed="")
    await house.settle_in()
    await house.post(order())
    await house.run()
    (delivery,) = house.deliveries()
    assert delivery.status is Status.FAILED
    assert delivery.last_error is not None
    assert delivery.last_error.code == "refused_address"
    assert sink.of("http").calls == []
    await house.hub.clients.close()


async def test_an_address_that_everybody_on_the_way_can_read_waits_for_leave(sink: Running) -> None:
    async def public(host: str, port: int) -> list[str]:
        return ["93.184.216.34"]

    house = Passing({"crm": {"url": "http://crm.example.org/s3cret"}})
    house.hub.guard = AddressGuard(resolve=public)
    await house.settle_in()
    await house.post(order())
    await house.run()
    (delivery,) = house.deliveries()
    assert (delivery.status, delivery.attempts[-1].exchanges) == (Status.BLOCKED, ())
    assert delivery.last_error is not None
    assert delivery.last_error.code == "plain_http"
    (alert,) = house.alerts()
    assert "plain_http: true" in alert.text
    assert "s3cret" not in alert.text
    await house.hub.clients.close()


async def test_an_old_event_is_not_passed_on_where_that_would_be_of_no_use(sink: Running) -> None:
    house = await passing(sink, expires_after="1h")
    sink.fault("http", kind="answer", status=503, times=-1)
    await house.post(order())
    await house.pass_time(2 * 3600)
    assert [delivery.status for delivery in house.deliveries()] == [Status.EXPIRED]
    assert house.deliveries()[0].settled_at is not None
    assert house.deliveries()[0].settled_at <= house.clock.now() - timedelta(minutes=50)
    await house.hub.clients.close()


async def test_what_the_stand_in_sends_reaches_us(sink: Running) -> None:
    with scripted() as hub:
        hub.on("/hook", 200)
        async with httpx.AsyncClient(trust_env=False) as client:
            body = {"url": f"{hub.url}/hook", "body": {"type": "lead.created"}, "headers": {"X-Token": "t"}}
            assert (await client.post(f"{sink.url}/_sim/http/send", json=body)).json() == {"sent": [200]}
        assert hub.asked("/hook") == [{"type": "lead.created"}]
        assert hub.seen[0][2]["x-token"] == "t"
