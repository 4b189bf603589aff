"""Stand-ins of real systems as a storm sees them: people's hands in their state, trouble on the way, rights, hooks; the
hub reaches them by their connectors over HTTP only."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fake_side import sharing
from in_step_house import InStep
from simulators.bitrix24.cards import CONTACT as BITRIX_CONTACT
from simulators.bitrix24.cards import INTEGRATION
from simulators.chassis import Fault
from simulators.serve import Running
from storm import Storm, storm_over
from svyazka.connectors.registry import load_manifest
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Written
from svyazka.engine.outbound.http_clients import Clients
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.events import Change, Hint
from svyazka.model.records import CLEARED, Object, RecordKind, Shown, Wanted
from svyazka.model.tenants import ConnectionSpec
from vendors import CRMS
from vendors.parts.base import told

CONTACT = RecordKind.CONTACT
FIELDS = ("name", "phone", "email")
WRITES = {
    "amocrm": ("PATCH", "*"), "yclients": ("PUT", "*"), "bitrix24": ("POST", "*crm.item.update"),
    "http": ("PATCH", "*"),
}  # fmt: skip
BUSY = {"bitrix24": (503, {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"})}


class Cuts:
    """Answers that never arrive, each once."""

    def __init__(self, side: RealSide) -> None:
        self._side = side

    def append(self, when: str) -> None:
        method, path = WRITES[self._side.name]
        self._side.trouble(f"cut_{when}", method=method, path=path)

    def clear(self) -> None:
        self._side.well("cut_before", "cut_after")


class RealSide:
    """One of them, with the surface of `FakeSide` that a storm needs."""

    adds = False
    """Its people replace a phone: none has two."""
    editable = ("name", "phone")

    def __init__(self, name: str, running: Running) -> None:
        self.name, self.running, self.crm = name, running, CRMS[name]
        self.sim: Any = running.of(name)
        self.crm.open(running)
        self.singles = load_manifest(name).records.singles  # type: ignore[union-attr]
        self.hook, self.told, self.cut = True, deque[Hint](), Cuts(self)
        self.meanwhile: deque[Callable[[], None]] = deque()
        self.bin: dict[str, None] = {}
        self.found: dict[str, frozenset[str]] = {}
        self.quiet = 0
        """Writes of ours for which silence was asked: all of them."""
        self._hidden: set[str] = set()
        self._ignores: set[str] = set()
        self._down = False
        self._busy = 0
        self._seen = 0
        self._new: list[str] = []
        self._ours: list[str] = []

    # What stands there

    @property
    def cards(self) -> dict[str, Object]:
        found = {str(id_): fields for id_, fields in READ[self.name](self.sim).items()}
        return {id_: Object(CONTACT, id_, _plain(fields)) for id_, fields in found.items()}

    @property
    def made(self) -> list[str]:
        self._noticed()
        return self._new

    @property
    def writes(self) -> list[str]:
        self._noticed()
        return self._ours

    def _noticed(self) -> None:
        """What the hub did since, as the stand-in's ledger has it: it is told of as people's changes are."""
        effects, self._seen = self.sim.effects[self._seen :], len(self.sim.effects)
        for one in effects:
            what = OURS[self.name](one)
            if what is None:
                continue
            id_, created = str(one["id"]), what == "create"
            (self._new if created else self._ours).append(id_)
            self.tell(id_, Change.CREATED if created else Change.UPDATED)

    def tell(self, id_: str, change: Change) -> None:
        if self.hook:
            self.told.append(Hint(kind=CONTACT.value, id=id_, change=change))

    # People

    def add(self, **fields: Any) -> str:
        id_ = self.crm.person(self.running, {"name": fields["name"], "phones": list(fields["phone"]), "emails": [""]})
        self.tell(id_, Change.CREATED)
        return id_

    def edit(self, id_: str, **fields: Any) -> None:
        theirs = {name: value[0] if isinstance(value, tuple) else value for name, value in fields.items()}
        self.crm.save(self.running, CONTACT, id_, theirs)
        self.tell(id_, Change.UPDATED)

    def delete(self, id_: str) -> None:
        self.crm.remove(self.running, CONTACT, id_)
        self.bin[id_] = None
        self.tell(id_, Change.DELETED)

    def restore(self, id_: str) -> None:
        if self.name == "http":
            told(self.running, lambda: self.sim.system.restore(CONTACT, id_))
        elif self.name == "amocrm":
            card = self.sim.cards["contacts"][int(id_)]
            told(self.running, lambda: self.sim.restore("contacts", card))
        else:
            return
        del self.bin[id_]
        self.tell(id_, Change.RESTORED)

    def merge(self, loser: str, into: str) -> None:
        if self.name == "yclients":
            return
        if self.name == "http":
            told(self.running, lambda: self.sim.system.merge(CONTACT, into, loser))
        elif self.name == "amocrm":
            cards = self.sim.cards["contacts"]
            told(self.running, lambda: self.sim.merge("contacts", cards[int(into)], [cards[int(loser)]]))
        else:
            told(self.running, lambda: self.sim.portal.merge(BITRIX_CONTACT, int(into), [int(loser)]))
        self.bin[loser] = None
        self.tell(loser, Change.DELETED)
        self.tell(into, Change.UPDATED)

    # Rights, and what it takes

    @property
    def hidden(self) -> set[str]:
        return set(self._hidden)

    @hidden.setter
    def hidden(self, names: set[str]) -> None:
        if self.name == "yclients":
            self._hidden = names & {"phone", "email"}
            self.sim.phones_masked, self.sim.hidden = "phone" in names, ["email"] if "email" in names else []
        elif self.name == "amocrm":
            self._hidden = names & {"phone", "email"}
            codes = {name.upper() for name in self._hidden}
            self.sim.hidden = {id_ for id_, one in self.sim.fields["contacts"].items() if one["code"] in codes}
        elif self.name == "http":
            self._hidden = self.sim.system.hidden = names & {"phone", "email"}

    @property
    def ignores(self) -> set[str]:
        return set(self._ignores)

    @ignores.setter
    def ignores(self, names: set[str]) -> None:
        self._ignores = set(names)
        if self.name == "bitrix24":
            self.sim.portal.deaf = ["fm"] if names else []
        elif self.name == "http":
            self.sim.system.deaf = {"email"} if names else set()
        elif self.name == "yclients":
            self.sim.deaf = ["email"] if names else []
        else:
            mails = [str(id_) for id_, one in self.sim.fields["contacts"].items() if one["code"] == "EMAIL"]
            self.sim.deaf = set(mails if names else [])

    # Trouble

    def trouble(self, kind: str, times: int = 1, **more: Any) -> None:
        self.sim.faults.append(Fault(kind=kind, times=times, **more))  # type: ignore[arg-type]

    def well(self, *kinds: str, forever: bool = False) -> None:
        self.sim.faults[:] = [
            one for one in self.sim.faults if one.kind not in kinds or (forever and one.times != -1)
        ]  # fmt: skip

    @property
    def down(self) -> bool:
        return self._down

    @down.setter
    def down(self, is_down: bool) -> None:
        self._down = is_down
        self.well("answer", forever=True)
        if is_down:
            self.trouble("answer", times=-1, status=503)

    @property
    def busy(self) -> int:
        return self._busy

    @busy.setter
    def busy(self, times: int) -> None:
        self._busy = times
        if not times:
            self.well("answer")
            return
        status, body = BUSY.get(self.name, (429, {}))
        self.trouble("answer", times=times, status=status, body=body)


class Watched:
    """A connector's records: what people do between our reading and our writing, and whether we write quietly."""

    def __init__(self, real: Any, side: RealSide) -> None:
        self._real, self._side = real, side

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def under(self, settings: Mapping[str, object]) -> Watched:
        return Watched(self._real.under(settings), self._side)

    async def create(self, kind: RecordKind, fields: Any, links: Sequence[Any], mark: str, call: Call[Any]) -> Written:
        self._quiet(call)
        before = self._side.cards
        try:
            return await self._real.create(kind, fields, links, mark, call)  # type: ignore[no-any-return]
        finally:
            new = set(self._side.cards) - set(before)
            self._side.found |= dict.fromkeys(new, frozenset(sharing(before, fields.get("phone"))))

    async def update(self, object: Object, changes: Mapping[str, Wanted], call: Call[Any]) -> Written | None:
        self._quiet(call)
        if self._side.meanwhile:
            self._side.meanwhile.popleft()()
        return await self._real.update(object, changes, call)  # type: ignore[no-any-return]

    def _quiet(self, call: Call[Any]) -> None:
        assert call.quiet, "what is kept in step is written quietly"
        self._side.quiet += 1


A_WHILE = 1.0
"""Seconds after which what a process remembers is taken to be over."""


class RealHouse(InStep):
    """The house with connectors in place of its fakes; each connection bears its vendor's name."""

    def __init__(self, names: Sequence[str], vendors: Running, store: Any = None, **settings: Any) -> None:
        self.vendors, self.clients = vendors, Clients()
        super().__init__((), store, **settings)
        self.sides = {name: RealSide(name, vendors) for name in names}  # type: ignore[assignment,misc]
        for name, side in self.sides.items():
            manifest = load_manifest(name)
            self.manifests[name] = replace(manifest, records=Watched(manifest.records, side))  # type: ignore[arg-type]
        self.bind(between=list(names))
        specs = {name: ConnectionSpec(vendor=name, settings=self._settings(name)) for name in names}
        connections = {**self.tenant.connections, **specs}
        self.tenant = self.tenant.model_copy(update={"connections": connections})
        step = self.clock.step

        def together(seconds: float = 0.0) -> None:
            step(seconds)
            for name in names:
                vendors.of(name).ahead = self.clock.now().timestamp() - time.time()
            for memo in self.hub.memos.values() if seconds >= A_WHILE else ():
                memo.clear()  # pauses and dictionaries last by the process's own clock, which stands still here

        self.clock.step = together  # type: ignore[method-assign]
        together()

    def _settings(self, name: str) -> dict[str, Any]:
        known = {**CRMS[name].settings, **CRMS[name].secrets, "base_url": self.vendors.base_url(name)}
        return {**known, "limit": {"per_second": 1_000_000, "per_minute": 100_000_000, "concurrency": 50}}

    def start(self) -> None:
        super().start()
        self.hub.clients = self.clients


async def storm_at_vendors(
    names: Sequence[str], vendors: Running, seed: int, steps: int, store: Any = None
) -> Storm:  # fmt: skip
    """A storm over these stand-ins, and the calm after it."""
    house = RealHouse(names, vendors, store, create="all", fields={**dict.fromkeys(FIELDS, "both"), "birthday": "off"})
    try:
        one = await storm_over(house, seed, steps)
    finally:
        await house.clients.close()
    assert all(side.quiet >= len(side.made) + len(side.writes) for side in house.sides.values())  # type: ignore[attr-defined]
    return one


def _plain(fields: Mapping[str, Any]) -> dict[str, Shown]:
    phones = tuple(normal_element("phone", one) for one in fields["phone"] if one)
    emails = tuple(one for one in fields["email"] if one)
    return {
        "name": fields["name"] or CLEARED, "phone": phones or CLEARED, "email": emails or CLEARED,
        "birthday": CLEARED,
    }  # fmt: skip


def _amocrm(sim: Any) -> dict[int, dict[str, Any]]:
    def values(card: Mapping[str, Any], code: str) -> list[str]:
        own = [one for one in card["custom_fields_values"] or () if one.get("field_code") == code]
        return [value["value"] for one in own for value in one["values"]]

    there = {id_: card for id_, card in sim.cards["contacts"].items() if not card.get("is_deleted")}
    return {
        id_: {"name": card["name"], "phone": values(card, "PHONE"), "email": values(card, "EMAIL")}
        for id_, card in there.items()
    }


def _bitrix24(sim: Any) -> dict[int, dict[str, Any]]:
    def values(card: Mapping[str, Any], type_: str) -> list[str]:
        return [one["value"] for one in card["fm"] if one["typeId"] == type_]

    return {
        id_: {
            "name": " ".join(str(card[part]) for part in ("name", "secondName", "lastName") if card.get(part)),
            "phone": values(card, "PHONE"), "email": values(card, "EMAIL"),
        }
        for id_, card in sim.portal.cards[BITRIX_CONTACT].items()
    }  # fmt: skip


def _yclients(sim: Any) -> dict[int, dict[str, Any]]:
    return {
        id_: {
            "name": " ".join(str(card[part]) for part in ("name", "patronymic", "surname") if card.get(part)),
            "phone": [card["phone"]], "email": [card["email"]],
        }
        for id_, card in sim.salon.clients.items() if not card.get("deleted")
    }  # fmt: skip


def _http(sim: Any) -> dict[str, dict[str, Any]]:
    found = {id_: card["fields"] for id_, card in sim.system.cards["contact"].items()}
    return {
        id_: {"name": one.get("name"), "phone": one.get("phone") or [], "email": one.get("email") or []}
        for id_, one in found.items()
    }  # fmt: skip


READ: Mapping[str, Callable[[Any], dict[int, dict[str, Any]]]] = {
    "amocrm": _amocrm, "bitrix24": _bitrix24, "http": _http, "yclients": _yclients,
}  # fmt: skip


def _by_bitrix24(effect: Mapping[str, Any]) -> str | None:
    if effect.get("by") != INTEGRATION or effect.get("type") != BITRIX_CONTACT:
        return None
    return {"item_added": "create", "item_updated": "update"}.get(effect["kind"])


OURS: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    "amocrm": lambda one: one["kind"] if one.get("entity") == "contacts" else None,
    "bitrix24": _by_bitrix24,
    "http": lambda one: {"card_created": "create", "card_changed": "update"}.get(one["kind"]),
    "yclients": lambda one: {"client_created": "create", "client_updated": "update"}.get(one["kind"]),
}
"""What an entry of a stand-in's ledger says that we wrote to a card."""

__all__ = ["RealHouse", "RealSide", "storm_at_vendors"]
