"""`retry`, `send` and `apply` say what became of it, where somebody is at work."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cli.conftest import Installation, order
from simulators.chassis import Fault
from svyazka.backends.local.store import LocalStore
from svyazka.cli.running import held
from svyazka.engine.worker import Worker

REFUSED = {"status": "ERROR", "status_code": 201, "status_text": "Не хватает средств на лицевом счету"}


@pytest.fixture
def at_work(hub: Installation) -> Iterator[Installation]:
    """Somebody works over the data folder, as `svyazka run` does: its lock is held and its tasks are done."""
    stop = threading.Event()

    def work() -> None:
        with held(hub.data):
            while not stop.wait(0.05):
                hub.work()

    thread = threading.Thread(target=work)
    thread.start()
    yield hub
    hub.vendors.of("smsru").faults.clear()
    stop.set()
    thread.join()


def blocked(hub: Installation) -> None:
    """The gateway's account is out of money; a message waits."""

    async def block(worker: Worker, store: LocalStore) -> None:
        account = await worker.hub.directory.account("kofe", "sms")
        assert account is not None
        await worker.outages.open(account, "blocked", "201", "Не хватает средств на лицевом счету")

    hub.work()  # what `apply` left to do
    hub.vendors.of("smsru").faults.append(Fault("answer", "*/sms/send", times=-1, status=200, body=REFUSED))
    hub.opened(block)
    hub.done(order())


def mended(hub: Installation) -> None:
    hub.vendors.of("smsru").faults.clear()


def test_a_connection_that_is_well_has_nothing_to_try(hub: Installation) -> None:
    assert "in no outage" in hub.svyazka("retry", "sms").stdout
    assert hub.rows("retry", "kofe/sms") == [
        {"tenant": "kofe", "connection": "sms", "outcome": "no outage", "message": None}
    ]
    assert hub.audit()[-1] == ("retry", "kofe/sms")


def test_without_a_worker_the_probe_waits_for_one(hub: Installation) -> None:
    blocked(hub)
    mended(hub)
    assert "nobody is at work here" in hub.svyazka("retry", "sms").stderr
    hub.work()
    assert hub.sent(), "the probe was queued"


def test_what_came_of_a_retry_is_said(at_work: Installation) -> None:
    blocked(at_work)
    assert not at_work.sent()
    mended(at_work)
    assert "kofe/sms works" in at_work.svyazka("retry", "sms").stdout
    assert at_work.sent()


def test_a_retry_that_finds_the_same_trouble_says_so_and_fails(at_work: Installation) -> None:
    blocked(at_work)
    (row,) = at_work.rows("retry", "sms", status=1)
    assert row["outcome"] == "blocked"
    assert not at_work.sent()


def test_a_message_that_is_sent_is_followed_to_its_end(at_work: Installation) -> None:
    said = at_work.svyazka("send", "sms", "--to", "+79991112233", "--text", "Проверка").stdout
    assert "succeeded" in said


def test_apply_says_whether_what_was_blocked_works_now(at_work: Installation) -> None:
    for _ in range(5):  # whoever is at work may find out by himself before `apply` has looked
        blocked(at_work)
        mended(at_work)
        said = at_work.svyazka("apply", str(at_work.file), "--yes")
        if "kofe/sms works" in said.stdout:
            return
    raise AssertionError("it never says so")
