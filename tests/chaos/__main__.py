"""`make chaos`: thousands of events while processes are killed and frozen at random steps, again and again."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from chaos.installation import LocalInstallation
from chaos.parts import MESSENGERS, SOURCES
from chaos.scenario import ACCEPTING, Outcome, audit, run
from simulators.registry import load_simulator
from simulators.serve import serve
from svyazka.engine.failpoints import POINTS
from svyazka.model.deliveries import Status


def main() -> int:
    """0 when journal and ledger agree."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--source", choices=SOURCES, default="iiko")
    parser.add_argument("--messenger", choices=MESSENGERS, default="smsru")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    chance = random.Random(arguments.seed)
    calm = False

    def failpoint(name: str) -> str:
        """Another way to die or freeze, some passages on; none once every webhook was answered."""
        if calm:
            return ""
        points = [point for point in POINTS if (point in ACCEPTING) == (name == "accept")]
        return f"{chance.choice(['kill', 'kill', 'stop'])}:{chance.choice(points)}:{chance.randint(20, 400)}"

    def answered() -> None:
        nonlocal calm
        calm = True
        print("every webhook is answered; draining")

    source, messenger = SOURCES[arguments.source], MESSENGERS[arguments.messenger]
    with (
        tempfile.TemporaryDirectory() as folder,
        serve([load_simulator(vendor) for vendor in (source.vendor, messenger.vendor)]) as vendors,
    ):
        # Slower than in the short form: with thousands waiting, sweeps in quick time would be most of the work.
        installation = LocalInstallation(Path(folder), vendors, source, messenger, speed=8.0)
        begun = time.monotonic()
        outcome = asyncio.run(
            run(
                installation, events=arguments.events, patience=900, failpoint=failpoint, on_answered=answered,
                failpoints={name: failpoint(name) for name in ("accept", "work")},
            )
        )  # fmt: skip
        report(outcome, arguments.events, time.monotonic() - begun)
        audit(installation, outcome, arguments.events, one_at_a_time=False)
    print("journal and ledger agree: nothing lost, nothing doubled")
    return 0


def report(outcome: Outcome, events: int, seconds: float) -> None:
    """What happened."""
    states = {status.value: 0 for status in Status}
    for delivery in outcome.journal.deliveries:
        states[delivery.status.value] += 1
    print(f"{events} events in {seconds:.0f} s; {sum(outcome.sent.values())} messages at the vendor")
    print(f"processes: {dict(outcome.seen)}")
    print(f"answers: {dict(outcome.called.answers)}, {outcome.called.repeats} repeats")
    print(f"deliveries: { {name: count for name, count in states.items() if count} }")


if __name__ == "__main__":
    sys.exit(main())
