"""Exit statuses, and errors that name what was expected, what came and what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cli.conftest import Installation, order
from svyazka.catalogue import Language, told, use
from svyazka.cli.output import table


@pytest.mark.parametrize(
    "arguments",
    [("nothing",), ("events", "--no-such-option"), ("show",), ("events", "--since", "yesterday"),
     ("events", "--status", "broken"), ("events", "--limit", "0"), ("send", "sms", "--to", "x"),
     ("send", "sms", "--to", "x", "--text", "x", "--expires-after", "soon")],
)  # fmt: skip
def test_wrong_usage_is_exit_status_2(hub: Installation, arguments: tuple[str, ...]) -> None:
    hub.svyazka(*arguments, status=2)


def test_the_data_folder_given_after_the_command_is_told_its_place(hub: Installation) -> None:
    said = hub.svyazka("events", "--data", "elsewhere", status=2).stderr
    assert "--data stands before the command: svyazka --data DIR events" in said


def test_a_tenant_that_is_not_there_is_answered_with_the_nearest(hub: Installation) -> None:
    assert "no tenant 'kofee'; did you mean 'kofe'?" in hub.svyazka("urls", "kofee", status=1).stderr


def test_without_a_name_the_addresses_of_every_tenant_are_printed_and_that_is_on_record(hub: Installation) -> None:
    assert hub.rows("urls") == hub.rows("urls", "kofe")
    assert hub.audit()[-2:] == [("urls", "kofe")] * 2


def test_a_command_that_reads_makes_no_data_folder(bare: Installation) -> None:
    result = bare.svyazka("events", status=1)
    assert "svyazka apply FILE" in result.stderr
    assert not bare.data.exists()


def test_a_setting_that_cannot_be_used_is_named(hub: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVYAZKA_BACKEND", "amazon")
    stderr = hub.svyazka("events", status=1).stderr
    assert "SVYAZKA_BACKEND" in stderr
    assert "'amazon'" in stderr


def test_an_address_without_its_scheme_is_refused_before_vendors_get_it(
    hub: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVYAZKA_PUBLIC_URL", "hooks.example.org")
    said = hub.svyazka("urls", "kofe", status=1).stderr
    assert "SVYAZKA_PUBLIC_URL: expected an address such as https://hooks.example.org, got 'hooks.example.org'" in said


def test_nothing_to_show_says_what_that_means(hub: Installation) -> None:
    assert "svyazka urls" in hub.svyazka("events").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("events", "--tenant", "kofee"), "no tenant 'kofee'; did you mean 'kofe'?"),
        (("events", "--connection", "tilll"), "no connection 'tilll'; did you mean 'till'?"),
        (("deliveries", "--connection", "kofe/smss"), "no connection 'smss'; did you mean 'sms'?"),
        (("deliveries", "--flow", "review"), "no flow 'review'; did you mean 'review_request'?"),
        (("replay", "--status", "dead", "--connection", "smss"), "no connection 'smss'; did you mean 'sms'?"),
        (("alerts", "--tenant", "kofee"), "no tenant 'kofee'; did you mean 'kofe'?"),
    ],
)
def test_an_empty_list_says_when_a_name_was_mistyped(hub: Installation, arguments: tuple[str, ...], said: str) -> None:
    assert said in hub.svyazka(*arguments).stderr


def test_a_connection_may_be_named_as_the_lists_print_it(hub: Installation) -> None:
    hub.done(order())
    assert len(hub.rows("events", "--connection", "kofe/till")) == 1
    assert hub.rows("events", "--connection", "kofe/sms") == []
    hub.svyazka("events", "--tenant", "other", "--connection", "kofe/till", status=2)


def test_an_id_of_nothing(hub: Installation) -> None:
    assert "svyazka events" in hub.svyazka("show", "evt_none", status=1).stderr


URL = "https://hub.example.org/webhook_iiko?key=" + "k" * 60
WIDE_ROWS = [
    (("Received", "Id", "From", "Status", "Reason", "URL"),
     ("14.03 15:00:05", "evt_" + "0" * 32, "kofe-pokrovka/till", "quarantined", "потому что " * 20, URL)),
    (("Created", "Id", "Through", "Step", "Status", "Receipt", "Tries", "Next", "Why"),
     ("14.03 15:00:05", "dlv_" + "1" * 32, "kofe-pokrovka/sms", "review/sms", "failed", "undelivered", 12, None,
      "на счёте sms.ru не хватает денег, пополните его в кабинете; что ждёт, уйдёт само после пополнения")),
    (("Status", "Check", "Whose", "What", "Remedy"),
     ("fail", "credentials", "kofe-pokrovka/sms", "не задано: api_id; доставки ждут " * 3,
      "svyazka secret set kofe-pokrovka smsru-api-id-with-a-name-as-long-as-names-may-be")),
]  # fmt: skip


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(("columns", "row"), WIDE_ROWS)
def test_at_80_columns_a_row_is_wrapped_by_words_and_no_address_or_command_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: tuple[str, ...],
    row: tuple[object, ...], language: Language,
) -> None:  # fmt: skip
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    use(language)
    table(columns, [row], "nothing")
    row = tuple(told(str(cell)) if column == "Status" else cell for column, cell in zip(columns, row, strict=True))
    use(None)
    printed = capsys.readouterr().out.splitlines()
    whole = [str(cell) for cell in row if str(cell).startswith(("svyazka ", "https://"))]
    assert all(len(line) <= 80 or any(one in line for one in whole) for line in printed)
    assert all(any(one in line for line in printed) for one in whole)
    words = " ".join(printed).split()
    assert all(word in words for cell in row for word in str(cell or "").split() if len(str(cell)) > 80 and cell != URL)
    assert next(str(cell)[:14] for cell in row) in printed[0]
    status = row[columns.index("Status")]
    assert str(status) in printed[0]


def test_since_and_limit_bound_a_list(hub: Installation) -> None:
    hub.done(*({"eventInfo": {"id": f"{n}", "order": {"status": "OnWay"}}} for n in range(4)))
    assert len(hub.rows("events", "--limit", "2")) == 2
    assert len(hub.rows("events", "--since", "1h")) == 4
    assert hub.rows("events", "--since", "2100-01-01") == []
    assert hub.rows("events", "--type", "order.completed") == []
    assert hub.rows("events", "--connection", "sms") == []
    assert len(hub.rows("events", "--tenant", "kofe", "--connection", "till")) == 4


def test_functions_never_import_the_command_line_nor_it_the_stand_ins_unasked(bare: Installation) -> None:
    code = "import svyazka.cli.commands, sys; print([name for name in sys.modules if name.startswith('simulators')])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert said.strip() == "[]"


def test_the_installed_command_answers() -> None:
    said = subprocess.run([sys.executable, "-m", "svyazka.cli", "--help"], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0
    assert "preview" in said.stdout


def test_a_fault_of_ours_is_one_line_without_a_traceback(bare: Installation) -> None:
    bare.data.mkdir()
    (bare.data / "svyazka.db").write_bytes(b"not a database" * 100)
    command = [sys.executable, "-m", "svyazka.cli", "--data", str(bare.data), "events"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    assert said.stderr.startswith("svyazka: ")
