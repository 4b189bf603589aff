"""A tenant file becomes the store's truth: what it would do is known before, and nothing is sent twice or forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from fakes import REVIEW, FakeMessenger, House, MemoryStore, order
from svyazka.apply import ApplyPlan, commit_apply, plan_apply, plan_pause, set_secret
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.manifest import Credentials, Manifest
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Document, Put
from svyazka.engine.security.keyring import Keyring
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.outcomes import Retry
from svyazka.model.tenants import CompiledConnection, ConnectionSettings, ConnectionSpec, FlowSpec, Tenant

S = Status
BUSY = Retry(code="500", message="busy", outage=False)
SMS = ConnectionSpec(vendor="smsru", settings={"api_id": {"secret": "smsru-api-id"}, "sender": "KOFE"})
REVIEWS = FlowSpec(id="review_request", flow="review_request", sources=("till",), via=("sms",), settings=REVIEW)
KOFE = Tenant(
    id="kofe", name="Кофейня", timezone="Europe/Moscow",
    connections={"till": ConnectionSpec(vendor="iiko", settings={"final_statuses": ["Delivered"]}), "sms": SMS},
    flows=(REVIEWS,),
)  # fmt: skip


class SmsSettings(ConnectionSettings):
    """As sms.ru's."""

    api_id: str | None = None
    sender: str | None = None


@dataclass
class Sms(FakeMessenger):
    """A messenger with a credential."""

    name: str = "smsru"
    keys: list[str | None] = field(default_factory=list)

    @property
    def manifest(self) -> Manifest[Any]:
        return replace(super().manifest, settings=SmsSettings, credentials=Credentials(required=("api_id",)))

    async def send(self, message: Any, to: str, call: Any) -> Any:
        self.keys.append(call.settings.api_id)
        return await super().send(message, to, call)


class Applied(House):
    """A house whose tenant was applied from its file, with real vendors' ways in and a messenger that does as told."""

    def __init__(self) -> None:
        super().__init__()
        self.sms = Sms()
        self.tenant = KOFE

    def start(self) -> None:
        super().start()
        self.hub.directory.manifests = self._manifest

    def _manifest(self, vendor: str) -> Manifest[Any]:
        return self.sms.manifest if vendor == "smsru" else load_manifest(vendor)

    async def plan(self, tenant: Tenant | None = None) -> ApplyPlan:
        return await plan_apply(self.store, self.hub.directory, self.keyring, tenant or self.tenant)

    async def apply(self, tenant: Tenant | None = None) -> ApplyPlan:
        plan = await self.plan(tenant)
        await commit_apply(self.store, self.hub.directory, plan)
        self.tenant = plan.tenant
        return plan

    async def secret(self, value: str | None, name: str = "smsru-api-id") -> None:
        await set_secret(self.store, self.hub.directory, self.keyring, "kofe", name, value)

    async def ordered(self, number: int = 1) -> None:
        """An order that the till told of, as the journal has it."""
        compiled = await self.compiled("till")
        from svyazka.engine.calling.events_of_asking import found_event
        from svyazka.model.contacts import Contact
        from svyazka.model.events import EventType, Fact

        body = order(number)
        fact = Fact(
            type=EventType.ORDER_COMPLETED, key=("order", str(number)), subject=f"order:{number}",
            contact=Contact(name=body["name"], phone=f"+7999123{number:04}"),
        )  # fmt: skip
        create, tasks = found_event(self.hub, compiled, fact, self.clock.now(), "webhook")
        await self.store.commit([create], tasks)
        await self.run()

    async def compiled(self, connection: str) -> CompiledConnection:
        held = await journal.load(self.store, CompiledConnection, f"kofe.{connection}")
        assert held is not None
        return held.model

    def states(self) -> list[Status]:
        return [delivery.status for delivery in self.deliveries()]


@pytest.fixture
async def house() -> Applied:
    house = Applied()
    await house.apply()
    await house.secret("key-1")
    await house.run()
    return house


def without(tenant: Tenant, connection: str | None = None, flow: bool = False) -> Tenant:
    connections = {name: spec for name, spec in tenant.connections.items() if name != connection}
    flows = tuple(one for one in tenant.flows if not flow and connection not in (*one.sources, *one.via))
    return tenant.model_copy(update={"connections": connections, "flows": flows})


def shown(plan: ApplyPlan) -> list[tuple[str, str, int]]:
    return [(change.sign, change.what, change.open_deliveries) for change in plan.changes]


# The plan


async def test_a_new_tenant_is_shown_whole_and_nothing_is_written_before_the_yes() -> None:
    house = Applied()
    plan = await house.plan()
    assert shown(plan) == [
        ("+", "tenant kofe", 0), ("+", "connection till (iiko)", 0), ("+", "connection sms (smsru)", 0),
        ("+", "flow review_request", 0),
    ]  # fmt: skip
    assert plan.missing_secrets == ["smsru-api-id"]
    assert house.store.documents == {}


async def test_the_same_file_again_changes_nothing(house: Applied) -> None:
    plan = await house.plan(KOFE)
    assert (shown(plan), plan.missing_secrets) == ([], [])


async def test_what_is_changed_is_shown_with_the_open_deliveries_that_keep_their_text(house: Applied) -> None:
    house.sms.script.append(BUSY)
    await house.ordered()
    flow = REVIEWS.model_copy(update={"settings": {**REVIEW, "text": "Другое: {review_url}"}})
    sms = SMS.model_copy(update={"settings": {**SMS.settings, "sender": "CAFE"}})
    changed = KOFE.model_copy(
        update={
            "name": "Кофейня 2", "retention": timedelta(days=30), "flows": (flow,),
            "connections": {**KOFE.connections, "sms": sms},
        }
    )  # fmt: skip
    plan = await house.apply(changed)
    assert shown(plan) == [
        ("~", "connection sms (smsru)", 0), ("~", "flow review_request", 1), ("~", "name", 0), ("~", "retention", 0),
    ]  # fmt: skip
    await house.pass_time(600)
    assert [text for _, text in house.sms.sent] == ["Иван, спасибо! https://example.org/r"]
    await house.ordered(2)
    assert house.sms.sent[-1][1] == "Другое: https://example.org/r"


async def test_what_is_removed_names_the_open_deliveries_concerned(house: Applied) -> None:
    house.sms.script.extend([BUSY] * 3)
    for number in range(3):
        await house.ordered(number)
    assert shown(await house.plan(without(KOFE, flow=True))) == [("-", "flow review_request", 3)]
    assert shown(await house.plan(without(KOFE, "sms"))) == [
        ("-", "connection sms (smsru)", 3),
        ("-", "flow review_request", 3),
    ]
    await house.pass_time(600)
    assert shown(await house.plan(without(KOFE, flow=True))) == [("-", "flow review_request", 0)]


@pytest.mark.parametrize(
    ("vendor", "setting"),
    [
        (name, load_manifest(name).payments.shop)  # type: ignore[union-attr]
        for name in VENDORS
        if load_manifest(name).payments is not None
    ],
)
async def test_two_who_take_payments_by_one_shop_are_told_of_each_other_until_one_has_another(
    house: Applied, vendor: str, setting: str
) -> None:
    def with_shops(tenant: Tenant, **shops: str) -> Tenant:
        more = {name: ConnectionSpec(vendor=vendor, settings={setting: shop}) for name, shop in shops.items()}
        return tenant.model_copy(update={"connections": {**KOFE.connections, **more}})

    bar = KOFE.model_copy(update={"id": "bar", "name": "Бар"})
    assert (await house.apply(with_shops(KOFE, kassa="100500"))).warnings == []
    (warning,) = (await house.apply(with_shops(bar, pay="100500"))).warnings
    assert "bar.pay" in warning
    assert "kofe.kassa" in warning
    assert (await house.apply(with_shops(bar, pay="100501"))).warnings == []
    assert (await house.apply(with_shops(KOFE, kassa="100500"))).warnings == []
    two = (await house.apply(with_shops(KOFE, kassa="100500", other="100500"))).warnings
    assert len(two) == 2
    assert all("kofe.kassa" in one and "kofe.other" in one for one in two)


async def test_a_plan_that_was_overtaken_is_not_carried_out(house: Applied) -> None:
    first = await house.plan(KOFE.model_copy(update={"name": "Первая"}))
    await house.apply(KOFE.model_copy(update={"name": "Вторая"}))
    with pytest.raises(Conflict):
        await commit_apply(house.store, house.hub.directory, first)
    assert (await house.hub.directory.tenant("kofe")).name == "Вторая"  # type: ignore[union-attr]


# What is compiled for the way in


async def test_a_connection_is_compiled_with_what_its_way_in_needs_and_no_more(house: Applied) -> None:
    till, sms = await house.compiled("till"), await house.compiled("sms")
    assert till.wants == ("appointment.completed", "deal.won", "order.completed")
    assert till.public == {"final_statuses": ["Delivered"]}
    assert (sms.wants, sms.public) == ((), {})
    assert "key-1" not in sms.model_dump_json()
    assert set(sms.sealed) <= {"api_id"}
    for name, sealed in sms.sealed.items():
        assert house.keyring.unseal("verify", sealed, f"kofe.sms.{name}") == "key-1"


async def test_tenants_own_times_reach_the_way_in(house: Applied) -> None:
    await house.apply(KOFE.model_copy(update={"retention": timedelta(days=7), "dedupe_window": timedelta(hours=1)}))
    till = await house.compiled("till")
    assert (till.retention, till.dedupe_window) == (timedelta(days=7), timedelta(hours=1))


# Pauses


@pytest.mark.parametrize("what", [{}, {"connection": "sms"}, {"flow": "review_request"}])
async def test_what_an_operator_paused_stays_paused_until_he_resumes_it(house: Applied, what: dict[str, str]) -> None:
    for paused in (True, False):
        held = await journal.load(house.store, Tenant, "kofe")
        assert held is not None
        plan = await plan_pause(house.store, house.hub.directory, house.keyring, held, paused=paused, **what)  # type: ignore[arg-type]
        await commit_apply(house.store, house.hub.directory, plan)
        await house.apply(KOFE.model_copy(update={"name": f"Кофейня {paused}"}))
        await house.run()
        if paused:
            await house.ordered()
            await house.pass_time(3600)
            assert house.states() == [S.PARKED]
    await house.pass_time(120)
    assert house.states() == [S.SUCCEEDED]
    assert len(house.sms.sent) == 1


# Removed between crash and resume


async def crashed(house: Applied, safety: Repeat, *, sent: bool) -> Delivery:
    """A worker died around its call; `sent`: the vendor had taken it."""
    house.sms.repeat = safety

    async def die(claimed: Delivery, *args: Any) -> None:
        if sent:
            house.sms.deliver(claimed.command, claimed.key)
        raise SystemExit

    house.worker.attempts.run = die  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        await house.ordered()
    house.start()
    (delivery,) = house.deliveries()
    assert delivery.status is S.IN_FLIGHT
    return delivery


@pytest.mark.parametrize("safety", list(Repeat))
@pytest.mark.parametrize("sent", [True, False])
async def test_a_flow_that_is_removed_while_its_worker_lay_dead_sends_nothing_twice_and_nothing_more(
    house: Applied, safety: Repeat, sent: bool
) -> None:
    await crashed(house, safety, sent=sent)
    await house.apply(without(KOFE, flow=True))
    await house.pass_time(4 * 3600)
    assert len(house.sms.sent) == (1 if sent else 0)
    assert house.states() == [S.UNKNOWN if safety is Repeat.UNSAFE else S.CANCELLED]
    await house.apply(KOFE)
    await house.ordered(2)
    await house.pass_time(3600)
    assert [d.status for d in house.deliveries() if d.subject == "order:2"] == [S.SUCCEEDED]


async def test_what_waits_when_its_flow_is_removed_ends_as_cancelled_and_stays_so(house: Applied) -> None:
    house.sms.script.append(BUSY)
    await house.ordered()
    await house.apply(without(KOFE, flow=True))
    await house.apply(KOFE)
    await house.apply(without(KOFE, flow=True))
    await house.pass_time(3600)
    assert house.states() == [S.CANCELLED]
    await house.apply(KOFE)
    await house.pass_time(3600)
    assert house.states() == [S.CANCELLED]
    assert house.sms.sent == []


async def test_a_connection_that_is_removed_blocks_and_one_that_comes_back_lets_go_once(house: Applied) -> None:
    house.sms.script.append(BUSY)
    await house.ordered()
    connections = {"till": KOFE.connections["till"]}
    await house.apply(KOFE.model_copy(update={"connections": connections}))
    await house.pass_time(3600)
    assert house.states() == [S.BLOCKED]
    await house.apply(KOFE)
    await house.pass_time(600)
    assert house.states() == [S.SUCCEEDED]
    assert len(house.sms.sent) == 1


# Webhook keys


async def test_a_removed_connections_key_ends_with_it_and_none_of_its_keys_comes_back(house: Applied) -> None:
    """A key may have been changed because a stranger had it."""
    compiled = await house.compiled("till")
    rotated = compiled.model_copy(update={"generation": 3})
    await house.store.commit([Put(journal.document(rotated))])
    await house.apply(without(KOFE, "till"))
    assert await journal.load(house.store, CompiledConnection, "kofe.till") is None
    await house.apply(KOFE)
    again = await house.compiled("till")
    assert (again.generation, again.previous_valid) == (4, False)
    await house.apply(KOFE.model_copy(update={"name": "Кофейня 2"}))
    assert (await house.compiled("till")).generation == 4


# Secrets


async def test_a_secret_that_is_set_later_lets_go_what_was_blocked(house: Applied) -> None:
    await house.secret(None)
    await house.run()
    await house.ordered()
    await house.pass_time(3600)
    assert house.states() == [S.BLOCKED]
    assert [(alert.kind, alert.stage) for alert in house.alerts()] == [("outage", "blocked")]
    await house.secret("key-2")
    await house.pass_time(60)
    assert house.states() == [S.SUCCEEDED]
    assert house.sms.keys == ["key-2"]


async def test_a_secret_is_kept_sealed_and_only_for_its_place(house: Applied) -> None:
    document = house.store.documents["secrets", "kofe.smsru-api-id"]
    assert b"key-1" not in document.data
    with pytest.raises(ConfigError):
        house.keyring.unseal("vault", document.data.decode(), "chay.smsru-api-id")


async def test_a_secret_whose_key_was_lost_can_be_set_again_and_is_said_to_be_missing_until_then(
    house: Applied,
) -> None:
    lost = Keyring({"vault": {"7": b"x" * 32}}).seal("vault", "key-1", "kofe.smsru-api-id")
    other = Keyring({"vault": {"7": b"x" * 32}}).seal("vault", "?", "kofe.other")
    await house.store.commit(
        [
            Put(Document("secrets", "kofe.smsru-api-id", {"tenant": "kofe"}, lost.encode())),
            Put(Document("secrets", "kofe.other", {"tenant": "kofe"}, other.encode())),
        ]
    )
    house.hub.directory.forget()
    assert (await house.plan(KOFE)).missing_secrets == ["smsru-api-id"]
    await house.secret("key-3")
    await house.ordered()
    await house.pass_time(60)
    assert house.sms.keys == ["key-3"]


async def test_an_inbound_secret_whose_key_was_lost_still_proves_who_calls(house: Applied) -> None:
    """The way in has its own copy, under its own key: without it anybody would be believed."""
    till = ConnectionSpec(vendor="iiko", settings={"auth_token": {"secret": "iiko-auth-token"}})
    await house.apply(KOFE.model_copy(update={"connections": {**KOFE.connections, "till": till}}))
    await house.secret("proof-for-tests", "iiko-auth-token")
    sealed = (await house.compiled("till")).sealed["auth_token"]
    lost = Keyring({"vault": {"7": b"x" * 32}}).seal("vault", "proof", "kofe.iiko-auth-token")
    await house.store.commit([Put(Document("secrets", "kofe.iiko-auth-token", {"tenant": "kofe"}, lost.encode()))])
    plan = await house.apply()
    assert plan.missing_secrets == ["iiko-auth-token"]
    assert (await house.compiled("till")).sealed["auth_token"] == sealed
    await house.secret(None, "iiko-auth-token")
    assert (await house.compiled("till")).sealed == {}


async def test_a_secret_of_a_tenant_that_is_not_there_yet_waits_for_it() -> None:
    house = Applied()
    await house.secret("key-1")
    plan = await house.apply()
    assert plan.missing_secrets == []
    assert isinstance(house.store, MemoryStore)
