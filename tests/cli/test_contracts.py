"""The JSON that scripts depend on, field by field (DESIGN 8), and what its values promise."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cli.conftest import API_ID, Installation, order

EVENT = [
    "id", "tenant", "connection", "vendor", "type", "subject", "status", "reason", "identity", "occurred_at",
    "received_at", "contact", "deliveries",
]  # fmt: skip
DELIVERY = [
    "id", "event", "tenant", "flow", "step", "connection", "vendor", "command", "status", "receipt", "generation",
    "attempts", "next_attempt_at", "last_error", "external_id", "created_at", "settled_at",
]  # fmt: skip


def moscow(text: str) -> datetime:
    """A time of a row: RFC 3339 with the tenant's offset."""
    moment = datetime.fromisoformat(text)
    assert moment.utcoffset() == timedelta(hours=3)
    return moment


def test_urls(hub: Installation) -> None:
    till, sms = hub.rows("urls", "kofe")
    assert list(till) == ["tenant", "connection", "vendor", "function", "url", "key"]
    assert (till["tenant"], till["connection"], till["vendor"], till["function"]) == (
        "kofe", "till", "iiko", "webhook_iiko",
    )  # fmt: skip
    assert till["url"] == f"http://127.0.0.1:8080/webhook_iiko?key={till['key']}"
    assert sms["function"] == "webhook_smsru"
    assert hub.post_with(till["key"], order()).status_code == 200


def test_events(hub: Installation) -> None:
    (event_id,) = hub.done(order())
    (event,) = hub.rows("events")
    assert list(event) == EVENT
    (delivery,) = hub.rows("deliveries")
    moscow(event.pop("received_at"))
    assert event.pop("occurred_at") == "2026-03-14T18:53:01.640+03:00"
    assert event == {
        "id": event_id, "tenant": "kofe", "connection": "till", "vendor": "iiko", "type": "order.completed",
        "subject": event["subject"], "status": "planned", "reason": None, "identity": "strong",
        "contact": {"name": "И•••", "phone": "+7999•••4567", "email": None}, "deliveries": [delivery["id"]],
    }  # fmt: skip
    assert event["subject"].startswith("order:")


def test_a_request_of_which_nothing_could_be_read_stands_among_the_events(hub: Installation) -> None:
    hub.post(b"{")
    (row,) = hub.rows("events", "--status", "quarantined")
    assert list(row) == EVENT
    assert row["id"].startswith("raw_")
    assert (row["status"], row["contact"], row["deliveries"], row["identity"]) == ("quarantined", None, [], None)
    assert "expected JSON" in row["reason"]


def test_deliveries(hub: Installation) -> None:
    (event_id,) = hub.done(order())
    (row,) = hub.rows("deliveries")
    assert list(row) == DELIVERY
    assert moscow(row["settled_at"]) >= moscow(row["created_at"])
    assert row["external_id"]
    expected = {
        "event": event_id, "tenant": "kofe", "flow": "review_request", "step": "review/sms", "connection": "sms",
        "vendor": "smsru", "command": "SendMessage", "status": "succeeded", "receipt": "none", "generation": 1,
        "attempts": 1, "next_attempt_at": None, "last_error": None,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_what_failed_says_why(hub: Installation) -> None:
    hub.vendors.of("smsru").account(API_ID).refusals["*"] = 207
    hub.done(order())
    (row,) = hub.rows("deliveries", "--status", "failed")
    assert row["last_error"] == {"code": "207", "message": "no route to the number, or messages to it aren't allowed"}


def test_show(hub: Installation) -> None:
    (event_id,) = hub.done(order())
    (story,) = hub.rows("show", event_id)
    assert list(story) == [*EVENT, "raw"]
    assert list(story["raw"]) == ["method", "path", "content_type", "body"]
    (delivery,) = story["deliveries"]
    assert list(delivery) == [*DELIVERY, "after", "produced"]
    (attempt,) = delivery["attempts"]
    assert list(attempt) == ["number", "started_at", "ended_at", "outcome", "request", "response", "message", "reason"]
    assert (attempt["number"], attempt["outcome"], attempt["message"]) == (1, "succeeded", None)
    assert list(attempt["request"]) == ["method", "url", "body"]
    assert attempt["request"]["method"] == "POST"
    assert attempt["request"]["url"].endswith("/smsru/sms/send")
    assert list(attempt["response"]) == ["status", "body"]
    assert attempt["response"]["status"] == 200
    assert API_ID not in str(story)


def test_a_delivery_is_shown_with_the_event_that_caused_it(hub: Installation) -> None:
    (event_id,) = hub.done(order())
    (delivery,) = hub.rows("deliveries")
    assert hub.rows("show", delivery["id"]) == hub.rows("show", event_id)


def test_an_alerts_delivery_is_shown_although_no_event_caused_it(hub: Installation) -> None:
    hub.done([7])
    (delivery,) = hub.rows("deliveries")
    (story,) = hub.rows("show", delivery["id"])
    assert list(story) == [*EVENT, "raw"]
    assert (story["id"], story["raw"], story["deliveries"][0]["flow"]) == (None, None, "alerts")


def test_alerts(hub: Installation) -> None:
    hub.done([7])
    (alert,) = hub.rows("alerts")
    assert list(alert) == ["id", "tenant", "connection", "kind", "stage", "since", "sent_at", "text"]
    assert (alert["tenant"], alert["connection"], alert["kind"], alert["stage"]) == (
        "kofe", "till", "quarantined", "first",
    )  # fmt: skip
    assert moscow(alert["sent_at"]) >= moscow(alert["since"])
    assert alert["text"] in hub.sent()


def test_problems(hub: Installation) -> None:
    hub.vendors.of("smsru").account(API_ID).outer = 301
    hub.done([7])
    hub.done(order())
    worst, other = hub.rows("problems", "kofe")
    assert list(worst) == [
        "id", "tenant", "connection", "kind", "severity", "title", "since", "last_seen", "holds", "remedy", "state",
    ]  # fmt: skip
    assert (worst["tenant"], worst["connection"], worst["kind"], worst["severity"]) == (
        "kofe", "sms", "blocked", "error",
    )  # fmt: skip
    assert worst["title"] == "«sms» (SMS.ru) takes no calls"
    assert moscow(worst["since"]) <= moscow(worst["last_seen"])
    assert list(worst["holds"]) == ["deliveries", "oldest"]
    assert worst["holds"]["deliveries"] >= 1
    assert moscow(worst["holds"]["oldest"])
    assert list(worst["remedy"]) == ["command", "link", "person"]
    assert worst["remedy"]["command"].startswith("svyazka ")
    assert worst["remedy"]["person"] == "whoever looks after the account at SMS.ru"
    assert worst["state"] == "open"
    assert (other["kind"], other["connection"], other["holds"]) == (
        "quarantined", "till", {"deliveries": 0, "oldest": None},
    )  # fmt: skip
    assert hub.rows("problems") == hub.rows("problems", "--all") == [worst, other]
    said = hub.svyazka("problems").stdout
    assert "kofe/sms" in said
    assert worst["remedy"]["command"] in said
    assert {"quarantined", "outage"} <= {row["check"] for row in hub.rows("doctor", status=1)}


def test_an_alert_that_nobody_has_had_yet_was_not_sent(hub: Installation) -> None:
    hub.svyazka("secret", "rm", "kofe", "smsru-api-id", "--yes")
    hub.done([7])
    assert {alert["sent_at"] for alert in hub.rows("alerts")} == {None}


def test_doctor(hub: Installation) -> None:
    for row in hub.rows("doctor"):
        assert list(row) == ["check", "tenant", "connection", "status", "message", "remedy"]
        assert row["status"] in ("ok", "warn", "fail")
        assert row["status"] == "ok" or row["remedy"]


def test_stats(hub: Installation) -> None:
    hub.done(order(1), order(2, phone="+79991234568"), order(3, "OnWay"))
    hub.vendors.fault("smsru", kind="answer", path="/sms/send", status=429)
    hub.done(order(4, phone="+79991234569"))
    rows = {row["connection"]: row for row in hub.rows("stats")}
    assert list(rows["till"]) == [
        "tenant", "connection", "events", "deliveries", "oldest_wake_at", "outage", "cost", "reasons", "problems",
    ]  # fmt: skip
    assert (rows["till"]["reasons"], rows["sms"]["reasons"]) == ({}, {"out_of_service": 1})
    assert (rows["till"]["events"], rows["till"]["deliveries"]) == ({"planned": 3, "ignored": 1}, {})
    assert (rows["sms"]["events"], rows["sms"]["deliveries"]) == ({}, {"succeeded": 2, "retrying": 1})
    assert rows["till"]["oldest_wake_at"] is None
    assert moscow(rows["sms"]["oldest_wake_at"]) > moscow(hub.rows("deliveries")[0]["created_at"])


def test_stats_name_an_outage(hub: Installation) -> None:
    hub.vendors.of("smsru").account(API_ID).outer = 301
    hub.done(order())
    (outage,) = [row["outage"] for row in hub.rows("stats") if row["outage"]]
    assert list(outage) == ["kind", "since", "code", "message"]
    assert (outage["kind"], outage["code"]) == ("blocked", "301")
    assert [row["problems"] for row in hub.rows("stats") if row["problems"]] == [["blocked"]]
    (story,) = hub.rows("show", hub.rows("deliveries", "--flow", "review_request")[0]["id"])
    assert story["deliveries"][0]["attempts"][0]["reason"] == "no_access"
    said = hub.svyazka("stats").stdout
    assert "1 no access" in said
    assert "takes no calls" in said
    hub.done(order(2, phone="+79991234568"))
    told = {row["attempts"]: row["last_error"]["message"] for row in hub.rows("deliveries", "--flow", "review_request")}
    assert told == {1: outage["message"], 0: f"sms is blocked at the moment: {outage['message']}"}


def test_audit(hub: Installation) -> None:
    row: dict[str, Any] = hub.rows("audit")[0]
    assert list(row) == ["at", "who", "action", "target", "came", "detail"]
    assert "@" in row["who"]
    assert datetime.fromisoformat(row["at"]).utcoffset() == timedelta()


def test_every_line_is_one_object_and_nothing_else_is_on_stdout(hub: Installation) -> None:
    hub.done(order(1), order(2))
    for command in ("events", "deliveries", "audit", "doctor", "stats"):
        assert len(hub.rows(command)) > 1
