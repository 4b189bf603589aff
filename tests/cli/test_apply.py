"""`apply` and `urls`: the plan is shown, then done whole or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cli.conftest import API_ID, FILE, Installation, order
from svyazka.cli.commands.configure import tenant_files
from svyazka.cli.commands.serve import _prepare
from svyazka.cli.session import within
from svyazka.model.errors import ConfigError
from svyazka.settings import Settings


def test_the_plan_is_shown_and_a_dry_run_changes_nothing(bare: Installation) -> None:
    rows = bare.rows("apply", str(bare.write()), "--dry-run")
    assert [(row["sign"], row["what"]) for row in rows] == [
        ("+", "tenant kofe"), ("+", "connection till (iiko)"), ("+", "connection sms (smsru)"),
        ("+", "flow review_request"),
    ]  # fmt: skip
    assert list(rows[0]) == ["tenant", "sign", "what", "open_deliveries", "note"]
    bare.svyazka("urls", "kofe", status=1)
    assert bare.audit() == []


def test_without_a_yes_nothing_is_applied(bare: Installation) -> None:
    result = bare.svyazka("apply", str(bare.write()), given="n\n", status=1)
    assert "--yes" in result.stderr
    bare.svyazka("urls", "kofe", status=1)


def test_what_is_missing_is_said_with_the_command_that_helps(bare: Installation) -> None:
    result = bare.svyazka("apply", str(bare.write()), "--yes")
    assert "svyazka secret set kofe smsru-api-id" in result.stderr


def test_applying_twice_changes_nothing_and_leaves_one_audit_line(hub: Installation) -> None:
    assert hub.rows("apply", str(hub.file)) == []
    assert [action for action, _ in hub.audit()].count("apply") == 1


def test_a_removed_flow_names_the_deliveries_that_end_with_it(hub: Installation) -> None:
    hub.vendors.fault("smsru", kind="answer", path="/sms/send", status=429)
    hub.done(order())
    without = FILE.partition("flows:")[0]
    (change,) = hub.rows("apply", str(hub.write(without)), "--yes")
    assert (change["sign"], change["what"], change["open_deliveries"]) == ("-", "flow review_request", 1)
    assert "cancelled" in change["note"]


def test_mistakes_of_all_files_are_named_with_their_lines(bare: Installation) -> None:
    folder = bare.folder / "tenants"
    folder.mkdir()
    text = FILE.format(vendors="http://127.0.0.1:1")
    (folder / "a.yaml").write_text(text.replace("timezone", "timezon"), "utf-8")
    (folder / "b.yaml").write_text(text.replace("id: kofe", "id: b").replace("vendor: iiko", "vendor: iko"), "utf-8")
    result = bare.svyazka("apply", str(folder), "--yes", status=1)
    assert "a.yaml: line 3: timezon: unknown key; did you mean 'timezone'?" in result.stderr
    assert "b.yaml: line 6: connections.till.vendor: unknown vendor 'iko'; did you mean 'iiko'?" in result.stderr


def test_two_files_of_one_tenant_are_refused(bare: Installation) -> None:
    folder = bare.folder / "tenants"
    folder.mkdir()
    for name in ("a.yaml", "b.yaml"):
        (folder / name).write_text(FILE.format(vendors="http://127.0.0.1:1"), "utf-8")
    assert "stands in a.yaml too" in bare.svyazka("apply", str(folder), "--yes", status=1).stderr


BROKEN = """\
id: dom
name: Дом
timezone: Europe/Moscow
connections:
  bot: {vendor: telegram, bot_token: {secret: bot}}
  till: {vendor: iiko}
"""


@pytest.fixture
def with_a_broken_neighbour(hub: Installation) -> Installation:
    """Beside kofe: dom, whose secret holds what no bot's token looks like, and grach, whose file is none."""
    folder = hub.folder / "tenants"
    folder.mkdir()
    (folder / "kofe.yaml").write_text(hub.file.read_text("utf-8").replace("KOFE", "KOFE2"), "utf-8")
    (folder / "dom.yaml").write_text(BROKEN.replace("bot: {vendor: telegram, bot_token: {secret: bot}}", ""), "utf-8")
    hub.svyazka("apply", str(folder / "dom.yaml"), "--yes")
    hub.svyazka("secret", "set", "dom", "bot", given="no token at-all")
    (folder / "dom.yaml").write_text(BROKEN, "utf-8")
    (folder / "grach.yaml").write_text("id: grach\nname: [", "utf-8")
    return hub


def test_one_tenants_broken_file_and_another_ones_broken_secret_keep_nobody_else_from_starting(
    with_a_broken_neighbour: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tenant_files(with_a_broken_neighbour.folder / "tenants")
    settings = Settings(data=with_a_broken_neighbour.data)
    asyncio.run(within(settings, lambda session: _prepare(session, settings, files, None, 0)))
    said = capsys.readouterr()
    assert "left out: grach.yaml: line 2" in said.err
    assert "dom/bot: can't be used as it is set: bot_token (secret bot): expected" in said.err
    assert "no token at-all" not in said.out + said.err
    rows = with_a_broken_neighbour.rows("urls")
    assert {(row["tenant"], row["connection"]) for row in rows} == {
        ("kofe", "till"), ("kofe", "sms"), ("dom", "till"), ("dom", "bot"),
    }  # fmt: skip
    changes = [row["detail"].get("changes") for row in with_a_broken_neighbour.rows("audit")]
    assert "~ connection sms (smsru)" in changes
    found = with_a_broken_neighbour.rows("doctor", status=1)
    assert [row["connection"] for row in found if row["check"] == "settings"] == ["bot"]


def test_when_nothing_is_left_to_run_it_does_not_start(bare: Installation) -> None:
    bare.file.write_text("id: kofe\nname: [", "utf-8")
    settings = Settings(data=bare.data)
    with pytest.raises(ConfigError, match=r"kofe\.yaml: line 2"):
        asyncio.run(within(settings, lambda session: _prepare(session, settings, [bare.file], None, 0)))


def test_a_secret_of_the_wrong_form_is_refused_when_it_is_set_and_named_at_apply(
    with_a_broken_neighbour: Installation,
) -> None:
    said = with_a_broken_neighbour.svyazka("apply", str(with_a_broken_neighbour.folder / "tenants/dom.yaml"), "--yes")
    assert "dom/bot: bot_token (secret bot): expected" in said.stderr
    refused = with_a_broken_neighbour.svyazka("secret", "set", "dom", "bot", given="still no token", status=1)
    assert "this value can't be used; bot: bot_token (secret bot): expected" in refused.stderr
    assert "still no token" not in refused.output
    with_a_broken_neighbour.svyazka("secret", "set", "dom", "bot", given="7000000001:bot-token-for-tests")


def test_a_flow_that_its_source_can_never_start_is_warned_of(bare: Installation) -> None:
    said = bare.svyazka("apply", str(bare.write(FILE.replace("from: [till]", "from: [till, sms]"))), "--yes").stderr
    assert "review_request: from sms: smsru never tells of appointment.completed" in " ".join(said.split())


def test_what_an_operator_paused_stays_paused(hub: Installation) -> None:
    hub.svyazka("pause", "till")
    hub.svyazka("apply", str(hub.write(FILE.replace("Кофейня", "Кофейня 2"))), "--yes")
    assert any(row["check"] == "paused" for row in hub.rows("doctor"))


def test_the_examples_of_the_repository_can_be_applied(bare: Installation) -> None:
    root = Path(__file__).parent.parent.parent
    assert bare.rows("apply", str(root / "tenants"), "--dry-run")
    assert bare.rows("apply", str(root / "docs" / "examples" / "tenant-rich.yaml"), "--dry-run")
    assert bare.rows("apply", str(root / "docs" / "examples" / "tenant-table.yaml"), "--dry-run")


def test_after_a_rotation_both_keys_work_until_it_is_finished(hub: Installation) -> None:
    old = hub.rows("urls", "kofe")[0]["key"]
    hub.svyazka("rotate", "till")
    new = hub.rows("urls", "kofe")[0]["key"]
    assert new != old
    assert [hub.post_with(key, order(n)).status_code for n, key in enumerate((old, new))] == [200, 200]
    hub.svyazka("apply", str(hub.write(FILE.replace("Кофейня", "Кофейня 2"))), "--yes")
    assert hub.post_with(old, order(3)).status_code == 200
    assert "--finish" in hub.svyazka("rotate", "till", status=1).stderr
    hub.svyazka("rotate", "kofe/till", "--finish")
    assert [hub.post_with(key, order(n)).status_code for n, key in enumerate((old, new), 4)] == [401, 200]
    assert hub.audit()[-1] == ("rotate", "kofe/till")


def test_a_secret_comes_from_stdin_and_no_command_prints_it(bare: Installation) -> None:
    bare.svyazka("apply", str(bare.write()), "--yes")
    assert bare.rows("secret", "list", "kofe") == [
        {"tenant": "kofe", "name": "smsru-api-id", "set": False, "used_by": ["sms.api_id"]}
    ]
    bare.svyazka("secret", "set", "kofe", "smsru-api-id", given=f"{API_ID}\n")
    assert bare.rows("secret", "list", "kofe")[0]["set"] is True
    bare.done(order())
    assert bare.vendors.of("smsru").accounts.keys() == {API_ID}
    bare.svyazka("secret", "rm", "kofe", "smsru-api-id", "--yes")
    assert bare.rows("secret", "list", "kofe")[0]["set"] is False
    assert [line for line in bare.audit() if line[0].startswith("secret")] == [
        ("secret set", "kofe/smsru-api-id"), ("secret rm", "kofe/smsru-api-id"),
    ]  # fmt: skip
    assert API_ID not in "".join(bare.outputs)


def test_a_secrets_value_on_the_command_line_is_refused_and_not_repeated(hub: Installation) -> None:
    result = hub.svyazka("secret", "set", "kofe", "smsru-api-id", "hunter2", status=1)
    assert "never taken from the command line" in result.stderr
    assert "hunter2" not in result.output


def test_an_empty_secret_is_refused(hub: Installation) -> None:
    assert "got nothing" in hub.svyazka("secret", "set", "kofe", "smsru-api-id", given="\n", status=1).stderr


def test_a_new_secret_lets_what_was_blocked_go_out(bare: Installation) -> None:
    bare.svyazka("apply", str(bare.write()), "--yes")
    bare.done(order())
    assert [row["status"] for row in bare.rows("deliveries", "--flow", "review_request")] == ["blocked"]
    bare.svyazka("secret", "set", "kofe", "smsru-api-id", given=API_ID)
    bare.work()
    assert [row["status"] for row in bare.rows("deliveries", "--flow", "review_request")] == ["succeeded"]
