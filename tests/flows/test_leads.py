"""`lead_intake`, `new_user_is_lead`, `enrich`: what each asks of a CRM, and what then stands there."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from fake_crm import FakeCrm
from fakes import START, House
from svyazka.engine.contracts.capabilities.records import Written
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.contracts.flow import Channel, Facts, FlowContext
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import plan_task
from svyazka.engine.ports.store import Create
from svyazka.flows.registry import load_flow
from svyazka.model.commands import AddNote, AddTask, OnFailed, Plan, PutRecord
from svyazka.model.contacts import Contact
from svyazka.model.errors import NotSent
from svyazka.model.events import Event, EventRecord, EventStatus, EventType
from svyazka.model.outcomes import Refused
from svyazka.model.records import ObjectId, RecordKind
from svyazka.model.tenants import ConnectionSpec, FlowSpec

CONTACT, DEAL = RecordKind.CONTACT, RecordKind.DEAL
IVAN = Contact(name="Иван Петров", phone="8 (999) 123-45-67", email="ivan@example.org")
WORDS: dict[str, Any] = {
    "text": "Хочу на стрижку.\nПерезвоните", "source": "Яндекс", "page": "https://example.org/cut", "start": "spring",
    "utm": {"source": "ya", "campaign": "cut", "medium": None}, "fields": {"city": "Москва", "birthday": "1990-05-01"},
    "items": [{"name": "Стрижка", "quantity": 2, "price": "1500.50"}, {"sku": "A-1"}],
    "consent": {"text": "Согласен", "at": "2026-03-14T11:59:00Z"},
}  # fmt: skip
CRM = FakeCrm().manifest


def event(
    type_: EventType = EventType.LEAD_CREATED, contact: Contact | None = IVAN, id_: str = "1", **data: Any
) -> Event:
    return Event(
        id=f"evt_{id_}", tenant="kofe", connection="site", vendor="site", type=type_, subject=f"event:evt_{id_}",
        identity="strong", origin="webhook", received_at=START, contact=contact, data=data,
    )  # fmt: skip


def channel(name: str = "crm") -> Channel:
    return Channel(name, "crm", None, lambda contact: None, CRM.carries, lambda command: carried(CRM, command).safety)


def plans(of: Event, flow: str = "lead_intake", channels: Any = (), **settings: Any) -> list[Plan]:
    context = FlowContext("kofe", "Салон", "Europe/Moscow", "intake", channels or [channel()])
    rule = load_flow(flow)
    return list(rule.plan(of, Facts(), rule.settings_model().model_validate(settings), context).plans)


def commands(of: Event, **given: Any) -> dict[str, Any]:
    (plan,) = plans(of, **given)
    return {stage.step.name.rpartition("/")[2]: stage.step.command for stage in plan.stages}


# What is asked


def test_a_lead_is_a_card_a_deal_on_it_and_a_note_on_the_deal() -> None:
    (plan,) = plans(event(**WORDS), task="Позвонить: {name}", responsible="17")
    assert [stage.step.name for stage in plan.stages] == [
        f"intake/crm/{it}" for it in ("contact", "deal", "note", "task")
    ]
    assert [plan.before(stage) for stage in plan.stages] == [
        (), ("intake/crm/contact",), ("intake/crm/deal",), ("intake/crm/deal",),
    ]  # fmt: skip
    assert plan.stages[0].on_failed is OnFailed.GO_ON, "a deal without a card is better than no deal"
    assert plan.expires_at is None, "a lead is never too late"
    card, deal, note, task = (stage.step.command for stage in plan.stages)
    assert isinstance(card, PutRecord)
    assert (card.person, card.fields, card.overwrite) == (IVAN, {"birthday": "1990-05-01"}, "empty")
    assert isinstance(deal, PutRecord)
    assert deal.fields == {
        "title": "Заявка: Иван Петров", "source": "Яндекс", "responsible": "17", "page": "https://example.org/cut",
        "start": "spring", "utm_source": "ya", "utm_campaign": "cut", "city": "Москва",
    }  # fmt: skip
    assert isinstance(note, AddNote)
    assert note.text == (
        "Салон, site, 14.03.2026 15:00:00\nИмя: Иван Петров\nТелефон: +79991234567\nПочта: ivan@example.org\n"
        "Сообщение: Хочу на стрижку.\nПерезвоните\nТовар: Стрижка × 2 по 1500.50\nТовар: A-1\nИсточник: Яндекс\n"
        "Метка: spring\nСтраница: https://example.org/cut\nutm_source: ya\nutm_campaign: cut\ncity: Москва\n"
        "birthday: 1990-05-01\nСогласие: Согласен 2026-03-14T11:59:00Z"
    )
    assert isinstance(task, AddTask)
    assert (task.text, task.due_at, task.responsible) == ("Позвонить: Иван Петров", START + timedelta(minutes=15), "17")


@pytest.mark.parametrize(("by", "decides"), [("public", False), ("server", True)])
def test_a_browser_decides_neither_stage_nor_price(by: str, decides: bool) -> None:
    said = {"stage": "9", "pipeline": "8", "responsible": "7", "price": "1.00"}
    fields = commands(event(by=by, fields=said), stage="1", pipeline="2")["deal"].fields
    assert fields["stage"] == ("9" if decides else "1")
    assert fields["pipeline"] == ("8" if decides else "2")
    assert (fields.get("responsible"), fields.get("price")) == (("7", "1.00") if decides else (None, None))


@pytest.mark.parametrize(
    ("contact", "title"),
    [
        (None, "Заявка: без имени"),
        (Contact(name="Иван"), "Заявка: Иван"),
        (Contact(name="evil.com/x"), "Заявка: без имени"),
    ],
)
def test_who_cant_be_told_from_others_gets_a_deal_and_no_card(contact: Contact | None, title: str) -> None:
    found = commands(event(contact=contact, text="Здравствуйте"))
    assert list(found) == ["deal", "note"]
    assert (found["deal"].fields["title"], found["deal"].links) == (title, ())


def test_each_crm_gets_it_and_a_bots_message_is_one_where_the_settings_say_so() -> None:
    both = plans(event(), channels=[channel("crm"), channel("second")])
    assert [plan.stages[0].step.connection for plan in both] == ["crm", "second"]
    wants = {name: load_flow("lead_intake").wants(_settings(events=[name])) for name in ("message.received",)}
    assert wants["message.received"] == {EventType.MESSAGE_RECEIVED}
    assert load_flow("lead_intake").wants(_settings()) == {EventType.LEAD_CREATED}
    with pytest.raises(ValidationError, match="expected one of"):
        _settings(events=["message.read"])
    with pytest.raises(ValidationError, match="unknown placeholder"):
        _settings(title="{phone}")


def _settings(**given: Any) -> Any:
    return load_flow("lead_intake").settings_model().model_validate(given)


def test_a_check_of_the_connection_says_so() -> None:
    assert commands(event(test=True))["deal"].fields["title"] == "Проверка связи"


# What then stands in the CRM


class Salon(House):
    """A house with a CRM and one flow; what happens is put into the journal as a front door would."""

    def __init__(self, flow: str, **settings: Any) -> None:
        super().__init__()
        self.crm = FakeCrm()
        self.manifests["crm"], self.manifests["site"] = self.crm.manifest, self.manifests["till"]
        connections = {"crm": ConnectionSpec(vendor="crm"), "site": ConnectionSpec(vendor="site")}
        spec = FlowSpec(id="intake", flow=flow, sources=("site",), via=("crm",), settings=settings)
        self.tenant = self.tenant.model_copy(update={"connections": connections, "flows": (spec,)})

    async def hears(self, of: Event) -> None:
        record = EventRecord(event=of, status=EventStatus.ACCEPTED, wake_at=self.clock.now() + timedelta(minutes=5))
        await self.store.commit([Create(journal.document(record))], [plan_task(of.id)])
        await self.run()

    def cards(self, kind: RecordKind) -> list[str]:
        return [one.id for one in self.crm.cards.values() if one.kind is kind]

    def states(self) -> dict[str, str]:
        return {one.step.rpartition("/")[2]: one.status.value for one in self.deliveries()}


async def salon(flow: str = "lead_intake", **settings: Any) -> Salon:
    house = Salon(flow, **settings)
    await house.settle_in()
    return house


async def test_a_repeat_goes_into_the_open_deal_until_its_time_is_over() -> None:
    house = await salon(attach="14d")
    await house.hears(event(id_="1", text="Здравствуйте"))
    house.clock.step(3600)
    await house.hears(event(id_="2", text="Это снова я"))
    (contact,), (deal,) = house.cards(CONTACT), house.cards(DEAL)
    assert house.crm.cards[deal].links == {ObjectId(CONTACT, contact)}
    assert [on for on, _, _ in house.crm.notes] == [ObjectId(DEAL, deal)] * 2
    house.clock.step(20 * 24 * 3600)
    await house.hears(event(id_="3"))
    assert (len(house.cards(CONTACT)), len(house.cards(DEAL)), len(house.crm.notes)) == (1, 2, 3)


async def test_of_a_household_each_has_a_card_and_a_deal_of_his_own() -> None:
    house = await salon()
    await house.hears(event(id_="1"))
    await house.hears(event(id_="2", contact=Contact(name="Мария Иванова", phone="+79991234567")))
    assert (len(house.cards(CONTACT)), len(house.cards(DEAL))) == (2, 2)


async def test_a_crm_that_is_down_for_62_hours_has_each_lead_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = await salon()
    read = house.crm.find

    async def find(*given: Any) -> Any:
        if house.clock.now() < START + timedelta(hours=62):
            raise NotSent("refused")
        return await read(*given)

    monkeypatch.setattr(house.crm, "find", find)
    for number in range(4):
        await house.hears(event(id_=str(number), text=f"слово {number}"))
        house.clock.step(60)
    await house.pass_time(70 * 3600, step=600)
    assert set(house.states().values()) == {"succeeded"}
    assert (len(house.cards(CONTACT)), len(house.cards(DEAL)), len(house.crm.notes)) == (1, 1, 4)
    assert [text.partition("слово ")[2] for _, text, _ in house.crm.notes] == list("0123")


async def test_a_card_that_is_refused_costs_no_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    house = await salon()
    made = house.crm.create

    async def create(kind: RecordKind, *given: Any) -> Any:
        no = Written(Refused(code="400", message="no such field"))
        return no if kind is CONTACT else await made(kind, *given)

    monkeypatch.setattr(house.crm, "create", create)
    await house.hears(event(text="Здравствуйте"))
    assert house.states() == {"contact": "failed", "deal": "succeeded", "note": "succeeded"}
    (deal,) = house.cards(DEAL)
    assert house.crm.cards[deal].links == frozenset()
    assert "+79991234567" in house.crm.notes[0][1], "whoever calls back finds the number in the note"


async def test_a_persons_lane_tells_nobody_who_it_is() -> None:
    house = await salon()
    await house.hears(event())
    lanes = {one.lane for one in house.deliveries()}
    assert len(lanes) == 1
    assert not any(
        "999" in json.dumps([lane, key]) for lane in lanes for key in house.store.documents if key[0] == "lanes"
    )


async def test_a_new_user_is_a_lead_once() -> None:
    house = await salon("new_user_is_lead")
    for revision in ("1", "2"):
        of = event(EventType.CONTACT_CREATED, id_=revision)
        await house.hears(of.model_copy(update={"subject": "contact:77"}))
    assert house.crm.writes == ["create contact", "create deal"]
    assert house.crm.cards[house.cards(DEAL)[0]].fields["title"] == "Новый пользователь: Иван Петров"
    await house.hears(event(EventType.CONTACT_CREATED, contact=Contact(name="Иван"), id_="3"))
    assert house.events()[-1].reason == "intake: the user has no phone, e-mail or chat: nobody could answer"


ENRICH: dict[str, Any] = {
    "events": ["order.completed"], "fields": {"birthday": "{date}", "telegram": "{sum}"}, "note": "{event}: {number}",
    "task": "Поздравить {name}",
}  # fmt: skip


async def test_an_order_shows_on_the_card() -> None:
    house = await salon("enrich", **ENRICH)
    card = house.crm.holds(name="Иван Петров", phone=("+79991234567",), birthday="2026-01-01", telegram="5")
    await house.hears(event(EventType.ORDER_COMPLETED, number=7, date="2026-03-14"))
    assert house.states() == {"contact": "succeeded", "note": "succeeded", "task": "succeeded"}
    shown = house.crm.cards[card.id].fields
    assert (shown["birthday"], shown["telegram"]) == ("2026-03-14", "5"), "what an order doesn't tell stays"
    assert [text for _, text, _ in house.crm.notes] == ["заказ выполнен: 7", "Поздравить Иван Петров"]


@pytest.mark.parametrize("create", [False, True])
async def test_who_is_not_in_the_crm_gets_a_card_only_where_that_is_wanted(create: bool) -> None:
    house = await salon("enrich", **ENRICH, create=create)
    await house.hears(event(EventType.ORDER_COMPLETED, number=7))
    assert len(house.cards(CONTACT)) == (1 if create else 0)
    assert len(house.crm.notes) == (2 if create else 0)


async def test_notes_of_an_app_go_to_the_open_deal() -> None:
    house = await salon("enrich", events=["order.changed"], note="{activity}", on="deal", activities=["cart"])
    contact = house.crm.holds(name="Иван Петров", phone=("+79991234567",))
    await house.hears(event(EventType.ORDER_CHANGED, id_="0", activity="cart"))
    assert house.states() == {"contact": "succeeded", "deal": "failed", "note": "cancelled"}
    deal = house.crm.holds(DEAL, title="Запись", pipeline="7")
    house.crm.cards[deal.id] = replace(deal, links=frozenset({contact.itself}), created_at=START)
    await house.hears(event(EventType.ORDER_CHANGED, id_="1", activity="cart"))
    assert [on for on, _, _ in house.crm.notes] == [ObjectId(DEAL, deal.id)]
    await house.hears(event(EventType.ORDER_CHANGED, id_="2", activity="page_viewed"))
    assert house.events()[-1].reason == "intake: page_viewed is none of its activities"


def test_nothing_to_be_done_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="there is nothing to be done"):
        load_flow("enrich").settings_model().model_validate({"events": ["order.completed"]})
