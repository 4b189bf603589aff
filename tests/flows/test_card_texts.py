"""Texts that speak of what stands on the person's card: read soon, or the text's own word instead."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from fake_crm import FakeCrm
from fakes import House, order
from svyazka.engine.calling import cards
from svyazka.engine.rules.deadlines import TIMES
from svyazka.flows.registry import load_flow
from svyazka.model.commands import Deadline
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.records import Key, RecordKind
from svyazka.model.tenants import ConnectionSpec

TEXT = "{name}, ваша скидка: {card.source|обычная}"


async def shop(**fields: Any) -> tuple[House, FakeCrm]:
    house, crm = House(flow={"text": TEXT, "card": "crm"}), FakeCrm()
    house.manifests["crm"] = crm.manifest
    connections = {**house.tenant.connections, "crm": ConnectionSpec(vendor="crm")}
    house.tenant = house.tenant.model_copy(update={"connections": connections})
    await house.settle_in()
    if fields:
        crm.holds(**fields)
    return house, crm


async def told(house: House) -> list[str]:
    await house.post(order())
    await house.run()
    return [text for _, text in house.sms.sent]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"name": "Иван Петров", "phone": ("+7 999 123-45-67",), "source": "10 %"}, "10 %"),
        ({"name": "Иван Петров", "phone": ("+7 999 123-45-67",)}, "обычная"),
        ({"name": "Мария Иванова", "phone": ("+7 999 123-45-67",), "source": "10 %"}, "обычная"),
        ({}, "обычная"),
    ],
    ids=["shown", "empty there", "another person's phone", "no card"],
)
async def test_a_text_says_what_the_card_shows_or_its_own_word(fields: dict[str, Any], word: str) -> None:
    house, crm = await shop(**fields)
    assert await told(house) == [f"Иван, ваша скидка: {word}"]
    assert crm.writes == []


async def test_whoever_doesnt_answer_in_time_costs_the_word_and_not_the_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house, crm = await shop(name="Иван Петров", phone=("+79991234567",), source="10 %")
    quick = TIMES[Deadline.QUICK]
    monkeypatch.setitem(cards.TIMES, Deadline.QUICK, replace(quick, call=0.01))

    async def find(kind: RecordKind, key: Key, call: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(crm, "find", find)
    assert await told(house) == ["Иван, ваша скидка: обычная"]


@pytest.mark.parametrize("trouble", [NotSent("refused"), MaybeSent("timeout"), ValueError("a bug of ours")])
async def test_nor_does_any_other_trouble(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    house, crm = await shop(name="Иван Петров", phone=("+79991234567",), source="10 %")

    async def find(kind: RecordKind, key: Key, call: Any) -> Any:
        raise trouble

    monkeypatch.setattr(crm, "find", find)
    assert await told(house) == ["Иван, ваша скидка: обычная"]


def test_a_text_that_reads_a_card_says_whose() -> None:
    model = load_flow("review_request").settings_model()
    given = {"text": TEXT, "review_url": "https://example.org/r"}
    with pytest.raises(ValidationError, match="card: expected the connection"):
        model.model_validate(given)
    assert model.model_validate({**given, "card": "crm"}).cards == {"crm"}
    with pytest.raises(ValidationError, match=r"unknown placeholder \{card.Скидка\}"):
        model.model_validate({**given, "card": "crm", "text": "{card.Скидка}"})
    with pytest.raises(ValidationError, match="unknown placeholder"):
        load_flow("one_time_code").settings_model().model_validate({"text": "{code} {card.discount}", "card": "crm"})
