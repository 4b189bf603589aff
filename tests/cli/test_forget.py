"""`forget`: one person's data is gone everywhere, other people's stays, and he is never contacted again."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sqlite3
from urllib.parse import quote, quote_plus

import pytest

from cli.conftest import FILE, NAME, PHONE, SURNAME, Installation, order
from svyazka.backends.local.store import LocalStore
from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.worker import Worker

OTHER = "+79161112233"


def documents(hub: Installation) -> str:
    """The contents of every document."""

    async def read(worker: Worker, store: LocalStore) -> str:
        return "\n".join(str(row[0], "utf-8") for kind in KINDS for row in store.read(f"SELECT data FROM {kind}"))  # type: ignore[call-overload]

    return hub.opened(read)


def test_nothing_of_the_person_is_left_wherever_it_stood(hub: Installation) -> None:
    once = "    at_most_once_per: 30d\n"
    hub.svyazka("apply", str(hub.write(FILE + once)), "--yes")
    hub.done(order(1), [7, order(2)], b'{"broken": "8 999 123-45-67"', order(3, "OnWay"))
    assert PHONE in documents(hub)
    (told,) = hub.rows("forget", "8 (999) 123-45-67", "--yes")
    assert list(told) == ["tenant", "events", "requests", "deliveries", "cancelled", "in_flight", "kept", "cards"]
    assert (told["events"], told["requests"], told["in_flight"]) == (3, 2, 0), "the bare 7 is of nobody"
    left = documents(hub)
    for personal in (PHONE, PHONE[2:], "123-45-67", NAME, SURNAME):
        assert personal not in left
    assert {row["status"] for row in hub.rows("events")} == {"planned", "ignored", "quarantined"}


def spellings(text: str) -> set[bytes]:
    """A text as it may lie in a file: in several encodings, escaped, and within what is packed as base64."""
    plain = text.encode()
    packed = {base64.b64encode(b"x" * before + plain)[4:-4] for before in (3, 4, 5)}
    escaped = {json.dumps(text)[1:-1].encode(), quote(text).encode(), quote_plus(text).encode()}
    return {plain, text.encode("cp1251"), text.encode("utf-16-le"), text.encode("utf-16-be"), *escaped, *packed}


def in_files(hub: Installation, *texts: str) -> list[str]:
    """What of these can be read from the database's files, free pages and logs included."""
    files = {path.name: path.read_bytes() for path in hub.data.glob("svyazka.db*")}
    return [
        f"{text} in {name}"
        for text in texts
        for name, content in files.items()
        if any(spelled in content for spelled in spellings(text))
    ]


def people_came(hub: Installation) -> None:
    """Many of them, so that there are free pages: one in windows-1251, one in a request that can't be read."""
    crowd = [order(number, phone=f"+7916000{number:04}") for number in range(20, 60)]
    hub.done(*crowd, order(1), [7, order(2)], b'{"broken": "8 999 123-45-67"', order(3, "OnWay"))
    hub.done(json.dumps(order(4), ensure_ascii=False).encode("cp1251"))


WHO = (PHONE[2:], "999 123-45-67", f"{NAME}, спасибо", SURNAME)


@pytest.mark.parametrize("busy", [False, True], ids=["alone", "beside a hub at work"])
def test_nothing_of_the_person_can_be_read_from_the_files(hub: Installation, busy: bool) -> None:
    people_came(hub)
    beside = LocalStore.open(hub.data) if busy else None
    if beside is not None:
        assert beside.read("SELECT count(*) FROM events")
    assert in_files(hub, PHONE[2:])
    everybody = {row["contact"]["phone"] for row in hub.rows("events", "--reveal") if row["contact"]}
    for phone in everybody:  # they bear the same name
        hub.svyazka("forget", phone, "--yes")
    assert in_files(hub, *WHO) == []
    if beside is not None:
        asyncio.run(beside.close())
    assert in_files(hub, *WHO) == []


def test_nor_what_is_past_its_retention(hub: Installation) -> None:
    people_came(hub)

    async def much_later(worker: Worker, store: LocalStore) -> None:
        await store.change(
            lambda connection: [
                connection.execute(f"UPDATE {kind} SET blank_at = 1") for kind in ("events", "raws", "deliveries")
            ]
        )
        assert await worker.handle("/retain", {}) == 204

    hub.opened(much_later)
    assert in_files(hub, *WHO) == []


def test_what_a_release_before_left_in_free_pages_goes_when_the_file_is_opened(hub: Installation) -> None:
    database = hub.data / "svyazka.db"
    people_came(hub)
    with contextlib.closing(sqlite3.connect(database)) as before:
        before.execute("PRAGMA secure_delete=OFF")
        before.execute("PRAGMA application_id=0")
        for kind in ("events", "raws", "deliveries"):
            before.execute(f"DELETE FROM {kind}")
        before.commit()
    assert in_files(hub, PHONE[2:])
    worker = LocalStore.open(hub.data, upgrade=True)  # as the working process does
    asyncio.run(worker.close())
    assert in_files(hub, *WHO) == []
    assert hub.rows("stats"), "and it works on"


def test_forgetting_twice_finds_nothing_more(hub: Installation) -> None:
    hub.done(order(1))
    hub.svyazka("forget", PHONE, "--yes")
    (again,) = hub.rows("forget", PHONE, "--yes")
    assert (again["events"], again["requests"], again["deliveries"]) == (0, 0, 0)


def test_what_still_waits_is_cancelled_and_what_comes_later_is_not_sent(hub: Installation) -> None:
    hub.vendors.fault("smsru", kind="answer", path="/sms/send", status=429)
    hub.done(order(1))
    (told,) = hub.rows("forget", PHONE, "--yes")
    assert told["cancelled"] == 1
    hub.done(order(2))
    assert [(row["status"], row["last_error"]["code"]) for row in hub.rows("deliveries")] == [
        ("cancelled", "opted_out"), ("cancelled", "forgotten"),
    ]  # fmt: skip
    assert hub.sent() == []


def test_an_event_that_waits_to_be_planned_is_not_acted_upon(hub: Installation) -> None:
    hub.post(order(1))
    hub.svyazka("forget", PHONE, "--yes")
    hub.work()
    (event,) = hub.rows("events")
    assert (event["status"], event["contact"]) == ("ignored", None)
    assert hub.rows("deliveries") == []


def test_others_in_the_same_request_keep_their_messages(hub: Installation) -> None:
    hub.vendors.fault("smsru", kind="answer", path="/sms/send", status=429, times=2)
    hub.done([order(1), order(2, phone=OTHER)])
    hub.svyazka("forget", PHONE, "--yes")
    by_phone = {str((row["contact"] or {}).get("phone")): row["status"] for row in hub.rows("events")}
    assert by_phone == {"None": "planned", "+7916•••2233": "planned"}
    assert sorted(row["status"] for row in hub.rows("deliveries")) == ["cancelled", "retrying"]


def test_it_asks_first_and_a_no_changes_nothing(hub: Installation) -> None:
    hub.done(order(1))
    hub.svyazka("forget", PHONE, given="n\n", status=1)
    assert PHONE in documents(hub)


@pytest.mark.parametrize("address", ["12345", "Иван"])
def test_what_is_no_address_is_refused_and_not_repeated(hub: Installation, address: str) -> None:
    result = hub.svyazka("forget", address, "--yes", status=1)
    assert "expected a phone" in result.stderr
    assert address not in result.output


def test_the_audit_line_names_the_person_by_a_hash(hub: Installation) -> None:
    hub.svyazka("forget", PHONE, "--yes")
    action, target = hub.audit()[-1]
    assert action == "forget"
    assert target.startswith("kofe/")
    assert PHONE[-7:] not in target
