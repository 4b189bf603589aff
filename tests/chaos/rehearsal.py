"""A house of every messenger and every CRM; its vendors are all away at once."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from backends.google.deployment import PATIENT
from chaos.google import Cloud, GoogleInstallation
from chaos.installation import TENANT, LocalInstallation, until
from chaos.routes import channels
from chaos.takers import RULE, Taker, taker
from simulators import telegram
from simulators.cloudtasks import Clock
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.engine.ports.clock import SystemClock
from vendors import LEAD_TAKERS, MESSENGERS, SOURCES
from vendors.parts.base import Guest
from vendors.parts.messengers import Messenger, Stage

SPEED = 30_000.0
"""Three days in 9 seconds."""

CRM_SPEED = 8_000.0
"""Half a day in 5 seconds."""

UNHURRIED = 1.0
"""Nobody dies here, so calls have the time that they have in earnest: a machine that stands still for half a second is
not yet an answer that never came."""

OWNER = str(telegram.CHAT)
MONTH, DAY, LEADS = "month", "day", "leads"
ASKED = ("asked", "asked-again")
"""What the source tells of each guest as a lead."""

SOURCE = replace(
    SOURCES["http"],
    settings={
        **SOURCES["http"].settings, "types": {"sold": "order.completed", **dict.fromkeys(ASKED, "lead.created")},
    },
)  # fmt: skip
TAKERS = {vendor: taker(crm) for vendor, crm in LEAD_TAKERS.items()}


class Rehearsal(LocalInstallation):
    """Every messenger is a connection and has two flows, one of which is of use for a day only; each CRM is one and
    takes the leads, of which each is a deal of its own; the owner is told by another bot, the one way to him: nothing
    of it can go out elsewhere."""

    messengers: Mapping[str, Messenger] = MESSENGERS
    takers: Mapping[str, Taker] = TAKERS
    lasts = (timedelta(hours=10), timedelta(hours=62))
    """So long after the first leads, and after the second."""

    def __init__(self, folder: Path, spare: Running, **given: Any) -> None:
        self.parties: dict[str, Any] = {**self.messengers, **self.takers}
        super().__init__(folder, spare, SOURCE, *self.parties.values(), **given)
        self.secrets |= MESSENGERS["telegram"].vault()
        # Bound and not listening: it refuses every connection, and nobody else can get it meanwhile.
        self.away = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.away.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.away.bind(("127.0.0.1", 0))

    def base_url(self, vendor: str) -> str:
        return f"http://127.0.0.1:{self.away.getsockname()[1]}/{vendor}"

    def tenant(self) -> dict[str, object]:
        spare = {**self.connection(MESSENGERS["telegram"]), "base_url": super().base_url("telegram")}
        flows = []
        for vendor, messenger in self.messengers.items():
            via = channels(messenger)
            names = [channel.vendor for channel in via]
            only = {"events": ["order.completed"]} if messenger.flow == "forward" else {}
            flows.append(self.rule(*via, names=names, id=f"{MONTH}-{vendor}", **only))
            if len(via) == 1:
                flows.append(self.rule(*via, names=names, id=f"{DAY}-{vendor}", expires_after="24h", **only))
        for vendor in self.takers:
            flows.append({**RULE, "id": f"{LEADS}-{vendor}", "via": [vendor], "attach": "0s"})
        return {
            "id": TENANT, "name": "Кофейня на Покровке", "timezone": "Europe/Moscow",
            "connections": {
                "source": {"vendor": SOURCE.vendor, **SOURCE.written()}, "spare": spare,
                **{vendor: self.connection(part) for vendor, part in self.parties.items()},
            },
            "flows": flows, "alerts": {"to": [{"connection": "spare", "chat": OWNER}], "after": "3h"},
        }  # fmt: skip

    @contextmanager
    def vendors_back(self, guests: Sequence[Guest]) -> Iterator[Running]:
        """The vendors are there again, at their old address."""
        port = self.away.getsockname()[1]
        simulators = {vendor: load_simulator(vendor) for vendor in self.parties}
        # Before anybody calls: a refused credential, or a guest whom nobody knows yet, is another trouble.
        opened = Running("", simulators, asyncio.get_running_loop())
        for vendor in self.takers:
            LEAD_TAKERS[vendor].open(opened)
        for vendor, part in self.messengers.items():
            part.begin(Stage(opened, self.hook_url(vendor, vendor), self.clock, guests))
        with serve(list(simulators.values()), port) as running:
            yield running

    async def begin(self) -> None:
        """Everything runs."""
        await self.prepare()
        self.start("accept")
        self.start("work")
        await self.ready()

    async def pass_time(self, time: timedelta) -> None:
        """Business time goes by."""
        then = self.clock.now() + time
        await until(lambda: self.clock.now() > then, f"{time} have passed")

    async def live_until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        """Business time goes by until something is true."""
        try:
            await until(holds, what, look=lambda: self.spoken()[-2000:])
        except AssertionError as wait:
            raise AssertionError(f"{wait}\n{await self.standing()}") from None

    async def standing(self) -> str:
        """What became of whom, and what was told, for a failure's message."""
        fates = Counter((one.flow, one.connection, one.status.value) for one in (await self.journal()).deliveries)
        told = Counter((one.connection, one.kind, one.stage) for one in await self.alerts())
        return "\n".join(f"{count} {what}" for what, count in [*sorted(fates.items()), *sorted(told.items(), key=str)])

    def told(self) -> Counter[str]:
        """What the owner was told, by its text."""
        taken = [effect for effect in self.vendors.of("telegram").effects if effect["kind"] == "message"]
        return Counter(effect["text"] for effect in taken if effect["to"] == OWNER)


class QuickRehearsal(Rehearsal):
    """Of messengers alone, by a clock so quick that looks through a CRM would come every few milliseconds."""

    takers: Mapping[str, Taker] = MappingProxyType({})

    def __init__(self, folder: Path, spare: Running) -> None:
        super().__init__(folder, spare, speed=SPEED, scale=UNHURRIED)


class CrmRehearsal(Rehearsal):
    """Of CRMs alone: half a day, by a clock at which they can still be looked through."""

    messengers: Mapping[str, Messenger] = MappingProxyType({})
    lasts = (timedelta(hours=4), timedelta(hours=8))

    def __init__(self, folder: Path, spare: Running) -> None:
        super().__init__(folder, spare, speed=CRM_SPEED, scale=UNHURRIED)


STEP, LIMIT = timedelta(hours=4), timedelta(days=1)
FUNCTION = Path(__file__).parent / "stepped" / "function.py"


class KeptClock(Clock):
    """A queue's stepped time, which functions can read from a file."""

    def __init__(self, file: Path) -> None:
        # Ahead of the machine's: the queue's clients leave out times that seem past to them.
        super().__init__(stepped=True, start=datetime.now(UTC) + timedelta(hours=1))
        self.file = file
        self.advance(0)

    def advance(self, by: timedelta | float) -> datetime:
        now = super().advance(by)
        beside = self.file.with_suffix(".new")
        beside.write_text(now.isoformat())
        beside.replace(self.file)
        return now


class QueueTime(SystemClock):
    """The queue's time is everybody's."""

    def __init__(self, queue: Clock) -> None:
        self._queue = queue
        super().__init__()

    def real(self) -> datetime:
        return self._queue.now()


class SteppedRehearsal(Rehearsal, GoogleInstallation):
    """The same over Firestore and Cloud Tasks, whose time is stepped, and the functions' with it: with one messenger of
    each kind (another after it, receipts, neither) and one CRM, for what differs by vendor is seen on one machine."""

    messengers = {vendor: MESSENGERS[vendor] for vendor in ("whatsapp", "smsru", "telegram")}
    takers = {"amocrm": TAKERS["amocrm"]}

    def __init__(self, folder: Path, spare: Running, cloud: Cloud) -> None:
        super().__init__(folder, spare, cloud=cloud)
        kept = cloud.tasks.service.clock
        assert isinstance(kept, KeptClock)
        self.clock = QueueTime(kept)
        self.environment |= {
            "FUNCTION_SOURCE": str(FUNCTION), "STEPPED_TIME": str(kept.file), "SVYAZKA_DEADLINE_SCALE": "1",
            "WORKERS": "1",  # a second one would believe for some seconds, days here, what it last knew of an outage
        }  # fmt: skip

    async def sweep_regularly(self) -> None:
        """Whoever lets time go by sweeps."""

    async def begin(self) -> None:
        await super().begin()
        await asyncio.gather(*(self.ready(self.ports[name]) for name, _ in self.processes))

    async def pass_time(self, time: timedelta) -> None:
        then = self.clock.now() + time
        while self.clock.now() < then:
            await self.tasks.advance(STEP, patience=PATIENT)
            await self.sweep()
            await self.tasks.advance(patience=PATIENT)

    async def live_until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        for _ in range(LIMIT // STEP):
            if await holds():
                return
            await self.pass_time(STEP)
        raise AssertionError(f"in {LIMIT} it never came true that {what}: {self.spoken()[-2000:]}")
