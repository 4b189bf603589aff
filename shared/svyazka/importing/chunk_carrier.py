"""One chunk of rows, as far as it goes: claimed, sent, settled; asked about where an answer was lost.

What is out is written down before a call that makes anything, and taken back only where the vendor's answer, or the
lack of a connection, proves that nothing was made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar, cast

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import New, Records, Written
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.jobs.asking import asking
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.keeping.sealed import SealedValues
from svyazka.engine.outages.learning import Outages
from svyazka.engine.ports.store import Put
from svyazka.engine.support.failpoints import reach
from svyazka.importing import newcomers
from svyazka.importing.differing import differences, said_now
from svyazka.importing.newcomers import CLOCKS_DIFFER, Newcomers
from svyazka.importing.planning import KIND, Target
from svyazka.importing.rows_to_carry import RowToCarry
from svyazka.model.base import SKELETON
from svyazka.model.errors import LeaseTooShort, NoPlace, NotSent, SvyazkaError
from svyazka.model.imports import Became, Chunk, Imported, RowOutcome
from svyazka.model.outcomes import GaveBack, Outcome, Refused, Retry, Succeeded, Unclear, Unknown

T = TypeVar("T")

COMMIT = 20
"""Links that are written by one commit."""
PAUSE = 30.0
"""Seconds until the next try where the vendor doesn't say."""
_SURE = Succeeded | Refused
"""Outcomes that say what became of a row; all others are about the connection, or leave a doubt."""


class Later(SvyazkaError):
    """The vendor wants a pause, and is in no trouble."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds


class ChunkCarrier:
    """One chunk, as far as it goes."""

    def __init__(
        self, outages: Outages, target: Target, held: Versioned[Chunk], newcomers: Newcomers,
        lease_until: datetime | None,
    ) -> None:  # fmt: skip
        self._outages, self._target, self._held = outages, target, held
        self._newcomers, self._lease_until = newcomers, lease_until
        self._hub = target.hub

    @property
    def chunk(self) -> Chunk:
        """The chunk as it stands now."""
        return self._held.model

    @property
    def _records(self) -> Records[Any]:
        return self._target.records

    async def carry(self) -> float | None:
        """Bring all its rows over. Seconds to wait where it can't go on yet; None: done. Raises Later, Waits."""
        if not self.chunk.left:
            return None
        rows = await self._rows()
        if (wait := await self._ask(rows)) is not None:
            return wait
        left: Sequence[RowToCarry] = [rows[place] for place in self.chunk.left if place in rows]
        if any(row.object is None for row in left):
            left = await self._call(partial(self._with_newcomers, left))
        for row in left:
            if row.object is not None:
                await self._updated(row)
        new = [row for row in left if row.object is None]
        return await self._made(new) if new else None

    async def ask_only(self) -> float | None:
        """Learn what became of the rows that are out, and send nothing."""
        return await self._ask(await self._rows())

    async def _rows(self) -> dict[int, RowToCarry]:
        """By place; those who asked to be forgotten meanwhile are skipped."""
        values = await SealedValues(self._hub).read(self.chunk.rows) or [None] * len(self.chunk.numbers)
        gone = [place for place, value in enumerate(values) if value is None and place in self.chunk.left]
        if gone:
            await self._settle({place: self._became(place, Became.SKIPPED, code="forgotten") for place in gone})
        return {
            place: RowToCarry.read(place, cast("Mapping[str, Any]", value))
            for place, value in enumerate(values)
            if value is not None
        }

    # Making

    async def _made(self, rows: Sequence[RowToCarry]) -> float | None:
        """Make these, in as few calls as the vendor lets us; a batch that is refused is halved down to the row."""
        size = self._records.batch
        pieces = [rows[at : at + size] for at in range(0, len(rows), size)][::-1]
        while pieces:
            piece = pieces.pop()
            await self._claim([row.place for row in piece])
            written = await self._call(partial(self._send, piece), writing=True)
            if written is None:
                await self._unclaim()
                half = len(piece) // 2
                pieces += [piece[half:], piece[:half]]
                continue
            wait = await self._settle_made(piece, written)
            if wait is not None:
                return wait
        return None

    async def _send(self, piece: Sequence[RowToCarry], call: Call[Any]) -> Sequence[Written] | None:
        if len(piece) == 1:
            return [_sure(await self._records.create(KIND, piece[0].fields, (), piece[0].mark, call))]
        return await self._records.create_many(KIND, [New(row.fields, row.mark) for row in piece], call)

    async def _settle_made(self, piece: Sequence[RowToCarry], written: Sequence[Written]) -> float | None:
        made = {
            row.place: self._of_outcome(row, one.outcome, Became.CREATED)
            for row, one in zip(piece, written, strict=True)
            if isinstance(one.outcome, _SURE)
        }
        await self._settle(made, {row.place: row for row in piece})
        self._newcomers.ours.update(one.object for one in made.values() if one.object)
        return PAUSE if self.chunk.out else None

    # Bringing up to date

    async def _updated(self, row: RowToCarry) -> None:
        """Write what differs from the card as it is now; twice does no harm, so nothing is asked afterwards."""
        became = await self._call(partial(self._update, row))
        await self._settle({row.place: became}, {row.place: row} if became.what is not Became.FAILED else None)

    async def _update(self, row: RowToCarry, call: Call[Any]) -> RowOutcome:
        assert row.object is not None
        target = self._target
        found = await self._records.read_many(KIND, [row.object], call)
        if found:
            differ = differences(row.fields, found[0], row.said, target.keeps, target.prints, self._records.singles)
            if not differ.changes:
                return self._became(row.place, Became.UNCHANGED, row.object)
            done = await self._records.update(found[0], differ.changes, call)
            if done is not None:
                return self._of_outcome(row, _sure(done).outcome, Became.UPDATED)
        return self._became(row.place, Became.FAILED, row.object, "gone", N_("it isn't there any more"))

    # Asking

    async def _ask(self, rows: Mapping[int, RowToCarry]) -> float | None:
        """What is out may have been made: look for it among the newest cards, once the vendor surely shows it."""
        chunk = self.chunk
        if not chunk.out or chunk.out_since is None:
            return None
        due = chunk.out_since + self._records.creating.safety.ask_after
        left = self._hub.clock.real_seconds_until(due)
        if left > 0:
            return left
        since = chunk.out_since - CLOCKS_DIFFER
        cards = await self._call(partial(newcomers.since, since, self._records))
        found: dict[int, RowOutcome] = {}
        taken: set[str] = set()
        for place in chunk.out:
            same = [one.id for one in cards.made_as(rows[place].row, since)] if place in rows else []
            id_ = next((one for one in same if one not in taken), None)
            if id_ is not None:
                taken.add(id_)
                found[place] = self._became(place, Became.CREATED, id_)
        await self._settle(found, rows, asked=True)
        return None

    async def _with_newcomers(self, rows: Sequence[RowToCarry], call: Call[Any]) -> Sequence[RowToCarry]:
        """The rows, those of them matched whose person somebody else has put into the system since it was listed."""
        if not await self._newcomers.look(self._records, self._hub.clock.now(), call):
            return rows
        return [replace(row, object=row.object or self._newcomers.same(row.row)) for row in rows]

    # One call

    async def _call(self, do: Callable[[Call[Any]], Awaitable[T]], *, writing: bool = False) -> T:
        """What came of a call. `writing`: what surely wasn't done is no longer out. Raises Later, Waits, NoPlace."""
        async with asking(self._hub, self._outages, self._target.account, self.chunk.id, self._lease_until) as call:
            call.quiet = True
            try:
                done = await do(call)
            except VendorFailure as error:
                if writing and not _in_doubt(error.outcome):
                    await self._unclaim()
                if _wants_a_pause(error.outcome):
                    raise Later(getattr(error.outcome, "after", None) or PAUSE) from error
                raise
            except (NotSent, LeaseTooShort, NoPlace):
                if writing:
                    await self._unclaim()
                raise
            reach("chunk.after_call")
            return done

    def _of_outcome(self, row: RowToCarry, outcome: Outcome, done: Became) -> RowOutcome:
        if isinstance(outcome, Refused):
            return self._became(row.place, Became.FAILED, row.object, outcome.code, outcome.message)
        assert isinstance(outcome, Succeeded)
        return self._became(row.place, done, outcome.external_id or row.object)

    # Writing down

    async def _claim(self, places: Sequence[int]) -> None:
        reach("chunk.before_claim")
        await self._write({"out": tuple(places), "out_since": self._hub.clock.now()})
        reach("chunk.after_claim")

    async def _unclaim(self) -> None:
        if self.chunk.out:
            await self._write({"out": (), "out_since": None})

    async def _settle(
        self, became: Mapping[int, RowOutcome], rows: Mapping[int, RowToCarry] | None = None, asked: bool = False
    ) -> None:
        """Links first: a row that is done has one, whoever dies in between. `asked`: what else was out isn't there."""
        links = [self._link(rows[place], one.object) for place, one in became.items() if rows and one.object]
        for at in range(0, len(links), COMMIT):
            await self._hub.store.commit(links[at : at + COMMIT])
        reach("chunk.after_links")
        outcomes = {**self.chunk.outcomes, **{str(place): one for place, one in became.items()}}
        out = tuple(place for place in self.chunk.out if place not in became and not asked)
        await self._write({"outcomes": outcomes, "out": out, "out_since": self.chunk.out_since if out else None})
        reach("chunk.after_settle")

    async def _write(self, update: Mapping[str, object]) -> None:
        """By compare-and-set. Raises Conflict where another worker has it: then this slice is nobody's."""
        chunk = self.chunk.model_copy(update=dict(update))
        (version,) = await self._hub.store.commit([journal.replace(chunk, self._held.version)])
        self._held = Versioned(chunk, version)

    def _link(self, row: RowToCarry, object_: str | None) -> Put:
        target, tenant = self._target, self.chunk.tenant
        contact = row.contact()
        people = self._hub.keyring.people(tenant, b"", [contact])
        said = said_now(row.fields, target.keeps, target.prints)
        return Put(journal.document(Imported(
            id=row.id, tenant=tenant, connection=self.chunk.connection, object=object_ or "", said=said,
            people=people, expire_at=self._hub.clock.now() + SKELETON,
        )))  # fmt: skip

    def _became(
        self, place: int, what: Became, object_: str | None = None, code: str | None = None, message: str | None = None
    ) -> RowOutcome:
        return RowOutcome(row=self.chunk.numbers[place], what=what, object=object_, code=code, message=message)


def _sure(written: Written) -> Written:
    """What was written, or refused. Raises VendorFailure for whatever else came of it."""
    if not isinstance(written.outcome, _SURE):
        raise VendorFailure(written.outcome)
    return written


def _in_doubt(outcome: Outcome) -> bool:
    """Whether what was asked for may have been done all the same."""
    return isinstance(outcome, Unclear | Unknown) or (isinstance(outcome, Retry) and outcome.maybe_sent)


def _wants_a_pause(outcome: Outcome) -> bool:
    """Whether the vendor is in no trouble, and only wants to be asked later."""
    return isinstance(outcome, GaveBack) or (isinstance(outcome, Retry) and not outcome.outage)
