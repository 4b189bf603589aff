"""A kind that nobody had thought of: one declaration, and every backend keeps, finds, counts and indexes it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import pytest

from conformance.documents import at
from svyazka.backends.google.indexes import index_plan
from svyazka.backends.local.schema import statements
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import EXPIRES, KINDS, TEXT, TIME
from svyazka.engine.ports.schema import Field, Kind
from svyazka.engine.ports.store import Store
from svyazka.model.base import Stored
from svyazka.model.errors import Conflict


class Mood(Enum):
    FINE = "fine"
    BROKEN = "broken"


class Toy(Stored):
    id: str
    tenant: str
    mood: Mood
    parts: tuple[str, ...] = ()
    bought_at: datetime
    expire_at: datetime | None = None


TOYS = Kind(
    "toys",
    Toy,
    fields={
        **dict.fromkeys(("tenant", "mood"), TEXT),
        "weight": Field("int", lambda toy: len(toy.parts)),
        "bought_at": TIME,
        **EXPIRES,
    },
)
TOYS_BY_MOOD = TOYS.asked("toys_by_mood", "tenant", "mood", order="-bought_at")
WEIGHT_OF_TOYS = TOYS.asked("weight_of_toys", "tenant", order="bought_at", sums="weight")


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "toys", TOYS)


def toy(number: int, mood: Mood = Mood.FINE) -> Toy:
    return Toy(id=f"toy-{number}", tenant="kofe", mood=mood, parts=("wheel",) * number, bought_at=at(number))


async def test_one_declaration_is_all_that_a_kind_needs(toys: None, store: Store) -> None:
    made = [toy(1), toy(2), toy(3, Mood.BROKEN)]
    versions = await store.commit([journal.create(one) for one in made])
    held = await journal.load(store, Toy, "toy-2")
    assert held is not None
    assert (held.model, held.version) == (made[1], versions[1])

    await store.commit([journal.replace(held.model.model_copy(update={"mood": Mood.BROKEN}), held.version)])
    with pytest.raises(Conflict):
        await store.commit([journal.replace(held.model, held.version)])
    found = await store.find(TOYS_BY_MOOD, equal={"tenant": "kofe", "mood": "broken"})
    assert [one.model.id for one in journal.known(Toy, found.documents)] == ["toy-3", "toy-2"]
    assert await store.tally(TOYS_BY_MOOD, ["fine", "broken"], equal={"tenant": "kofe"}) == {"fine": 1, "broken": 2}
    assert await store.total(WEIGHT_OF_TOYS, equal={"tenant": "kofe"}) == 6


def test_and_its_indexes_and_its_end_follow_from_it(toys: None) -> None:
    plan = index_plan(KINDS.values())
    assert plan["queries"]["toys_by_mood"] == "composite:toys-tenant_asce-mood_asce-bought_at_desc"
    assert "toys" in plan["ttl"]
    made = "\n".join(statements())
    for part in ("CREATE TABLE toys (", "toys_tenant_mood_bought_at", "toys_expire"):
        assert part in made


def test_a_question_about_a_field_that_a_kind_lacks_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="toys has no field 'colour'"):
        TOYS.asked("toys_of_colour", "colour")
