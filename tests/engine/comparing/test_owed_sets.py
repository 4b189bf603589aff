"""What a set is still to be given is not forgotten before it has it."""

from __future__ import annotations

from svyazka.engine.comparing.compare import ComparedRecord, Side, compare_record
from svyazka.engine.comparing.fields import FieldRule
from svyazka.engine.comparing.prints import Printer
from svyazka.model.bases import FieldBase

PRINTER = Printer({"1": b"k" * 32}, "kofe", "contact")
OLD, VIEW, ADDED, MORE = "+79990000001", "+79990000002", "+79990000003", "+79990000004"


def compared(crm: tuple[str, ...], bases: dict[str, FieldBase]) -> ComparedRecord:
    sides = {
        "crm": Side({"phone": crm}, {"phone": bases["crm"]}),
        "salon": Side({"phone": (VIEW,)}, {"phone": bases["salon"]}, one_value=("phone",)),
    }
    return compare_record(sides, {"phone": FieldRule()}, PRINTER)


def after(first: ComparedRecord) -> dict[str, FieldBase]:
    return {name: first.bases(name)["phone"] for name in ("crm", "salon")}


def test_a_second_look_before_the_write_wants_the_same_write() -> None:
    agreed = FieldBase(prints=PRINTER.prints("phone", (OLD,)))
    first = compared((OLD, ADDED), {"crm": agreed, "salon": agreed})
    assert first.writes("crm") == {"phone": (ADDED, VIEW)}
    again = compared((OLD, ADDED), after(first))
    assert again.writes("crm") == first.writes("crm")
    assert set(again.intent("crm")["phone"]) == set(first.intent("crm")["phone"])


def test_what_a_person_adds_before_the_write_comes_on_top() -> None:
    agreed = FieldBase(prints=PRINTER.prints("phone", (OLD,)))
    first = compared((OLD, ADDED), {"crm": agreed, "salon": agreed})
    again = compared((OLD, ADDED, MORE), after(first))
    assert set(again.writes("crm")["phone"]) == {ADDED, VIEW, MORE}  # type: ignore[arg-type]
