"""Grants, conditions of alerts, ticks and what the logs leave out, compared whole: nothing is added, widened, raised or
switched off without a line of `golden/` that says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from infra import tables
from infra.offline import Plan

GOLDEN = Path(__file__).parent / "golden"
TABLES: dict[str, Callable[[Plan], list[str]]] = {
    "grants": tables.grants,
    "functions": tables.functions,
    "alerts": tables.alerts,
    "ticks": tables.ticks,
    "exclusions": tables.exclusions,
}


def compared(name: str, lines: list[str]) -> None:
    """With the file, which `GOLDEN=write` writes anew: what was meant is read in `git diff` then."""
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        file.write_text("\n".join(lines) + "\n")
    expected = file.read_text().splitlines()
    differ = [f"- {line}" for line in expected if line not in lines] + [
        f"+ {line}" for line in lines if line not in expected
    ]
    assert lines == expected, "\n".join([
        f"{file.relative_to(GOLDEN.parents[2])} says otherwise. A new vendor adds its lines; if this was meant:",
        "GOLDEN=write .venv/bin/pytest tests/infra/test_golden_tables.py, then read git diff tests/infra/golden",
        *differ,
    ])  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_the_plan_is_what_its_table_says(name: str, plan: Plan):
    compared(name, TABLES[name](plan))


def test_what_the_options_add_and_take_away(plan: Plan, plan_with_options: Plan):
    """Operators, a balancer that nobody comes past, an organisation that forbids grants to everybody."""
    lines = []
    for table in (tables.grants, tables.functions):
        before, after = set(table(plan)), set(table(plan_with_options))
        lines += [*(f"- {line}" for line in sorted(before - after)), *(f"+ {line}" for line in sorted(after - before))]
    compared("options", lines)


def first(plan: Plan, kind: str) -> dict[str, Any]:
    values: dict[str, Any] = next(each["values"] for each in plan.resources if each["type"] == kind)
    return values


def grant_more(plan: Plan) -> None:
    values = {"role": "roles/secretmanager.secretAccessor", "member": "serviceAccount:svyazka-webhook@x.example"}
    plan.resources.append({"address": "a.b", "type": "google_project_iam_member", "values": values})


def widen_a_role(plan: Plan) -> None:
    first(plan, "google_project_iam_custom_role")["permissions"].append("datastore.entities.list")


def be_somebody_else(plan: Plan) -> None:
    first(plan, "google_cloudfunctions2_function")["service_config"][0]["service_account_email"] = "worker@x.example"


def raise_a_threshold(plan: Plan) -> None:
    condition = first(plan, "google_monitoring_alert_policy")["conditions"][0]
    condition["condition_threshold"][0]["threshold_value"] = 1e6


def wait_longer(plan: Plan) -> None:
    first(plan, "google_monitoring_alert_policy")["conditions"][0]["condition_threshold"][0]["duration"] = "86400s"


def look_elsewhere(plan: Plan) -> None:
    first(plan, "google_monitoring_alert_policy")["conditions"][0]["condition_threshold"][0]["filter"] += " AND x"


def switch_a_policy_off(plan: Plan) -> None:
    first(plan, "google_monitoring_alert_policy")["enabled"] = False


def pause_a_tick(plan: Plan) -> None:
    first(plan, "google_cloud_scheduler_job")["paused"] = True


def log_addresses(plan: Plan) -> None:
    first(plan, "google_logging_project_exclusion")["disabled"] = True


BREAKS: dict[Callable[[Plan], None], str] = {
    grant_more: "grants",
    widen_a_role: "grants",
    be_somebody_else: "functions",
    raise_a_threshold: "alerts",
    wait_longer: "alerts",
    look_elsewhere: "alerts",
    switch_a_policy_off: "alerts",
    pause_a_tick: "ticks",
    log_addresses: "exclusions",
}


@pytest.mark.parametrize("damage", BREAKS, ids=lambda damage: damage.__name__)
def test_a_break_on_purpose_shows(damage: Callable[[Plan], None], plan: Plan):
    table = TABLES[BREAKS[damage]]
    broken = deepcopy(plan)
    damage(broken)
    assert table(broken) != table(plan)
