"""A portal's contents, and what is written into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulators.bitrix24.access import SCOPES
from simulators.bitrix24.cards import (
    COMPANY,
    CONTACT,
    DATES,
    DEAL,
    HUMAN,
    INTEGRATION,
    KINDS,
    LEAD,
    LONGEST,
    MANY,
    NUMBERS,
    STAGES,
    TAKES,
    WITH_FM,
    Card,
    Numbers,
    Refusal,
    blank,
    ids,
    midnight,
    own_value,
    plain_phone,
    stamp,
    with_fm,
)

LAST_IDS = {str(DEAL): 6674, str(CONTACT): 134805, str(LEAD): 249, str(COMPANY): 4, "note": 998, "task": 3710}
Record = Callable[..., dict[str, Any]]


@dataclass
class Portal:
    """One portal. `record` writes an effect into the ledger."""

    record: Record
    now: Callable[[], float]
    tell: Callable[[str, int, int], None] = lambda what, kind, id_: None
    """What has become of a card (`ADD`, `UPDATE`, `DELETE`), its kind and id."""
    cards: dict[int, dict[int, Card]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    comments: list[Card] = field(default_factory=list)
    tasks: list[Card] = field(default_factory=list)
    own_fields: dict[str, dict[str, Card]] = field(default_factory=dict)
    """Kind -> `UF_CRM_...` that its owner has made -> as `crm.item.fields` tells of it."""
    required: dict[str, list[str]] = field(default_factory=dict)
    """Kind -> fields that its owner demands."""
    denied: list[str] = field(default_factory=list)
    """Methods that the employee behind the access has no right to."""
    hidden: list[int] = field(default_factory=list)
    """Cards that the employee doesn't see: lists pass them over."""
    deaf: list[str] = field(default_factory=list)
    """Fields that take nothing, without a word."""
    cuts: dict[str, int] = field(default_factory=dict)
    """Field -> the characters that it keeps."""
    between: list[tuple[int, Card]] = field(default_factory=list)
    """What somebody saves right after the next writes, before anybody can look: kind and fields."""
    robots: dict[str, str] = field(default_factory=dict)
    """Stage of a new deal -> where a robot moves it as soon as it is there."""
    index_lag: float = 0.0
    """Seconds until duplicates are found."""
    scopes: tuple[str, ...] = SCOPES
    simple_mode: bool = False
    users: tuple[int, ...] = (1, HUMAN, INTEGRATION)
    numbers: Numbers = field(default_factory=Numbers)
    _ids: dict[str, int] = field(
        default_factory=lambda: {"2": 6674, "3": 134805, "1": 249, "4": 4, "note": 998, "task": 3710}
    )
    _written_at: dict[tuple[int, int], float] = field(default_factory=dict)

    def new_id(self, what: object) -> int:
        """The next number of its kind."""
        self._ids[str(what)] += 1
        return self._ids[str(what)]

    # Cards

    def add(self, kind: int, given: Mapping[str, Any], by: int = HUMAN) -> Card:
        """A card is created."""
        own = self.own_fields.get(str(kind), {})
        card = blank(kind, 0, self.now(), by) | {name: own_value(shape, None) for name, shape in own.items()}
        card.update(self._taken(kind, card, given))
        lacking = [name for name in self.required.get(str(kind), ()) if card.get(name) in (None, "", [])]
        if lacking:
            raise Refusal(400, "CRM_FIELD_ERROR_REQUIRED", f'Не заполнено обязательное поле "{lacking[0]}"')
        if kind in (LEAD, DEAL) and card["stageId"] is None:
            card["stageId"] = next(iter(STAGES[card["categoryId"] if kind == DEAL else None]))
        if "title" in card and not card["title"]:
            card["title"] = f"Без названия {KINDS[kind].lower()}"
        card["id"] = self.new_id(kind)
        self.cards[kind][card["id"]] = card
        self._written_at[kind, card["id"]] = self.now()
        self.record(
            "item_added", type=kind, id=card["id"], by=by, fields=dict(given), ignored=self._unknown(kind, given)
        )
        self.tell("ADD", kind, card["id"])
        return card

    def change(self, kind: int, card: Card, given: Mapping[str, Any], by: int = HUMAN) -> bool:
        """A card is saved; whether anything changed: what changes nothing isn't saved."""
        taken = {name: value for name, value in self._taken(kind, card, given).items() if card.get(name) != value}
        moves = kind == DEAL and "categoryId" in taken
        if not taken:
            return False
        card.update(taken)
        now = stamp(self.now())
        card.update(updatedTime=now, updatedBy=by, lastActivityTime=now)
        if "stageId" in taken:
            card.update(movedTime=now, movedBy=by)
        self._written_at[kind, card["id"]] = self.now()
        self.record(
            "item_updated", type=kind, id=card["id"], by=by, fields=dict(given), ignored=self._unknown(kind, given)
        )
        self.tell("MOVETOCATEGORY" if moves else "UPDATE", kind, card["id"])
        return True

    def meddle(self, kind: int, card: Card) -> None:
        """Somebody saves the card that was written just now."""
        due = next((one for one in self.between if one[0] == kind), None)
        if due is not None:
            self.between.remove(due)
            self.change(kind, card, due[1])

    def _unknown(self, kind: int, given: Mapping[str, Any]) -> list[str]:
        known = {*TAKES[kind], *self.own_fields.get(str(kind), ()), "contactId", "companyId", "fm"}
        return sorted(set(given) - known)

    def _taken(self, kind: int, card: Card, given: Mapping[str, Any]) -> Card:
        """What a write makes of a card's fields. Raises Refusal."""
        taken: Card = {}
        for name, value in given.items():
            if name in self.deaf or (name == "fm" and kind not in WITH_FM):
                continue
            if name == "fm":
                taken["fm"] = with_fm(card["fm"], value, self.numbers)
            elif name == "contactId" and "contactIds" not in given:
                taken["contactIds"] = self._present(CONTACT, [value])
            elif name in self.own_fields.get(str(kind), ()):
                kept = value[: self.cuts.get(name, len(value))] if isinstance(value, str) else value
                taken[name] = own_value(self.own_fields[str(kind)][name], kept)
            elif name in TAKES[kind]:
                taken[name] = self._kept(name, value)
        if kind in (LEAD, DEAL):
            self._staged(kind, card | taken)
            if "opportunity" in taken and (card | taken)["isManualOpportunity"] != "Y":
                taken["opportunity"] = 0  # the sum of its products, of which there are none
        return taken

    def _kept(self, name: str, value: Any) -> Any:
        if name in DATES:
            return midnight(value)
        if name == "contactIds":
            return self._present(CONTACT, value)
        if name == "companyIds":
            return self._present(COMPANY, value)
        if name in MANY:
            return ids(value)
        if name == "opportunity":
            try:
                return float(value or 0)
            except (TypeError, ValueError):
                raise Refusal(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", 'Неверное значение поля "Сумма"') from None
        if name in NUMBERS:
            number = int(value) if str(value).isdigit() else 0
            if name == "assignedById" and number not in self.users:
                raise Refusal(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", 'Неверное значение поля "Ответственный"')
            return number
        text = value if isinstance(value, str) or value is None else str(value)
        if len(text or "") > LONGEST.get(name, len(text or "")):
            raise Refusal(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", f'Неверное значение поля "{name}"')
        return text[: self.cuts.get(name, len(text))].strip() or None if text is not None else None

    def _present(self, kind: int, given: object) -> list[int]:
        return [one for one in ids(given) if one in self.cards[kind]]

    def _staged(self, kind: int, card: Card) -> None:
        stages = STAGES.get(card["categoryId"] if kind == DEAL else None)
        if stages is None or (card["stageId"] is not None and card["stageId"] not in stages):
            raise Refusal(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", 'Неверное значение поля "Стадия"')

    def delete(self, kind: int, id_: int) -> None:
        """Into the recycle bin."""
        del self.cards[kind][id_]
        self.tell("DELETE", kind, id_)

    def merge(self, kind: int, survivor: int, others: Sequence[int]) -> None:
        """Somebody makes one card of several: it gets the others' phones and addresses, and these are deleted."""
        cards = self.cards[kind]
        values = [one for id_ in others for one in cards[id_].get("fm", ())]
        known = {(one["typeId"], one["value"]) for one in cards[survivor].get("fm", ())}
        new = [one for one in values if (one["typeId"], one["value"]) not in known]
        for id_ in others:
            self.delete(kind, id_)
        added = {f"n{place}": {**one, "id": None} for place, one in enumerate(new)}
        self.change(kind, cards[survivor], {"fm": added})

    def duplicates(self, type_: str, values: list[str], only: str | None) -> Card:
        """Which cards hold one of these phones or addresses: 20 of a kind, the oldest."""
        spelt = plain_phone if type_ == "PHONE" else str.casefold
        wanted, found = {spelt(value) for value in values}, {}
        for kind in (LEAD, CONTACT, COMPANY):
            if only not in (None, KINDS[kind]):
                continue
            holding = [
                id_
                for id_, card in sorted(self.cards[kind].items())
                if self._written_at[kind, id_] + self.index_lag <= self.now()
                and any(one["typeId"] == type_ and spelt(one["value"]) in wanted for one in card["fm"])
            ][:20]
            if holding:
                found[KINDS[kind]] = holding
            if len(holding) == 20:
                break
        return found
