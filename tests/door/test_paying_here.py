"""Paying through the front door: who may ask for what, and what whoever waits is told."""

from __future__ import annotations

import pytest

from door.support import OF_BOOKINGS, PAGE, STAFF, Site, signed_in, told
from fake_provider import FakeProvider
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.asking import NoReply
from svyazka.engine.ports.store import Put
from svyazka.flows.registry import load_flow
from svyazka.model.events import EventType
from svyazka.model.payments import Payment
from svyazka.model.seen import Decline
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, FlowSpec

ANNA = {"name": "Анна", "phone": "+79991234567"}
ORDER = {"order": "42", "amount": "1049.30", **ANNA}


@pytest.fixture
async def site() -> Site:
    site = Site({"limits": {"per_address": "999/m", "per_site": "999/m"}})
    site.till = FakeProvider("paying", site.clock.now)  # type: ignore[attr-defined]
    site.manifests["paying"] = site.till.manifest  # type: ignore[attr-defined]
    takes = FlowSpec(id="pay", flow="take_payment", sources=("web",), via=("paying",), settings={"receipt": False})
    connections = {**site.tenant.connections, "paying": ConnectionSpec(vendor="paying")}
    site.tenant = site.tenant.model_copy(update={"connections": connections, "flows": (*site.tenant.flows, takes)})
    await site.settle_in()
    wants = (*STAFF["events"], *OF_BOOKINGS, *(one.value for one in load_flow("take_payment").wants(None)))
    wants = (*wants, EventType.SUBSCRIPTION_CANCEL_REQUESTED.value)
    for name, vendor in (("web", "site"), ("paying", "paying")):
        compiled = CompiledConnection(
            tenant="kofe", connection=name, vendor=vendor, wants=wants, public=site.settings if name == "web" else {}
        )
        await site.store.commit([Put(journal.document(compiled))])
    return site


async def test_a_link_comes_back_and_a_repeat_gets_the_same(site: Site) -> None:
    answer = await site.post("payment", ORDER, server=True, idempotency_key="a")
    begun = told(answer)
    assert (answer.status, begun["state"]) == (200, "waiting")
    assert begun["url"].startswith("https://paying.example/")
    again = await site.post("payment", ORDER, server=True, idempotency_key="a")
    assert told(again) == begun
    other = await site.post("payment", {**ORDER, "amount": "1.00"}, server=True, idempotency_key="a")
    assert other.status == 422
    assert (await site.post("payment", ORDER, server=True)).status == 400
    another = await site.post("payment", ORDER, server=True, idempotency_key="b")
    assert told(another) == begun
    assert len(site.till.there) == 1  # type: ignore[attr-defined]


async def test_a_page_pays_for_what_its_server_has_told_of_and_as_much_as_that_costs(site: Site) -> None:
    unknown = await site.post("payment", ORDER, idempotency_key="a", **PAGE)
    assert (unknown.status, told(unknown)["code"]) == (422, "unknown_order")
    known = {"number": "42", "sum": "1049.30", **ANNA}
    await site.post("order", known, server=True, idempotency_key="o")
    await site.run()
    less = await site.post("payment", {**ORDER, "amount": "1.00"}, idempotency_key="b", **PAGE)
    assert (less.status, told(less)["code"]) == (422, "other_amount")
    assert told(less)["detail"] == "the order costs another amount"
    elsewhere = {**ORDER, "return_url": "https://evil.example/"}
    assert (await site.post("payment", elsewhere, idempotency_key="c", **PAGE)).status == 422
    begun = await site.post("payment", {"order": "42", **ANNA}, idempotency_key="d", **PAGE)
    assert begun.status == 200
    assert [one.amount.text for one in site.till.there.values()] == ["1049.30"]  # type: ignore[attr-defined]
    await site.post("order", {**known, "status": "cancelled"}, server=True, idempotency_key="off")
    await site.run()
    off = await site.post("payment", ORDER, idempotency_key="e", **PAGE)
    assert (off.status, told(off)["code"]) == (409, "cancelled")


async def test_whoever_knows_an_orders_number_has_no_receipt_of_anothers_sent_to_himself(site: Site) -> None:
    anna, stranger = {**ANNA, "email": "anna@example.ru"}, {"phone": "+79990000099", "email": "stranger@example.com"}
    await site.post("order", {"number": "42", "sum": "1049.30", **anna}, server=True, idempotency_key="o")
    await site.post("order", {"number": "42", "sum": "1049.30", "status": "changed"}, server=True, idempotency_key="p")
    await site.run()
    quick = await site.post("payment", {"order": "42", **stranger}, idempotency_key="a", **PAGE)
    assert quick.status == 200
    assert told(await site.post("payment", {"order": "42", **anna}, idempotency_key="b", **PAGE)) == told(quick)
    held = await journal.load(site.store, Payment, told(quick)["id"])
    assert held is not None
    assert held.model.person is not None
    assert (held.model.person.email, held.model.person.phone) == ("anna@example.ru", ANNA["phone"])
    for payer, listed in ((stranger, []), (anna, ["42"])):
        token = await signed_in(site, payer["phone"])
        mine = told(await site.call("GET", "/ingest/me/payments", x_session=token))["data"]
        assert [one["order"] for one in mine] == listed


async def test_where_the_server_has_named_nobody_the_receipt_goes_to_whoever_pays(site: Site) -> None:
    await site.post("order", {"number": "42", "sum": "1049.30", "name": "Анна"}, server=True, idempotency_key="o")
    await site.run()
    begun = await site.post("payment", {"order": "42", "email": "anna@example.ru"}, idempotency_key="a", **PAGE)
    held = await journal.load(site.store, Payment, told(begun)["id"])
    assert held is not None
    assert held.model.person is not None
    assert held.model.person.email == "anna@example.ru"


async def test_whoever_holds_its_id_sees_how_it_stands_and_nobody_else(site: Site) -> None:
    site.asks.away = True
    late = await site.post("payment", ORDER, server=True, idempotency_key="a")
    assert (late.status, told(late)["state"]) == (202, "created")
    site.asks.away = False
    await site.pass_time(60)
    story = await site.call("GET", f"/ingest/payment/{told(late)['id']}")
    seen = told(story)
    assert (seen["state"], seen["amount"], seen["transactions"][0]["status"]) == ("waiting", "1049.30", "pending")
    assert "phone" not in story.body.decode()
    assert told(await site.call("GET", f"/ingest/payment/{seen['id']}")) == seen
    for other in ("pay_" + "0" * 24, "evt_" + "0" * 32, "", "x"):
        assert (await site.call("GET", f"/ingest/payment/{other}")).status == 404
    site.till.pays(next(iter(site.till.there.values())).number)  # type: ignore[attr-defined]
    await site.call("GET", f"/ingest/payment/{seen['id']}")
    site.clock.step(5)
    await site.call("GET", f"/ingest/payment/{seen['id']}")
    await site.run()
    paid = told(await site.call("GET", f"/ingest/payment/{seen['id']}"))
    assert (paid["state"], paid["paid"], "url" in paid) == ("paid", "1049.30", False)


async def test_money_goes_back_by_the_server_key_alone(site: Site) -> None:
    id_ = told(await site.post("payment", ORDER, server=True, idempotency_key="a"))["id"]
    early = await site.post("refund", {"payment": id_}, server=True, idempotency_key="r0")
    assert (early.status, told(early)["code"]) == (409, "not_paid")
    site.till.pays(next(iter(site.till.there.values())).number)  # type: ignore[attr-defined]
    await site.pass_time(120)
    assert (await site.post("refund", {"payment": id_}, idempotency_key="r1", **PAGE)).status == 403
    part = await site.post("refund", {"payment": id_, "amount": "49.30"}, server=True, idempotency_key="r2")
    assert (part.status, told(part)) == (200, {"id": id_, "state": "part_refunded", "refunded": "49.30"})
    assert told(await site.post("refund", {"payment": id_, "amount": "49.30"}, server=True, idempotency_key="r2")) == (
        told(part)
    )
    much = await site.post("refund", {"payment": id_, "amount": "1000.01"}, server=True, idempotency_key="r3")
    assert (much.status, told(much)["code"]) == (409, "too_much")
    assert site.till.money() == 100_000  # type: ignore[attr-defined]


# Subscriptions

AGREED = {"text": "Согласна на списание 100 ₽ в месяц", "at": "2026-03-14T14:58:00+03:00"}
MONTHLY = {"order": "42", "amount": "100.00", "recurring": {"every": "month"}, "consent": AGREED, **ANNA}


async def subscribed(site: Site) -> str:
    """Somebody has subscribed; its id, which their page was given."""
    begun = await site.post("payment", MONTHLY, server=True, idempotency_key="sub")
    assert begun.status == 200
    site.till.pays(next(iter(site.till.there.values())).number)  # type: ignore[attr-defined]
    await site.pass_time(120)
    (id_,) = [key for kind, key in site.store.documents if kind == "subscriptions"]
    return id_


@pytest.mark.parametrize(
    ("more", "server", "status"),
    [
        ({}, False, 403), ({"consent": {}}, True, 422), ({"recurring": {"every": "day"}}, True, 422),
        ({"order": None}, True, 422), ({"subscription": "sub_" + "0" * 24}, True, 422),
    ],
)  # fmt: skip
async def test_a_subscription_begins_by_the_server_key_and_with_the_words(
    site: Site, more: dict[str, object], server: bool, status: int
) -> None:
    said = {name: value for name, value in {**MONTHLY, **more}.items() if value is not None}
    answer = await site.post("payment", said, server=server, idempotency_key="a", **({} if server else PAGE))
    assert answer.status == status
    assert site.till.there == {}  # type: ignore[attr-defined]


async def test_whoever_holds_its_id_sees_a_subscription_pays_by_another_card_and_ends_it(site: Site) -> None:
    id_ = await subscribed(site)
    seen = told(await site.call("GET", f"/ingest/subscription/{id_}", **PAGE))
    assert seen == {
        "id": id_, "state": "active", "order": "42", "every": "month", "amount": "100.00", "currency": "RUB",
        "description": "Заказ 42. Кофейня", "method": "*4444", "due_at": "2026-04-14T10:00:00+03:00", "pay": False,
    }  # fmt: skip
    early = await site.post("payment", {"subscription": id_}, idempotency_key="c0", **PAGE)
    assert (early.status, told(early)["code"]) == (409, "nothing_due")
    site.till.charges_end.append(Decline.CARD_GONE)  # type: ignore[attr-defined]
    await site.pass_time(31 * 86400)
    seen = told(await site.call("GET", f"/ingest/subscription/{id_}", **PAGE))
    assert (seen["state"], seen["why"], seen["pay"], "method" in seen) == ("needs_card", "card_gone", True, False)
    by_card = await site.post("payment", {"subscription": id_}, idempotency_key="c1", **PAGE)
    assert (by_card.status, told(by_card)["state"]) == (200, "waiting")
    assert told(by_card)["url"].startswith("https://paying.example/")
    for _ in range(2):
        ended = await site.call("POST", "/ingest/subscription/cancel", {"id": id_}, **PAGE)
        assert (ended.status, told(ended)["state"], told(ended)["why"]) == (200, "cancelled", "by_client")
    late = await site.post("payment", {"subscription": id_}, idempotency_key="c2", **PAGE)
    assert (late.status, told(late)["code"]) == (409, "over")
    for other in ("sub_" + "0" * 24, "x"):
        assert (await site.call("GET", f"/ingest/subscription/{other}", **PAGE)).status == 404
        assert (await site.call("POST", "/ingest/subscription/cancel", {"id": other}, **PAGE)).status == 404


async def test_a_cancellation_that_nobody_could_see_to_at_once_is_kept_and_done(site: Site) -> None:
    id_ = await subscribed(site)
    looks = site.asks.ask

    async def only_answers(path: str, body: object, seconds: float) -> object:
        if path == "/perform-now":
            raise NoReply("busy")
        return await looks(path, body, seconds)

    site.asks.ask = only_answers  # type: ignore[method-assign]
    kept = await site.call("POST", "/ingest/subscription/cancel", {"id": id_}, **PAGE)
    assert (kept.status, told(kept)) == (202, {"status": "accepted", "id": id_})
    await site.pass_time(120)
    assert told(await site.call("GET", f"/ingest/subscription/{id_}", **PAGE))["state"] == "cancelled"


async def test_a_session_shows_ones_own_payments_and_subscriptions(site: Site) -> None:
    id_ = await subscribed(site)
    token = await signed_in(site, ANNA["phone"])
    mine = told(await site.call("GET", "/ingest/me/subscriptions", x_session=token))["data"]
    assert [(one["id"], one["state"]) for one in mine] == [(id_, "active")]
    paid = told(await site.call("GET", "/ingest/me/payments", x_session=token))["data"]
    assert [(one["order"], one["state"], one["paid"]) for one in paid] == [("42", "paid", "100.00")]
    other = await signed_in(site, "+79990000001")
    for what in ("subscriptions", "payments"):
        assert told(await site.call("GET", f"/ingest/me/{what}", x_session=other))["data"] == []
        assert (await site.call("GET", f"/ingest/me/{what}")).status == 401


async def test_what_was_before_a_number_fell_silent_is_not_shown_to_who_has_it_now(site: Site) -> None:
    await subscribed(site)
    site.clock.step(200 * 86400)
    await site.post("lead", {**ANNA, "text": "Здравствуйте"}, server=True)
    token = await signed_in(site, ANNA["phone"])
    for what in ("subscriptions", "payments"):
        seen = await site.call("GET", f"/ingest/me/{what}", x_session=token)
        assert (seen.status, told(seen)["data"]) == (200, [])


async def test_a_subscription_that_goes_on_is_shown_when_its_first_events_are_blank_by_now(site: Site) -> None:
    id_ = await subscribed(site)
    for _ in range(5):
        await site.pass_time(31 * 86400)
        await site.worker.retention.retain()
    token = await signed_in(site, ANNA["phone"])
    mine = told(await site.call("GET", "/ingest/me/subscriptions", x_session=token))["data"]
    assert [(one["id"], one["state"]) for one in mine] == [(id_, "active")]
