"""The settings of `sync_appointments`: what is taken, and what a mistake is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from svyazka.flows.registry import load_flow
from svyazka.model.in_step import Rules
from svyazka.model.records import RecordKind

STAGES = {"booked": 11, "confirmed": ["12", 13], "completed": "142", "cancelled": "143", "missed": "14"}
WHOLE = {"between": ["salon", "crm"], "as": {"crm": "deal"}, "stages": STAGES}


def rules(**changes: Any) -> Rules:
    flow = load_flow("sync_appointments")
    return flow.rules(flow.settings_model().model_validate({**WHOLE, **changes}))


def test_the_calendar_leads_all_but_the_status_and_a_deleted_deal_cancels_nothing() -> None:
    usual = rules()
    assert (usual.kind, usual.shows_as, usual.create) == (
        RecordKind.VISIT, {"crm": RecordKind.DEAL}, {"crm": "always"},
    )  # fmt: skip
    assert usual.stages["confirmed"] == ("12", "13")
    assert {name for name, owner in usual.fields.items() if owner != "salon"} == {"status"}
    assert usual.delete == {"salon": "mirror", "crm": "keep"}
    assert not usual.writes
    assert rules(mode=True, delete={"crm": "ask"}).delete == {"salon": "mirror", "crm": "ask"}
    assert rules(fields={"starts_at": "both", "price": False}).fields["price"] == "off"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"as": {"salon": "deal", "crm": "deal"}}, "between"),
        ({"as": {"shop": "deal"}}, "as"),
        ({"stages": {**STAGES, "came": "9"}}, "came"),
        ({"stages": {"booked": "11"}}, "confirmed"),
        ({"title": "{phone}"}, "phone"),
        ({"fields": {"price": "both"}}, "price"),
        ({"fields": {"colour": "salon"}}, "colour"),
        ({"delete": {"crm": "mirror"}}, "delete"),
        ({"conflicts": "shop"}, "conflicts"),
        ({"per": "person"}, "attach: open"),
    ],
)
def test_a_mistake_names_the_field(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        rules(**changes)


@pytest.mark.parametrize(
    ("shown", "title"),
    [
        ({"service": "Стрижка", "name": "Анна"}, "Стрижка: Анна"),
        ({"name": "Анна"}, "Анна"),
        ({"service": "Стрижка"}, "Стрижка"),
    ],
)
def test_a_deal_is_called_by_what_its_visit_shows(shown: dict[str, str], title: str) -> None:
    flow = load_flow("sync_appointments")
    assert flow.titled(flow.settings_model().model_validate(WHOLE), shown).rstrip(":") == title
