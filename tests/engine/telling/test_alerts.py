"""Nobody is told twice, everybody is told once: the operator and, where its file says so, the business."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

from fakes import START, House, order
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.telling import alerts
from svyazka.model.deliveries import Status
from svyazka.model.errors import ConfigError, MaybeSent
from svyazka.model.outcomes import Refused, Retry
from svyazka.model.tenants import Addressee, ConnectionSpec

BOSS = Addressee(connection="mail", email="boss@example.org")
RUNS_IT = Addressee(connection="mail", email="admin@example.org")


async def told(*, business: bool = True, operator: bool = False) -> House:
    house = House()
    if business:
        settings = house.tenant.alerts.model_copy(update={"to": (BOSS,)})
        house.tenant = house.tenant.model_copy(update={"alerts": settings})
    await house.settle_in()
    if operator:
        house.hub.operators = [("kofe", RUNS_IT)]
    return house


async def tell(house: House, about: str = "x", kind: str = "unknown", stage: str = "first") -> bool:
    return await alerts.tell(house.hub, house.tenant, "sms", kind, stage, START, "Слова", about)


async def test_an_alert_is_a_delivery_to_everybody_who_is_to_know() -> None:
    house = await told(operator=True)
    assert await tell(house)
    await house.run()
    assert [text for _, text in house.mail.sent] == ["Слова", "Слова"]
    (alert,) = house.alerts()
    assert set(alert.deliveries) == {delivery.id for delivery in house.deliveries()}
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}


async def test_the_same_thing_is_told_once_however_often_and_at_once_it_happens() -> None:
    house = await told()
    said = await asyncio.gather(*(tell(house) for _ in range(20)))
    assert Counter(said) == {True: 1, False: 19}
    house.start()
    assert not await tell(house)
    await house.run()
    assert len(house.mail.sent) == 1


async def test_another_stage_kind_or_cause_is_another_alert() -> None:
    house = await told()
    for about, kind, stage in (
        ("x", "unknown", "first"),
        ("y", "unknown", "first"),
        ("x", "dead", "first"),
        ("x", "dead", "x"),
    ):
        assert await tell(house, about, kind, stage)
    assert len(house.alerts()) == 4


async def test_an_alert_that_nobody_is_to_get_is_kept_all_the_same() -> None:
    house = await told(business=False)
    assert await tell(house)
    assert house.alerts()[0].deliveries == ()
    await house.run()
    assert house.deliveries() == []


async def test_an_addressee_whose_connection_is_gone_keeps_nobody_else_from_being_told() -> None:
    house = await told(operator=True)
    settings = house.tenant.alerts.model_copy(update={"to": (Addressee(connection="gone", phone="+79990000001"), BOSS)})
    house.tenant = house.tenant.model_copy(update={"alerts": settings})
    assert await tell(house)
    await house.run()
    assert len(house.mail.sent) == 2


async def test_the_first_of_a_kind_a_day_and_a_connection_is_told() -> None:
    house = await told()
    for day in range(3):
        house.sms.script.extend([MaybeSent("timeout")] * 2)
        await house.post([order(10 * day + number, phone=f"+7999123{day}{number:03}") for number in range(2)])
        await house.run()
        house.clock.step(86400)
    assert [alert.kind for alert in house.alerts()] == ["unknown"] * 3


async def test_what_has_to_be_mended_is_told_with_the_remedy() -> None:
    house = await told()
    house.sms.script.append(Refused(code="204", message="sender is not registered", remedy="зарегистрируйте имя"))
    await house.post(order())
    await house.run()
    (alert,) = house.alerts()
    assert alert.kind == "refused 204"
    assert "зарегистрируйте имя" in alert.text


async def test_trouble_with_an_alert_itself_is_no_alert() -> None:
    house = await told()
    house.mail.script.append(Refused(code="550", message="no such mailbox", remedy="x"))
    assert await tell(house)
    await house.run()
    assert [alert.kind for alert in house.alerts()] == ["unknown"]


async def test_an_alert_is_of_use_for_a_week_as_long_as_it_is_tried() -> None:
    house = await told()
    house.mail.script.extend([Retry(code="500", message="busy", outage=False)] * 1000)
    assert await tell(house)
    await house.pass_time(26 * 3600, step=1800)
    (delivery,) = house.deliveries()
    assert delivery.status is Status.RETRYING, "not into nothing after a day"
    assert delivery.guards.expires_at == START + timedelta(days=7)


async def test_who_dies_before_the_commit_tells_it_again_and_after_it_does_not(house: House) -> None:
    commit = house.store.commit

    async def dies_before(*args: object, **kwargs: object) -> list[str]:
        raise SystemExit

    async def dies_after(*args: object, **kwargs: object) -> list[str]:
        await commit(*args, **kwargs)  # type: ignore[arg-type]
        raise SystemExit

    for die, again in ((dies_before, True), (dies_after, False)):
        house.store.commit = die  # type: ignore[method-assign,assignment]
        try:
            await tell(house, about=die.__name__)
        except SystemExit:
            house.store.commit = commit  # type: ignore[method-assign]
        assert await tell(house, about=die.__name__) is again
    assert len(house.alerts()) == 2


async def test_an_addressee_of_a_vendor_that_we_do_not_know_any_more_keeps_nobody_else_from_being_told() -> None:
    house = await told(operator=True)
    gone = ConnectionSpec(vendor="gone")
    connections = {**house.tenant.connections, "gone": gone}
    to = (Addressee(connection="gone", phone="+79990000001"), BOSS)
    settings = house.tenant.alerts.model_copy(update={"to": to})
    house.tenant = house.tenant.model_copy(update={"alerts": settings, "connections": connections})

    def known(vendor: str) -> Manifest[Any]:
        if vendor == "gone":
            raise ConfigError(f"vendor: {vendor!r} is none of ours")
        return house.manifest_of(vendor)

    house.hub.directory.manifests = known
    assert await tell(house)
    await house.run()
    assert len(house.mail.sent) == 2
