"""From a deal that somebody wins in amoCRM to one message: over real HTTP both ways, whatever goes wrong between."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn

from connectors.amocrm.test_amocrm_parse import BRIEF_CURL, sample
from connectors.conftest import TOKEN
from fakes import REVIEW, House, SteppedClock
from simulators.amocrm import AmocrmSimulator
from simulators.amocrm.cards import TALKS, WON
from simulators.serve import Running
from svyazka.connectors.amocrm.doctor import EVENTS
from svyazka.connectors.amocrm.manifest import MANIFEST
from svyazka.connectors.registry import load_webhook
from svyazka.engine.outbound.pacing import Limiter
from svyazka.model.commands import SendMessage
from svyazka.model.deliveries import Status
from svyazka.model.events import EventStatus, EventType
from svyazka.model.tenants import ConnectionSpec, FlowSpec, LimitSettings
from svyazka.server.accept import AcceptApp

LIMIT = LimitSettings(per_second=1e6, concurrency=50).model_dump()
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Salon:
    """A hub that amoCRM calls, and the account itself; `review_request` sends an SMS for every won deal."""

    def __init__(self, amo: Running, url: str, flow: dict[str, Any], own: dict[str, Any]) -> None:
        self.sim: AmocrmSimulator = amo.of("amocrm")
        self.controls = f"{amo.url}/_sim/amocrm"
        self.house = House()
        self.house.clock = SteppedClock(datetime.now(UTC))
        settings = {"base_url": amo.base_url("amocrm"), "token": TOKEN, "account_id": 31500000, "limit": LIMIT, **own}
        spec = ConnectionSpec(vendor="amocrm", settings={k: v for k, v in settings.items() if v is not None})
        self.house.manifests["amocrm"] = MANIFEST
        review = FlowSpec(
            id="review_request", flow="review_request", sources=("crm",), via=("sms",), settings={**REVIEW, **flow}
        )
        connections = {**self.house.tenant.connections, "crm": spec}
        self.house.tenant = self.house.tenant.model_copy(update={"connections": connections, "flows": (review,)})
        self.url = url
        self.hook = f"{url}/webhook_amocrm?key={self.house.keyring.mint('amocrm', 'kofe', 'crm')}"
        self.start()

    def start(self) -> None:
        """A fresh worker."""
        self.house.start()
        self.house.hub.hook_url = lambda account: self.hook if account.vendor == "amocrm" else None
        self.house.worker.webhook_of = load_webhook

    async def tell(self, control: str, content: Any) -> Any:
        """Tell the stand-in; its webhooks have come to us when it answers."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            return (await client.post(f"{self.controls}/{control}", json=content)).raise_for_status().json()

    async def post(self, body: bytes, headers: dict[str, str] = FORM, url: str | None = None) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(url or self.hook, content=body, headers=headers)

    async def registered(self) -> None:
        await self.tell("hooks", {"destination": self.hook, "settings": list(EVENTS)})

    async def deals(self, count: int, **more: Any) -> list[int]:
        """Deals under way, each of a person of its own."""
        people = await self.tell(
            "contacts", [{"name": f"Анна {n}", "phone": f"8 (999) 123-45-{n:02d}"} for n in range(count)]
        )
        made = await self.tell("leads", [{"status_id": TALKS, "contacts": [one], **more} for one in people["ids"]])
        found: list[int] = made["ids"]
        return found

    async def move(self, ids: list[int], status_id: int = WON) -> list[int]:
        self.sim.ahead += 5
        answers: list[int] = (await self.tell("move", {"ids": ids, "status_id": status_id}))["answers"]
        return answers

    async def poll(self) -> None:
        await self.house.worker.handle("/poll", {"tenant": "kofe", "connection": "crm"})
        await self.house.run()

    @property
    def sent(self) -> list[str]:
        done = [one for one in self.house.deliveries() if one.flow == "review_request"]
        commands = [one.command for one in done if one.status is Status.SUCCEEDED]
        return sorted(str(command.to.phone) for command in commands if isinstance(command, SendMessage))

    def alerts(self) -> list[tuple[str, str]]:
        return sorted((alert.kind, alert.stage) for alert in self.house.alerts())


@pytest.fixture
async def salon(amo: Running, request: pytest.FixtureRequest) -> AsyncIterator[Salon]:
    given: dict[str, Any] = getattr(request, "param", {})
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    salon = Salon(amo, f"http://127.0.0.1:{listener.getsockname()[1]}", given.get("flow", {}), given.get("own", {}))
    await salon.house.settle_in()
    app = AcceptApp(salon.house.store, salon.house.keyring, salon.house.clock)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield salon
    server.should_exit = True
    await serving
    await salon.house.hub.clients.close()


async def test_a_won_deal_becomes_one_message_to_its_client(salon: Salon) -> None:
    await salon.registered()
    deals = await salon.deals(1)
    asked = len(salon.sim.calls)
    assert await salon.move(deals) == [200]
    assert len(salon.sim.calls) == asked, "nothing is asked of amoCRM before it has its answer"
    await salon.house.run()
    assert salon.house.sms.sent[0][1] == "Анна, спасибо! https://example.org/r"
    assert salon.sent == ["8 (999) 123-45-00"]


async def test_lost_deals_and_other_stages_send_nothing(salon: Salon) -> None:
    await salon.registered()
    deals = await salon.deals(2)
    await salon.move(deals[:1], 143)
    await salon.move(deals[1:], 60000011)
    await salon.house.run()
    assert salon.sent == []


async def test_a_batch_that_comes_twice_and_in_another_order_is_a_message_a_deal(salon: Salon) -> None:
    await salon.registered()
    deals = await salon.deals(5)
    salon.sim.hook_faults.copies, salon.sim.hook_faults.shuffle = 3, True
    await salon.move(deals)
    await salon.house.run()
    assert salon.sent == [f"8 (999) 123-45-0{n}" for n in range(5)]


async def test_a_deal_told_by_webhook_digital_pipeline_and_poll_is_one_event_and_one_message(salon: Salon) -> None:
    await salon.poll()
    await salon.registered()
    (deal,) = await salon.deals(1)
    await salon.move([deal])
    pipeline = f"leads[status][0][id]={deal}&leads[status][0][status_id]=142&leads[status][0][pipeline_id]=7000001"
    assert (await salon.post(pipeline.encode())).status_code == 200
    await salon.house.run()
    salon.house.clock.step(300)
    await salon.poll()
    won = [record for record in salon.house.events() if record.event.type is EventType.DEAL_WON]
    assert sorted(record.event.identity for record in won) == ["strong", "weak"], "the weak one led to the other"
    assert len(salon.sent) == 1


@pytest.mark.parametrize("salon", [{"own": {"token": None, "account_id": None}}], indirect=True)
@pytest.mark.parametrize("path", ["/api/webhook/amocrm", "/webhook/amocrm", "/webhook_amocrm"])
async def test_the_briefs_curl_sends_the_message(salon: Salon, path: str) -> None:
    url = salon.hook.replace("/webhook_amocrm", path)
    answer = await salon.post(BRIEF_CURL, {"content-type": "application/json"}, url)
    assert answer.json()["status"] == "accepted"
    assert [event["status"] for event in answer.json()["events"]] == ["accepted"]
    await salon.house.run()
    assert salon.sent == ["+79991234567"]


async def test_every_sample_is_taken_with_200_and_ends_planned_or_ignored(salon: Salon) -> None:
    for name in ("leads-add", "leads-status-won", "contacts-add", "task-add", "leads-note", "unsorted-add-form"):
        assert (await salon.post(sample(name))).status_code == 200
    await salon.house.run()
    assert {record.status for record in salon.house.events()} <= {EventStatus.PLANNED, EventStatus.IGNORED}


@pytest.mark.parametrize("body", [b"nonsense", b"{", b"a" + b"[b]" * 50 + b"=1"])
async def test_what_is_not_the_format_is_kept_and_never_refused(salon: Salon, body: bytes) -> None:
    assert (await salon.post(body)).status_code == 200
    (raw,) = [document for document in salon.house.store.documents.values() if document.kind == "raws"]
    assert raw.fields["status"] == "quarantined"


@pytest.mark.parametrize("salon", [{"flow": {"delay": "30m"}}], indirect=True)
async def test_a_deal_that_is_moved_back_within_the_delay_sends_nothing(salon: Salon) -> None:
    await salon.registered()
    deals = await salon.deals(2)
    await salon.move(deals)
    await salon.house.pass_time(300)
    await salon.move(deals[:1], TALKS)
    await salon.tell("delete", {"kind": "leads", "ids": []})
    await salon.house.pass_time(1800)
    assert salon.sent == ["8 (999) 123-45-01"]
    (cancelled,) = [one for one in salon.house.deliveries() if one.status is Status.CANCELLED]
    assert cancelled.last_error is not None
    assert cancelled.last_error.code == "no_longer_true"


async def test_an_edit_of_a_deal_won_long_ago_sends_nothing(salon: Salon) -> None:
    (deal,) = await salon.deals(1, status_id=WON)
    await salon.registered()
    salon.sim.ahead += 30 * 86400
    salon.sim.change("leads", salon.sim.cards["leads"][deal], {"price": 7})
    await salon.tell("move", {"ids": [], "status_id": WON})
    await salon.house.run()
    assert salon.sent == []
    assert any(record.reason and "deal.changed" in record.reason for record in salon.house.events())


async def test_a_webhook_that_amocrm_switches_off_is_switched_on_the_gap_is_filled_and_one_alert_goes_out(
    salon: Salon,
) -> None:
    await salon.registered()
    await salon.poll()
    deals = await salon.deals(6)
    await salon.move(deals[:1])
    salon.house.store.down = True
    salon.sim.hook_faults.copies = 101
    await salon.move(deals[:1])
    salon.house.store.down, salon.sim.hook_faults.copies = False, 1
    (hook,) = salon.sim.hooks.values()
    assert hook.disabled
    await salon.move(deals[1:])
    await salon.house.run()
    assert len(salon.sent) == 1, "amoCRM tells us nothing any more"
    salon.house.clock.step(300)
    await salon.poll()
    assert salon.sent == [f"8 (999) 123-45-0{n}" for n in range(6)]
    (hook,) = salon.sim.hooks.values()
    assert (hook.disabled, set(hook.settings)) == (False, set(EVENTS))
    assert salon.alerts() == [("hook", "disabled")]
    told = [record.event.type for record in salon.house.events() if record.event.type.value.startswith("connection.")]
    assert told == [EventType.CONNECTION_DISABLED, EventType.CONNECTION_ENABLED]
    (again,) = await salon.deals(1)
    await salon.move([again])
    await salon.house.run()
    assert salon.alerts() == [("hook", "disabled")]
    assert len(salon.sent) == 7, "the webhook works again"


async def test_what_failed_to_come_is_repeated_by_amocrm_and_taken_once(salon: Salon) -> None:
    await salon.registered()
    deals = await salon.deals(1)
    salon.house.store.down = True
    assert await salon.move(deals) == [503]
    salon.house.store.down = False
    assert (await salon.tell("tick", {"seconds": 301}))["sent"] >= 1
    assert (await salon.tell("tick", {"seconds": 3600}))["sent"] == 0
    await salon.house.run()
    assert len(salon.sent) == 1


async def test_a_deal_won_while_access_is_gone_waits_for_it_and_is_not_given_up_for_want_of_a_phone(
    salon: Salon,
) -> None:
    await salon.registered()
    deals = await salon.deals(1)
    salon.sim.grants.long_lived.clear()
    await salon.move(deals)
    await salon.house.pass_time(9 * 3600, step=1800)
    assert salon.sent == []
    assert salon.alerts() == [("outage", "blocked")]
    salon.sim.grants.long_lived.add(TOKEN)
    await salon.house.worker.handle("/resume", {"tenant": "kofe", "connection": "crm"})
    await salon.house.pass_time(2 * 3600, step=900)
    assert len(salon.sent) == 1


async def test_while_access_is_gone_amocrm_is_asked_by_probes_only(salon: Salon) -> None:
    await salon.poll()
    salon.sim.grants.long_lived.clear()
    await salon.poll()
    asked = len(salon.sim.calls)
    for _ in range(12):
        salon.house.clock.step(60)
        await salon.poll()
    assert len(salon.sim.calls) == asked
    salon.sim.grants.long_lived.add(TOKEN)
    await salon.house.pass_time(3600, step=300)
    assert salon.alerts() == [("outage", "blocked"), ("outage", "recovered")]


async def test_deals_won_at_once_stay_within_amocrms_rate(amo: Running, salon: Salon) -> None:
    settings = {**salon.house.tenant.connections["crm"].settings}
    del settings["limit"]
    spec = salon.house.tenant.connections["crm"].model_copy(update={"settings": settings})
    connections = {**salon.house.tenant.connections, "crm": spec}
    salon.house.tenant = salon.house.tenant.model_copy(update={"connections": connections})
    await salon.house.settle_in()
    salon.start()
    salon.house.hub.limiter = Limiter()  # the stand-in counts in real time
    await salon.registered()
    deals = await salon.deals(5)
    salon.sim.pace.per_second = 7
    await salon.move(deals)
    tasks, salon.house.store.tasks = salon.house.store.tasks, []
    await asyncio.gather(*(salon.house.worker.handle(task.path, task.body) for task in tasks))
    await salon.house.run()
    assert len(salon.sent) == 5
    assert salon.sim.pace.refusals == type(salon.sim.pace.refusals)()


async def test_no_phone_name_key_or_token_reaches_a_log_line(salon: Salon, capsys: pytest.CaptureFixture[str]) -> None:
    await salon.registered()
    deals = await salon.deals(3)
    await salon.move(deals[:2])
    await salon.house.run()
    await salon.poll()
    salon.sim.grants.long_lived.clear()
    await salon.move(deals[2:])
    await salon.house.run()
    printed = re.sub(r'"time": "[^"]*"', "", "".join(capsys.readouterr()))  # whose digits may be anything
    assert "accepted" in printed
    for secret in ("123-45", "1234", "Анна", TOKEN, salon.hook.rpartition(".")[2]):
        assert secret not in printed
