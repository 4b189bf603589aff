"""No phone, name or secret leaves without --reveal, and --reveal leaves a trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import API_ID, NAME, PHONE, SURNAME, Installation, order
from svyazka.app import local_keyring
from svyazka.model.contacts import Contact
from svyazka.model.terminal import escaped, plain
from svyazka.reading.masking import Masker

IVAN = Contact(name=f"{NAME} {SURNAME}", phone=PHONE, chats={"telegram": "5550001"})
SAMPLES = Path(__file__).parent.parent / "samples" / "iiko"


@pytest.mark.parametrize(
    "text",
    [
        "+79991234567", "to=79991234567&json=1", "8 (999) 123-45-67", "%2B79991234567", "тел. 8-999-123-45-67,",
        "9991234567", '"phone":"+7 999 123 45 67"',
    ],
)  # fmt: skip
def test_a_phone_is_masked_however_it_is_written(text: str) -> None:
    masked = Masker().text(text)
    assert masked is not None
    assert "999•••4567" in masked or "99•••67" in masked
    assert "123" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "202648-1000001", "evt_79991234567aaaaaaaaaaaaaaaaaaaaaa", "7bc05553-4b68-44e8-b7bc-37be63c6d9e9",
        "1773503581611", "1773503581", "2026-03-14 18:53:01.640", "2026-03-14T18:53:01+03:00",
        "order:1024, sum 1480.50", "http://127.0.0.1:8081/smsru/sms/send",
    ],
)  # fmt: skip
def test_an_id_a_time_or_a_sum_is_no_phone(text: str) -> None:
    assert Masker().text(text) == text


def test_an_email_is_masked() -> None:
    assert Masker().text("to ivan.petrov@mail.example.org, or ivan%40example.org") == (
        "to i•••@mail.example.org, or i•••@example.org"
    )


def test_a_known_name_is_masked_in_a_text_in_a_form_and_in_escaped_json() -> None:
    masker = Masker()
    assert masker.text("Иван, спасибо! Иванов не он.", [IVAN]) == "И•••, спасибо! Иванов не он."
    assert "%D0%98%D0%B2%D0%B0%D0%BD" not in (masker.text("msg=%D0%98%D0%B2%D0%B0%D0%BD%2C+hi", [IVAN]) or "")
    assert "u0418" not in (masker.text('{"text": "\\u0418\\u0432\\u0430\\u043d"}', [IVAN]) or "")
    assert masker.text("chat 5550001", [IVAN]) == "chat •••"


def test_a_vendors_body_keeps_its_shape_and_loses_its_people() -> None:
    body = (SAMPLES / "webhook-delivery-closed.json").read_text("utf-8")
    masked = Masker().body(body) or ""
    for personal in (PHONE, NAME, SURNAME, "Сидоров", "+79990000001", "Тверская", "1990-05-01", "Домофон", "55.75"):
        assert personal not in masked.replace("Пиццерия на Тверской", "")
    before, after = json.loads(body), json.loads(masked)
    order_before, order_after = before[0]["eventInfo"]["order"], after[0]["eventInfo"]["order"]
    assert order_after.keys() == order_before.keys()
    for kept in ("status", "sum", "number", "items", "payments", "conception", "whenClosed"):
        assert order_after[kept] == order_before[kept]
    assert after[0]["eventInfo"]["timestamp"] == before[0]["eventInfo"]["timestamp"]


def test_an_address_that_is_a_key_is_masked_too() -> None:
    assert Masker().body('{"sms": {"79991234567": {"status": "OK"}}}') == '{"sms": {"+7999•••4567": {"status": "OK"}}}'


def test_a_letter_that_no_terminal_can_print_stays_the_escape_that_it_was() -> None:
    body = r'{"customer": {"name": "\ud800Иван", "phone": "+79991234567"}, "note": "\ud800"}'
    masked = Masker().body(body) or ""
    assert masked.encode()
    assert json.loads(masked)["note"] == "\ud800"
    assert "1234567" not in masked


def test_a_body_nested_deeper_than_it_can_be_walked_is_masked_as_a_text() -> None:
    body = "[" * 600 + '"+79991234567"' + "]" * 600
    assert Masker().body(body) == body.replace("+79991234567", "+7999•••4567")


def test_revealed_means_untouched() -> None:
    body = (SAMPLES / "webhook-delivery-closed.json").read_text("utf-8")
    assert Masker(reveal=True).body(body) == body


COMMANDS = (
    ("events",), ("deliveries",), ("alerts",), ("stats",), ("doctor", "--live"), ("audit",), ("secret", "list", "kofe"),
    ("show", "EVENT"), ("show", "DELIVERY"), ("show", "RAW"), ("preview", "EVENT"), ("replay", "EVENT", "--dry-run"),
    ("replay", "--status", "succeeded", "--dry-run", "--again"),
)  # fmt: skip


@pytest.mark.parametrize("as_json", [False, True], ids=["table", "json"])
def test_no_output_shows_a_person_or_a_credential(hub: Installation, as_json: bool) -> None:
    (event,) = hub.done([order(1)])
    hub.done(order(2, phone="8 (999) 123-45-68"), [7, {"eventInfo": {"order": {"phone": PHONE}}}], b'{"+79991234567":')
    ids = {
        "EVENT": event,
        "DELIVERY": hub.rows("deliveries", "--event", event)[0]["id"],
        "RAW": next(row["id"] for row in hub.rows("events") if row["id"].startswith("raw_")),
    }
    hub.outputs.clear()
    for command in COMMANDS:
        refused = 1 if command == ("replay", "EVENT", "--dry-run") else 0  # it has succeeded
        hub.svyazka(*(ids.get(word, word) for word in command), *(["--json"] if as_json else []), status=refused)
    printed = "\n".join(hub.outputs)
    for personal in (PHONE, PHONE[2:], "1234568", "123-45-68", NAME, SURNAME, API_ID):
        assert personal not in printed
    for key_file in (hub.data / "keys").iterdir():
        assert json.loads(key_file.read_text())["1"] not in printed
    assert local_keyring(hub.data).mint("iiko", "kofe", "till") not in printed


def test_reveal_shows_them_and_leaves_an_audit_line(hub: Installation) -> None:
    (event,) = hub.done(order())
    assert hub.rows("events", "--reveal")[0]["contact"] == {"name": NAME, "phone": PHONE, "email": None}
    (story,) = hub.rows("show", event, "--reveal")
    assert json.loads(story["raw"]["body"]) == order()
    assert "%D0%98%D0%B2%D0%B0%D0%BD" in story["deliveries"][0]["attempts"][0]["request"]["body"]
    assert API_ID not in json.dumps(story)
    assert hub.audit()[-2:] == [("reveal", "events"), ("reveal", event)]


HOSTILE = "\x1b[31mИван\x07\x9b2J\u202eпопов\u2066\u200b\ufeff\u2028<b>x</b>[red]"
DRIVING = "\x1b\x07\x9b\u202e\u2066\u200b\ufeff\u2028"


def test_nothing_from_outside_drives_a_terminal_or_turns_a_line_around(hub: Installation) -> None:
    body = order()
    body["eventInfo"]["order"]["customer"]["name"] = HOSTILE
    (event,) = hub.done(body)
    shown = [hub.svyazka(*command, "--reveal").stdout for command in (("show", event), ("events",))]
    assert "<b>x</b>[red]" in shown[0], "markup is shown as text"
    for json_too in (*shown, hub.svyazka("show", event, "--reveal", "--json").stdout):
        assert not set(DRIVING) & set(json_too)
    (row,) = hub.rows("events", "--reveal")
    assert row["contact"]["name"] == HOSTILE, "JSON says the same"


def test_every_sign_that_is_no_letter_is_seen_and_every_other_left() -> None:
    assert plain("Иван\tПетров\n👩‍🔬 é —«»") == "Иван\tПетров\n👩‍🔬 é —«»"
    unsafe = "".join(map(chr, [*range(9), 11, *range(0x7F, 0xA0), *range(0x202A, 0x202F), 0xD800, 0xE0041]))
    assert set(plain(unsafe)) == {"\ufffd"}
    assert json.loads(escaped(json.dumps(unsafe, ensure_ascii=False))) == unsafe
