"""`python -m chaos --storm`: systems kept in step through thousands of edits while everything goes wrong."""

from __future__ import annotations

import asyncio
import io
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest

from beside import Beside, BesideCloud, BesideLocal
from fake_visits import ZONES
from fakes import MemoryStore
from real_side import storm_at_vendors
from simulators.registry import load_simulator
from simulators.serve import serve
from storm import Storm, storm
from svyazka.backends.google.store import FirestoreStore
from svyazka.backends.local.store import LocalStore
from vendors import CRMS
from visit_storm import visit_storm

EDITS, IN_THE_CLOUD = 10_000, 200
"""Edits by people, made in storms of `STEPS` things each."""

STEPS = 400

MOST_WRONG = 10
"""Storms that end in no agreement, after which it isn't worth going on."""

SYSTEMS = (("salon", "crm"), ("salon", "crm", "accounts"))

VENDORS = (("amocrm", "yclients"), ("bitrix24", "yclients"), ("amocrm", "bitrix24"), ("amocrm", "bitrix24", "yclients"),
           ("amocrm", "http", "yclients"))  # fmt: skip
AT_VENDORS = 1000
"""The same at the stand-ins of real systems, by their connectors."""

VISITS = ("journal", "deals")
"""A calendar's visits, and the deals of a CRM."""


def rehearse_storms(
    edits: int, chance: random.Random, firestore: str | None = None, at_vendors: bool = False, visits: bool = False
) -> None:
    """Storm after storm until so many edits were made; over Firestore where its emulator's address is given. What is
    wrong is told of each, and fails in the end."""
    systems = VENDORS if at_vendors else (VISITS,) if visits else SYSTEMS
    done: Counter[str] = Counter()
    wrong: list[str] = []
    storms = 0
    while done["edit"] < edits:
        names, seed = chance.choice(systems), chance.randrange(10**9)
        storms += 1
        try:
            one = asyncio.run(_one(names, seed, min(STEPS, max(40, 3 * edits)), firestore))
        except AssertionError as error:
            wrong.append(f"{'-'.join(names)}, seed {seed}: {str(error)[:500]}")
            print(f"  WRONG {wrong[-1]}", flush=True)
            if len(wrong) > MOST_WRONG:
                break
            continue
        faults = [*one.faults(), *([f"{one.rounds} rounds"] if one.rounds > len(names) + 1 else [])]
        wrong += [f"{'-'.join(names)}, seed {seed}: {fault}" for fault in faults]
        for fault in wrong[len(wrong) - len(faults) :]:
            print(f"  WRONG {fault}", flush=True)
        done += one.done
        made = sum(len(side.made) for side in one.house.sides.values())
        print(
            f"  {len(names)} systems, seed {seed}: {done['edit']} edits, {made} cards made, {len(wrong)} wrong",
            flush=True,
        )
    print(", ".join(f"{what} {count}" for what, count in sorted(done.items())))
    assert not wrong, "\n".join([f"{len(wrong)} things are wrong after {storms} storms:", *wrong])


async def _one(names: tuple[str, ...], seed: int, steps: int, firestore: str | None) -> Storm:
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), _clock_of(seed):
        if firestore is None:
            store: Beside = BesideLocal(LocalStore.open(Path(folder)))
        else:
            os.environ["FIRESTORE_EMULATOR_HOST"] = firestore
            store = BesideCloud(FirestoreStore(f"storm-{seed}", MemoryStore()))  # type: ignore[arg-type]
        if names == VISITS:
            one: Storm = await visit_storm(seed, steps, store)
        else:
            one = await (_at_vendors if set(names) <= set(CRMS) else storm)(names, seed, steps, store)
        one.house.store = MemoryStore()  # what is looked at afterwards stays when the folder goes
        one.house.store.documents = dict(store.documents)
        await store.close()
        return one


@contextmanager
def _clock_of(seed: int) -> Iterator[None]:
    """The machine's own clock stands in some zone, which nothing depends on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", random.Random(seed).choice(ZONES))
        time.tzset()
        yield
    time.tzset()


async def _at_vendors(names: Sequence[str], seed: int, steps: int, store: Beside) -> Storm:
    with serve([load_simulator(name) for name in names]) as vendors:
        return await storm_at_vendors(names, vendors, seed, steps, store)
