"""Fiscal receipts by the thousand: days of shops, over a fiscaliser that takes what it doesn't answer, prints late,
fails as its till does and is silent, while processes die. The days are in memory: what is proved is the engine's own
way."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import redirect_stdout
from pathlib import Path

from receipts_day import Day

ORDERS = 40
"""Of one day: the store in memory looks through all that it has."""


def rehearse_receipts(wanted: int, seed: int) -> None:
    """Days until so many receipts were registered. Raises AssertionError."""
    made, days, began = 0, 0, time.monotonic()
    while made < wanted:
        day = Day(seed + days, ORDERS)
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            asyncio.run(day.go())
        made, days = made + day.check(), days + 1
        print(f"{made} of {wanted} receipts, {days} days, {time.monotonic() - began:.0f} s", flush=True)
