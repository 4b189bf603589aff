"""`diff` and `sync plan`: what they say before anything was compared, and whom they need."""

from __future__ import annotations

import json

from cli.conftest import FILE, Installation

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
