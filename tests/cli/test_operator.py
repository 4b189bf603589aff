"""What an operator does: replay, resolve, send, pause; each leaves its trace."""

from __future__ import annotations

import pytest

from cli.conftest import API_ID, PHONE, Installation, order


def failed(hub: Installation) -> str:
    """A delivery that sms.ru refused for good."""
    account = hub.vendors.of("smsru").account(API_ID)
    account.refusals["*"] = 207
    hub.done(order())
    account.refusals.clear()
    return str(hub.rows("deliveries")[0]["id"])


def unknown(hub: Installation) -> str:
    """A delivery whose answer never came."""
    hub.vendors.fault("smsru", kind="cut_after", path="/sms/send")
    hub.done(order())
    return str(hub.rows("deliveries", "--status", "unknown")[0]["id"])


def test_a_failed_delivery_is_replayed_as_a_new_generation(hub: Installation) -> None:
    id_ = failed(hub)
    assert hub.rows("replay", id_) == [{"id": id_, "what": "reopened", "reason": "generation 2"}]
    hub.work()
    (row,) = hub.rows("deliveries")
    assert (row["status"], row["generation"], row["attempts"]) == ("succeeded", 2, 2)
    assert "generation 2 by" in hub.svyazka("show", id_).stdout
    assert hub.audit()[-1] == ("replay", id_)


def test_a_dry_run_replays_nothing_and_leaves_no_trace(hub: Installation) -> None:
    id_ = failed(hub)
    assert hub.rows("replay", id_, "--dry-run")[0]["what"] == "reopened"
    hub.work()
    assert hub.rows("deliveries")[0]["status"] == "failed"
    assert ("replay", id_) not in hub.audit()


def test_what_succeeded_is_done_again_only_when_that_is_said(hub: Installation) -> None:
    hub.done(order())
    (row,) = hub.rows("deliveries")
    (refused,) = hub.rows("replay", row["id"], status=1)
    assert (refused["what"], "--again" in refused["reason"]) == ("skipped", True)
    hub.svyazka("replay", row["id"], "--again")
    hub.work()
    assert len(hub.sent()) == 2


def test_everything_in_a_state_is_replayed_of_one_connection_and_since_a_time(hub: Installation) -> None:
    account = hub.vendors.of("smsru").account(API_ID)
    account.refusals["*"] = 207
    hub.done(*(order(n, phone=f"+7999123450{n}") for n in range(3)))
    account.refusals.clear()
    assert hub.rows("replay", "--status", "failed", "--connection", "till") == []
    assert hub.rows("replay", "--status", "failed", "--since", "2100-01-01") == []
    done = hub.rows("replay", "--status", "failed", "--connection", "sms", "--since", "1h")
    assert [one["what"] for one in done] == ["reopened"] * 3
    hub.work()
    assert len(hub.sent()) == 3


def test_an_event_that_nobody_acted_upon_is_planned_again_once_its_age_is_waived(hub: Installation) -> None:
    (event,) = hub.done({"eventInfo": {"order": {"status": "Delivered"}}})
    assert hub.rows("replay", event, status=1)[0]["what"] == "skipped"
    assert hub.rows("replay", event, "--ignore-age") == [{"id": event, "what": "planned", "reason": None}]


def test_quarantined_requests_are_parsed_again_in_bulk(hub: Installation) -> None:
    hub.post(b"{")
    (done,) = hub.rows("replay", "--status", "quarantined")
    assert (done["what"], "still not the format" in done["reason"]) == ("skipped", True)


def test_an_id_of_nothing_is_an_error_of_its_own_line(hub: Installation) -> None:
    id_ = failed(hub)
    rows = hub.rows("replay", "dlv_none", id_, status=1)
    assert [(row["id"], row["what"]) for row in rows] == [("dlv_none", "skipped"), (id_, "reopened")]


@pytest.mark.parametrize("arguments", [(), ("dlv_1", "--status", "failed"), ("--status", "broken")])
def test_replay_wants_ids_or_a_state_that_there_is(hub: Installation, arguments: tuple[str, ...]) -> None:
    hub.svyazka("replay", *arguments, status=2)


@pytest.mark.parametrize(
    ("as_", "status", "texts"), [("succeeded", "succeeded", 1), ("failed", "failed", 1), ("retry", "succeeded", 2)]
)
def test_an_unknown_delivery_becomes_what_the_operator_says(
    hub: Installation, as_: str, status: str, texts: int
) -> None:
    id_ = unknown(hub)
    assert hub.rows("replay", id_, status=1)[0]["what"] == "skipped"
    hub.svyazka("resolve", id_, "--as", as_)
    hub.work()
    (row,) = hub.rows("deliveries", "--flow", "review_request")
    assert row["status"] == status
    assert sum("спасибо" in text for text in hub.sent()) == texts
    assert hub.audit()[-1] == ("resolve", id_)


def test_what_is_settled_cannot_be_resolved(hub: Installation) -> None:
    id_ = failed(hub)
    assert "is failed already" in hub.svyazka("resolve", id_, "--as", "failed", status=1).stderr
    hub.done(order(2))
    (sent,) = hub.rows("deliveries", "--status", "succeeded")
    assert "is succeeded already" in hub.svyazka("resolve", sent["id"], "--as", "succeeded", status=1).stderr
    assert hub.audit()[-1] != ("resolve", id_)


def test_send_goes_the_way_of_every_message(hub: Installation) -> None:
    (told,) = hub.rows("send", "sms", "--to", "8 (999) 123-45-67", "--text", "Привет")
    hub.work()
    (story,) = hub.rows("show", told["id"], "--reveal")
    assert (story["type"], story["status"], story["contact"]["phone"]) == ("message.requested", "planned", PHONE)
    assert story["deliveries"][0]["status"] == "succeeded"
    assert hub.sent() == ["Привет"]
    assert ("send", "kofe/sms") in hub.audit()


def test_what_no_vendor_asked_for_isnt_shown_as_a_request_that_was_blanked(hub: Installation) -> None:
    (told,) = hub.rows("send", "sms", "--to", PHONE, "--text", "Привет")
    hub.work()
    assert "blanked" not in hub.svyazka("show", told["id"]).stdout


def test_send_says_when_nobody_is_there_to_carry_it_out(hub: Installation) -> None:
    assert "svyazka run" in hub.svyazka("send", "sms", "--to", PHONE, "--text", "Привет").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("till", "--to", PHONE, "--text", "x"), "carries no messages"),
        (("sms", "--to", "12345", "--text", "x"), "expected a mobile phone"),
        (("sms", "--to", "8 495 123-45-67", "--text", "x"), "can't reach it"),
        (("smss", "--to", PHONE, "--text", "x"), "did you mean 'sms'?"),
    ],
)
def test_send_refuses_what_cannot_arrive(hub: Installation, arguments: tuple[str, ...], said: str) -> None:
    result = hub.svyazka("send", *arguments, status=1)
    assert said in result.stderr
    assert PHONE not in result.stderr


@pytest.mark.parametrize("what", ["kofe", "sms", "kofe/sms", "review_request"])
def test_what_is_paused_waits_and_goes_on_when_resumed(hub: Installation, what: str) -> None:
    hub.svyazka("pause", what)
    hub.done(order())
    assert [row["status"] for row in hub.rows("deliveries")] == ["parked"]
    assert "is paused already" in hub.svyazka("pause", what).stdout
    hub.svyazka("resume", what)
    hub.work()
    assert [row["status"] for row in hub.rows("deliveries")] == ["succeeded"]
    target = what if "/" in what or what == "kofe" else f"kofe/{what}"
    assert hub.audit()[-2:] == [("pause", target), ("resume", target)]


def test_a_name_of_nothing_is_answered_with_the_nearest(hub: Installation) -> None:
    assert "did you mean 'review_request'?" in hub.svyazka("pause", "review_requst", status=1).stderr


def test_an_id_may_be_given_by_its_beginning(hub: Installation) -> None:
    (event,) = hub.done(order())
    (delivery,) = (row["id"] for row in hub.rows("deliveries"))
    (unread,) = hub.done([7])
    for short, whole in ((event[:9], event), (event[4:10], event), (delivery[:10], delivery), (unread[:9], unread)):
        shown = hub.rows("show", short)[0]
        assert whole in (shown["id"], *shown["deliveries"], *(one["id"] for one in shown["deliveries"]))
    assert hub.rows("deliveries", "--event", event[:10])[0]["id"] == delivery
    assert hub.rows("preview", event[:10])[0]["event"] == event
    assert hub.rows("replay", delivery[4:12], "--dry-run", status=1)[0]["id"] == delivery
    assert f"nothing has the id '{event[:8]}zz'" in hub.svyazka("show", f"{event[:8]}zz", status=1).stderr


def test_a_beginning_of_several_ids_is_answered_with_all_of_them(hub: Installation) -> None:
    ids = hub.done(*(order(n, phone=f"+7999123450{n}") for n in range(3)))
    said = hub.svyazka("show", "evt_", status=1).stderr
    assert "several ids begin with 'evt_': " in said
    assert all(id_ in said for id_ in ids)
    assert "several ids begin with 'dlv_': " in hub.svyazka("resolve", "dlv_", "--as", "failed", status=1).stderr
