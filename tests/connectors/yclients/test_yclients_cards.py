"""YCLIENTS' cards: put back whole, so that nothing is lost by it; names and phones between its fields and ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from connectors.support import calling
from simulators.serve import Running, serve
from simulators.yclients.simulator import Yclients
from svyazka.connectors.yclients.cards import changed_card, keeps, object_of
from svyazka.connectors.yclients.records import YclientsRecords
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.connectors.yclients.visits import YclientsVisits
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.model.bookings import VisitStatus
from svyazka.model.outcomes import GaveBack, Refused
from svyazka.model.records import UNREAD, RecordKind
from vendors.yclients import CRM, JOURNAL

RECORDS = YclientsRecords()
CONTACT = RecordKind.CONTACT
CARD: Mapping[str, Any] = {
    "id": 7, "name": "Мария", "surname": "Иванова", "patronymic": "", "phone": 79991234567, "email": "m@example.test",
    "categories": [{"id": 7001, "title": "VIP"}], "sex": "Женский", "sex_id": 2, "discount": 15, "card": "5",
    "birth_date": "2000-01-01", "comment": "", "spent": 1000, "balance": -1200, "visits": 3, "custom_fields": [],
    "last_change_date": "2026-05-01T12:00:00+0400", "something_new": {"kept": True},
}  # fmt: skip


def test_all_that_was_read_is_sent_back_but_what_it_works_out_itself() -> None:
    body = changed_card(CARD, {"comment": "любит чай", "phone": ("+79990000002",)}).body
    counted = {"id", "sex", "visits", "last_change_date", "custom_fields"}
    assert set(CARD) - set(body) == counted
    changed = {"comment": "любит чай", "phone": "79990000002", "categories": [7001]}
    assert body == {**{name: value for name, value in CARD.items() if name not in counted}, **changed}


@pytest.mark.parametrize(
    "name", ["Мария", "Мария Петровна Иванова", "Иванова Мария", "Мария де Ла Крус", "Мария Львовна"]
)
def test_a_name_is_parted_and_reads_as_we_say_it_is_kept(name: str) -> None:
    card = changed_card({"id": 7, "name": "Анна", "surname": "", "patronymic": ""}, {"name": name})
    shown = object_of({"id": 7, **card.body})
    assert shown is not None
    assert shown.shows("name") == keeps("name", name)


@pytest.fixture(scope="module")
def up() -> Any:
    with serve([Yclients()]) as running:
        yield running


async def saved(up: Running, **settings: Any) -> tuple[Yclients, Any]:
    """What becomes of a change of the comment."""
    salon: Yclients = up.of("yclients")
    salon.clear()
    CRM.open(up)
    id_ = CRM.person(up, {"name": "Мария", "phones": ["+79991234567"], "emails": []})
    wanted = YclientsSettings.model_validate({**CRM.settings, **CRM.secrets})
    async with calling(wanted, up.base_url("yclients")) as call:
        (there,) = await RECORDS.read_many(CONTACT, [id_], call)
        for name, value in settings.items():
            setattr(salon, name, value)
        written = await RECORDS.update(there, {"comment": "любит чай"}, call)
        assert written is not None
        (after,) = await RECORDS.read_many(CONTACT, [id_], call)
        assert after.shows("phone") in (UNREAD, ("+79991234567",))
    return salon, written.outcome


async def test_a_phone_that_is_shown_in_part_is_never_put_back(up: Running) -> None:
    salon, outcome = await saved(up, phones_masked=True)
    assert isinstance(outcome, Refused)
    assert "phone" in outcome.message
    assert not salon.effects


async def test_what_was_read_too_long_ago_is_not_put_back(up: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("svyazka.connectors.yclients.records.FRESH", -1.0)
    salon, outcome = await saved(up)
    assert isinstance(outcome, GaveBack)
    assert outcome.code == "too_late"
    assert not salon.effects


@pytest.mark.parametrize("what", ["client", "record"])
async def test_what_was_long_on_its_way_to_us_is_as_old_as_our_question(
    what: str, up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever saves it while the answer is on its way would be overwritten."""
    salon: Yclients = up.of("yclients")
    salon.clear()
    CRM.open(up)
    ways: Records[Any] = RECORDS if what == "client" else YclientsVisits()
    if what == "client":
        id_ = CRM.person(up, {"name": "Мария", "phones": ["+79991234567"], "emails": []})
    else:
        id_ = JOURNAL.book(up, datetime(2026, 10, 7, 12, 0), "+79991234567")
    monkeypatch.setattr(f"{type(ways).__module__}.FRESH", 0.2)
    wanted = YclientsSettings.model_validate({**CRM.settings, **CRM.secrets})
    async with calling(wanted, up.base_url("yclients")) as call:
        (there,) = await ways.read_many(CONTACT, [id_], call)
        up.fault("yclients", kind="slow", method="GET", path=f"*/{what}/*/{id_}", seconds=0.4)
        changes: dict[str, Any] = {"comment": "любит чай"} if what == "client" else {"status": VisitStatus.CONFIRMED}
        written = await ways.update(there, changes, call)
    assert written is not None
    assert isinstance(written.outcome, GaveBack)
    assert written.outcome.code == "too_late"
    assert not [one for one in salon.effects if one["kind"].startswith("put")]
