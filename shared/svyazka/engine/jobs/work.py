"""What one kind of long work is to the engine: slices, and what may come of one.

A slice reads, works things out, and answers what is to be written down. Whatever it does on the way must bear to be
done twice, for whoever is killed begins it again: what must happen exactly once stands in `writes`, which are one
commit with the job itself. So a slice doesn't write to a vendor, but where a document of its own guards what it writes:
claimed before it, and asked about afterwards, as a delivery is.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import JsonValue

from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.deadlines import SCALE
from svyazka.model.errors import SvyazkaError
from svyazka.model.jobs import Counts, Job
from svyazka.model.tenants import Tenant

SLICE = 20.0 * SCALE
"""Real seconds after which a slice should come to its end."""

WRITES_MOST = 20
"""Documents that a slice may write with its job."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What came of one."""

    counts: Counts = field(default_factory=Counts)
    """To be added to the job's."""
    cursor: str | None = None
    """How far it came; None: as far as before."""
    phase: str | None = None
    total: int | None = None
    result: Mapping[str, JsonValue] = field(default_factory=dict)
    """Laid over what is there."""
    writes: Sequence[Write] = ()
    tasks: Sequence[Task] = ()
    end: bool = False
    """There is nothing left to do."""
    again_in: float = 0.0
    """Real seconds until the next one."""


class Patience:
    """How long a slice may still take."""

    def __init__(self, seconds: float = SLICE) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Real seconds."""
        return self._until - time.monotonic()

    def is_over(self) -> bool:
        """Whether it should come to its end."""
        return self.left() <= 0


class Work(ABC):
    """One kind of long work."""

    kind: ClassVar[str]
    title: ClassVar[str]
    """What people call it, in Russian; for cards."""

    @abstractmethod
    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        """The next piece, from the job's cursor on. Raises Waits, Hold, Failed; NoPlace where a vendor has none."""

    async def wrap_up(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        """An operator has cancelled it: what is still to be done before it ends. With `end` it is over."""
        return Slice(end=True)


class Waits(SvyazkaError):
    """It can't go on before a connection works again."""

    def __init__(self, connection: str, code: str, message: str) -> None:
        super().__init__(message)
        self.connection, self.code = connection, code


class Hold(SvyazkaError):
    """It can't go on before somebody has decided: `message` says what, `remedy` by which command."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code, self.remedy = code, remedy


class Failed(SvyazkaError):
    """It can't be done, now or later; `message` says why and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
