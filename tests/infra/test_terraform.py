"""The plan is what the code and the operations guide say it is."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

import cost
import generate
from infra.offline import TERRAFORM, TOOL, Plan, environment, needs_the_tool, planned

BASIC = {"roles/owner", "roles/editor", "roles/viewer"}
GENERATED = json.loads((TERRAFORM / "generated.json").read_text())


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    needs_the_tool("who may do what, and what lies in the state")
    return planned(tmp_path_factory.mktemp("plan"))


def test_generated_files_are_in_step_with_the_code():
    assert generate.stale() == [], "run `python infra/generate.py`"


@pytest.mark.timeout(300)
def test_terraform_accepts_itself(tmp_path: Path):
    """Format, schema, plan, and the assertions of infra/terraform/tests."""
    needs_the_tool("format, schema and plan of infra/terraform and the assertions of infra/terraform/tests")
    done = subprocess.run(
        [TOOL / "check.sh", TERRAFORM], env=environment(tmp_path), capture_output=True, timeout=280, text=True
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert re.findall(r"^ok +(\w+)", done.stdout, re.MULTILINE) == ["fmt", "init", "validate", "plan", "test"]


def test_nobody_gets_a_basic_role_and_everybody_only_the_ways_in(plan: Plan):
    """Looks at every grant there is, of whatever type."""
    services = {name.replace("_", "-") for name, each in GENERATED["functions"].items() if each["role"] == "webhook"}
    grants = [each for each in plan.resources if "role" in each["values"]]
    assert len(grants) > 20
    for each in grants:
        values = each["values"]
        assert values["role"] not in BASIC, each["address"]
        assert not values["role"].endswith(("Admin", ".admin", ".owner")), each["address"]
        member = values.get("member") or ""
        if member.startswith("all"):
            assert (each["type"], values["role"]) == ("google_cloud_run_service_iam_member", "roles/run.invoker")
            assert (member, each["index"]) == ("allUsers", 0)
    public = [each for each in grants if each["values"].get("member") == "allUsers"]
    assert {re.search(r'function\["(\w+)"\]', each["address"])[1].replace("_", "-") for each in public} == services
    for role in plan.of("google_project_iam_custom_role"):
        assert not any("*" in permission for permission in role["permissions"])


def test_no_key_is_in_the_state(plan: Plan):
    assert plan.of("google_secret_manager_secret_version") == []
    assert {secret["secret_id"] for secret in plan.of("google_secret_manager_secret")} == {
        "svyazka-mint", "svyazka-verify", "svyazka-vault",
    }  # fmt: skip
    for function in plan.of("google_cloudfunctions2_function"):
        (config,) = function["service_config"]
        assert not any(name.endswith("_KEYS") for name in config["environment_variables"])
        assert all(each["version"] == "latest" for each in config["secret_environment_variables"])


def test_a_function_is_told_all_that_it_reads(plan: Plan):
    """Names of the environment as the way in reads them, and as the settings' class does."""
    from svyazka.settings import Settings

    inbox = (TERRAFORM.parents[1] / "shared" / "svyazka" / "backends" / "google" / "inbox.py").read_text()
    asked = set(re.findall(r'environ\.get\("(SVYAZKA_\w+)", ""\)', inbox))
    known = {f"SVYAZKA_{name.upper()}" for name in Settings.model_fields} | {"SVYAZKA_KEYS_EPOCH"}
    for function in plan.of("google_cloudfunctions2_function"):
        (config,) = function["service_config"]
        given = set(config["environment_variables"])
        assert asked <= given
        assert {name for name in given if name.startswith("SVYAZKA_")} <= known


def test_nothing_bears_a_name_twice_and_all_that_can_bears_labels(plan: Plan):
    for kind in ("google_cloud_tasks_queue", "google_service_account", "google_logging_metric"):
        key = "account_id" if kind == "google_service_account" else "name"
        names = [each[key] for each in plan.of(kind)]
        assert len(names) == len(set(names))
    for kind in ("google_cloudfunctions2_function", "google_secret_manager_secret", "google_storage_bucket"):
        assert all(each["effective_labels"]["app"] == "svyazka" for each in plan.of(kind)), kind


def test_the_guides_cost_tables_are_the_computed_ones():
    guide = (TERRAFORM.parents[1] / "docs" / "operations.md").read_text()
    assert cost.text().strip() in guide, "run `python infra/cost.py` and put the tables into docs/operations.md"
