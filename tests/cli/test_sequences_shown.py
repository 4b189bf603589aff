"""A plan with an order, as a person at the command line sees it and helps it on."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cli.conftest import API_ID, Installation, order
from svyazka.engine.contracts.flow import Decision
from svyazka.flows.review_request import ReviewRequest
from svyazka.model.commands import Plan, Repeat, SendMessage, Stage, Step
from svyazka.model.contacts import Contact


@pytest.fixture(autouse=True)
def _three_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(self: Any, event: Any, facts: Any, settings: Any, context: Any) -> Decision:
        def stage(name: str) -> Stage:
            command = SendMessage(to=Contact(phone="+79991234567"), text=name)
            return Stage(
                step=Step(name=name, connection="sms", vendor="smsru", command=command, repeat=Repeat.UNSAFE)
            )  # fmt: skip

        return Decision([Plan(subject=event.subject, stages=tuple(map(stage, ("first", "second", "third"))))])

    monkeypatch.setattr(ReviewRequest, "plan", plan)


def test_the_story_draws_the_chain_and_says_who_waits_for_whom(hub: Installation) -> None:
    hub.vendors.fault("smsru", kind="cut_after", path="/sms/send")
    (event,) = hub.done(order())
    shown = hub.svyazka("show", event).stdout
    places = {step: re.search(rf"^(\W*)dlv_\w+ {step} (\w+)", shown, re.M) for step in ("first", "second", "third")}
    assert [match and match[2] for match in places.values()] == ["unknown", "waiting_for", "waiting_for"]
    indents = [len(match[1]) for match in places.values() if match]
    assert indents == sorted(set(indents)), "each under the one before it"
    assert "after first: unknown" in shown
    assert "before_unknown: nobody knows whether first, which goes before it, was done" in shown
    (story,) = hub.rows("show", event)
    first, second, third = story["deliveries"]
    assert [one["step"] for one in story["deliveries"]] == ["first", "second", "third"]
    assert (first["after"], first["produced"]) == ([], [])
    assert second["after"] == [{"step": "first", "delivery": first["id"], "status": "unknown", "made": []}]
    assert third["after"][0]["status"] is None


def test_what_somebody_says_of_the_first_goes_on_to_those_after_it(hub: Installation) -> None:
    account = hub.vendors.of("smsru").account(API_ID)
    account.refusals["*"] = 207
    (event,) = hub.done(order())
    account.refusals.clear()
    (story,) = hub.rows("show", event)
    assert [one["status"] for one in story["deliveries"]] == ["failed", "cancelled", "cancelled"]
    second = story["deliveries"][1]
    assert second["last_error"] == {"code": "skipped", "message": "first, which goes before it, is failed (207)"}
    assert hub.rows("replay", second["id"], status=1)[0]["what"] == "skipped"
    dry = hub.rows("replay", event, "--dry-run")
    assert [one["what"] for one in dry] == ["reopened"] * 3
    hub.svyazka("resolve", story["deliveries"][0]["id"], "--as", "succeeded", "--made", "contact=77")
    hub.work()
    (story,) = hub.rows("show", event)
    assert [one["status"] for one in story["deliveries"]] == ["succeeded"] * 3
    assert story["deliveries"][0]["produced"] == [{"kind": "contact", "id": "77"}]
    assert story["deliveries"][1]["after"][0]["made"] == [{"kind": "contact", "id": "77"}]
    assert hub.svyazka("resolve", second["id"], "--as", "failed", "--made", "contact", status=2).exit_code == 2
