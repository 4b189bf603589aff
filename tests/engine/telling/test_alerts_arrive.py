"""Alerts arrive: never only through what is broken, not into nothing, and not after they have become old news."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest

from fakes import START, FakeMessenger, House
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.transition import replace_delivery
from svyazka.engine.telling import alerts
from svyazka.engine.telling.addressees import only_vendor, ways
from svyazka.engine.telling.undelivered import arrived
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import MaybeSent
from svyazka.model.outages import Outage
from svyazka.model.outcomes import Refused, Retry
from svyazka.model.tenants import Addressee, ConnectionSettings, ConnectionSpec

PHONE = "+79990000001"
BY_SMS = Addressee(connection="sms", phone=PHONE)
BY_MAIL = Addressee(connection="mail", email="boss@example.org")
DOWN = Retry(code="503", message="down")
HOUR = 3600.0


@dataclass
class Asked(FakeMessenger, Doctor[ConnectionSettings]):
    """A messenger that can be asked whether it is well."""

    def __post_init__(self) -> None:
        self.doctor = self

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    async def check(self, call: Call[ConnectionSettings]) -> list[Finding]:
        return [Finding("access", "fail" if self.script else "ok", "asked", stops=bool(self.script))]


class Hotel(House):
    """A house with two gateways to a phone, `sms` and `spare`, and a mailer."""

    def __init__(self, *to: Addressee, spare: bool = True, operators: tuple[Addressee, ...] = ()) -> None:
        self._operators = [("kofe", one) for one in operators]
        super().__init__()
        self.sms, self.mail = Asked("sms"), Asked("mail", repeat=Repeat.IDEMPOTENT, reaches="email")
        self.spare = Asked("spare", repeat=Repeat.IDEMPOTENT)
        connections = dict(self.tenant.connections)
        if spare:
            self.manifests["spare"] = self.spare.manifest
            connections["spare"] = ConnectionSpec(vendor="spare")
        settings = self.tenant.alerts.model_copy(update={"to": to})
        self.tenant = self.tenant.model_copy(update={"alerts": settings, "connections": connections})

    def start(self) -> None:
        super().start()
        self.hub.operators = self._operators

    async def breaks(self, *names: str, kind: str = "down") -> None:
        """An outage of each of these, long enough to be told; their vendors answer nothing."""
        for name in names:
            messenger = getattr(self, name)
            messenger.script.extend([DOWN] * 10_000)
            account = await self.hub.directory.account("kofe", name)
            assert account is not None
            await self.worker.outages.open(account, kind, "503", "не отвечает")

    async def mends(self, name: str) -> None:
        messenger = getattr(self, name)
        messenger.script.clear()
        await self.worker.outages.close(self.tenant, name)
        await self.pass_time(1200)

    def texts(self) -> dict[str, list[str]]:
        """What really went out, by connection."""
        return {
            name: [text for _, text in messenger.sent]
            for name, messenger in {"sms": self.sms, "mail": self.mail, "spare": self.spare}.items()
            if messenger.sent
        }


async def hotel(*to: Addressee, spare: bool = True, operators: tuple[Addressee, ...] = ()) -> Hotel:
    house = Hotel(*to, spare=spare, operators=operators)
    await house.settle_in()
    return house


@pytest.mark.parametrize(
    ("to", "operators", "broken", "through"),
    [
        ((BY_SMS,), (), ("sms",), ["spare"]),
        ((BY_SMS, BY_MAIL), (), ("sms", "spare"), ["mail"]),
        ((BY_SMS,), (BY_MAIL,), ("sms", "spare"), ["mail"]),
        ((BY_SMS, BY_MAIL), (), ("sms",), ["mail", "spare"]),
        ((BY_MAIL,), (), ("sms", "spare"), ["mail"]),
    ],
    ids=["another gateway", "another addressee", "the operator", "everybody by his own way", "untouched"],
)
@pytest.mark.parametrize("kind", ["down", "blocked"])
async def test_what_is_broken_is_told_by_what_works(
    to: tuple[Addressee, ...], operators: tuple[Addressee, ...], broken: tuple[str, ...], through: list[str], kind: str
) -> None:
    house = await hotel(*to, operators=operators)
    await house.breaks(*broken, kind=kind)
    await house.pass_time(4 * HOUR, step=300)
    told = house.texts()
    assert sorted(told) == through
    assert all(len(texts) == len(set(texts)) == len(broken) for texts in told.values()), "each once"


async def test_what_often_never_arrives_and_another_bots_chat_are_no_way_to_tell_somebody() -> None:
    house = await hotel(BY_SMS)
    house.spare.needs_receipt = True  # type: ignore[misc]
    assert ways(house.hub, house.tenant, BY_SMS) == ["sms"]
    house.sms.reaches = house.spare.reaches = "telegram"  # type: ignore[misc]
    house.spare.needs_receipt = False  # type: ignore[misc]
    assert ways(house.hub, house.tenant, Addressee(connection="sms", chat="5")) == ["sms"]


async def test_with_every_way_broken_it_waits_past_a_day_and_takes_the_first_that_works() -> None:
    house = await hotel(BY_SMS)
    await house.breaks("sms", "spare")
    await house.pass_time(40 * HOUR, step=1800)
    assert house.texts() == {}
    await house.mends("spare")
    (about_sms, works) = sorted(house.texts()["spare"])
    assert "«sms»" in about_sms
    assert "не отвечает с" in about_sms
    assert "«spare»" in works
    assert "снова работает" in works, "and no word of an outage of its own that is over"
    await house.mends("sms")
    everything = [text for texts in house.texts().values() for text in texts]
    assert len(everything) == len(set(everything)) == 3


async def test_works_again_takes_the_place_of_what_has_not_gone_out() -> None:
    house = await hotel(BY_SMS, spare=False)
    await house.breaks("sms")
    await house.pass_time(30 * HOUR, step=1800)
    waiting = [delivery for delivery in house.deliveries() if delivery.is_open]
    assert [delivery.connection for delivery in waiting] == ["sms"], "not thrown away after a day"
    await house.mends("sms")
    (text,) = house.texts()["sms"]
    assert "снова работает (перебой с 14.03 15:00)" in text
    (old,) = [delivery for delivery in house.deliveries() if delivery.status is Status.CANCELLED]
    assert old.last_error
    assert old.last_error.code == "superseded"


async def test_what_waits_for_a_repeat_is_not_told_after_works_again() -> None:
    house = await hotel(BY_MAIL)
    busy = Retry(code="busy", message="busy", after=900, outage=False)
    house.mail.script.append(busy)
    await house.breaks("sms", kind="blocked")
    await house.run()
    assert [delivery.status for delivery in house.deliveries()] == [Status.RETRYING]
    await house.mends("sms")
    (text,) = house.texts()["mail"]
    assert "снова работает" in text


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "died before noting it"])
async def test_an_outage_that_the_release_before_told_of_is_not_told_again_and_its_end_is(noted: bool) -> None:
    house = await hotel(BY_MAIL)
    house.sms.script.extend([DOWN] * 100)
    outage = Outage(
        id="out_old", tenant="kofe", connection="sms", vendor="sms", kind="down", since=START, code="503",
        message="down", next_probe_at=START, told=("down",) if noted else (), wake_at=START,
    )  # fmt: skip
    await house.store.commit([journal.create(outage)])
    await alerts.tell(house.hub, house.tenant, "sms", "outage", "down", START, "не отвечает", outage.id)
    await house.pass_time(5 * HOUR, step=300)
    assert house.texts()["mail"] == ["не отвечает"]
    await house.mends("sms")
    assert [("снова работает" in text) for text in house.texts()["mail"]] == [False, True]


async def test_a_second_outage_within_the_hour_is_the_same_and_after_it_another() -> None:
    house = await hotel(BY_SMS, spare=False)
    await house.breaks("sms")
    await house.pass_time(4 * HOUR, step=600)
    for pause, told in ((60.0, ["down"]), (3 * HOUR, ["down", "down", "recovered"])):
        house.tenant = house.tenant.model_copy(update={"paused_connections": ("sms",)})  # nothing can leave
        await house.settle_in()
        await house.worker.outages.close(house.tenant, "sms")
        await house.pass_time(pause)
        await house.breaks("sms")
        await house.pass_time(4 * HOUR, step=600)
        assert sorted(alert.stage for alert in house.alerts()) == told


@pytest.mark.parametrize(
    ("answers", "status", "by_spare"),
    [
        ([Refused(code="204", message="no such sender")], Status.FAILED, 1),
        ([DOWN] * 50, Status.CANCELLED, 1),
        ([MaybeSent("timeout")], Status.UNKNOWN, 0),
    ],
    ids=["refused", "does not get through", "nobody knows"],
)
async def test_trouble_with_an_alert_itself_takes_the_next_way_and_tells_nobody_twice(
    answers: list[Retry | Refused | Exception], status: Status, by_spare: int
) -> None:
    house = await hotel(BY_SMS)
    house.sms.script.extend(answers)
    assert await alerts.tell(house.hub, house.tenant, "till", "silent", "first", START, "Слова", "x")
    await house.pass_time(2 * HOUR)
    first = next(delivery for delivery in house.deliveries() if delivery.step == "to/0")
    assert first.status is status
    assert len(house.spare.sent) == by_spare
    assert len(house.sms.sent) == 0


@pytest.mark.parametrize(
    ("answers", "lasts"),
    [
        ([Refused(code="204", message="no such sender")], 60.0),
        ([MaybeSent("timeout")], 60.0),
        ([Retry(code="500", message="busy", outage=False)] * 1000, 8 * 24 * HOUR),
    ],
    ids=["refused", "nobody knows", "its time is over"],
)
async def test_an_alert_that_reached_nobody_is_said_in_the_log_and_known_to_have_not(
    answers: list[Retry | Refused | Exception], lasts: float, capsys: pytest.CaptureFixture[str]
) -> None:
    house = await hotel(BY_SMS, spare=False)
    house.sms.script.extend(answers)
    assert await alerts.tell(house.hub, house.tenant, "till", "silent", "first", START, "Слова", "x")
    await house.pass_time(lasts, step=1800)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [one for one in said if one["message"] == "an alert did not arrive"]
    assert line["severity"] == "ERROR"
    assert await arrived(house.store, house.alerts()) == {house.alerts()[0].id: None}


async def test_when_an_alert_arrived_is_known_through_its_whole_chain() -> None:
    house = await hotel(BY_SMS)
    house.sms.script.append(Refused(code="204", message="no such sender"))
    await alerts.tell(house.hub, house.tenant, "till", "silent", "first", START, "Слова", "x")
    await house.pass_time(60)
    assert await arrived(house.store, house.alerts()) == {house.alerts()[0].id: START}


async def test_a_paused_connection_is_no_way_while_there_is_another() -> None:
    house = await hotel(BY_SMS)
    house.tenant = house.tenant.model_copy(update={"paused_connections": ("sms",)})
    await house.settle_in()
    await alerts.tell(house.hub, house.tenant, "till", "silent", "first", START, "Слова", "x")
    await house.run()
    assert house.texts() == {"spare": ["Слова"]}


async def test_an_alert_of_an_older_release_goes_on_as_it_was() -> None:
    house = await hotel(BY_SMS)
    await alerts.tell(house.hub, house.tenant, "till", "unknown", "first", START, "Слова", "x")
    (delivery,) = house.deliveries()
    held = await journal.load(house.store, Delivery, delivery.id)
    assert held is not None
    guards = delivery.guards.model_copy(update={"expires_at": START + timedelta(days=1)})
    older = {"fallbacks": (), "fallback_at": None, "fallback_seconds": None, "guards": guards}
    await house.store.commit([replace_delivery(held, delivery.model_copy(update=older))])
    await house.run()
    assert house.texts() == {"sms": ["Слова"]}


@pytest.mark.parametrize(
    ("to", "operators", "told"),
    [
        ((), (), (False, None)),
        ((BY_MAIL,), (), (True, "mail")),
        ((BY_MAIL, BY_SMS), (), (True, None)),
        ((BY_MAIL,), (BY_SMS,), (True, None)),
        ((BY_SMS,), (), (True, None)),
        ((Addressee(connection="gone", phone=PHONE),), (), (False, None)),
    ],
    ids=["nobody", "one way", "two people", "the operator", "two gateways", "a connection that is gone"],
)
async def test_what_all_alerts_hang_on_is_known(
    to: tuple[Addressee, ...], operators: tuple[Addressee, ...], told: tuple[bool, str | None]
) -> None:
    house = await hotel(*to, operators=operators)
    assert await only_vendor(house.hub, house.tenant) == told
