"""`python -m chaos --payments-storm N`: so many payments over three providers that lie, in process, shop after shop."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from multiprocessing import get_context
from pathlib import Path

from payment_storm import payment_storm
from storm_books import Books

PAYMENTS = 10_000
A_SHOP = 150
"""Payments of one storm: books of a till are looked through as its API does."""

MOST_WRONG = 20


Storm = tuple[int, Counter[str], Counter[str], list[str]]


def storms(seeds: Sequence[int], shops: Sequence[int]) -> Iterator[Storm]:
    """One of each seed and size, on all of the machine's processors. The order in which Python walks through sets is
    fixed, so that a seed tells the same story again."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        with ProcessPoolExecutor(min(os.cpu_count() or 1, len(seeds)), get_context("spawn")) as pool:
            yield from pool.map(one_storm, seeds, shops)
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before


def one_storm(seed: int, bills: int) -> Storm:
    """What befell it, how its payments ended, and what was wrong."""
    gc.freeze()  # what is loaded stays: a fourth of the time was spent looking through it for what can go
    gc.set_threshold(50_000, 20, 100)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        one = asyncio.run(payment_storm(seed, bills, Path(folder)))
        return seed, one.done + one.wire.befell, one.states(), Books(one).faults()


def rehearse_payment_storms(payments: int, chance: random.Random) -> None:
    """Storm after storm, on each of the machine's processors, until so many payments were begun. What is wrong is told
    at once, with the seed of its storm, and fails in the end."""
    begun = time.monotonic()
    shops = [min(A_SHOP, payments - at) for at in range(0, payments, A_SHOP)]
    befell, ended, wrong, done = Counter[str](), Counter[str](), list[str](), 0
    seeds = [chance.randrange(10**9) for _ in shops]
    for seed, what, states, faults in storms(seeds, shops):
        befell, ended, done = befell + what, ended + states, done + 1
        for fault in faults:
            wrong.append(f"seed {seed}: {fault}")
            print(f"  WRONG {wrong[-1]}", flush=True)
        if done % 20 == 0 or done == len(shops):
            count = sum(shops[:done])
            rate = count / (time.monotonic() - begun)
            print(f"  {count} payments, {len(wrong)} wrong, {rate:.0f} a second", flush=True)
        if len(wrong) > MOST_WRONG:
            break
    print("befell: " + ", ".join(f"{what} {count}" for what, count in sorted(befell.items())))
    print("ended: " + ", ".join(f"{what} {count}" for what, count in sorted(ended.items())))
    assert not wrong, "\n".join([f"{len(wrong)} things are wrong:", *wrong])
