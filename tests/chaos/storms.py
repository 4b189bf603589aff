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

SYSTEMS = (("salon", "crm"), ("salon", "crm", "accounts"))


def rehearse_storms(edits: int, chance: random.Random, firestore: str | None = None) -> None:
    """Storm after storm until so many edits were made; over Firestore where its emulator's address is given."""
    done: Counter[str] = Counter()
    while done["edit"] < edits:
        names, seed = chance.choice(SYSTEMS), chance.randrange(10**9)
        one = asyncio.run(_one(names, seed, min(STEPS, max(40, 3 * edits)), firestore))
        faults = one.faults()
        assert not faults, f"{'-'.join(names)}, seed {seed}: {faults}"
        assert one.rounds <= len(names) + 1, f"{'-'.join(names)}, seed {seed}: {one.rounds} rounds"
        done += one.done
        made = sum(len(side.made) for side in one.house.sides.values())
        print(f"  {len(names)} systems, seed {seed}: {done['edit']} edits, {made} cards made, none twice", flush=True)
    print(", ".join(f"{what} {count}" for what, count in sorted(done.items())))


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
