"""`preview`: what would be sent, to whom, when and why not; nothing is written."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from cli.conftest import FILE, PHONE, Installation, order
from svyazka.backends.local.store import LocalStore
from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.worker import Worker

GUARDED = FILE + "    delay: 30m\n    at_most_once_per: 30d\n"


def test_a_sample_event_shows_text_addressee_and_time(hub: Installation) -> None:
    hub.svyazka("apply", str(hub.write(GUARDED)), "--yes")
    rows = hub.rows("preview", "till")
    row = next(row for row in rows if row["type"] == "order.completed")
    assert list(row) == [
        "event", "type", "subject", "flow", "step", "connection", "vendor", "to", "text", "prospect", "at", "reasons",
    ]  # fmt: skip
    assert row["text"] == "Иван, спасибо! https://example.org/r"
    assert (row["connection"], row["prospect"], row["to"]["phone"]) == ("sms", "later", PHONE)
    wait = datetime.fromisoformat(row["at"]) - datetime.now().astimezone()
    assert timedelta(minutes=29) < wait <= timedelta(minutes=30)
    assert row["reasons"] == ["not before its time"]


def test_a_sample_of_ones_own_person_and_type(hub: Installation) -> None:
    (row,) = hub.rows("preview", "till", "--type", "order.completed", "--name", "Мария", "--phone", "+7 495 123-45-67")
    assert (row["prospect"], row["flow"]) == ("never", None)
    assert row["reasons"] == ["review_request: no address that any of its channels reaches"]


def test_a_body_as_the_vendor_sends_it(hub: Installation) -> None:
    body = hub.folder / "body.json"
    body.write_text(json.dumps([order(1), order(2, "OnWay"), 7]), "utf-8")
    first, second, third = hub.rows("preview", "till", "--file", str(body))
    assert (first["prospect"], first["to"]["phone"]) == ("now", "+7999•••4567")
    assert second["reasons"] == ["ignored: no flow acts on order.changed from here"]
    assert third["reasons"][0].startswith("quarantined: ")
    assert hub.rows("events") == []


def test_a_body_that_is_no_body_of_the_vendors_is_an_error(hub: Installation) -> None:
    body = hub.folder / "body.json"
    body.write_text("{", "utf-8")
    assert "not a body of iiko's" in hub.svyazka("preview", "till", "--file", str(body), status=1).stderr


def test_a_journaled_event_says_why_nothing_more_would_follow(hub: Installation) -> None:
    (event,) = hub.done(order())
    (row,) = hub.rows("preview", event)
    assert row["prospect"] == "never"
    assert "exists already: it is succeeded" in row["reasons"][0]


def test_guards_are_asked_as_they_stand(hub: Installation) -> None:
    hub.svyazka("apply", str(hub.write(FILE + "    at_most_once_per: 30d\n")), "--yes")
    hub.done(order(1))
    sample = ("preview", "till", "--type", "order.completed")
    (row,) = hub.rows(*sample)
    assert (row["prospect"], row["reasons"]) == ("never", ["this person had one within the period"])
    hub.svyazka("forget", PHONE, "--yes")
    assert hub.rows(*sample)[0]["reasons"] == ["this person asked not to be contacted"]


def test_what_the_connection_waits_for_is_said(hub: Installation) -> None:
    hub.svyazka("secret", "rm", "kofe", "smsru-api-id", "--yes")
    (row,) = hub.rows("preview", "till", "--type", "order.completed")
    assert (row["prospect"], row["reasons"]) == ("waits", ["not set: api_id (secret smsru-api-id)"])
    hub.svyazka("secret", "set", "kofe", "smsru-api-id", given="another-for-tests")
    hub.svyazka("pause", "sms")
    assert hub.rows("preview", "till", "--type", "order.completed")[0]["reasons"] == ["paused by an operator"]


def test_nothing_is_written(hub: Installation) -> None:
    def contents() -> list[object]:
        async def read(worker: Worker, store: LocalStore) -> list[object]:
            return [store.read(f"SELECT * FROM {table}") for table in (*KINDS, "tasks") if table != "meta"]

        return hub.opened(read)

    hub.svyazka("secret", "rm", "kofe", "smsru-api-id", "--yes")
    before = contents()
    hub.rows("preview", "till")
    assert contents() == before
