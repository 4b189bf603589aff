"""`diff` and `sync plan`: what they say before anything was compared, and whom they need."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from threading import Event, Thread

import pytest

from cli.conftest import FILE, Installation
from svyazka.backends.local.store import LocalStore
from svyazka.cli.running import held
from svyazka.engine.in_step.wanting import begun_with
from svyazka.engine.journal import documents as journal
from svyazka.engine.worker import Worker
from svyazka.model.bases import Prints
from svyazka.model.in_step import Doubt, Side, doubt_id
from svyazka.model.records import RecordKind

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


def test_what_was_refused_stands_in_the_audit_as_refused(hub: Installation) -> None:
    hub.svyazka("apply", str(hub.write(IN_STEP)), "--yes")
    hub.svyazka("unmerge", "kofe", "sync_contacts", "rec_1", "crm/7", "--yes", status=1)
    hub.svyazka("sync", "revive", "kofe", "sync_contacts", "rec_1", status=1)
    hub.svyazka("replay", "dlv_1", status=1)
    hub.svyazka("sync", "stop", "kofe", "sync_contacts", "--yes")
    came = {row["action"]: row["came"] for row in hub.rows("audit")}
    assert (came["unmerge"], came["sync revive"], came["sync stop"]) == ("refused", "refused", "done")
    assert came.get("replay") in (None, "refused")
    assert "not done: it was refused" in hub.svyazka("audit").stdout


def asked(hub: Installation, *objects: str) -> list[str]:
    """Records with a card in each system, of whose names somebody has to say; their ids."""
    hub.svyazka("apply", str(hub.write(IN_STEP)), "--yes")
    now = datetime(2026, 10, 5, tzinfo=UTC)

    async def ask(_worker: Worker, store: LocalStore) -> list[str]:
        made = []
        for id_ in objects:
            record, link = begun_with("kofe", RecordKind.CONTACT, "salon", id_, now, None)
            saw: dict[str, Prints] = {"salon": ("a",), "crm": ("b",)}
            record = record.model_copy(
                update={"sides": {**record.sides, "crm": Side(object=f"7{id_}")}, "asked": {"name": "conflict"},
                        "saw": {"name": saw}}
            )  # fmt: skip
            doubt = Doubt(
                id=doubt_id("kofe", "sync_contacts", record.id, "name"), tenant="kofe", flow="sync_contacts",
                kind=RecordKind.CONTACT, record=record.id, field="name", cause="conflict",
                sides={"salon": id_, "crm": f"7{id_}"}, since=now,
            )  # fmt: skip
            await store.commit([journal.create(one) for one in (record, link, doubt)])
            made.append(record.id)
        return made

    return hub.opened(ask)


def test_what_was_answered_says_so_and_what_it_waits_for(hub: Installation) -> None:
    (record,) = asked(hub, "1")
    assert "crm, salon, leave" in hub.svyazka("sync", "status", "kofe").output
    hub.svyazka("pause", "kofe/crm")
    told = hub.svyazka("sync", "answer", "kofe", "sync_contacts", record[:12], "name", "crm").output
    assert f"{record} is looked at anew" in told
    assert "once crm goes again: paused by an operator" in told
    told = hub.svyazka("sync", "status", "kofe").output
    assert "on the way: 2 (crm: paused by an operator)" in told
    assert "nothing would be written" not in told
    hub.work()
    head, doubt = hub.rows("sync", "status", "kofe")
    assert (head["on_the_way"], doubt["said"], doubt["said_at"] is not None) == (2, "crm", True)
    assert "answered: crm, " in hub.svyazka("sync", "status", "kofe").output


def test_a_record_is_named_by_the_beginning_of_its_id_where_that_is_clear(hub: Installation) -> None:
    first, second = asked(hub, "1", "2")
    alike = next(n for n in range(len(first)) if first[n] != second[n])
    told = hub.svyazka("sync", "answer", "kofe", "sync_contacts", first[:alike], "name", "crm", status=1).output
    assert "several ids begin with" in told
    assert (first in told, second in told) == (True, True)
    whole = ("unmerge", "kofe", "sync_contacts", first[: alike + 1], "crm/71", "--yes")
    assert "taken apart" in hub.svyazka(*whole).output
    assert ("unmerge", f"kofe/sync_contacts/{first}") in hub.audit()
    told = hub.svyazka("sync", "revive", "kofe", "sync_contacts", second.removeprefix("rec_")[:9], status=1).output
    assert f"record {second} is gone nowhere" in told


def test_a_changed_flow_says_how_many_links_it_concerns(hub: Installation) -> None:
    hub.svyazka("apply", str(hub.write(IN_STEP)), "--yes")

    async def link(_worker: Worker, store: LocalStore) -> None:
        for connection, id_ in (("salon", "1"), ("salon", "2"), ("crm", "7")):
            made = begun_with("kofe", RecordKind.CONTACT, connection, id_, datetime(2026, 10, 5, tzinfo=UTC), None)
            await store.commit([journal.create(one) for one in made])

    hub.opened(link)
    crm = '  accounts: {{vendor: bitrix24, webhook_url: {{secret: hook}}, base_url: "{vendors}/bitrix24"}}\nflows:'
    more = IN_STEP.replace("flows:", crm)
    all_made = IN_STEP.replace("[salon, crm]\n", "[salon, crm]\n    create: all\n")
    for text, note in (
        (all_made, "linked objects: crm 1, salon 2; their links stay"),
        (more.replace("[salon, crm]", "[salon, accounts]"),
         "linked objects: crm 1, salon 2; their links stay; not kept in step any more: crm"),
        (FILE, "waiting deliveries end as cancelled; linked objects: crm 1, salon 2; their links stay"),
    ):  # fmt: skip
        rows = hub.rows("apply", str(hub.write(text)), "--dry-run")
        assert [row["note"] for row in rows if "sync_contacts" in row["what"]] == [note]
