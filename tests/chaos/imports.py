"""A messy file on its way into a CRM while the process that brings it is killed again and again: every line is
accounted for once, nobody is made twice, nobody taken for another."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import messy_rows
from chaos.armed import armed
from chaos.leads import LeadInstallation
from messy_rows import Made
from simulators.registry import load_simulator
from simulators.serve import serve
from svyazka.backends.local.clock import ClockKeeper
from svyazka.backends.local.store import LocalStore
from svyazka.engine.ports.clock import SystemClock
from svyazka.engine.support.failpoints import CHUNK_POINTS, JOB_POINTS
from vendors import CRMS
from vendors.parts.base import UNHURRIED

STRUCK = tuple(point for point in (*CHUNK_POINTS, *JOB_POINTS) if point != "chunk.before_claim")
"""Where whoever brings it dies; before a claim is after a settle."""

MOST = 160 * 1024
"""KiB that the process may take."""

MEASURE = """
import os, sys
process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(process, 0)
with open(sys.argv[1], "w") as stream:
    print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=stream)
"""
"""Runs a command and writes down how it ended and the most that it took. The kernel counts for a process, from before
its `exec`, the peak of whoever began it: a test run's own hundreds of megabytes. This one takes ten."""

SCALE, UNHASTY = 0.2, 0.5
"""Of time limits: leases of 12 s. Shorter ones leave a busy machine no time to begin a call in; and where there are
thousands of cards, the stand-in takes a while too."""

AGAIN, LATER = 10, timedelta(hours=1)
"""Times that the same command is given once nobody dies any more, and how much later by the business's clock: a machine
in haste may find its vendor away, and each command looks through the whole file."""

RATE = 7.0
"""Calls a second that amoCRM allows."""


@dataclass
class Seen:
    """What a run came to."""

    deaths: Counter[str] = field(default_factory=Counter)
    peak: int = 0
    """KiB."""
    seconds: float = 0.0
    calls: int = 0
    said: Mapping[str, Any] = field(default_factory=dict)


class ImportInstallation(LeadInstallation):
    """One machine with a CRM, and the command line."""

    def __init__(self, *given: Any, scale: float = SCALE, **more: Any) -> None:
        super().__init__(*given, scale=scale, **more)

    def tenant(self) -> dict[str, object]:
        crm = {"vendor": self.crm.vendor, "base_url": self.base_url(self.crm.vendor)}
        return {
            "id": "kofe", "name": "Кофейня", "timezone": "Europe/Moscow",
            "connections": {"crm": {**crm, **self.crm.written(), **UNHURRIED}}, "flows": [],
        }  # fmt: skip

    async def begin(self) -> None:
        """All that is there before the file is; the vendor's clock is the business's."""
        await self.prepare()
        simulator = self.vendors.of(self.crm.vendor)
        self.crm.open(self.vendors)
        simulator.now = lambda: self.clock.now().timestamp()  # type: ignore[method-assign]

    def come_back_later(self) -> None:
        """Let the business's time pass before the next command."""
        assert isinstance(self.clock, SystemClock)
        self.clock = SystemClock(self.speed, (self.clock.real(), self.clock.now() + LATER))

    async def go_on_from_now(self) -> None:
        """No process that serves runs here, which would keep the business's time: a command that is given minutes after
        the last time it was kept would begin hours before what the one before it has planned, and wait for that."""
        store = LocalStore.open(self.data)
        assert isinstance(self.clock, SystemClock)
        await ClockKeeper(store, self.clock).keep()
        await store.close()

    def bring(self, file: Path, seen: Seen, failpoint: str = "") -> bool:
        """`svyazka import`, once; whether all was brought over."""
        environment = {
            **os.environ, "SVYAZKA_DATA": str(self.data), "SVYAZKA_SPEED": str(self.speed),
            "SVYAZKA_DEADLINE_SCALE": str(self.scale), "SVYAZKA_PUBLIC_URL": self.url,
            "SVYAZKA_ALLOWED_NETWORKS": "127.0.0.0/8", "LANG": "en_US.UTF-8", **armed(failpoint),
        }  # fmt: skip
        asyncio.run(self.go_on_from_now())
        command = [sys.executable, "-m", "svyazka.cli", "import", str(file), "--into", "crm", "--as", "base", "--json"]
        begun, out, ended = time.monotonic(), self.folder / "said", self.folder / "ended"
        measured = [sys.executable, "-ISc", MEASURE, str(ended), *command]
        with out.open("wb") as stream:
            subprocess.run(measured, env=environment, stdout=stream, stderr=self.log, check=True)
        code, peak = map(int, ended.read_text().split())
        seen.peak = max(seen.peak, peak)
        seen.seconds += time.monotonic() - begun
        if code < 0:
            seen.deaths[failpoint.split(":")[1]] += 1
            return False
        lines = [json.loads(line) for line in out.read_text().splitlines() if line.startswith("{")]
        assert lines or code == 1, f"it said nothing: {code}, {self.spoken()[-2000:]}"
        seen.said = lines[-1] if lines else {"state": self.spoken()[-2000:]}
        return seen.said["state"] == "done"


def strikes(deaths: int, rows: int, chance: random.Random, points: Sequence[str]) -> Iterator[str]:
    """Each place in its turn, after some passages."""
    for number in range(deaths):
        point = points[number % len(points)]
        most = max(1, rows // 50 // max(deaths, 1)) if point.startswith("chunk.") and point != "chunk.in_book" else 1
        yield f"kill:{point}:{chance.randint(1, most)}"


def survive(
    installation: ImportInstallation, made: Sequence[Made], deaths: int, chance: random.Random,
    points: Sequence[str] = STRUCK,
) -> Seen:  # fmt: skip
    """Bring a file in, dying so often; and again corrected."""
    seen = Seen()
    asyncio.run(installation.begin())
    simulator = installation.vendors.of(installation.crm.vendor)
    file = messy_rows.write_csv(installation.folder / "base.csv", made)
    for failpoint in strikes(deaths, len(made), chance, points):
        if installation.bring(file, seen, failpoint):
            break
    for number in range(AGAIN):
        if seen.said.get("state") == "done" or installation.bring(file, seen):
            break
        if number:
            installation.come_back_later()
    seen.calls = len(simulator.calls)
    audit(installation, made, seen)
    return seen


def audit(installation: ImportInstallation, made: Sequence[Made], seen: Seen) -> None:
    """Each line once, each of those that are ready a card of his own, and every card somebody's."""
    said = seen.said
    assert said["state"] == "done", said
    assert said["lines"] == said["counts"]["read"] == len(made) + messy_rows.HEAD, said
    ready = [one for one in made if one.outcome == "ready" and one.human is not None]
    cards = installation.vendors.of(installation.crm.vendor).cards["contacts"].values()
    wanted = Counter((_words(one.human.last, one.human.first), frozenset(one.phones)) for one in ready if one.human)
    there = Counter((_name_of(card["name"]), frozenset(_phones(card))) for card in cards)
    assert there == wanted, (
        f"{sum((there - wanted).values())} cards too many: {list((there - wanted).items())[:3]}; "
        f"{sum((wanted - there).values())} missing: {list((wanted - there).items())[:3]}"
    )


def corrected(made: Sequence[Made], every: int) -> tuple[list[Made], int]:
    """The same file with an e-mail put into some lines, and how many."""
    lines, count = [], 0
    for number, one in enumerate(made):
        repeated = number + 1 < len(made) and made[number + 1].outcome == "repeat"  # by then it would be a doubt
        plain = one.outcome == "ready" and one.human is not None and not one.human.mail
        if number % every == 0 and plain and not repeated:
            mail, count = messy_rows.TITLES.index("E-mail"), count + 1
            cells = (*one.cells[:mail], f"corrected{number}@example.org", *one.cells[mail + 1 :])
            one = replace(one, cells=cells)
        lines.append(one)
    return lines, count


def rehearse_import(rows: int, deaths: int, chance: random.Random) -> None:
    """So many rows, so many deaths, then the same file corrected."""
    crm = CRMS["amocrm"]
    with tempfile.TemporaryDirectory() as folder, serve([load_simulator(crm.vendor)]) as running:
        installation = ImportInstallation(Path(folder), running, crm, scale=UNHASTY)
        made = messy_rows.messy(rows, seed=chance.randrange(1000))
        seen = survive(installation, made, deaths, chance)
        print(f"{rows} rows in {seen.seconds:.0f} s with the stand-in's time, {sum(seen.deaths.values())} deaths")
        print(f"  died at: {dict(seen.deaths)}; at most {seen.peak / 1024:.0f} MiB")
        print(f"  {dict(seen.said['outcomes'])}")
        print(f"  {seen.calls} calls: {seen.calls / RATE:.0f} s at amoCRM's {RATE:.0f} a second")
        before = Counter(one.get("entity") for one in running.of(crm.vendor).effects)["contacts"]
        again, count = corrected(made, 50)
        second = Seen()
        file = messy_rows.write_csv(installation.folder / "base.csv", again)
        assert any(installation.bring(file, second) for _ in range(AGAIN)), second.said
        after = Counter(one.get("entity") for one in running.of(crm.vendor).effects)["contacts"]
        print(f"  corrected in {count} lines: {after - before} writes in {second.seconds:.0f} s")
        assert after - before == count == second.said["counts"]["updated"], second.said
        assert max(seen.peak, second.peak) <= MOST, f"it took {max(seen.peak, second.peak) / 1024:.0f} MiB"
        installation.stop()


def _words(*names: str) -> frozenset[str]:
    return frozenset(" ".join(names).casefold().replace("ё", "е").split())


def _name_of(name: str) -> frozenset[str]:
    """Last and first name, whatever else it is called."""
    words = [word for word in name.casefold().replace("ё", "е").split() if not word.endswith(("вич", "вна"))]
    return frozenset(words)


def _phones(card: Mapping[str, Any]) -> list[str]:
    fields = card.get("custom_fields_values") or []
    return [
        str(value["value"]) for one in fields if one.get("field_code") == "PHONE" for value in one["values"]
    ]  # fmt: skip
