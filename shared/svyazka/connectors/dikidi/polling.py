"""A daily look. It brings no events: a widget that has changed is told as a problem, before somebody wants to book."""

from __future__ import annotations

from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.connectors.dikidi.watch import look
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Polled, Polling


class DikidiPolling(Polling[DikidiSettings]):
    """What isn't as it was blocks the connection; the doctor's looks release it again."""

    every = 86400.0

    def ready(self, settings: DikidiSettings) -> bool:
        return settings.company is not None

    async def poll(self, cursor: str | None, call: Call[DikidiSettings]) -> Polled:
        await look(call)
        return Polled(facts=(), cursor=call.now.isoformat())
