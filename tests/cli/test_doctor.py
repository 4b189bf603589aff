"""`doctor`: each thing that can be wrong is found, with what to do; exit status 1 when something is."""

from __future__ import annotations

import stat
from datetime import timedelta
from typing import Any

import pytest

from cli.conftest import API_ID, FILE, Installation, order
from svyazka.backends.local.store import LocalStore
from svyazka.cli.checks import Check
from svyazka.cli.commands.doctor import folded
from svyazka.connectors.registry import load_manifest
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_ALERTS, RECENT_DELIVERIES
from svyazka.engine.ports.store import Put
from svyazka.engine.telling import alerts
from svyazka.engine.worker import Worker
from svyazka.model.deliveries import Alert, Delivery
from svyazka.model.events import EventRecord
from svyazka.model.tenants import ConnectionSettings


def found(hub: Installation, check: str, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    return [row for row in hub.rows("doctor", *arguments, status=status) if row["check"] == check]


def test_a_healthy_installation_has_no_failure(hub: Installation) -> None:
    assert not [row for row in hub.rows("doctor", "--live") if row["status"] == "fail"]


def test_what_is_known_of_each_vendor_in_use_is_said_once(hub: Installation) -> None:
    rows = found(hub, "quality")
    assert {row["status"] for row in rows} == {"ok"}
    assert [row["message"].partition(":")[0] for row in rows] == ["iiko", "SMS.ru"]
    assert all("never seen live by us" in row["message"] for row in rows)


def test_a_missing_secret(hub: Installation) -> None:
    hub.svyazka("secret", "rm", "kofe", "smsru-api-id", "--yes")
    (secret,) = found(hub, "secrets", status=1)
    assert (secret["status"], secret["tenant"]) == ("fail", "kofe")
    assert secret["remedy"] == "svyazka secret set kofe smsru-api-id"
    (credentials,) = found(hub, "credentials", status=1)
    assert (credentials["connection"], "api_id" in credentials["message"]) == ("sms", True)


def test_a_mistyped_id_that_drops_everything_is_found_and_told_once(hub: Installation) -> None:
    mistyped = '{{vendor: iiko, organization_id: "7bc05553-4b68-44e8-b7bc-37be63c6d9e8"'
    hub.svyazka("apply", str(hub.write(FILE.replace("{{vendor: iiko", mistyped))), "--yes")
    orders = [order(number) for number in range(1, 4)]
    for one in orders:
        one["eventInfo"]["organizationId"] = "7bc05553-4b68-44e8-b7bc-37be63c6d9e9"
    events = hub.done(*orders)
    (row,) = found(hub, "foreign events", status=1)
    assert row["message"].startswith("the last 3 event(s) were ignored: it belongs to organization 7bc05553")
    (alert,) = hub.rows("alerts")
    assert (alert["kind"], alert["connection"]) == ("foreign", "till")
    hub.svyazka("apply", str(hub.write()), "--yes")
    hub.svyazka("replay", *events)
    hub.work()
    assert {row["status"] for row in hub.rows("events", "--status", "planned")} == {"planned"}
    assert len(hub.rows("events", "--status", "planned")) >= 3
    hub.done(order(9))
    assert not found(hub, "foreign events")


def test_a_setting_that_is_left_out_says_what_then_does_not_work(hub: Installation) -> None:
    (row,) = found(hub, "organization_id")
    assert (row["status"], row["connection"]) == ("warn", "till")
    assert "aren't told apart" in row["message"]


def test_what_several_settings_make_together_is_told_by_their_own_names(hub: Installation) -> None:
    (row,) = found(hub, "api_credentials")
    assert row["message"].startswith("with neither api_key, app_id and client_secret nor api_login")


def test_credentials_are_asked_of_the_vendor_only_when_told_to(hub: Installation) -> None:
    hub.vendors.of("smsru").right = ["another"]
    assert not found(hub, "credentials")
    (row,) = found(hub, "credentials", "--live", status=1)
    assert (row["status"], row["connection"]) == ("fail", "sms")
    assert API_ID not in str(row)


def test_a_vendor_that_does_not_answer(hub: Installation) -> None:
    hub.svyazka("apply", str(hub.write(FILE.replace("{vendors}/smsru", "http://127.0.0.1:9/smsru"))), "--yes")
    assert any(row["connection"] == "sms" and row["status"] == "fail" for row in hub.rows("doctor", "--live", status=1))


def test_fix_registers_the_webhook_and_leaves_an_audit_line(hub: Installation) -> None:
    hub.svyazka("doctor", "--fix")
    url = next(row["url"] for row in hub.rows("urls", "kofe") if row["connection"] == "sms")
    assert hub.vendors.of("smsru").account(API_ID).callbacks == [url]
    assert ("doctor --fix", "kofe/sms") in hub.audit()
    assert {row["status"] for row in found(hub, "callback", "--live")} == {"ok"}


def test_a_vendor_gets_our_address_as_it_wants_it(hub: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_the_path(self: object, url: str, settings: ConnectionSettings) -> str:
        return url.replace("?key=", "/")

    monkeypatch.setattr(type(load_manifest("smsru").hook), "address", in_the_path)
    url = next(row["url"] for row in hub.rows("urls", "kofe") if row["connection"] == "sms")
    assert "/webhook_smsru/1.kofe.sms.1." in url
    hub.svyazka("doctor", "--fix")
    assert hub.vendors.of("smsru").account(API_ID).callbacks == [url]
    assert {row["status"] for row in found(hub, "callback", "--live")} == {"ok"}


def test_fix_registers_the_newest_key_after_a_rotation(hub: Installation) -> None:
    hub.svyazka("rotate", "sms")
    hub.svyazka("doctor", "--fix")
    (url,) = hub.vendors.of("smsru").account(API_ID).callbacks
    assert "key=1.kofe.sms.2." in url
    assert "--finish" in found(hub, "webhook key")[0]["remedy"]


def test_files_that_others_may_read(hub: Installation) -> None:
    key = hub.data / "keys" / "vault.json"
    key.chmod(0o644)
    (row,) = found(hub, "permissions", status=1)
    assert str(key) in row["message"]
    hub.svyazka("doctor", "--fix")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [row["status"] for row in found(hub, "permissions")] == ["ok"]


def test_what_is_overdue_because_nobody_sweeps(hub: Installation) -> None:
    hub.vendors.fault("smsru", kind="answer", path="/sms/send", status=429)
    hub.done(order())

    async def age(worker: Worker, store: LocalStore) -> None:
        (document,) = (await store.find(RECENT_DELIVERIES)).documents
        late = worker.hub.clock.now() - timedelta(hours=1)
        delivery = journal.read(Delivery, document).model.model_copy(update={"wake_at": late})
        await store.commit([Put(journal.document(delivery))])

    assert found(hub, "oldest wake_at")[0]["status"] == "ok"
    hub.opened(age)
    assert found(hub, "oldest wake_at", status=1)[0]["message"].startswith("dlv_")


def test_an_outage_and_a_pause(hub: Installation) -> None:
    hub.vendors.of("smsru").account(API_ID).outer = 301
    hub.done(order())
    hub.svyazka("pause", "till")
    assert found(hub, "outage", status=1)[0]["remedy"]
    assert found(hub, "paused", status=1)[0]["message"] == "kofe/till is paused: its deliveries wait"


def test_a_clock_that_was_set_back(hub: Installation) -> None:
    (event,) = hub.done(order())

    async def tomorrow(worker: Worker, store: LocalStore) -> None:
        document = await store.get("events", event)
        assert document is not None
        record = journal.read(EventRecord, document).model
        later = record.event.model_copy(update={"received_at": worker.hub.clock.now() + timedelta(days=1)})
        await store.commit([Put(journal.document(record.model_copy(update={"event": later})))])

    hub.opened(tomorrow)
    assert found(hub, "clock", status=1)[0]["status"] == "fail"


def test_an_address_that_vendors_cannot_reach(hub: Installation, monkeypatch: Any) -> None:
    assert found(hub, "public address")[0]["status"] == "warn"
    monkeypatch.setenv("SVYAZKA_PUBLIC_URL", "https://hub.example.org")
    assert found(hub, "public address")[0]["status"] == "ok"


def test_nobody_to_tell(hub: Installation) -> None:
    without = FILE.replace('alerts: {{to: [{{connection: sms, phone: "+79990000001"}}]}}\n', "")
    hub.svyazka("apply", str(hub.write(without)), "--yes")
    assert found(hub, "alerts")[0]["status"] == "warn"


def test_only_one_tenant_is_looked_at_when_named(hub: Installation) -> None:
    assert {row["tenant"] for row in hub.rows("doctor", "kofe")} == {None, "kofe"}
    hub.svyazka("doctor", "tea", status=1)


def test_alerts_that_all_hang_on_one_vendor_and_those_that_nobody_had(hub: Installation) -> None:
    """The file's only addressee is told through sms: of its own outage nobody would hear."""
    (row,) = found(hub, "alerts")
    assert (row["status"], row["tenant"]) == ("warn", "kofe")
    assert row["message"].startswith("everybody is told through smsru only")
    assert "smsru only" in hub.svyazka("apply", str(hub.file), "--dry-run").stderr

    async def tell(worker: Worker, store: LocalStore) -> None:
        tenant = await worker.hub.directory.tenant("kofe")
        assert tenant is not None
        long_ago = worker.hub.clock.now() - timedelta(hours=2)
        await alerts.tell(worker.hub, tenant, "till", "silent", "first", long_ago, "Слова", "x")
        held = journal.read(Alert, (await store.find(RECENT_ALERTS)).documents[0])
        older = held.model.model_copy(update={"created_at": long_ago})
        await store.commit([Put(journal.document(older))])

    hub.opened(tell)
    (row,) = found(hub, "alerts not told")
    assert (row["status"], row["tenant"]) == ("warn", "kofe")
    assert "silent first" in row["message"]


@pytest.mark.parametrize(
    "public",
    ["http://127.0.0.1:8080", "http://hub.example.ru", "https://localhost", "https://10.0.0.5", "https://hub.local",
     "https://hub", "https://[::1]:8443"],
)  # fmt: skip
def test_an_address_that_no_real_vendor_should_call_is_not_registered(
    hub: Installation, monkeypatch: pytest.MonkeyPatch, public: str
) -> None:
    monkeypatch.setenv("SVYAZKA_PUBLIC_URL", public)
    real = FILE.replace('base_url: "{vendors}/smsru"', 'base_url: "https://sms.invalid"')
    hub.svyazka("apply", str(hub.write(real)), "--yes")
    (row,) = [row for row in found(hub, "webhook", "--fix", status=1) if row["connection"] == "sms"]
    assert "isn't registered" in row["message"]
    assert "key=" not in str(row)


def test_at_a_stand_in_any_address_is_registered(hub: Installation) -> None:
    assert not [row for row in hub.rows("doctor", "--fix") if "isn't registered" in row["message"]]


def test_what_a_thousand_tenants_lack_alike_is_shown_a_few_times_and_every_failure_is() -> None:
    lacking = [Check("sender", "warn", "not set", tenant=f"t{number}") for number in range(1000)]
    failing = [Check("access", "fail", "refused", tenant=f"t{number}") for number in range(50)]
    shown = list(folded([*failing, *lacking, Check("store", "ok", "answers")]))
    assert [one.tenant for one in shown if one.status == "fail"] == [one.tenant for one in failing]
    assert [one.message for one in shown if one.check == "sender"] == ["not set"] * 3 + ["and 997 more like these"]
    assert list(folded(lacking[:20])) == lacking[:20]
    assert shown[-1].check == "store"
