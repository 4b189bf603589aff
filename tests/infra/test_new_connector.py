"""A connector that was just begun is clean and fails where it has to; the guide's example, written into one, passes."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import new_connector
from new_connector import ROOT

GUIDE = ROOT / "docs" / "adding-a-connector.md"
BLOCK = re.compile(r"^```python (\S+)\n(.*?)^```$", re.M | re.S)

BEGUN: dict[str, tuple[set[str], str, tuple[str, ...]]] = {
    "pingo": ({"messenger"}, "json", ("api_key",)),
    "pongo": ({"messenger"}, "form", ("login", "password")),
    "pungo": ({"reading", "polling"}, "signed", ("api_key",)),
    "pango": ({"messenger"}, "none", ("token",)),
    "pengo": ({"forwarder", "records", "calendar", "access"}, "none", ("api_key",)),
    "pyngo": ({"payments"}, "json", ("shop_id", "api_key")),
}
"""What is begun: one of each shape."""

RUN = ("pingo", "pungo", "pengo", "pyngo")

LEFT_OUT = shutil.ignore_patterns("__pycache__", ".terraform*", "connector_template")

KITS = ROOT / "tests" / "kits"


def cases(kit: str, *others: str) -> frozenset[str]:
    """Every case of a kit but these: they pass though nothing is written yet."""
    found = frozenset(re.findall(r"^async def (test_\w+)\(", (KITS / f"test_{kit}_kit.py").read_text("utf-8"), re.M))
    assert found.issuperset(others), f"the {kit} kit has no such cases: {sorted({*others} - found)}"
    return found - {*others}


UNWRITTEN: dict[str, frozenset[str]] = {
    "doctor": cases("rate")
    | {
        "test_a_doctor_of_a_connection_in_order_finds_nothing_that_fails",
        "test_silence_is_told_from_a_connection_that_never_was",
    },
    "hook": frozenset({"test_every_sample_is_what_its_description_says"}),
    "signed": frozenset({"test_what_is_proved_gets_in_and_nothing_else"}),
    "messenger": cases(
        "messenger",
        "test_whoever_carries_messages_takes_part",
        "test_what_a_crash_in_the_middle_means_is_said",
        "test_another_command_and_nobody_to_reach_cost_no_call",
        "test_an_address_is_understood_however_it_is_spelled",
        "test_nobodys_own_address_is_none",
        "test_buttons_are_shown_and_a_press_brings_back_what_it_stands_for",
        "test_every_row_of_the_failure_map_is_what_it_becomes",
        "test_no_credential_stands_in_a_story_or_a_log",
    ),
    "forwarder": cases(
        "forwarder",
        "test_whoever_takes_events_takes_part",
        "test_another_command_costs_no_call",
        "test_every_row_of_the_failure_map_is_what_it_becomes",
        "test_no_credential_stands_in_a_story_or_a_log",
    ),
    "records": cases("pairs", "test_companies_are_linked_by_name_made_once_and_each_ones_edits_reach_the_others")
    | cases("records_listed", "test_who_replaces_the_whole_sends_back_what_stands_there_now")
    | cases(
        "records",
        "test_whoever_keeps_records_takes_part",
        "test_what_a_repeat_means_is_stated_for_each_write",
        "test_every_row_of_the_failure_map_is_what_it_becomes",
        "test_a_company_is_found_by_its_name",
    ),
    "calendar": cases(
        "calendar",
        "test_whoever_has_a_calendar_takes_part",
        "test_every_row_of_the_failure_map_is_what_it_becomes",
        "test_no_credential_and_no_secret_of_a_visit_stands_in_a_story_or_a_log",
        "test_a_salon_that_has_phones_confirmed_gets_its_code",
    ),
    "payments": cases(
        "payments",
        "test_whoever_takes_payments_takes_part",
        "test_nobody_is_sent_anything_by_the_provider",
        "test_a_link_somebody_waits_for_is_less_patient_than_a_bank",
        "test_play_money_is_told_from_money",
        "test_a_saved_method_is_charged_once",
        "test_a_method_is_kept_only_where_it_was_asked_for",
        "test_each_reason_of_a_declined_charge_is_told_by_its_kind",
        "test_what_is_held_is_taken_in_part_or_let_go",
        "test_a_link_is_called_off_and_again_that_is_no_failure",
        "test_what_is_handed_over_is_told_without_what_went_back_and_found_again",
        "test_every_row_of_the_failure_map_is_what_it_becomes",
    ),
    "access": cases(
        "access",
        "test_whoever_lets_us_in_by_oauth_takes_part",
        "test_each_row_of_its_table_of_refusals_is_what_it_says",
        "test_a_page_and_silence_say_nothing_of_our_tokens",
    ),
    "reading": frozenset({"test_a_fact_by_webhook_and_a_fact_by_reading_are_one"}),
    "polling": frozenset(
        {
            "test_a_fact_by_webhook_and_a_fact_by_polling_are_one",
            "test_a_look_that_fails_leaves_the_cursor_where_it_was",
        }
    ),
}
"""The cases that fail until somebody has written what they ask for."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, with each of them begun."""
    copy = tmp_path_factory.mktemp("repository")
    for part in ("shared", "functions", "infra", "docs", "tests"):
        shutil.copytree(ROOT / part, copy / part, ignore=LEFT_OUT)
    for file in ("pyproject.toml", "requirements.lock", "README.md"):
        shutil.copy2(ROOT / file, copy)
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", copy / ".mypy_cache")
    for name, (can, hook, keys) in BEGUN.items():
        new_connector.begin(copy, name, name.upper(), can, hook, keys)
    new_connector.generate(copy)
    return copy


LEFT_TO_THE_KITS = (
    "test_any_bytes", "test_whatever_resembles", "test_after_a_cut_answer_it_is_there", "test_killed",
    "payments_house_kit", "failover_kit", "forged_money_kit",
)  # fmt: skip
"""Cases of many strangers, or many deaths, and of hubs whole: they would cost more than all the others."""


def done(tree: Path, *command: str) -> str:
    """What a tool says of the tree; its words when it is dissatisfied."""
    ours = {**os.environ, "PYTHONPATH": str(tree / "shared")}
    ran = subprocess.run([sys.executable, "-m", *command], cwd=tree, env=ours, capture_output=True, text=True)
    return ran.stdout + ran.stderr if ran.returncode else ""


def failing(tree: Path, *names: str) -> set[tuple[str, str]]:
    """(case, vendor) of every case of the kits that fails for one of them; what hypothesis does is left to the kits."""
    chosen = f"({' or '.join(names)}) and not ({' or '.join(LEFT_TO_THE_KITS)})"
    said = done(tree, "pytest", "-n0", "-p", "no:cacheprovider", "tests/kits", "-k", chosen, "-rfE", "--tb=no")
    assert "\nERROR tests" not in said, said
    assert not said or re.search(r"\d+ failed", said), f"the kits could not even begin:\n{said}"
    failed = re.findall(r"^FAILED \S+::(\w+)\[(.+?)\]", said, re.M)
    return {(case, name) for case, parameters in failed for name in names if name in parameters.split("-")}


def test_what_was_begun_is_clean_and_exactly_the_unwritten_fails(tree: Path) -> None:
    for command in (["check"], ["format", "--check"]):
        assert done(tree, "ruff", *command, "shared", "functions", "tests/vendors") == ""
    packages = [part for name in BEGUN for part in ("-p", f"svyazka.connectors.{name}", "-p", f"simulators.{name}")]
    assert done(tree, "mypy", *packages) == ""
    assert done(tree, "importlinter.cli", "lint") == ""
    wanted = {
        (case, name)
        for name, (can, hook, _) in BEGUN.items()
        if name in RUN
        for mark in {"doctor", *new_connector.marks(can, hook)}
        for case in UNWRITTEN.get(mark, ())
        if not case.startswith(LEFT_TO_THE_KITS)
    }
    assert sorted(failing(tree, *RUN) ^ wanted) == []


def test_the_guides_example_passes_everything(tree: Path) -> None:
    lines = 0
    for place, block in BLOCK.findall(GUIDE.read_text("utf-8")):
        file = tree / place
        file.write_text(merged(file.read_text("utf-8"), block), "utf-8")
        lines += 0 if place.startswith("shared/simulators") else block.count("\n")
    assert lines <= 90, "the example has grown too long to be read at a sitting"
    assert done(tree, "ruff", "check", "--select", "I,F401", "--fix", "shared") == ""
    assert done(tree, "ruff", "check", "shared") == ""
    assert done(tree, "mypy", "-p", "svyazka.connectors.pingo", "-p", "simulators.pingo") == ""
    assert sorted(failing(tree, "pingo")) == []


def merged(file: str, block: str) -> str:
    """The file with each name of the block in place of its own; imports are added."""
    new = {name_of(node): ast.get_source_segment(block, node) for node in ast.parse(block).body}
    lines, out, last = file.splitlines(), list[str](), 0
    added = [text for name, text in new.items() if name.startswith("import")]
    for node in ast.parse(file).body:
        begins = node.lineno - 1 - len(getattr(node, "decorator_list", ()))
        out += lines[last:begins]
        text = new.pop(name_of(node), None)
        out += [text] if text is not None else lines[begins : node.end_lineno]
        last = node.end_lineno or 0
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            out += [str(text) for text in added]
    fresh = [f"{text}\n" for name, text in new.items() if not name.startswith("import")]
    body = ("class ", "async def", "def ")
    first = next((number for number, line in enumerate(out) if line.startswith(body)), len(out))
    return "\n".join([*out[:first], *fresh, "", *out[first:], *lines[last:]]) + "\n"


def name_of(node: ast.stmt) -> str:
    """By what a statement is known in its file."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return f"import {ast.unparse(node)}"


def test_a_name_that_is_taken_is_refused(tree: Path) -> None:
    with pytest.raises(FileExistsError, match="pingo"):
        new_connector.begin(tree, "pingo", "Pingo", {"messenger"}, "json")
