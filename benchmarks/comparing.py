"""What it costs to compare two systems' records, ours alone: no vendor, no store."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from svyazka.engine.agreeing.matching import Card, proposed
from svyazka.engine.comparing.compare import Side, compare_record
from svyazka.engine.comparing.fields import FieldRule, Verdict
from svyazka.engine.comparing.prints import Printer
from svyazka.model.bases import FieldBase
from svyazka.model.records import Shown

RULES = {name: FieldRule() for name in ("name", "phone", "email", "birthday", "about", "tags")}
PRINTER = Printer({"1": b"k" * 32}, "kofe", "contact")


def comparing(pairs: int) -> dict[str, float]:
    """Seconds for so many pairs: a night's agreement of sides that hold what they held, the first comparison of sides
    that never agreed, and the match of two bases."""
    people = [_fields(number) for number in range(pairs)]
    bases = [{name: FieldBase(prints=PRINTER.prints(name, shown)) for name, shown in one.items()} for one in people]

    def agreed() -> None:
        for fields, base in zip(people, bases, strict=True):
            _compared(Side(fields, base), Side(_as_a_salon_holds(fields), base, one_value=("phone", "email")))

    def first() -> None:
        for fields in people:
            _compared(Side(fields), Side(_as_a_salon_holds(fields), one_value=("phone", "email")))

    def matched() -> None:
        cards = [_card(number, fields) for number, fields in enumerate(people)]
        assert len(proposed([*cards, *(replace(card, connection="salon") for card in cards)]).links) == pairs

    return {name: _seconds(work) for name, work in (("agreed", agreed), ("first", first), ("matched", matched))}


def _compared(crm: Side, salon: Side) -> None:
    found = compare_record({"crm": crm, "salon": salon}, RULES, PRINTER)
    assert all(one.verdict in (Verdict.EQUAL, Verdict.CONVERGED) for one in found.fields.values())


def _fields(number: int) -> dict[str, Shown]:
    return {
        "name": f"Анна Петрова {number}",
        "phone": (f"+7903{number * 7919 % 10**7:07}",),
        "email": (f"p{number}@kofe.example",),
        "birthday": f"19{number % 90 + 10}-0{number % 9 + 1}-1{number % 10}",
        "about": f"Любит кофе номер {number}",
        "tags": ("vip", f"group {number % 50}"),
    }


def _as_a_salon_holds(fields: dict[str, Shown]) -> dict[str, Shown]:
    """The same in another spelling."""
    (phone,) = tuple(fields["phone"]) if isinstance(fields["phone"], tuple) else ("",)
    return fields | {"phone": (f"8 ({phone[2:5]}) {phone[5:8]}-{phone[8:10]}-{phone[10:]}",)}


def _card(number: int, fields: dict[str, Shown]) -> Card:
    phone, email = fields["phone"], fields["email"]
    assert isinstance(phone, tuple)
    assert isinstance(email, tuple)
    return Card("crm", str(number), (*phone, *email), str(fields["name"]))


def _seconds(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return round(time.process_time() - begun, 2)
