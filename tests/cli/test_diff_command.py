"""`diff` and `sync plan`: what they say before anything was compared, and whom they need."""

from __future__ import annotations

import json
from threading import Event, Thread

import pytest

from cli.conftest import FILE, Installation
from svyazka.cli.running import held

IN_STEP = FILE.replace(
    "flows:\n",
    """\
  salon: {{vendor: yclients, company_id: "1", base_url: "{vendors}/yclients"}}
  crm: {{vendor: amocrm, subdomain: demo, base_url: "{vendors}/amocrm"}}
flows:
  - flow: sync_contacts
    between: [salon, crm]
""",
)
NOBODY = ("sync", "answer", "kofe", "sync_contacts", "rec_1", "name", "crm")
FIELDS = [
    "tenant", "flow", "kind", "records", "fields", "agree", "on_their_way", "asked", "mended", "unlinked",
]  # fmt: skip


def test_before_anything_was_compared_it_says_so(hub: Installation) -> None:
    hub.svyazka("apply", str(hub.write(IN_STEP)), "--yes")
    (row,) = hub.rows("diff", "kofe")
    assert list(row) == FIELDS
    assert (row["flow"], row["kind"], row["records"]) == ("sync_contacts", "contact", 0)
    told = hub.svyazka("diff", "kofe").output
    assert "salon: never compared yet" in told
    assert "no difference that is known" in told


def test_what_wants_the_worker_says_that_nobody_works(hub: Installation) -> None:
    hub.svyazka("apply", str(hub.write(IN_STEP)), "--yes")
    for command in (["diff", "kofe", "--full"], ["sync", "plan", "kofe", "sync_contacts"]):
        assert "`svyazka run`" in hub.svyazka(*command, status=1).output
    assert hub.rows("jobs") == []


@pytest.mark.parametrize(
    ("command", "status"), [(["sync", "plan", "kofe", "sync_contacts"], 1), (["diff", "kofe", "--full"], 0)]
)
def test_who_waits_for_what_only_a_person_can_mend_is_told_so_at_once(
    command: list[str], status: int, hub: Installation
) -> None:
    hub.svyazka("apply", str(hub.write(IN_STEP)), "--yes")
    over = Event()

    def work() -> None:
        while not over.wait(0.1):
            hub.work()

    worker = Thread(target=work)
    with held(hub.data):
        worker.start()
        try:
            told = hub.svyazka(*command, status=status).stderr
        finally:
            over.set()
            worker.join()
    (job, *_others) = hub.rows("jobs")
    assert "waits for salon; not set: partner_token, user_token" in told
    if status:
        assert f"{job['id']}: planned" in told
        assert f"svyazka jobs follow {job['id']}" in told
        assert "svyazka secret set kofe salon-key" in told


def test_where_nothing_is_kept_in_step_there_is_nothing_to_compare(hub: Installation) -> None:
    assert "no flow" in hub.svyazka("diff", "kofe", status=1).output
    assert "no flow" in hub.svyazka("sync", "plan", "kofe", "sync_contacts", status=1).output
    assert json.dumps(hub.rows("jobs")) == "[]"


def test_a_persons_word_on_what_isnt_there_says_what_there_is(hub: Installation) -> None:
    hub.svyazka("apply", str(hub.write(IN_STEP)), "--yes")
    assert (hub.rows("links", "kofe"), hub.rows("sync", "held", "kofe", "sync_contacts")) == ([], [])
    told = {
        NOBODY: "no record rec_1",
        ("sync", "revive", "kofe", "sync_contacts", "rec_1"): "no record rec_1",
        ("unmerge", "kofe", "sync_contacts", "rec_1", "crm", "--yes"): "CONNECTION/ID of salon, crm",
        ("sync", "let-go", "kofe", "sync_contacts", "name", "salon"): "held: nothing",
        ("sync", "let-go", "kofe", "sync_contacts", "name", "till"): "go-on, leave, salon, crm",
        ("links", "kofe", "--card", "till"): "CONNECTION/ID of",
    }
    for command, says in told.items():
        assert says in hub.svyazka(*command, status=1).output
    assert "0 rows" in hub.svyazka("sync", "answer-all", "kofe", "sync_contacts", "leave", "--dry-run").output
