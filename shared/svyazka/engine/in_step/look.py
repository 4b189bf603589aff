"""One look at a record: what its sides show and what was agreed before, compared; and what of it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from svyazka.engine.comparing.compare import ComparedRecord, compare_record
from svyazka.engine.comparing.compare import Side as Compare
from svyazka.engine.comparing.fields import Clear, Conflicts, FieldRule, First, Reason
from svyazka.engine.comparing.newest import change_window, saved_since
from svyazka.engine.comparing.prints import Printer
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.doubting import LEAVE, WHOSE, asked_of, doubts
from svyazka.engine.in_step.flows import InStep
from svyazka.engine.in_step.noting import keys_of, noted_as_gone
from svyazka.engine.in_step.parts import Part
from svyazka.engine.in_step.reading import NotNow, Seen, objects
from svyazka.engine.in_step.telling import asks
from svyazka.engine.in_step.wanting import wish_of, without_ended
from svyazka.engine.in_step.wishes import Wish, wished, wished_beside
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.ports.store import Write
from svyazka.model.bases import Accepted, AcceptedFor, Decided, FieldBase, Prints
from svyazka.model.deliveries import Delivery
from svyazka.model.in_step import Record, Side, SideState, Switch, is_file
from svyazka.model.records import CLEARED, UNREAD, Object, Shown
from svyazka.model.tenants import Tenant


@dataclass
class Look:
    """What one delivery saw of its record."""

    hub: Hub
    tenant: Tenant
    flow: InStep
    switch: Switch
    toward: str
    delivery: str
    held: Versioned[Record]
    """The record as it was before anything was read."""
    seen: Mapping[str, Seen | NotNow]
    began: datetime
    printer: Printer
    making: bool = False
    """Toward where there is nothing yet: compared as if something empty were there."""
    holding: frozenset[str] = frozenset()
    """Fields that wait with those of many records: nothing is agreed on them."""
    gone_waits: frozenset[str] = frozenset()
    """Connections that say that it was deleted there, which waits with many other deletions."""
    left: frozenset[str] = frozenset()
    """Those of whose deletion a person said, with that of many others, that nothing follows."""

    @property
    def wanted(self) -> int:
        """The wishes that it knows of."""
        return self.held.model.wanted

    # Comparing

    @property
    def sides(self) -> dict[str, Compare]:
        """The sides as they are compared: what can't be read just now takes no part and keeps its bases."""
        record, found = self.held.model, dict[str, Compare]()
        shown = self._shown(record)
        for name, side in self._kept(record).items():
            there = shown.get(name)
            found[name] = self._side(name, side, there)
            if self._is_gone(name, side):  # what is deleted may say something yet, and can't be written
                found[name] = replace(found[name], gone=there is None, read_only=True)
        if self.making:
            nothing = Object(record.kind, "", dict.fromkeys(self.rules, CLEARED))
            found[self.toward] = self._side(self.toward, Side(object=""), nothing)
        return found

    def _kept(self, record: Record) -> dict[str, Side]:
        """The record's sides that take part: see `InStep.systems`."""
        between = self.flow.rules.between
        return {name: side for name, side in record.sides.items() if name in between or is_file(name)}

    def _is_gone(self, name: str, side: Side) -> bool:
        seen = self.seen.get(name)
        return side.state is SideState.GONE or (isinstance(seen, Seen) and seen.state is SideState.GONE)

    def _shown(self, record: Record) -> dict[str, Object]:
        """The objects as they are compared: those that could be read, and what a deleted one still says."""
        kind, read = self.flow.kind, objects(self.seen)
        for name, side in self._kept(record).items():
            heard = name not in read and name not in self.gone_waits and name not in self.left
            says = kind.of_gone(name) if heard and self._is_gone(name, side) else None
            if says is not None:
                read[name] = Object(record.kind, side.object, says)
        return kind.as_compared(record, read, self.printer, self.began)

    def _side(self, name: str, side: Side, there: Object | None) -> Compare:
        if is_file(name):
            return Compare(fields={}, bases=side.bases, read_only=True)  # it says something when it is brought again
        manifest = self.hub.directory.manifests(self.tenant.connections[name].vendor)
        records, kind = self.flow.records(name, manifest), self.held.model.kind
        fields, changed_at = (there.fields, there.changed_at) if there is not None else ({}, None)
        shown = {field: value for field, value in fields.items() if field in self.rules}
        window = change_window(side.seen_at, side.told_at or self.began, changed_at) if side.seen_at else None
        saved = there is not None and saved_since(side.version, side.seen_at, there)
        return Compare(
            fields=shown, bases=self._healed(name, side, shown), keeps=partial(records.keeps, kind),
            one_value=records.singles, read_only=not self.flow.kind.writes_to(name, records),
            windows={} if window is None else dict.fromkeys(shown, window), saved=saved,
        )  # fmt: skip

    def _healed(self, name: str, side: Side, shown: Mapping[str, Shown]) -> Mapping[str, FieldBase]:
        """Its bases; where it shows what an earlier try was about to write, that try had its effect and was agreed."""
        intent = self.held.model.intent
        if intent is None or intent.toward != name:
            return side.bases
        done = {
            field: FieldBase(prints=prints) for field, prints in intent.prints.items()
            if field in shown and self.printer.shows(prints, field, shown[field])
        }  # fmt: skip
        return {**side.bases, **done}

    @property
    def rules(self) -> dict[str, FieldRule]:
        """The flow's rules, field by field."""
        rules = self.flow.rules
        conflicts, prefer = Conflicts.PREFER, rules.conflicts
        if rules.conflicts in ("ask", "newest"):
            conflicts, prefer = Conflicts(rules.conflicts), rules.prefer or ""
        return {
            name: FieldRule(
                owner=None if owner == "both" else owner, clear=Clear(rules.clear), conflicts=conflicts,
                prefer=prefer or None, first=First(rules.first),
            )
            for name, owner in rules.fields.items() if owner != "off"
        }  # fmt: skip

    def compared(self) -> ComparedRecord:
        """What follows for each field."""
        record = self.held.model
        left, decided = dict(record.accepted), dict(record.decided)
        for name, saw in record.saw.items():
            if name not in record.held or not self.is_let_go(name):
                continue
            said = self.switch.said[name].said
            if said == LEAVE:
                left[name] = Accepted(sides=saw, why=AcceptedFor.LEFT)
            elif said in saw:
                decided[name] = Decided(winner=said, sides=saw)
        return compare_record(self.sides, self.rules, self.printer, left, decided)

    def is_let_go(self, what: str) -> bool:
        """Whether a person has said what becomes of what was held with many others: of a field, or of a deletion."""
        since, said = self.held.model.held.get(what), self.switch.said.get(what)
        return since is not None and said is not None and since <= said.at

    # Writing down

    def taken(self, record: Record) -> Record:
        """The record once this look's wishes are taken: what is wished from now on, somebody else looks at."""
        queued = {name: one for name, one in record.queued.items() if one != self.delivery}
        known = max(self.wanted, record.taken.get(self.toward, 0))
        return record.model_copy(
            update={
                "queued": queued, "taken": {**record.taken, self.toward: known}, "people": self.people(record.people),
            }
        )  # fmt: skip

    def compared_as(self, record: Record, compared: ComparedRecord | None) -> Record:
        """The record with what was read and agreed, as if nothing had been written yet."""
        sides = {name: self._agreed(name, side, compared) for name, side in record.sides.items()}
        if compared is None:
            return record.model_copy(update={"sides": sides})
        said = {**record.said, **{WHOSE + name: LEAVE for name in self.left}}
        as_read = record.model_copy(update={"sides": sides, "said": said})
        stays = {name: _why(compared, name) for name in _asked(compared)}
        asked = asked_of(as_read, self.flow.rules, {**record.stopped, **stays})
        return as_read.model_copy(
            update={
                "asked": asked, "accepted": dict(compared.accepted),
                "decided": _still_decided(record, asked, compared), "saw": self._saw(compared),
            }
        )  # fmt: skip

    def _saw(self, compared: ComparedRecord) -> dict[str, dict[str, Prints]]:
        """What the sides show of each field that is asked, or held."""
        return {
            name: {
                side: self.printer.prints(name, shown) for side, one in compared.sides.items()
                if (shown := one.fields.get(name, UNREAD)) is not UNREAD
            }
            for name in sorted({*_asked(compared), *self.holding})
        }  # fmt: skip

    def _agreed(self, name: str, side: Side, compared: ComparedRecord | None) -> Side:
        seen = self.seen.get(name)
        if compared is not None:
            # One that can't be read just now is owed what the others agree on: its own edit meanwhile knows nothing of
            # that.
            side = side.model_copy(update={"bases": {**side.bases, **self.agreed(compared.bases(name))}})
        if not isinstance(seen, Seen):
            return side
        now = self.hub.clock.now()
        if seen.object is None:
            state = SideState.SUSPECT if name in self.gone_waits else seen.state
            gone_at = side.gone_at or now if state is SideState.GONE else None
            return side.model_copy(update={"state": state, "gone_at": gone_at})
        if compared is None:
            return side.model_copy(update={"state": SideState.LIVE, "gone_at": None})
        told_later = side.told_at is not None and side.told_at > self.began
        return side.model_copy(
            update={
                "state": SideState.LIVE, "gone_at": None, "seen_at": self.began, "version": seen.object.version,
                "told_at": side.told_at if told_later else None,
            }
        )  # fmt: skip

    def agreed(self, bases: Mapping[str, FieldBase]) -> dict[str, FieldBase]:
        """Those of the fields that don't wait with those of many records."""
        return {name: base for name, base in bases.items() if name not in self.holding}

    def people(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """Keyed hashes of the addresses that its sides show, and of earlier ones, so that `forget` finds it."""
        objects = [one.object for one in self.seen.values() if isinstance(one, Seen) and one.object is not None]
        addresses = {text for one in objects for name in ("phone", "email") for text in one.elements(name)}
        keyring, tenant = self.hub.keyring, self.tenant.id
        own = [keyring.person(tenant, text) for text in sorted(addresses)]
        return tuple(dict.fromkeys((*own, *known)))[:PEOPLE_MOST]

    async def followed(
        self, held: Versioned[Record], delivery: Delivery, compared: ComparedRecord | None,
        writes: Iterable[Write] = (), candidates: tuple[str, ...] = (),
    ) -> Part:  # fmt: skip
        """The record as it is to be written, with the deliveries that follow: for wishes that came meanwhile, and
        toward other sides in which this look found something to be written."""
        record = held.model
        fresh = await without_ended(self.hub.store, record, but=delivery)
        queued = dict(fresh.queued)
        if delivery.is_open:
            queued.setdefault(self.toward, delivery.id)  # it looks again itself
        record = record.model_copy(update={"queued": queued})
        made: list[Delivery] = []
        wish = wish_of(self.hub, self.flow, self.tenant, delivery.event, delivery.source)
        now = self.hub.clock.now()
        if record.wanted > record.taken.get(self.toward, 0) and not delivery.is_open:
            record, made = await self._next(record, wish, now)
        elif self._may_hide_an_edit and not delivery.is_open:
            record, made = wished(record, (self.toward,), wish, now, now + ONE_MORE_LOOK)
        if compared is not None:
            record, beside = wished_beside(record, self._others_to_write(record, compared), wish, now)
            made += beside
        gone = self._gone_now(record)
        noted = list[Write]()
        if gone:
            record, beside = wished(record, gone, wish, now, now + MERGES_SHOW)
            made += beside
            shown = objects(self.seen).values()
            noted = await noted_as_gone(self.hub.store, self.hub.keyring, record, keys_of(shown))
        made = [one for one in made if await self.hub.store.get("deliveries", one.id) is None]
        rows = doubts(self.flow, self.held.model, record, now, candidates)
        if set(record.asked.items()) - set(self.held.model.asked.items()):
            await asks(self.hub, self.tenant, self.flow.id)
        return Part(
            (journal.replace(record, held.version), *map(journal.create, made), *writes, *noted, *rows),
            tuple(perform_task(one, one.next_attempt_at) for one in made),
        )

    @property
    def _may_hide_an_edit(self) -> bool:
        """Whether a side was saved within the second in which it was read, and its system counts whole seconds: another
        save in that second bears the same version, and its event is taken for a repeat of this one's."""
        for name, seen in self.seen.items():
            changed_at = seen.object.changed_at if isinstance(seen, Seen) and seen.object is not None else None
            if changed_at is None or abs(self.began - changed_at) > SAME_SECOND:
                continue
            spec = self.tenant.connections[name]
            records = self.hub.directory.manifests(spec.vendor).records_under(spec.settings)
            if records is not None and not records.exact_versions:
                return True
        return False

    def _gone_now(self, record: Record) -> tuple[str, ...]:
        """Sides that turned out to be deleted in this look, of something that lives on elsewhere: what is deleted may
        have been made one with another card, which takes a moment to show."""
        before = self.held.model.live
        looks = record.live and self.flow.kind.finds_by_cards
        return tuple(name for name in before if name not in record.live) if looks else ()

    async def _next(self, record: Record, wish: Wish, now: datetime) -> tuple[Record, list[Delivery]]:
        """The look for what was wished meanwhile."""
        after, made = wished_beside(record, (self.toward,), wish, now)
        if made and await self.hub.store.get("deliveries", made[0].id) is not None:
            return wished(record, (self.toward,), wish, now)  # one of that number was called off without a look
        return after, made

    def _others_to_write(self, record: Record, compared: ComparedRecord) -> tuple[str, ...]:
        """Sides that haven't looked since, and where something is to be written. Each looks once for one wish: else two
        that may not write would call on each other for ever."""
        return tuple(
            name for name in record.live
            if name != self.toward and record.taken.get(name, 0) < self.wanted and compared.writes(name)
        )  # fmt: skip


PEOPLE_MOST = 64
SAME_SECOND = timedelta(seconds=2)
ONE_MORE_LOOK = timedelta(seconds=3)
"""What was saved just before it was read is looked at once more after so long."""

MERGES_SHOW = timedelta(seconds=30)
"""After so long the card that stays of a merge shows what the other one held."""


def _still_decided(record: Record, asked: Mapping[str, str], compared: ComparedRecord) -> dict[str, Decided]:
    """What a person said goes once a look finds it carried out everywhere: neither one toward another side nor a write
    that proves nothing ends it."""
    writes = {name for name, one in compared.fields.items() if one.writes}
    return {name: said for name, said in record.decided.items() if name in asked or name in writes}


def _asked(compared: ComparedRecord) -> list[str]:
    """Fields that somebody has to say something of. Whom a right was taken from is asked for nothing: the field waits
    until its owner is shown again."""
    return [name for name, sides in compared.open.items() if set(sides.values()) != {Reason.OWNER_UNREAD}]


def _why(compared: ComparedRecord, name: str) -> str:
    """Why a field stays apart."""
    one = compared.fields[name]
    return str(one.reason or next(iter(one.open.values())))
