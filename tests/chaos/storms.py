"""`python -m chaos --storm`: systems kept in step through thousands of edits while everything goes wrong."""

from __future__ import annotations

import asyncio
import io
import os
import random
import tempfile
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

from beside import Beside, BesideCloud, BesideLocal
from fakes import MemoryStore
from storm import Storm, storm
from svyazka.backends.google.store import FirestoreStore
from svyazka.backends.local.store import LocalStore

EDITS, IN_THE_CLOUD = 10_000, 200
"""Edits by people, made in storms of `STEPS` things each."""

STEPS = 400

MOST_WRONG = 10
"""Storms that end in no agreement, after which it isn't worth going on."""

SYSTEMS = (("salon", "crm"), ("salon", "crm", "accounts"))


def rehearse_storms(edits: int, chance: random.Random, firestore: str | None = None) -> None:
    """Storm after storm until so many edits were made; over Firestore where its emulator's address is given. What is
    wrong is told of each, and fails in the end."""
    done: Counter[str] = Counter()
    wrong: list[str] = []
    storms = 0
    while done["edit"] < edits:
        names, seed = chance.choice(SYSTEMS), chance.randrange(10**9)
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
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        if firestore is None:
            store: Beside = BesideLocal(LocalStore.open(Path(folder)))
        else:
            os.environ["FIRESTORE_EMULATOR_HOST"] = firestore
            store = BesideCloud(FirestoreStore(f"storm-{seed}", MemoryStore()))  # type: ignore[arg-type]
        one = await storm(names, seed, steps, store)
        one.house.store = MemoryStore()  # what is looked at afterwards stays when the folder goes
        one.house.store.documents = dict(store.documents)
        await store.close()
        return one
