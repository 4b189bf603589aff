"""One chunk of rows, as far as it goes: claimed, sent, settled; asked about where an answer was lost.

What is out is written down before a call that makes anything, and taken back only where the vendor's answer, or the
lack of a connection, proves that nothing was made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, TypeVar, cast

from svyazka.catalogue import N_
from svyazka.engine.comparing.matching import can_be_one, is_nameless, told_by
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import New, Records, Written
from svyazka.engine.contracts.putting import FRESH
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.jobs.asking import asking
from svyazka.engine.jobs.work import Patience
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.keeping.sealed import SealedValues
from svyazka.engine.outages.learning import Outages
from svyazka.engine.rules.deadlines import LEASE
from svyazka.engine.support.failpoints import reach
from svyazka.importing import newcomers
from svyazka.importing.book import KIND, Book, Noted
from svyazka.importing.cards import told_by_row
from svyazka.importing.claims import Claims
from svyazka.importing.newcomers import CLOCKS_DIFFER, Newcomers
from svyazka.importing.planning import Target
from svyazka.importing.rows_to_carry import RowToCarry
from svyazka.model.errors import LeaseTooShort, NoPlace, NotSent, SvyazkaError
from svyazka.model.imports import Became, Chunk, RowOutcome
from svyazka.model.in_step import Record
from svyazka.model.outcomes import GaveBack, Outcome, Refused, Retry, Succeeded, Unclear, Unknown
from svyazka.model.records import Object, Wanted

T = TypeVar("T")

READ_AT_ONCE = 50
"""Cards that are read by one call before they are written."""
BUSY = 5.0
"""Seconds until a card is looked at again that is being written just now."""
MANY_THERE, UNSHOWN = "many_there", "unshown"
"""Why somebody has to say: several cards that came meanwhile match; whose the one is can't be told. As in a plan."""
PAUSE = 30.0
"""Seconds until the next try where the vendor doesn't say."""
_SURE = Succeeded | Refused
"""Outcomes that say what became of a row; all others are about the connection, or leave a doubt."""


class Later(SvyazkaError):
    """It goes on later, and the vendor is in no trouble."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds


class ChunkCarrier:
    """One chunk, as far as it goes."""

    def __init__(
        self, outages: Outages, target: Target, held: Versioned[Chunk], newcomers: Newcomers,
        lease_until: datetime | None, patience: Patience,
    ) -> None:  # fmt: skip
        self._outages, self._target, self._held, self._patience = outages, target, held, patience
        self._newcomers, self._lease_until = newcomers, lease_until
        self._hub = target.hub
        until = lease_until or self._hub.clock.real() + timedelta(seconds=LEASE)
        self._claims, self._judged = Claims(target.book, held.model.id, until), set[str]()

    @property
    def chunk(self) -> Chunk:
        """The chunk as it stands now."""
        return self._held.model

    @property
    def _book(self) -> Book:
        return self._target.book

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
            while not await self._call(self._look_around):
                if self._patience.is_over():
                    raise Later(0.0)
            left = await self._with_newcomers(left)
        await self._brought_up([row for row in left if row.object is not None])
        wait = await self._made([row for row in left if row.object is None])
        return BUSY if wait is None and self.chunk.left else wait

    async def ask_only(self) -> float | None:
        """Learn what became of the rows that are out, and send nothing."""
        return await self._ask(await self._rows())

    async def _rows(self) -> dict[int, RowToCarry]:
        """By place; those who asked to be forgotten are skipped, be it before their rows were written down."""
        values = await SealedValues(self._hub).read(self.chunk.rows) or [None] * len(self.chunk.numbers)
        rows = {
            place: RowToCarry.read(place, cast("Mapping[str, Any]", value))
            for place, value in enumerate(values)
            if value is not None
        }
        left = [place for place in self.chunk.left if place in rows]
        forgotten = await self._book.forgotten({place: rows[place].row.addresses for place in left})
        gone = [place for place in self.chunk.left if place not in rows or place in forgotten]
        if gone:
            await self._settle({place: self._became(place, Became.SKIPPED, code="forgotten") for place in gone}, [])
        return {place: row for place, row in rows.items() if place not in forgotten}

    # Making

    async def _made(self, rows: Sequence[RowToCarry]) -> float | None:
        """Make these, in as few calls as the vendor lets us; a batch that is refused is halved down to the row."""
        size = self._records.batch
        pieces = [rows[at : at + size] for at in range(0, len(rows), size)][::-1]
        while pieces:
            piece = await self._claimed(pieces.pop())
            if not piece:
                continue
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

    async def _claimed(self, rows: Sequence[RowToCarry]) -> Sequence[RowToCarry]:
        """Those that nobody else makes or has made just now; whose card stands there by now is brought up to date."""
        making = await self._claims.to_make(rows, self._judged)
        if not making.there:
            return making.ours
        ids = list(dict.fromkeys(card for cards in making.there.values() for card in cards))
        cards = {one.id: one for one in await self._call(partial(self._records.read_many, KIND, ids))}
        met, new = list[RowToCarry](), list[RowToCarry]()
        for row in rows:
            if row.place not in making.there:
                continue
            theirs = [one for id_ in making.there[row.place] if (one := cards.get(id_))]
            same = [one for one in theirs if can_be_one(told_by_row(row.row), told_by(one))]
            if not same:
                new.append(row)
            else:
                met += await self._met(row, same)
        self._judged.update(ids)
        await self._brought_up(met)
        return [*making.ours, *(await self._claimed(new) if new else ())]

    async def _send(self, piece: Sequence[RowToCarry], call: Call[Any]) -> Sequence[Written] | None:
        if len(piece) == 1:
            return [_sure(await self._records.create(KIND, piece[0].fields, (), piece[0].mark, call))]
        return await self._records.create_many(KIND, [New(row.fields, row.mark) for row in piece], call)

    async def _settle_made(self, piece: Sequence[RowToCarry], written: Sequence[Written]) -> float | None:
        made: dict[int, RowOutcome] = {}
        noted: list[Noted] = []
        for row, one in zip(piece, written, strict=True):
            if not isinstance(one.outcome, _SURE):
                continue
            became = made[row.place] = self._of_outcome(row, one.outcome, Became.CREATED, row.left_out(answer=one))
            if became.object is not None and became.what is Became.CREATED:
                noted.append(row.noted(became.object, answer=one))
        await self._claims.let_go([row for row in piece if row.place in made and made[row.place].what is Became.FAILED])
        await self._settle(made, noted)
        return PAUSE if self.chunk.out else None

    # Bringing up to date

    async def _brought_up(self, rows: Sequence[RowToCarry]) -> None:
        """Cards that are there: read together, and each written only where it differs."""
        for at in range(0, len(rows), READ_AT_ONCE):
            some = rows[at : at + READ_AT_ONCE]
            ids = [row.object for row in some if row.object is not None]
            known = await self._book.of_cards(ids)  # before the cards: whoever writes one afterwards has moved it
            cards = {one.id: one for one in await self._call(partial(self._records.read_many, KIND, ids))}
            read_at = monotonic()
            equal: dict[int, RowOutcome] = {}
            noted: list[Noted] = []
            differ: list[tuple[RowToCarry, Object]] = []
            for row in some:
                card = cards.get(row.object or "")
                if card is None:
                    message = N_("it isn't there any more")
                    equal[row.place] = self._became(row.place, Became.FAILED, row.object, "gone", message)
                elif self._writes(row, card, known.get(card.id)):
                    differ.append((row, card))
                else:
                    equal[row.place] = self._became(row.place, Became.UNCHANGED, card.id, left_out=row.left_out(card))
                    noted.append(row.noted(card.id, card))
            await self._settle(equal, noted)
            ours = await self._claims.to_write([(row, known.get(card.id)) for row, card in differ])
            for row, card in differ:
                if row in ours:
                    await self._updated(row, card, read_at)

    def _writes(self, row: RowToCarry, card: Object, held: Versioned[Record] | None) -> dict[str, Wanted]:
        record = held.model if held is not None else None
        return self._book.writes(self._book.compared(self._book.telling(row.fields, row.unsure, record), card, record))

    async def _updated(self, row: RowToCarry, card: Object, read_at: float) -> None:
        """Write what differs from the card as it is now; twice does no harm, so nothing is asked afterwards."""
        known = (await self._book.of_cards([card.id])).get(card.id)

        async def write(call: Call[Any]) -> tuple[RowOutcome, Noted | None]:
            there: Object | None = card
            if monotonic() - read_at > FRESH:
                there = next(iter(await self._records.read_many(KIND, [card.id], call)), None)
            changes = self._writes(row, there, known) if there is not None else {}
            done = await self._records.update(there, changes, call) if there is not None and changes else None
            if there is None or (changes and done is None):
                message = N_("it isn't there any more")
                return self._became(row.place, Became.FAILED, card.id, "gone", message), None
            left_out = row.left_out(there, done)
            if done is None:
                became = self._became(row.place, Became.UNCHANGED, card.id, left_out=left_out)
            else:
                became = self._of_outcome(row, _sure(done).outcome, Became.UPDATED, left_out)
            written = changes if became.what is Became.UPDATED else ()
            noted = row.noted(card.id, there, written, done)
            return became, noted if became.what is not Became.FAILED else None

        became, noted = await self._call(write)
        if noted is None:
            await self._claims.let_go([row])
        await self._settle({row.place: became}, [noted] if noted is not None else [])

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
        made = await self._known_to_be_made(rows)
        cards = await self._call(partial(newcomers.since, since, self._records)) if len(made) < len(chunk.out) else None
        for place in chunk.out:
            if cards is None or place in made or place not in rows:
                continue
            same = [one.id for one in cards.made_as(rows[place].row, since) if one.id not in made.values()]
            others = await self._of_other_rows(rows[place], same)
            free = [one for one in same if one not in others]
            made |= dict(zip((place,), free, strict=False))
        found = {place: self._became(place, Became.CREATED, id_) for place, id_ in made.items()}
        noted = [rows[place].noted(id_) for place, id_ in made.items()]
        await self._settle(found, noted, asked=True)
        return None

    async def _known_to_be_made(self, rows: Mapping[int, RowToCarry]) -> dict[int, str]:
        """Rows that are out and whose card stands in the book: whoever made it died before the chunk said so."""
        out = [rows[place] for place in self.chunk.out if place in rows]
        known = await self._book.of_rows([row.id for row in out])
        sides = {row.place: known[row.id].model.live.get(self._book.system) for row in out if row.id in known}
        return {place: side.object for place, side in sides.items() if side is not None}

    async def _of_other_rows(self, row: RowToCarry, cards: Sequence[str]) -> set[str]:
        """Those of the cards that are another row of this file."""
        known = await self._book.of_cards(cards) if cards else {}
        sides = {card: held.model.live.get(self._book.file) for card, held in known.items()}
        return {card for card, side in sides.items() if side is not None and side.object != row.id}

    async def _look_around(self, call: Call[Any]) -> bool:
        return await self._newcomers.look(self._records, self._hub.clock.now(), call)

    async def _with_newcomers(self, rows: Sequence[RowToCarry]) -> Sequence[RowToCarry]:
        """The rows, those of them matched whose person somebody else has put into the system since it was listed."""
        found: list[RowToCarry] = []
        for row in rows:
            same = self._newcomers.cards.same(row.row) if row.object is None else []
            others = await self._of_other_rows(row, [one.id for one in same])
            free = [one for one in same if one.id not in others]
            found += await self._met(row, free) if free else [row]
        return found

    async def _met(self, row: RowToCarry, cards: Sequence[Object]) -> Sequence[RowToCarry]:
        """The row as the card that it is; none where a person has to say which."""
        if len(cards) == 1 and not is_nameless(cards[0]):
            return [replace(row, object=cards[0].id)]
        code = MANY_THERE if len(cards) > 1 else UNSHOWN
        await self._settle({row.place: self._became(row.place, Became.DOUBT, cards[0].id, code)}, [])
        return []

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

    def _of_outcome(self, row: RowToCarry, outcome: Outcome, done: Became, left_out: tuple[str, ...]) -> RowOutcome:
        if isinstance(outcome, Refused):
            return self._became(row.place, Became.FAILED, row.object, outcome.code, outcome.message)
        assert isinstance(outcome, Succeeded)
        return self._became(row.place, done, outcome.external_id or row.object, left_out=left_out)

    # Writing down

    async def _claim(self, places: Sequence[int]) -> None:
        reach("chunk.before_claim")
        await self._write({"out": tuple(places), "out_since": self._hub.clock.now()})
        reach("chunk.after_claim")

    async def _unclaim(self) -> None:
        if self.chunk.out:
            await self._write({"out": (), "out_since": None})

    async def _settle(self, became: Mapping[int, RowOutcome], noted: Sequence[Noted], asked: bool = False) -> None:
        """The book first: a row that is done stands in it, whoever dies in between. `asked`: what else was out isn't
        there."""
        if not became and not asked:
            return
        await self._book.note(noted, self.chunk.id)
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

    def _became(
        self, place: int, what: Became, object_: str | None = None, code: str | None = None, message: str | None = None,
        left_out: tuple[str, ...] = (),
    ) -> RowOutcome:  # fmt: skip
        return RowOutcome(
            row=self.chunk.numbers[place], what=what, object=object_, code=code, message=message, left_out=left_out
        )


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
